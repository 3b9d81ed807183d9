"""Price tables on disk: found without litellm, quick, and damage said in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator_tui import config
from orchestrator_tui.config import Config, Prices
from orchestrator_tui.errors import ConfigError
from orchestrator_tui.events import Tokens, Usage
from orchestrator_tui.fleet.prices import context_window, price
from orchestrator_tui.host.price_files import RETIRED, find_map, load


def test_litellm_is_read_and_never_imported() -> None:
    code = (
        "import sys, time; began = time.perf_counter()\n"
        "from orchestrator_tui.host.price_files import load\n"
        "table = load().table; assert table.find('gpt-5.2') is not None and table.find('nothing') is None\n"
        "assert not any(name.partition('.')[0] == 'litellm' for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_the_tables_are_named() -> None:
    loaded = load()
    shipped, retired, _ = loaded.table.sources
    assert shipped.label.startswith("litellm ") and shipped.label.split()[1][0].isdigit()
    assert retired.label.startswith("orc 20")
    assert len(loaded.notes) == 3 and str(len(shipped.entries)) in loaded.notes[0]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"a":' + b"[" * 100_000])
def test_a_damaged_map_is_said_and_the_rest_still_has_prices(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "map.json"
    broken.write_bytes(content)
    loaded = load(Prices(), broken)
    assert "litellm" in loaded.notes[0] and "\n" not in loaded.notes[0]
    assert loaded.table.find("claude-opus-4-1") is not None
    assert loaded.table.find("gpt-5.2") is None
    both = load(Prices(), tmp_path / "none", broken)
    assert both.table.find("claude-opus-4-1") is None and len(both.notes) == 3


def test_an_entry_of_any_shape_is_no_price(tmp_path: Path) -> None:
    odd = tmp_path / "map.json"
    odd.write_text(
        '{"a":1,"b":[],"c":{"input_cost_per_token":"1","output_cost_per_token":true},'
        '"d":{"input_cost_per_token":1e999,"output_cost_per_token":1},"e":{"input_cost_per_token":-1,"output_cost_per_token":1},'
        '"f":{"tiered_pricing":[1,{"range":[]},{"range":["x"]}]},"g":null,"h":{"input_cost_per_token":1e-6,"output_cost_per_token":1e-6,'
        '"provider_specific_entry":[],"search_context_cost_per_query":3,"max_input_tokens":"many"}}'
    )
    table = load(Prices(), odd).table
    for name in "abcdefg":
        assert table.find(name) is None, name
    assert table.find("h") is not None


def settings(tmp_path: Path, text: str) -> Prices:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return config.load(path).prices


def test_the_persons_own_prices(tmp_path: Path) -> None:
    own = settings(
        tmp_path,
        '[prices]\nlocal = ["rig-*"]\nsubscription = ["claude"]\n[prices.models."my-model"]\ninput = 0.1\noutput = 2\n'
        'cache_read = 0.01\ncontext_window = 9000\n[prices.models.half]\ninput = 1.5\noutput = 3\n'
        "[prices.models.'claude-opus-4-8']\ncontext_window = 1000000\n",
    )  # fmt: skip
    table = load(own).table

    def paid(model: str, tokens: Tokens) -> tuple[int | None, str | None, bool]:
        usage = price(Usage(model=model, tokens=tokens), table)
        return usage.cost, usage.price, usage.estimated

    assert paid("my-model", Tokens(3, 1, 0, 1)) == (3 * 100 + 10 + 2000, "config my-model", False)
    assert paid("half", Tokens(cache_read=2)) == (3000, "config half", True)
    assert paid("rig-70b", Tokens(input=2)) == (0, "local", False)
    assert paid("claude-opus-4-8", Tokens(input=2))[0] == 10_000
    assert context_window("my-model", table) == 9000
    assert context_window("claude-opus-4-8", table) == 1_000_000
    assert own.subscription == ["claude"]
    assert config.load(Path(tmp_path / "config.toml")) == Config(prices=own)
    (tmp_path / "again.toml").write_text(config.show(Config(prices=own)))
    assert config.load(tmp_path / "again.toml").prices == own


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("input = -1\noutput = 1", 'prices.models."a/b".input must be dollars per million tokens'),
        ("input = nan\noutput = 1", 'prices.models."a/b".input'),
        ("input = 1\noutput = inf", 'prices.models."a/b".output'),
        ("input = '3'\noutput = 1", 'prices.models."a/b".input'),
        ("input = true\noutput = 1", 'prices.models."a/b".input'),
        ("input = 1", 'prices.models."a/b" needs both'),
        ("cache_read = 1", 'prices.models."a/b" needs both'),
        ("inptu = 1", 'prices.models."a/b".inptu is no setting'),
        ("context_window = 0", 'prices.models."a/b".context_window'),
        ("context_window = 1.5", 'prices.models."a/b".context_window'),
    ],
)
def test_a_bad_price_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings(tmp_path, f'[prices.models."a/b"]\n{text}\n')
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_the_shipped_table_is_in_the_package() -> None:
    assert RETIRED.is_file() and find_map() is not None
    retired = load().table.sources[1]
    table = load(Prices(), Path("/nonexistent")).table
    for name in retired.entries:
        assert table.find(name) is not None, name
