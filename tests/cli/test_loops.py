"""`orc loops`: what it prints, and what it does to loops, on a real repository."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from orchestrator_tui.cli import verb_loops
from orchestrator_tui.errors import OrcError, UsageError
from orchestrator_tui.loops import trees
from orchestrator_tui.loops.folder import Folder
from tests.conftest import wait_for
from tests.loops.workshop import Workshop, left, state_of


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    found = Workshop(tmp_path)
    monkeypatch.setenv("ORC_HOME", str(found.state))
    monkeypatch.setenv("NO_COLOR", "1")
    yield found
    found.close()


def orc(*words: str) -> int:
    parser = argparse.ArgumentParser()
    verb_loops.arguments(parser)
    return verb_loops.run(parser.parse_args(words))


def done(shop: Workshop, loop: str = "one") -> Folder:
    tree, _ = trees.make(shop.state / "worktrees", loop, str(shop.repo))
    folder = shop.loop(loop, tree, name="three \x1b[31msteps")
    assert shop.run(folder) == 0
    return folder


def test_nothing_to_list(shop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    assert orc("--json") == 0
    assert msgspec.json.decode(capsys.readouterr().out) == {"schema": "orc.loops/1", "loops": []}
    assert orc() == 0


def test_the_list_has_progress_checks_spend_and_odds(shop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    done(shop)
    shop.loop("two", minutes=5.0, max_iterations=None)
    assert orc("--json") == 0
    first, second = msgspec.json.decode(capsys.readouterr().out)["loops"]
    assert first["id"] == "one" and first["session"] == "loop:one" and first["state"] == "passed"
    assert (first["iterations"], first["improved"], first["checks"], first["odds"], first["best"]) == (
        3,
        3,
        3,
        1.0,
        1.0,
    )
    assert first["check"] == {"ok": True, "score": 1.0, "words": "3 of 3 tests pass"} and first["cost_usd"] == 0
    assert first["sessions"] == ["loop:one/1", "loop:one/2", "loop:one/3"] and first["branch"] == "orc/one"
    assert second["state"] == "begun" and second["began_at"] is None and second["odds"] is None
    assert orc() == 0
    said = capsys.readouterr()
    assert "3 of 3" in said.out and "\x1b" not in said.out and "2 loops, 0 running" in said.err
    assert orc("list", "one", "--json") == 0
    assert len(msgspec.json.decode(capsys.readouterr().out)["loops"]) == 1


def test_diff_merge_and_clean(shop: Workshop, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = done(shop)
    assert orc("diff", "one") == 0
    patch = capfdbinary.readouterr().out
    assert b"work.txt | 3 +++" in patch and b"+x" in patch
    assert orc("clean") == 0 and b"kept, orc/one is not merged" in capfdbinary.readouterr().err
    assert orc("merge", "loop:one") == 0 and b"is merged into main" in capfdbinary.readouterr().err
    assert (shop.repo / "work.txt").read_text() == "x\nx\nx\n"
    assert orc("clean", "one") == 0 and b"prompt.log" in capfdbinary.readouterr().err
    tree = verb_loops.seen(shop.state)[0].spec.tree
    assert tree is not None
    (Path(tree.path) / "prompt.log").unlink()
    assert orc("clean", "one") == 0 and b"are removed" in capfdbinary.readouterr().err
    assert not Path(tree.path).exists() and folder.state.exists()
    assert orc("clean") == 0 and capfdbinary.readouterr().err == b""


def test_what_has_not_ended_is_neither_merged_nor_cleaned(shop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    tree, _ = trees.make(shop.state / "worktrees", "one", str(shop.repo))
    folder = shop.loop("one", tree, does=("wait", "60"))
    process = shop.start(folder)
    wait_for(lambda: shop.runs.exists())
    with pytest.raises(OrcError, match="has not ended"):
        orc("merge", "one")
    assert orc("clean") == 0 and "kept, it has not ended" in capsys.readouterr().err
    assert orc("stop", "one", "--why", "en\x1b[31mough") == 0
    assert "stopped after 1 iteration: enough" in capsys.readouterr().err
    assert process.wait(20) == 130
    assert orc("stop", "one") == 0


def test_a_loop_without_a_runner_is_stopped_too(shop: Workshop, tmp_path: Path) -> None:
    folder = shop.loop("one", does=("wait", "60"))
    process = shop.start(folder)
    wait_for(lambda: (shop.repo / "prompt.log").exists())
    process.kill()
    process.wait()
    assert verb_loops.seen(shop.state)[0].word == "lost"
    assert orc("stop", "one") == 0 and state_of(folder).outcome == "stopped"
    wait_for(lambda: not left(tmp_path))


def test_go_on_although_the_check_passes(shop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shop.loop("one", until=("true",))
    process = shop.start(folder)
    wait_for(lambda: state_of(folder).already)
    assert orc() == 0 and "already" in capsys.readouterr().out
    assert orc("go", "one") == 0
    assert process.wait(30) == 0
    with pytest.raises(OrcError, match="does not wait"):
        orc("go", "one")


def test_a_loop_is_found_by_a_part_of_its_name_or_refused_in_one_line(shop: Workshop) -> None:
    shop.loop("20261121-aa", name="Fix Flaky")
    shop.loop("20261121-ab", name="docs")
    found = verb_loops.seen(shop.state)
    assert verb_loops.pick(found, "flaky").folder.id == "20261121-aa"
    assert verb_loops.pick(found, "loop:20261121-ab").folder.id == "20261121-ab"
    with pytest.raises(UsageError, match="fits 2 loops"):
        verb_loops.pick(found, "2026")
    for name in ("", "nothing", "\x1b[31m", "../.."):
        with pytest.raises(OrcError):
            verb_loops.pick(found, name)
    with pytest.raises(UsageError, match="which loop"):
        orc("merge")
    with pytest.raises(OrcError, match="itself"):
        orc("diff", "20261121-aa")


def test_a_damaged_loop_hides_no_other(shop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.loop("one")
    shop.loop("two").spec.write_text("{")
    shop.loop("three").state.write_text("[]")
    assert orc("--json") == 0
    said = capsys.readouterr()
    assert [one["id"] for one in msgspec.json.decode(said.out)["loops"]] == ["one"]
    assert said.err.count("cannot be read") == 2


def test_the_options_of_orc_run_become_what_the_host_is_asked_for(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    for option in ("--agent", "--model", "--effort", "--name"):
        parser.add_argument(option, default="")
    parser.add_argument("--budget", type=float)
    parser.add_argument("--dir", default=str(tmp_path))
    verb_loops.loop_arguments(parser)
    words = ["--agent", "command", "--command", "prog 'a b'", "--until", "pytest -q && x", "--max", "3", "--worktree",
             "--ladder", "small,large", "--after", "one", "--after", "two"]  # fmt: skip
    facts = verb_loops.loop_facts(parser.parse_args(words), "do it")
    assert facts == {
        "agent": "command", "prompt": "do it", "cwd": str(tmp_path), "until": "pytest -q && x", "max_iterations": 3,
        "worktree": True, "command": ["prog", "a b"], "ladder": ["small", "large"], "after": ["one", "two"],
    }  # fmt: skip
    with pytest.raises(UsageError, match="--command"):
        verb_loops.loop_facts(parser.parse_args(["--command", "'open"]), "x")
    assert sys.executable
