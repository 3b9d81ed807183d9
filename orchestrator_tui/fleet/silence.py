"""Silence, and what explains it: who owes the next line, for how long that is usual, what moves meanwhile.

Silence is no evidence by itself. Age counts from the last sign of life in the session, its sub-agents and, where a tool
owes an answer, its process tree; only while somebody looked, and anew after the machine slept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.equality import Asked, asked
from orchestrator_tui.fleet.marks import words
from orchestrator_tui.fleet.thresholds import Thresholds
from orchestrator_tui.fleet.told import said
from orchestrator_tui.fleet.tools import INSTANT
from orchestrator_tui.fleet.words import Finding, Severity
from orchestrator_tui.text import age

if TYPE_CHECKING:
    from orchestrator_tui.fleet.fleet import Fleet
    from orchestrator_tui.fleet.session import OpenCall, Session

GRACE = 60 * SECOND
"""After the machine woke or somebody began to look, nothing is said of silence for this long."""
NET_STRETCH = 3
"""Bytes on the network may be signs of life only: they lengthen the patience with the model by this at most."""
LONG_PROMPT = 100_000
SLOW_EFFORTS = frozenset({"xhigh", "max", "ultra", "ultrathink"})
FREE_MODES = words(
    "bypass bypasspermissions dontask yolo never full-access fullaccess danger-full-access dangerously-skip-permissions"
    " auto-run autonomous"
)
"""Permission modes in which nobody is asked (Claude Code, Codex, Gemini CLI)."""
CLASSIFIED_MODES = frozenset({"auto"})
"""Modes in which a classifier approves; it may take minutes."""
EDIT_MODES = frozenset({"acceptedits", "accept-edits", "auto_edit", "autoedit", "auto-edit"})


class Patience(Struct, frozen=True, gc=False):
    """How long something may take, and why so long."""

    seconds: float
    why: str


def quiet_since(fleet: Fleet, lead: Session, activity: int) -> int:
    """From when silence counts, given the last sign of life: not from before somebody looked or the machine woke."""
    since = activity
    woke = lead.trace.vital.woke_at
    if woke:
        since = max(since, woke + GRACE)
    if not fleet.watch.always and fleet.watch.since is not None:
        since = max(since, fleet.watch.since + GRACE) if fleet.watch.since > activity else since
    return since


def visible(fleet: Fleet, lead: Session) -> bool:
    """Whether the process tree is seen, so that its quiet means something."""
    return lead.process is not None and lead.process.gone_at is None and lead.trace.vital.seen_at > 0


def working(lead: Session) -> bool:
    """Whether a tool of the session's process is at work now."""
    vital = lead.trace.vital
    return lead.process is not None and lead.process.gone_at is None and vital.busy_at > 0 and vital.quiet_since is None


def child_since(lead: Session, at: int) -> bool:
    """Whether a process that is no helper of the client was seen since `at`; the last look holds until the next."""
    vital = lead.trace.vital
    return vital.child_at >= at or vital.children > 0


def call_of(session: Session, call_id: str, open_call: OpenCall) -> Asked:
    """An open call, as the rules need it."""
    known = session.trace.open.get(call_id)
    if known is not None:
        return known
    from orchestrator_tui.excerpt import Excerpt

    return asked(open_call.tool, Excerpt(open_call.arguments, len(open_call.arguments)), open_call.at, 0)


# --- approval ------------------------------------------------------------------------------------------------


def may_ask(session: Session, lead: Session, call: Asked) -> bool | None:
    """Whether a person may be asked before this call runs; None when the client does not say in which mode it is."""
    if session.interactive is False or lead.interactive is False:
        return False
    mode = (session.permission_mode or lead.permission_mode or "").replace(" ", "").lower()
    if mode in FREE_MODES or mode in CLASSIFIED_MODES:
        return False
    if call.kind == "edit":
        return False if mode in EDIT_MODES else True if mode else None
    if call.kind in ("shell", "act"):
        return True if mode else None
    return False


def probable_prompt(
    fleet: Fleet, session: Session, lead: Session, call: Asked, limits: Thresholds, now: int
) -> Finding | None:
    """A call that should have run long ago, with no process and no CPU: somebody is probably asked."""
    if may_ask(session, lead, call) is False or call.remote:
        return None
    if lead.report is not None and lead.report.status is not None:
        # This client says itself when it waits.
        return None
    process = lead.process
    if not visible(fleet, lead) or process is None or child_since(lead, call.at):
        return None
    if (process.seen.cpu_percent or 0.0) >= 2 and call.kind == "shell":
        return None
    since = quiet_since(fleet, lead, max(call.at, session.active_at))
    quiet = now - since
    if quiet < limits.prompt_seconds * SECOND:
        return None
    told = said(now, f"probably waiting for approval: {call.tool} {call.label} (no process, ", call.at, ")")
    return Finding("waiting", "amber", call.at, told, f"prompt:{call.key:x}", (call.seq,))


# --- patience ------------------------------------------------------------------------------------------------


def tool_patience(fleet: Fleet, session: Session, lead: Session, call: Asked, limits: Thresholds) -> Patience:
    """How long a call may be silent."""
    mode = (session.permission_mode or lead.permission_mode or "").lower()
    instant = limits.instant_auto_seconds if mode in CLASSIFIED_MODES else limits.instant_seconds
    if call.kind == "shell" and not child_since(lead, call.at) and visible(fleet, lead):
        patience = Patience(instant, "no process was seen")
    elif call.kind == "shell":
        patience = Patience(limits.tool_idle_seconds, "its processes do nothing")
    elif call.kind in INSTANT and not call.remote:
        patience = Patience(instant, "it should be instant")
    elif call.kind == "wait":
        patience = Patience(limits.tool_idle_seconds, "it only waits")
    else:
        patience = Patience(limits.remote_seconds, "a remote tool")
    if call.waits is not None:
        stated = call.waits + limits.declared_seconds
        # What only delays a command says nothing of how long the command itself takes.
        floor = instant if call.command.limit is not None or not call.command.sleeps else patience.seconds
        bare = call.command.spacer
        seconds = stated if bare else max(stated, min(floor, patience.seconds))
        patience = Patience(seconds, f"{age(int(call.waits * SECOND))} stated")
    before = session.trace.durations.get(call.key, 0) / SECOND * 4
    if before > patience.seconds:
        patience = Patience(before, "4 times the longest so far")
    if not visible(fleet, lead):
        patience = Patience(2 * patience.seconds, "process not visible")
    return patience


def model_patience(session: Session, limits: Thresholds) -> Patience:
    """How long the model may be silent."""
    if session.trace.stream_at is not None:
        return Patience(limits.stream_seconds, "after its first token")
    if (session.effort or "").lower() in SLOW_EFFORTS or (session.context_tokens or 0) > LONG_PROMPT:
        return Patience(limits.model_long_seconds, "long prompt or high effort")
    return Patience(limits.model_seconds, "")


def graded(quiet: int, patience: Patience, limits: Thresholds) -> Severity | None:
    """Amber at half of the patience, red when it is over and stayed so for a moment."""
    if quiet >= (patience.seconds + limits.steady_seconds) * SECOND:
        return "red"
    return "amber" if quiet >= patience.seconds / 2 * SECOND else None
