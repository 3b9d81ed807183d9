"""When a loop ends, and in which words."""

from __future__ import annotations

from orchestrator_tui.clock import MINUTE
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.jobs import Job
from orchestrator_tui.loops.spec import LoopSpec
from orchestrator_tui.loops.state import NANO, LoopState, Outcome
from orchestrator_tui.text import line

FAILURES = 3
"""Iterations in a row whose agent failed at once and changed nothing, after which the loop has failed."""
AT_ONCE = 10.0
"""Seconds within which an agent fails at once."""
STOPPED = 130


def reason(spec: LoopSpec, state: LoopState, now: int) -> Outcome | None:
    """Why there is no other iteration; None: there is one."""
    done = state.iterations
    if done and done[-1].check is not None and done[-1].check.ok:
        return "passed"
    if spec.max_iterations is not None and len(done) >= spec.max_iterations:
        return "iterations"
    if spec.budget_usd is not None and state.cost >= spec.budget_usd * NANO:
        return "budget"
    if spec.minutes is not None and now - state.began_at >= spec.minutes * MINUTE:
        return "minutes"
    return "failed" if _hopeless(state) else None


def words(folder: Folder, spec: LoopSpec, state: LoopState, asked: str | None) -> str:
    """Why it has ended, for a person."""
    count, last = len(state.iterations), state.last
    after = f"after {count} iteration{'' if count == 1 else 's'}"
    check = f"; the check: {last.words}" if last is not None else ""
    if state.outcome == "passed":
        return f"the check passes {after}{f': {last.words}' if last is not None else ''}"
    if state.outcome == "stopped":
        return f"stopped {after}: {asked or _said(folder) or 'a person said so'}{check}"
    if state.outcome == "budget":
        return f"over its budget {after}: ${state.cost / NANO:.4f} of ${spec.budget_usd:g}{check}"
    if state.outcome == "minutes":
        return f"its {spec.minutes:g} minutes are over {after}{check}"
    if state.outcome == "failed":
        return f"the agent fails each time: {state.iterations[-1].trouble or 'it says nothing'}"
    return f"{count} iteration{'' if count == 1 else 's'} done{check}"


def status_of(spec: LoopSpec, state: LoopState) -> int:
    """The runner's exit status."""
    if state.outcome == "stopped":
        return STOPPED
    return 0 if good(spec, state) else 1


def good(spec: LoopSpec, state: LoopState) -> bool:
    """Whether it has done what it was to do."""
    return state.outcome == "passed" or (not spec.until and state.outcome in ("iterations", "minutes"))


def last_words(job: Job) -> str:
    """The last that an agent wrote to its error output, else to its output."""
    for kind in ("err", "out"):
        said = [part.strip() for part in job.output(kind)[-8192:].splitlines() if part.strip()]
        if said:
            return line(said[-1], 200)
    return ""


def _said(folder: Folder) -> str:
    try:
        return line(folder.stop.read_bytes()[:2000].decode("utf-8", "replace").strip(), 200)
    except OSError:
        return ""


def _hopeless(state: LoopState) -> bool:
    """Whether the agent cannot even be run: the last few failed at once, with nothing new in files or check."""
    recent = state.iterations[-FAILURES:]
    if len(recent) < FAILURES:
        return False
    before = state.iterations[-FAILURES - 1].check if len(state.iterations) > FAILURES else state.first
    same = before.digest if before is not None else ""
    for it in recent:
        took = (it.ended_at or 0) - (it.started_at or it.planned_at)
        if it.status == 0 or it.lost or it.commit is not None or took > AT_ONCE * 1e9:
            return False
        if (it.check.digest if it.check is not None else "") != same:
            return False
    return True
