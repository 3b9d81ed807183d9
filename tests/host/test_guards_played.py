"""Guards and governor from outside: a real host, real sessions and loops of the built-in agent on the embedded model."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui.fleet.ledger import Decision, decisions
from orchestrator_tui.loops.embedded import repos
from orchestrator_tui.loops.embedded.repos import Repo
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.store.reader import Reader
from tests.conftest import Orc, wait_for
from tests.loops.workshop import left, state_of

BASE = """
[status]
model_seconds = 6.0
model_long_seconds = 6.0
stream_seconds = 6.0
steady_seconds = 1.0
[host]
idle_minutes = 0
[ladder]
loop = ["embedded/small", "embedded/large"]
[[policy]]
project = "*"
agents_may = ["*"]
"""
GUARDS = """
[[guard]]
name = "purse"
on = ["over_budget"]
then = "stop"
project = "spends"
[[guard]]
name = "stuck"
on = ["looping"]
then = "escalate"
project = "circles"
[[guard]]
name = "round"
on = ["looping"]
then = ["escalate", "kill"]
project = "rounds"
[[guard]]
name = "hung"
on = ["stalled"]
then = "pause"
project = "hangs"
[[guard]]
name = "perhaps"
on = ["stalled"]
then = "kill"
dry_run = true
project = "dry"
"""


class Stage:
    """A host with settings, and repositories to work on."""

    def __init__(self, orc: Orc, root: Path) -> None:
        self.orc, self.root = orc, root
        self.repos: dict[str, Repo] = {}
        orc.env["ORC_EMBEDDED_PACE"] = "0.3"
        self.host: subprocess.Popen[bytes] | None = None

    def start(self, settings: str) -> None:
        self.orc.paths.make()
        self.orc.paths.config.write_text(BASE + settings)
        self.host = self.orc.start_host()

    def run(self, name: str, kind: str, directive: str, *words: str) -> str:
        """`orc run` on a repository of its own; the session."""
        repo = self.repos[name] = repos.make(self.root / name, kind, 1, f"[[embedded: {directive}]]")
        given = ("run", repo.task, "--agent", "builtin", "--model", "embedded/small", "--dir", str(repo.directory))
        return str(self.orc.json(*given, "--yes", *words)["receipt"]["session"])

    def status(self, session: str) -> str:
        return str(self.orc.sessions().get(session, {}).get("status", ""))

    def acts(self) -> list[Decision]:
        """What guards and governor decided, as far as it has ended."""
        with Reader(self.orc.paths.database) as reader:
            found = decisions(reader.commands(0))
        return [one for one in found if one.actor == "orc: guard" and one.outcome is not None]

    def act(self, session: str, verb: str) -> Decision | None:
        return next((one for one in self.acts() if one.session == session and one.verb == verb), None)

    def row(self, session: str) -> dict[str, Any]:
        return self.orc.sessions()[session]


@pytest.fixture
def stage(orc: Orc, tmp_path: Path) -> Iterator[Stage]:
    found = Stage(orc, tmp_path / "work")
    found.root.mkdir()
    yield found
    if found.host is not None:
        found.host.terminate()
        found.host.wait(20)
        if found.host.stderr is not None:
            found.host.stderr.close()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            own = f"ORC_HOME={orc.state}".encode() in (entry / "environ").read_bytes()
        except OSError:
            continue
        with suppress(ProcessLookupError):
            if own:
                os.kill(int(entry.name), 9)
    for pid in left(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, 9)


def test_guards_act_on_real_sessions_and_give_way_to_a_person(stage: Stage) -> None:
    stage.start(GUARDS)
    hangs = stage.run("hangs", "return", "stall seconds=3600 after=1")
    dry = stage.run("dry", "return", "stall seconds=3600 after=1")
    spends = stage.run("spends", "twin", "overspend tokens=3000", "--budget", "0.02")
    circles = stage.run("circles", "hard-function", "loop after=1 only=small")
    check = stage.repos["circles"].check.split()
    assert subprocess.run(check, cwd=stage.repos["circles"].directory, capture_output=True).returncode

    # Over its budget it is ended, at the price of a few responses more at the most.
    purse = wait_for(lambda: stage.act(spends, "kill"), 60)
    assert (purse.outcome, purse.receipt["survived"], purse.arguments["guard"]) == ("done", [], "purse")
    wait_for(lambda: stage.row(spends)["status"] in ("dead", "finished"), 20)
    assert 0.02 <= stage.row(spends)["cost_usd"] < 0.04

    # Going in circles it is given to the larger model, which solves it.
    stuck = wait_for(lambda: stage.act(circles, "escalate"), 60)
    assert stuck.outcome == "done" and stuck.receipt["asked_model"] == "embedded/large", stuck
    assert stuck.why.startswith("stuck: looping for ")
    wait_for(lambda: stage.status(circles) == "finished", 60)
    assert subprocess.run(check, cwd=stage.repos["circles"].directory, capture_output=True).returncode == 0

    # What hangs stands still; where it is only tried out, nothing is touched.
    hung = wait_for(lambda: stage.act(hangs, "pause"), 60)
    assert hung.outcome == "done" and hung.receipt["frozen"] is True
    wait_for(lambda: stage.status(hangs) == "paused", 20)
    would = wait_for(lambda: stage.act(dry, "would"), 60)
    assert would.outcome == "refused" and would.text.startswith("dry run: it would kill ")
    assert stage.status(dry) == "stalled"

    # A person lets it go on: that guard leaves it alone, though it hangs as before.
    assert stage.orc.run("resume", hangs, "--yes").returncode == 0
    wait_for(lambda: stage.status(hangs) == "stalled", 60)
    before = len(stage.acts())
    wait_for(lambda: stage.orc.run("host", "status", check=False).returncode == 0)
    later = stage.row(dry)
    wait_for(lambda: stage.row(dry)["evidence"] != later["evidence"], 20)
    assert len([one for one in stage.acts() if one.session == hangs]) == 1 and len(stage.acts()) == before
    assert stage.status(hangs) != "paused"


def test_a_loop_that_goes_in_circles_is_solved_by_the_larger_model(stage: Stage) -> None:
    """The loop's next iterations get it, the one that goes in circles is ended."""
    # Slow enough that its turns do not run out while the guard waits between its two steps.
    stage.orc.env["ORC_EMBEDDED_PACE"] = "1"
    stage.start(GUARDS)
    words = ("--until", repos.check_command(), "--max", "4", "--worktree", "--budget", "1")
    session = stage.run("rounds", "hard-function", "loop after=1 only=small", *words)
    folder = Folder(stage.orc.state / "loops" / session.partition(":")[2])
    larger = wait_for(lambda: stage.act(session, "escalate"), 60)
    assert larger.outcome == "done" and larger.receipt["asked_model"] == "embedded/large", larger
    ended = wait_for(lambda: stage.act(f"{session}/1", "kill"), 90)
    assert ended.outcome == "done" and ended.arguments["guard"] == "round"
    wait_for(lambda: state_of(folder).outcome is not None, 90)
    state = state_of(folder)
    assert state.outcome == "passed", state
    assert [it.model for it in state.iterations] == ["embedded/small", "embedded/large"]
    (listed,) = stage.orc.json("loops")["loops"]
    assert listed["improved"] >= 1 and listed["odds"] == listed["improved"] / listed["checks"]
    assert listed["budget_usd"] == 1.0 and 0 < listed["cost_usd"] < 1
    said = stage.orc.run("loops").stdout
    assert f"{listed['improved']} of {listed['checks']}" in said and "of $1" in said
    assert stage.row(f"{session}/2")["project"] == "rounds"


def test_the_governor_stops_the_least_productive_and_lets_it_go_on(stage: Stage) -> None:
    stage.start("[governor]\nmax_parallel = 1\n")
    circles = stage.run("circles", "hard-function", "loop after=1 only=small")
    wait_for(lambda: stage.status(circles) == "looping", 60)
    works = stage.run("works", "return", "slow seconds=3")
    stopped = wait_for(lambda: stage.act(circles, "pause"), 60)
    assert stopped.outcome == "done" and "2 sessions at work, at most 1 may be" in stopped.why
    assert "what it spends is for nothing" in stopped.why
    assert stage.act(works, "pause") is None
    wait_for(lambda: stage.status(works) == "finished", 90)
    resumed = wait_for(lambda: stage.act(circles, "resume"), 60)
    assert resumed.outcome == "done" and resumed.arguments["guard"] == "governor"
    wait_for(lambda: stage.status(circles) != "paused", 20)
