"""kill -9 of the host at every step of a split and of an escalation: closed with the truth, nothing twice, nothing lost."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from orchestrator_tui.clock import SystemClock
from orchestrator_tui.events import CommandCommitted, CommandEnded, CommandStarted
from orchestrator_tui.host.control import callers
from orchestrator_tui.host.control.recovery import recover
from orchestrator_tui.host.control.splitting import fork_trees
from orchestrator_tui.host.owned import live
from orchestrator_tui.host.owned.runs import Run, listed
from orchestrator_tui.host.procfs import table
from orchestrator_tui.host.run import opened
from orchestrator_tui.paths import Paths
from tests.conftest import wait_for
from tests.faults import dying
from tests.faults.world import LONG
from tests.host.owned.conftest import end_all
from tests.host.owned.stand_in import StandIn

SOME = {"split": (6, 12, 17, 21), "escalate": (5, 7, 8)}
"""Of the steps, those that the short form tries; the long one tries all."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(live, "drives", lambda: {"claude": StandIn()})
    monkeypatch.setattr(callers, "MARKS", {"ORC_TEST_AGENT": "a test"})
    monkeypatch.setattr(callers, "PROGRAMS", frozenset())
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))


@pytest.mark.parametrize("verb", ["split", "escalate"])
async def test_killed_at_any_step_it_is_closed_with_the_truth(verb: str, tmp_path: Path) -> None:
    numbers = range(1, 60) if LONG else SOME[verb]
    died = await asyncio.to_thread(die, tmp_path, verb, ",".join(map(str, numbers)))
    assert len(died) >= 3
    try:
        for root in died:
            await after(root, verb)
    finally:
        for root in tmp_path.iterdir():
            end_all(dying.place(root).state_dir)


def die(root: Path, verb: str, numbers: str) -> list[Path]:
    """The worlds whose hosts were killed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.dying", str(root), verb, numbers], capture_output=True, text=True,
        cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONPATH": "."}, check=False, timeout=280,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    return [root / number for number, code in told if code == "-9"]


async def after(root: Path, verb: str) -> None:
    """What the next host makes of it, and the one after that."""
    paths, wanted = dying.place(root), 2 if verb == "split" else 1
    before = len(started(paths))
    async with opened(paths, dying.CONFIG, SystemClock()) as host:
        began = any(isinstance(e.body, CommandStarted) for e in host.reader.commands(0))
        committed = any(isinstance(e.body, CommandCommitted) for e in host.reader.commands(0))
        await host.owned.adopt_all()
        await recover(host)
        async with asyncio.timeout(60):
            while not await dying.ended(host):
                await host.commands.obey()
                await asyncio.sleep(0.02)
        (ended,) = [e.body for e in host.reader.commands(0) if isinstance(e.body, CommandEnded)]
        runs = started(paths)
        if began and ended.outcome != "done":
            # What was begun is not begun again.
            assert len(runs) == before and ended.outcome == "failed"
            assert "the host ended in between" in ended.text
            if verb == "split":
                assert f"{len(runs)} of 2 parts begun" in ended.text and len(ended.receipt["children"]) == len(runs)  # type: ignore[arg-type]
            elif not committed:
                assert "nothing was changed" in ended.text and not runs
            else:
                assert ("was brought back before that" if runs else "was not brought back") in ended.text, ended.text
        assert len(runs) <= wanted
        alive = [run for run in runs if run.has_client(table())]
        cwds = Counter(record.launch.cwd for run in runs if (record := run.record()) is not None)
        assert len(alive) == len(runs)
        if verb == "split":
            check_trees(root, set(cwds))
            assert not cwds or max(cwds.values()) == 1
        last = host.reader.last_seq()
        await host.owned.close()
    async with opened(paths, dying.CONFIG, SystemClock()) as host:
        await host.owned.adopt_all()
        await recover(host)
        await host.commands.obey()
        assert len(started(paths)) == len(runs)
        assert not any(isinstance(e.body, CommandEnded) for e in host.reader.commands(last))
        await host.owned.close()


def started(paths: Paths) -> list[Run]:
    """The runs whose client was started; one that is being started is waited for."""
    found = listed(paths.state_dir)
    wait_for(lambda: all(run.shim() is not None or not run.has_shim() for run in found))
    return [run for run in found if run.shim() is not None]


def check_trees(root: Path, places: set[str]) -> None:
    """Every worktree that is left is one that a child works in, or one that says why it is kept; git knows them all."""
    trees = fork_trees.known(dying.place(root).worktrees)
    web = root / "web"
    git = ["git", "-C", str(web), "-c", "safe.directory=*"]
    listed_there = subprocess.run([*git, "worktree", "list", "--porcelain"], capture_output=True, text=True, check=True)
    there = {line.removeprefix("worktree ") for line in listed_there.stdout.splitlines() if line.startswith("worktree")}
    assert there == {str(web), *(tree.path for tree in trees)}
    assert places <= {tree.cwd for tree in trees}
    branches = subprocess.run([*git, "branch", "--format=%(refname:short)"], capture_output=True, text=True, check=True)
    assert set(branches.stdout.split()) == {"main", *(tree.branch for tree in trees)}
    assert (web / "b.txt").read_text() == "not committed\n"
