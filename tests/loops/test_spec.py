"""What may be asked of a loop, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui.errors import OrcError, UsageError
from orchestrator_tui.loops import spec as specs
from orchestrator_tui.loops.folder import ID, Folder, folders
from orchestrator_tui.loops.spec import ITERATIONS, LoopSpec, check_of, checked, loop_id, slug

NOW = 1_795_000_000 * 10**9


def make(where: Path, **more: Any) -> LoopSpec:
    given: dict[str, Any] = {"id": "one", "agent": "claude", "prompt": "do it", "cwd": str(where), "until": ("true",)}
    return checked(LoopSpec(**(given | more)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pytest -q", ("pytest", "-q")),
        ("pytest -q 'a b' \"c d\"", ("pytest", "-q", "a b", "c d")),
        ("make test -j4", ("make", "test", "-j4")),
        ("sh -c 'a | b; c'", ("sh", "-c", "a | b; c")),
        ("pytest -q && ruff check", ("sh", "-c", "pytest -q && ruff check")),
        ("test -f $HOME/x", ("sh", "-c", "test -f $HOME/x")),
        ('echo "$(date)"', ("sh", "-c", 'echo "$(date)"')),
        ("CI=1 npm test", ("sh", "-c", "CI=1 npm test")),
        ("cd sub", ("sh", "-c", "cd sub")),
        ("ls *.py", ("sh", "-c", "ls *.py")),
        ("a\nb", ("sh", "-c", "a\nb")),
    ],
)
def test_a_check_is_an_argument_list_and_a_shell_is_used_only_where_it_is_needed(
    text: str, words: tuple[str, ...]
) -> None:
    assert check_of(text) == words


@pytest.mark.parametrize("text", ["", "  ", "'open", "a\0b", "''", "x" * 10_000])
def test_what_is_no_command_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as error:
        check_of(text)
    assert "\n" not in str(error.value) and "--until" in str(error.value)


def test_the_check_is_shown_as_it_was_typed(tmp_path: Path) -> None:
    assert make(tmp_path, until=check_of("a && b")).check_words == "a && b"
    assert make(tmp_path, until=check_of("a 'b c'")).check_words == "a 'b c'"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"id": "../x"}, "no loop id"),
        ({"id": "A"}, "no loop id"),
        ({"id": "x" * 65}, "no loop id"),
        ({"agent": "vim"}, "no agent"),
        ({"prompt": " \n"}, "empty"),
        ({"prompt": "x" * 300_000}, "characters"),
        ({"cwd": "relative"}, "no directory"),
        ({"cwd": "/nowhere/at/all"}, "no directory"),
        ({"cwd": "/tmp\0"}, "no directory"),
        ({"command": ("x",)}, "command"),
        ({"agent": "command"}, "--command"),
        ({"agent": "command", "command": ("a\0",)}, "--command"),
        ({"agent": "command", "command": ("x",), "budget_usd": 1.0}, "--max"),
        ({"agent": "builtin"}, "--model"),
        ({"until": ("a", "b\0")}, "--until"),
        ({"model": "--yolo"}, "--model"),
        ({"model": "a\nb"}, "--model"),
        ({"ladder": ("-x",)}, "--ladder"),
        ({"effort": ""}, "--effort"),
        ({"budget_usd": 0.0}, "--budget"),
        ({"budget_usd": float("nan")}, "--budget"),
        ({"budget_usd": float("inf")}, "--budget"),
        ({"max_iterations": 0}, "--max"),
        ({"max_iterations": 100_000}, "--max"),
        ({"minutes": -1.0}, "--minutes"),
        ({"minutes": float("nan")}, "--minutes"),
        ({"check_seconds": float("inf")}, "a day"),
        ({"score_pattern": "("}, "regular expression"),
        ({"score_pattern": "no group"}, "group"),
        ({"score_pattern": "(" * 600 + ")" * 600}, ""),
        ({"after": ("../..",)}, "--after"),
        ({"window": "25:00-06:00"}, "--window"),
        ({"max_parallel": 0}, "--max-parallel"),
        ({"until": ()}, "nothing would end"),
    ],
)  # fmt: skip
def test_a_wrong_spec_is_refused_in_one_line(tmp_path: Path, more: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as error:
        make(tmp_path, **more)
    assert says in str(error.value)
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value) and len(str(error.value)) < 300


def test_a_loop_without_an_end_gets_one(tmp_path: Path) -> None:
    assert make(tmp_path).max_iterations == ITERATIONS
    assert make(tmp_path, minutes=5.0).max_iterations is None


def test_an_id_holds_nothing_of_a_hostile_name() -> None:
    for name in ("Fix the flaky test!", "../../etc", "\x1b[31m", "привет", "", "a" * 500, "--yes"):
        made = loop_id(name, NOW)
        assert ID.fullmatch(made), made
    assert slug("Fix the flaky test!") == "fix-the-flaky-test"
    assert loop_id("x", NOW) != loop_id("x", NOW)


def test_a_spec_is_the_same_when_it_is_read_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "loops" / "one")
    folder.make()
    spec = make(tmp_path, name="na\x1b[31mme", prompt="do \udc80 it", window="22:00-06:00", after=("two",))
    specs.save(folder.spec, spec)
    assert specs.load(folder.spec) == spec
    assert folder.spec.stat().st_mode & 0o777 == 0o600 and folder.path.stat().st_mode & 0o777 == 0o700
    assert [one.id for one in folders(tmp_path)] == ["one"]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[" * 100_000, b'{"id":"../x","agent":"claude","prompt":"","cwd":""}', b"\xff"]
)
def test_a_damaged_spec_is_said_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "spec.json"
    path.write_bytes(data)
    with pytest.raises(OrcError) as error:
        specs.load(path)
    assert "\n" not in str(error.value)


def test_directories_that_are_no_loops_are_left_alone(tmp_path: Path) -> None:
    base = tmp_path / "loops"
    (base / "UPPER").mkdir(parents=True)
    (base / "empty").mkdir()
    (base / "real").mkdir()
    (base / "real" / "spec.json").write_text("{}")
    (base / "link").symlink_to(base / "real")
    assert [one.id for one in folders(tmp_path)] == ["real"]
