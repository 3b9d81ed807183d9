"""What is done to the cast, each act as a command of the host's; a flop says why."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator_tui.demo.cast import LARGE
from orchestrator_tui.errors import OrcError
from orchestrator_tui.events import CommandEnded
from orchestrator_tui.fleet.ladder import same_model
from orchestrator_tui.host.procfs import same_start, table
from orchestrator_tui.loops import state as states
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.state import LoopState

if TYPE_CHECKING:
    from orchestrator_tui.demo.director import Director

LONG = 45.0
"""Seconds for what a model has to do."""


class Flop(Exception):
    """An act did not work; the text says what was seen."""


def need(is_so: bool, words: str) -> None:
    """Raises Flop."""
    if not is_so:
        raise Flop(words)


def done(ended: CommandEnded) -> CommandEnded:
    """Raises Flop unless it is."""
    need(ended.outcome == "done", f"{ended.outcome}: {ended.text}")
    return ended


def passes(check: str, cwd: str | Path) -> bool:
    """Whether a check passes, run here and now."""
    ran = subprocess.run(
        shlex.split(check), cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    return ran.returncode == 0


def escalation(play: Director) -> str:
    """The small model goes in circles; the large one solves it."""
    repo, name = play.repos["gateway"], play.sessions["gateway"]
    need(not passes(repo.check, repo.directory), "its check passed before")
    receipt = done(play.ask("escalate", {"session": name})).receipt
    solved = play.until(lambda: play.status(name) == "finished" and passes(repo.check, repo.directory), LONG)
    session = play.session(name)
    need(solved, f"not solved: it is {play.status(name)}")
    need(session is not None and same_model(session.model, LARGE), "the large model did not answer")
    return f"escalated from looping to {receipt.get('asked_model')}, and its check passes"


def division(play: Director) -> str:
    """Two children take one half each, in working trees of their own."""
    repo, name = play.repos["ledger"], play.sessions["ledger"]
    parts = [text[2:] for text in repo.task.split("\n") if text.startswith("- ")]
    ended = done(play.ask("split", {
        "session": name, "parts": parts, "dirty": "carry", "shared": False, "fresh": True, "model": "",
    }))  # fmt: skip
    children, trees = _texts(ended, "children"), _texts(ended, "worktrees")
    need(len(children) == len(trees) == 2, f"{len(children)} children and {len(trees)} worktrees")
    for tree in trees:
        need((Path(tree) / ".git").is_file() and Path(tree) != repo.directory, f"{tree} is no working tree")
    checks = [text.split("`")[1] for text in parts]

    def solved() -> bool:
        return all(play.status(child) == "finished" for child in children) and all(
            passes(check, tree) for check, tree in zip(checks, trees, strict=True)
        )

    need(play.until(solved, LONG), "its children are " + ", ".join(map(play.status, children)))
    return f"split into {', '.join(Path(tree).name for tree in trees)}; both halves pass"


def killing(play: Director) -> str:
    """A build ends with everything that it started; its receipt names them."""
    ended = done(play.ask("kill", {"session": play.sessions["builds"], "now": True}))
    gone, survived = _texts(ended, "ended"), _texts(ended, "survived")
    # The agent, its shell and what that runs.
    need(len(gone) >= 2 and not survived, f"ended {gone}, survived {survived}")
    known = table()
    for words in gone:
        pid = int(words.split()[0])
        stat = known.stat(pid)
        need(stat is None or stat.state in ("Z", "X"), f"{words} is still there")
    return f"killed {len(gone)} processes in {ended.receipt.get('seconds')} s, no survivor"


def pausing(play: Director) -> str:
    """A running command stands still, and goes on."""
    name = play.sessions["builds"]
    receipt = done(play.ask("pause", {"session": name})).receipt
    need(receipt.get("frozen") is True, "not frozen")
    need(play.until(lambda: play.status(name) == "paused", 10), f"it is {play.status(name)}, not paused")
    if not play.whole:
        return "paused a build"
    time.sleep(1.0)
    done(play.ask("resume", {"session": name}))
    need(play.until(lambda: play.status(name) == "tool_running", 10), f"resumed, it is {play.status(name)}")
    return "paused a build, and resumed it"


def dying(play: Director) -> str:
    """The demo ends one of its own processes, which hangs, as a crash would."""
    name = play.sessions["ingest"]
    session = play.session(name)
    process = session.process if session is not None else None
    if process is None or not process.seen.pid:
        raise Flop("no process of it is known")
    with suppress(OSError):
        fd = os.pidfd_open(process.seen.pid)
        try:
            stat = table().stat(process.seen.pid)
            need(stat is not None and same_start(stat, process.seen.started), "its process is another one's by now")
            signal.pidfd_send_signal(fd, signal.SIGKILL)
        finally:
            os.close(fd)
    need(play.until(lambda: play.status(name) == "dead", 15), f"killed from outside, it is {play.status(name)}")
    return f"process {process.seen.pid} was killed from outside, and its session is dead"


def answering(play: Director) -> str:
    """A question is answered, and the work goes on."""
    name = asker(play)
    session = play.session(name)
    before = session.spend.requests if session is not None else 0
    ended = done(play.ask("approve", {"session": play.sessions[name], "words": "Handle the empty case."}))

    def goes_on() -> bool:
        session = play.session(name)
        return session is not None and not session.steering.asks and session.spend.requests > before

    need(play.until(goes_on, 20), f"answered, it is {play.status(name)}")
    return f"answered a question ({ended.receipt.get('tool')}), and it goes on"


def budget(play: Director) -> str:
    """A loop that would spend without end has ended by its budget."""
    state = loop_state(play, "archive")
    need(state is not None and state.outcome == "budget", f"it ended by {state.outcome if state else 'nothing'}")
    limit = next(part.usd for part in play.parts if part.name == "archive") or 0.0
    cost = state.cost / 1e9 if state is not None else 0.0
    need(limit <= cost <= 1.5 * limit, f"${cost:.4f} of ${limit:g}")
    return f"a loop ended at ${cost:.4f} of ${limit:g}"


def green(play: Director) -> str:
    """A loop whose check passes has ended, its work committed."""
    state = loop_state(play, "webapp")
    need(state is not None and state.outcome == "passed", f"it ended by {state.outcome if state else 'nothing'}")
    need(state is not None and any(it.commit for it in state.iterations), "nothing is committed")
    return f"a loop is green after {len(state.iterations) if state is not None else 0} iterations, committed"


def asker(play: Director) -> str:
    """Who asks."""
    return "release" if any(part.name == "release" for part in play.parts) else "billing"


def loop_state(play: Director, name: str) -> LoopState | None:
    """How far a loop is; None before it began."""
    session = play.sessions.get(name)
    if session is None:
        return None
    folder = Folder(play.place.loops / session.partition(":")[2])
    try:
        return states.load(folder.state, folder.id)
    except OrcError:
        return None


def _over(play: Director, name: str) -> bool:
    state = loop_state(play, name)
    return state is not None and state.outcome is not None


def _texts(ended: CommandEnded, name: str) -> list[str]:
    value = ended.receipt.get(name)
    return [str(item) for item in value] if isinstance(value, list) else []


def _answered(play: Director, name: str) -> bool:
    session = play.session(name)
    return session is not None and session.spend.requests > 0 and session.cwd is not None


ACTS: dict[str, tuple[Callable[[Director], bool], Callable[[Director], str]]] = {
    "escalate": (lambda play: play.status("gateway") == "looping", escalation),
    "split": (lambda play: _answered(play, "ledger"), division),
    "kill": (lambda play: "pause" in play.results, killing),
    "pause": (lambda play: play.status("builds") == "tool_running" and _in_command(play), pausing),
    "dead": (lambda play: play.status("ingest") == "stalled" and _answered(play, "ingest"), dying),
    "approve": (lambda play: play.status(asker(play)) == "waiting", answering),
    "budget": (lambda play: _over(play, "archive"), budget),
    "green": (lambda play: _over(play, "webapp"), green),
}
"""Act -> (when it begins, what is done)."""
OPEN = frozenset({"pause"})
"""What is done beside the dashboard too; all else is left to the person."""


def _in_command(play: Director) -> bool:
    session = play.session("builds")
    calls = session.calls.values() if session is not None else ()
    return any("sleep" in call.arguments for call in calls)
