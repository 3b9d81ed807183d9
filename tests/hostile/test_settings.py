"""Settings, keys and themes as nobody should write them: one line says what is wrong, and the dashboard starts (T17)."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import config
from orchestrator_tui.config.toml import key, toml
from orchestrator_tui.errors import ConfigError
from orchestrator_tui.text import clean
from orchestrator_tui.ui import theme
from orchestrator_tui.ui.actions import ACTIONS
from orchestrator_tui.ui.keymap import Keymap
from tests.conftest import Orc
from tests.hostile.world import scratch
from tests.ui.terminal import Terminal, plain, sequences

SHIPPED = sorted(theme.shipped().glob("*.toml"))
BAD = ("1e999", "-1", "9" * 5000, "nan", '"\\u001b]52;c;QQ==\\u0007"', "[" * 2000 + "]" * 2000, "1979-05-27T07:32:00Z", "{}",
       "true", '"../../../etc/passwd"', '"' + "x" * 10_000 + '"', "[[]]", '"""\n\n"""', "0x_", "'", "\\", "=", "\x00")  # fmt: skip
values = st.recursive(
    st.booleans() | st.integers(-(1 << 40), 1 << 40) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=6), inner, max_size=3),
    max_leaves=6,
)


def spoilt(text: str, rng: random.Random) -> bytes:
    """A file with a value, a line or some bytes changed."""
    lines = text.splitlines()
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(lines))
        way = rng.randrange(6)
        if way < 3 and "=" in lines[at]:
            lines[at] = f"{lines[at].partition('=')[0]}= {rng.choice(BAD)}"
        elif way == 3:
            lines.insert(at, rng.choice(("[nope]", "[[keys]]", "[keys]", "a = 1", 'kill = "ctrl+\x1b"', lines[at])))
        elif way == 4:
            del lines[at]
            lines = lines or [""]
        else:
            cut = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:cut] + rng.choice(BAD) + lines[at][cut:]
    data = bytearray("\n".join(lines).encode("utf-8", "surrogatepass"))
    if rng.random() < 0.2:
        at = rng.randrange(len(data))
        data[at : at + rng.randrange(9)] = rng.choice((b"\xff\xfe", b"\x00", b"", b"\xed\xa0\x80"))
    return bytes(data)


def one_line(words: str) -> bool:
    """Whether a complaint may be printed as it is: one line, and nothing in it that a terminal obeys."""
    return words != "" and "\n" not in words and clean(words) == words


def test_settings_spoilt_anywhere_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    rng, whole, path = random.Random(3), config.show(config.Config()), tmp_path / "config.toml"
    refused = 0
    for _ in range(120):
        path.write_bytes(spoilt(whole, rng))
        try:
            loaded = config.load(path)
        except ConfigError as error:
            refused += 1
            assert str(path) in str(error) and "\n" not in str(error) and len(str(error)) < 20_000, str(error)
        else:
            path.write_text(config.show(loaded))
            assert config.load(path) == loaded
    assert 15 < refused < 118


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.sampled_from([action.id for action in ACTIONS]) | st.text(max_size=12), values, max_size=6))
def test_any_keys_are_understood_or_told(keys: dict[str, object]) -> None:
    made = Keymap(keys)
    assert all(one_line(fault) and len(fault) < 400 for fault in made.faults), made.faults
    # Whatever is set, somebody can still leave, ask for help, and answer no.
    assert (made.keys("quit") and made.keys("help") and made.keys("no")) or set(keys) & {"quit", "help", "no"}


def test_themes_spoilt_anywhere_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    rng, path = random.Random(5), tmp_path / "own.toml"
    refused = 0
    for _ in range(120):
        path.write_bytes(spoilt(rng.choice(SHIPPED).read_text(), rng))
        found, _ = theme.read(path)
        if found is None:
            refused += 1
            if refused < 12:
                (notice,) = theme.load(tmp_path).failed
                assert one_line(notice) and len(notice) < 300, notice
        else:
            assert re.fullmatch(r"[a-zA-Z0-9-]{1,32}", found.name) and clean(found.description) == found.description
            assert theme.as_textual(found) is not None
    assert refused > 15


def broken_themes(directory: Path) -> None:
    """Nine files that are no themes, one of them with a hostile name."""
    directory.mkdir(parents=True)
    rng = random.Random(9)
    for number in range(4):
        (directory / f"t{number}.toml").write_bytes(spoilt(SHIPPED[number].read_text(), rng))
    (directory / "a\x1b]0;pwn\x07.toml").write_text("name = [")
    (directory / "css.toml").write_text('name = "css"\n[colors]\nbackground = "red; } * { display: none"\n')
    (directory / "up.toml").write_text(f'name = "../../{"x" * 40}"\n')
    (directory / "digits.toml").write_text("name = " + "9" * 5000)
    (directory / "huge.toml").write_text("#" * 1_000_000)


@pytest.fixture
def own(tmp_path: Path) -> Orc:
    orc = scratch(tmp_path)
    orc.paths.make()
    return orc


def test_the_dashboard_starts_with_broken_keys_and_themes(own: Orc) -> None:
    keys = {"kill": "ctrl+\x1b]52;c;QQ==\x07", "help": ["?", 7], "nope": "x", "quit": {"a": 1}, "open": ""}
    lines = [f"{key(name)} = {toml(value)}" for name, value in keys.items()]
    own.paths.config.write_text("\n".join(['[screen]\ntheme = "\\u001b]0;pwn\\u0007"', "[keys]", *lines]) + "\n")
    broken_themes(own.paths.themes)
    check = own.run("config", "check", check=False)
    told = (check.stdout + check.stderr).splitlines()
    assert check.returncode == 1 and len(told) >= 8 and "Traceback" not in check.stderr
    assert all(one_line(line) for line in told), told
    with Terminal(own, 120, 35) as shown:
        shown.wait("needs you")
        shown.settle()
        assert not {"\x1b]52", "\x1b]0;"} & {found[:4] for found in sequences(shown.text)}
        assert "pwn\x07" not in shown.text and "Traceback" not in plain(shown.text)
        assert shown.leave() == 0 and shown.restored
    own.run("host", "stop")


@pytest.mark.parametrize(
    "text", ["[store\n", "[keys\x00]\n", "[notify]\nwebhook = 'http://169.254.169.254/'\n", "a=" + "[" * 5000]
)
def test_settings_that_cannot_be_read_are_one_line_everywhere(own: Orc, text: str) -> None:
    own.paths.config.write_text(text)
    done = own.run("config", "check", check=False)
    said = (done.stdout + done.stderr).strip()
    assert done.returncode in (1, 2) and "config.toml" in said and one_line(said), said
    assert ("webhook" in text) == ("webhook" in said), "T14: nothing of the kind can be set"
