"""Settings: the defaults, what is refused and how it is said, and that `show` is a file one can start from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator_tui.config import GB, Clients, Config, Host, Store, load, show, whole
from orchestrator_tui.errors import ConfigError

anything = st.text(st.characters(codec="utf-8"), max_size=12)
configs = st.builds(
    Config,
    store=st.builds(Store, text=st.sampled_from(["none", "heads"]), max_bytes=st.integers(0, 10**15)),
    host=st.builds(Host, idle_minutes=st.floats(allow_nan=False), history_days=st.floats(0)),
    clients=st.builds(
        Clients,
        off=st.lists(anything, max_size=3),
        roots=st.dictionaries(st.sampled_from(["claude", "log"]) | anything, st.lists(anything, max_size=2)),
    ),
)


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_missing_file_means_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path / "none.toml") == Config()
    assert load(written(tmp_path, "")) == Config()
    assert Config().store.max_bytes == 10 * GB


def test_what_is_set_is_set_and_the_rest_keeps_its_default(tmp_path: Path) -> None:
    config = load(
        written(tmp_path, '[store]\ntext = "none"\n[host]\nidle_minutes = 3\n[clients.roots]\nlog = ["/x"]\n')
    )
    assert config == Config(Store(text="none"), Host(idle_minutes=3.0), Clients(roots={"log": ["/x"]}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[store\n", "line 1"),
        ("a = 1\na = 2\n", "line 2"),
        (b"\xff\xfe", "cannot read"),
        ("[store]\nnope = 1\n", "nope"),
        ("[nope]\n", "nope"),
        ("[store]\nmax_bytes = 'big'\n", "store.max_bytes"),
        ("[store]\nmax_bytes = 1.5\n", "store.max_bytes"),
        ("[store]\ntext = 'all'\n", "store.text"),
        ("[host]\nidle_minutes = '10'\n", "host.idle_minutes"),
        ("[host]\nidle_minutes = true\n", "host.idle_minutes"),
        ("store = 1\n", "store"),
        ("[clients]\noff = 'claude'\n", "clients.off"),
        ("[clients]\nroots = {claude = '/x'}\n", "clients.roots"),
        ("a = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("[store]\nmax_bytes = " + "9" * 5000, "not TOML"),
    ],
)
def test_a_refusal_names_the_file_and_the_key(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        load(path)
    message = str(refused.value)
    assert str(path) in message and said in message
    assert "\n" not in message


def test_a_directory_in_the_file_s_place_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path)


def test_what_show_prints_is_read_back_as_the_same_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("config") / "config.toml"

    @given(configs)
    @example(Config(host=Host(idle_minutes=float("inf"), history_days=1e22)))
    @example(Config(clients=Clients(off=["\x7f\x00\n\"'\\"], roots={"a b": [], "a.b": ["/x"], "": [], "é\x7f": []})))
    def check(config: Config) -> None:
        path.write_text(show(config), encoding="utf-8")
        assert load(path) == config

    check()


def test_show_names_every_setting() -> None:
    shown = show(Config())
    for section in Config.__struct_fields__:
        assert f"[{section}]" in shown
        for name in getattr(getattr(Config(), section), "__struct_fields__", ()):
            assert f"\n{name} = " in shown


def test_a_number_that_is_none_is_still_toml() -> None:
    assert "idle_minutes = nan\n" in show(Config(host=Host(idle_minutes=float("nan"))))


def test_every_setting_stands_below_its_description() -> None:
    lines = show(Config()).splitlines()
    settings = [number for number, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    assert settings and all(len(lines[number - 1].removeprefix("# ")) > 20 for number in settings)
    at = next(number for number in settings if lines[number].startswith("max_bytes"))
    assert lines[at - 1].startswith("# Size cap of the database;")


def test_without_its_source_show_still_shows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(whole, "__file__", str(tmp_path / "none.py"))
    assert "#" not in show(Config()) and load(written(tmp_path, show(Config()))) == Config()
