"""kill -9 of a loop's runner, or of anything it started, at any time: nothing is lost, nothing is run twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from orchestrator_tui.loops import trees
from tests.conftest import wait_for
from tests.loops.workshop import Workshop, begun, left, lines, once, state_of


def test_a_runner_that_is_killed_goes_on_exactly_there(shop: Workshop, tmp_path: Path) -> None:
    """At least 25 kills at random instants: every iteration is run, counted, checked, committed and told once."""
    chance = random.Random(7)
    kills = 0
    for number in range(8):
        shop.runs.unlink(missing_ok=True)
        name = f"loop-{number}"
        tree, _ = trees.make(shop.state / "worktrees", name, str(shop.repo))
        folder = shop.loop(name, tree, does=("wait", "0.1"))
        while True:
            process = shop.start(folder)
            try:
                process.wait(chance.uniform(0.2, 0.9))
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
        assert process.returncode == 0, process.communicate()
        state = state_of(folder)
        assert state.outcome == "passed" and len(state.iterations) == 3 and not any(it.lost for it in state.iterations)
        once(shop, folder)
        assert shop.git("rev-list", "--count", f"main..{tree.branch}").strip() == "3"
        assert len(lines(folder, "check")) == 4
    # How many fit in is the machine's affair; that none of them does harm is what counts.
    assert kills >= 8
    assert not left(tmp_path)


def test_an_agent_outlives_its_runner_and_is_waited_for(shop: Workshop) -> None:
    folder = shop.loop(does=("wait", "2"), max_iterations=1)
    process = shop.start(folder)
    wait_for(lambda: state_of(folder).iterations and state_of(folder).iterations[0].pid)
    process.kill()
    process.communicate()
    pid = state_of(folder).iterations[0].pid
    assert pid is not None and os.path.exists(f"/proc/{pid}")
    assert shop.run(folder) == 1
    it = state_of(folder).iterations[0]
    assert (it.pid, it.status, it.lost) == (pid, 0, False)
    once(shop, folder)


def test_one_that_is_killed_with_all_it_started_counts_as_lost_and_is_checked(shop: Workshop, tmp_path: Path) -> None:
    folder = shop.loop(does=("wait", "60", "background"), max_iterations=1)
    process = shop.start(folder)
    wait_for(lambda: (shop.repo / "prompt.log").exists())
    process.kill()
    process.communicate()
    # The keeper alone: the agent goes with it.
    keeper = next(pid for pid in left(tmp_path) if b"keep.py" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(keeper, signal.SIGKILL)
    assert shop.run(folder) == 1
    it = state_of(folder).iterations[0]
    assert it.lost and it.check is not None and "killed from outside" in it.trouble
    once(shop, folder)
    wait_for(lambda: not left(tmp_path))


def test_a_check_that_is_killed_is_run_again(shop: Workshop, tmp_path: Path) -> None:
    folder = shop.loop(until=("sh", "-c", "test -e done.log || { touch done.log; sleep 60; }"), anyway=True)
    process = shop.start(folder)
    wait_for(lambda: (shop.repo / "done.log").exists())
    for pid in left(tmp_path):
        if pid != process.pid:
            os.kill(pid, signal.SIGKILL)
    assert process.wait(30) == 0
    assert state_of(folder).first_checks == 2
    once(shop, folder)


def test_while_it_is_stopped_a_kill_changes_nothing(shop: Workshop, tmp_path: Path) -> None:
    folder = shop.loop(does=("wait", "60", "stubborn"))
    process = shop.start(folder)
    wait_for(lambda: (shop.repo / "prompt.log").exists())
    process.terminate()
    wait_for(lambda: state_of(folder).stopping)
    process.kill()
    process.communicate()
    began = time.monotonic()
    assert shop.run(folder) == 130 and time.monotonic() - began < 20
    assert state_of(folder).outcome == "stopped"
    once(shop, folder)
    wait_for(lambda: not left(tmp_path))


def test_whatever_is_killed_at_random_nothing_is_run_twice(shop: Workshop, tmp_path: Path) -> None:
    """Runner, keepers, agents, checks and their git: one of them every 0.1 to 0.5 s, thirty times."""
    chance = random.Random(11)
    kills = 0
    for number in range(5):
        shop.runs.unlink(missing_ok=True)
        name = f"loop-{number}"
        tree, _ = trees.make(shop.state / "worktrees", name, str(shop.repo))
        folder = shop.loop(name, tree, does=("wait", "0.2"), max_iterations=30)
        while True:
            process = shop.start(folder)
            while process.poll() is None and kills < 6 * (number + 1):
                time.sleep(chance.uniform(0.1, 0.5))
                found = left(tmp_path)
                if found:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(chance.choice(found), signal.SIGKILL)
                    kills += 1
            if process.wait(60) in (0, 1):
                break
            (Path(tree.git_dir) / "index.lock").unlink(missing_ok=True)
        state = state_of(folder)
        # Three agents killed one after the other are an agent that fails each time.
        assert state.outcome == "passed" or "fails each time" in state.words, state.words
        assert max(Counter(begun(shop)).values()) == 1
        assert set(begun(shop)) <= {str(it.n) for it in state.iterations}
        assert all(it.phase == "committed" and it.check is not None for it in state.iterations)
        assert max(Counter(line["key"] for line in lines(folder)).values()) == 1
        if state.outcome == "passed":
            assert (Path(tree.path) / "work.txt").read_text().count("x") >= 3
    assert kills >= 10
    wait_for(lambda: not left(tmp_path))
