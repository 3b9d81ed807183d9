"""Loops with a real agent, a real check and a real repository: how they go on, and how they end."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator_tui.loops import trees
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.jobs import Job
from tests.conftest import wait_for
from tests.loops.workshop import Workshop, begun, left, lines, once, state_of

NEVER = (sys.executable, "-c", "print('1 failed in 0.01s'); raise SystemExit(1)")


def test_a_loop_runs_until_its_check_passes_and_commits_each_iteration(shop: Workshop, tmp_path: Path) -> None:
    tree, lacks = trees.make(shop.state / "worktrees", "one", str(shop.repo))
    folder = shop.loop("one", tree, name="three steps")
    assert shop.run(folder) == 0
    state = state_of(folder)
    assert state.outcome == "passed" and "after 3 iterations" in state.words and state.odds() == (3, 3)
    once(shop, folder)
    log = shop.git("log", "--format=%s|%an", tree.branch).splitlines()
    assert log[:3] == [f"iteration {n}: {n} of 3 tests pass|orc loop" for n in (3, 2, 1)]
    assert shop.git("rev-parse", tree.branch).strip() == state.iterations[-1].commit
    assert (shop.repo / "work.txt").read_text() == ""
    told = [(line["ok"], line["score"]) for line in lines(folder, "check")]
    assert told == [(False, 0.0), (False, pytest.approx(1 / 3)), (False, pytest.approx(2 / 3)), (True, 1.0)]
    assert lines(folder)[0]["session"] == "one" and lines(folder)[0]["title"] == "three steps"
    assert lines(folder)[-1]["subtype"] == "passed" and lines(folder)[-1]["is_error"] is False
    assert lines(Folder(folder.path), "iteration")[0] == {
        **lines(folder, "iteration")[0],
        "n": 1,
        "session": "loop:one/1",
    }
    assert shop.run(folder) == 0 and len(begun(shop)) == 3
    assert not left(tmp_path) and lacks == ""


def test_an_iteration_is_told_what_the_check_said_and_what_was_tried(shop: Workshop) -> None:
    tree, _ = trees.make(shop.state / "worktrees", "one", str(shop.repo))
    folder = shop.loop("one", tree)
    assert shop.run(folder) == 0
    prompt = (Path(tree.path) / "prompt.log").read_text()
    assert prompt.startswith("make it right\n\nThis is iteration 3 of at most 8")
    assert "| 2 passed, 1 failed in 0.01s" in prompt and "iteration 1: 1 of 3 tests pass" in prompt


def test_it_ends_after_its_iterations_and_says_that_nothing_changes(shop: Workshop) -> None:
    folder = shop.loop(until=NEVER, max_iterations=2, does=("nothing",))
    assert shop.run(folder) == 1
    assert state_of(folder).outcome == "iterations"
    once(shop, folder)
    assert [line["text"] for line in lines(folder, "assistant_text")][-1].endswith("the same as before")
    assert lines(folder)[-1]["is_error"] is True


def test_without_a_check_the_iterations_are_all_that_is_asked(shop: Workshop) -> None:
    folder = shop.loop(until=(), max_iterations=2)
    assert shop.run(folder) == 0 and state_of(folder).outcome == "iterations"
    assert not lines(folder, "check") and lines(folder)[-1]["is_error"] is False


def test_a_check_that_passes_before_any_work_waits_for_a_person(shop: Workshop) -> None:
    folder = shop.loop(until=("true",))
    process = shop.start(folder)
    wait_for(lambda: folder.log.exists() and lines(folder, "hook"))
    assert state_of(folder).already and not shop.runs.exists()
    assert lines(folder, "hook")[0]["type"] == "elicitation_dialog"
    process.kill()
    process.communicate()
    process = shop.start(folder)
    wait_for(lambda: folder.runs)
    folder.anyway.write_text("")
    assert process.wait(30) == 0
    assert state_of(folder).outcome == "passed" and len(begun(shop)) == 1
    assert len(lines(folder, "hook")) == 1
    once(shop, folder)


def test_it_begins_anyway_where_the_spec_says_so(shop: Workshop) -> None:
    folder = shop.loop(until=("true",), anyway=True)
    assert shop.run(folder) == 0 and len(begun(shop)) == 1 and not lines(folder, "hook")


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "file"])
def test_a_person_stops_it_and_its_work_is_kept(shop: Workshop, tmp_path: Path, how: str) -> None:
    tree, _ = trees.make(shop.state / "worktrees", "one", str(shop.repo))
    folder = shop.loop("one", tree, does=("wait", "60", "background"))
    process = shop.start(folder)
    wait_for(lambda: begun(shop))
    (Path(tree.path) / "half.txt").write_text("half done")
    wait_for(lambda: (Path(tree.path) / "prompt.log").exists())
    if how == "file":
        folder.stop.write_text("enough")
    else:
        process.send_signal(getattr(signal, how))
    assert process.wait(30) == 130
    state = state_of(folder)
    assert state.outcome == "stopped" and ("enough" if how == "file" else how) in state.words
    assert "half.txt" in shop.git("show", "--stat", "--format=", tree.branch)
    once(shop, folder)
    wait_for(lambda: not left(tmp_path))
    assert shop.run(folder) == 130 and len(begun(shop)) == 1


def test_an_agent_that_will_not_end_is_killed(shop: Workshop, tmp_path: Path) -> None:
    folder = shop.loop(does=("wait", "60", "stubborn", "background"))
    process = shop.start(folder)
    wait_for(lambda: (shop.repo / "prompt.log").exists())
    process.terminate()
    assert process.wait(30) == 130
    assert state_of(folder).iterations[0].signal == signal.SIGKILL
    wait_for(lambda: not left(tmp_path))


def test_its_minutes_end_it_while_an_agent_works(shop: Workshop) -> None:
    folder = shop.loop(does=("wait", "60"), minutes=0.05)
    assert shop.run(folder) == 1
    state = state_of(folder)
    assert state.outcome == "minutes" and len(state.iterations) == 1 and state.iterations[0].check is not None
    once(shop, folder)


def test_an_agent_that_cannot_be_run_ends_the_loop(shop: Workshop) -> None:
    folder = shop.loop(command=("/no/such/agent",))
    assert shop.run(folder) == 1
    state = state_of(folder)
    assert state.outcome == "failed" and len(state.iterations) == 3 and "/no/such/agent" in state.words


def test_an_agent_that_fails_but_works_goes_on(shop: Workshop) -> None:
    folder = shop.loop(does=("fail", "1"))
    assert shop.run(folder) == 0
    assert [it.status for it in state_of(folder).iterations] == [1, 1, 1]


def test_hostile_output_of_an_agent_is_bounded(shop: Workshop) -> None:
    folder = shop.loop(does=("noise", "500000"), max_iterations=1)
    assert shop.run(folder) == 1
    assert Job(folder.jobs, "1-agent", "").path("out").stat().st_size < 1_200_000
    assert (folder.iterations / "1.jsonl").stat().st_size < 700_000


def test_a_second_runner_leaves_at_once(shop: Workshop) -> None:
    folder = shop.loop(does=("wait", "5"))
    first = shop.start(folder)
    wait_for(lambda: begun(shop))
    assert shop.run(folder) == 3
    assert first.poll() is None
    folder.stop.write_text("")
    assert first.wait(30) == 130
    once(shop, folder)


def test_damaged_files_are_said_and_left(shop: Workshop) -> None:
    folder = shop.loop()
    folder.state.write_text("{")
    process = shop.start(folder)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 4 and b"left as it is" in out and folder.state.read_text() == "{"
    assert subprocess.run([sys.executable, "-m", "orchestrator_tui.loops.runner"], capture_output=True).returncode == 2


def test_a_module_in_the_repository_takes_the_place_of_none_of_ours(shop: Workshop) -> None:
    (shop.repo / "msgspec.py").write_text("raise SystemExit('caught')")
    (shop.repo / "json.py").write_text("raise SystemExit('caught')")
    folder = shop.loop(until=("true",), anyway=True)
    process = subprocess.run(
        [sys.executable, "-P", "-m", "orchestrator_tui.loops.runner", str(folder.path)], cwd=shop.repo,
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr


def test_the_next_iterations_go_on_with_another_model(shop: Workshop) -> None:
    folder = shop.loop(model="small", effort="low", does=("wait", "0.3"))
    process = shop.start(folder)
    wait_for(lambda: begun(shop))
    folder.go_on_with("large", None)
    assert process.wait(30) == 0
    assert [it.model for it in state_of(folder).iterations] == ["small", "large", "large"]
    assert {it.effort for it in state_of(folder).iterations} == {"low"}
