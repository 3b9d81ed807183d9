"""What a session does now and who owes the next line; and when that has lasted too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.equality import Asked
from orchestrator_tui.fleet.silence import (
    NET_STRETCH,
    Patience,
    call_of,
    graded,
    may_ask,
    model_patience,
    probable_prompt,
    quiet_since,
    tool_patience,
    visible,
    working,
)
from orchestrator_tui.fleet.thresholds import Thresholds
from orchestrator_tui.fleet.told import said
from orchestrator_tui.fleet.words import RANK, Finding, Severity
from orchestrator_tui.text import age

if TYPE_CHECKING:
    from orchestrator_tui.fleet.fleet import Fleet
    from orchestrator_tui.fleet.session import Session


def owed(fleet: Fleet, session: Session, lead: Session, limits: Thresholds, now: int) -> list[Finding]:
    """Of an open turn: what it is at, and before it what that silence may mean."""
    calls = [call_of(session, call_id, call) for call_id, call in session.calls.items() if not call.background]
    if calls:
        return _tools(fleet, session, lead, calls, limits, now)
    background = [call_of(session, call_id, call) for call_id, call in session.calls.items()]
    if session.compacting_at is not None:
        return _compaction(fleet, session, lead, session.compacting_at, limits, now)
    return _model(fleet, session, lead, background, limits, now)


# --- tools ---------------------------------------------------------------------------------------------------


def _tools(
    fleet: Fleet, session: Session, lead: Session, calls: list[Asked], limits: Thresholds, now: int
) -> list[Finding]:
    oldest = min(calls, key=lambda call: call.at)
    found: list[Finding] = []
    if (prompt := _first(probable_prompt(fleet, session, lead, call, limits, now) for call in calls)) is not None:
        found.append(prompt)
    stalls = [_stall(fleet, session, lead, call, limits, now) for call in calls]
    if all(stalls):
        # As long as one of them may still answer, nothing is stuck.
        found.append(min((stall for stall in stalls if stall is not None), key=lambda stall: RANK[stall.severity]))
    if (slow := _first(_slow(session, lead, call, limits, now) for call in calls)) is not None:
        found.append(slow)
    more = f" and {len(calls) - 1} more" if len(calls) > 1 else ""
    kids = [kid for kid in fleet.kids(session) if kid.turn_open] if any(c.kind == "agent" for c in calls) else []
    tail = f", {len(kids)} sub-agent{'s' if len(kids) > 1 else ''} at work" if kids else _tree(lead)
    words = said(now, f"{oldest.tool} {oldest.label}".rstrip() + f"{more} ", oldest.at, tail)
    return [*found, Finding("tool_running", "ok", oldest.at, words)]


def _first(findings: object) -> Finding | None:
    return next((finding for finding in findings if finding is not None), None)  # type: ignore[attr-defined]


def _stall(fleet: Fleet, session: Session, lead: Session, call: Asked, limits: Thresholds, now: int) -> Finding | None:
    if call.kind == "ask":
        return None
    if call.kind == "agent":
        return _delegated(fleet, session, lead, call, limits, now)
    vital = lead.trace.vital
    outside = call.kind == "shell" or call.remote or call.kind in ("wait", "other", "act", "query")
    if outside and working(lead):
        return None
    activity = max(call.at, session.active_at)
    if outside:
        activity = max(activity, vital.busy_at)
        if call.kind != "shell":
            activity = max(activity, vital.net_at)
    if call.kind == "shell" and vital.terminal_since is not None and vital.terminal_since >= call.at:
        since = quiet_since(fleet, lead, vital.terminal_since)
        patience = Patience(limits.terminal_seconds, "somebody must type")
        grade = graded(now - since, patience, limits)
        words = said(now, f"{call.tool} {call.label} wants input: it has waited ", since, " for somebody to type")
        return Finding("stalled", grade, since, words, f"stdin:{call.key:x}", (call.seq,)) if grade else None
    since = quiet_since(fleet, lead, activity)
    patience = tool_patience(fleet, session, lead, call, limits)
    asked = may_ask(session, lead, call)
    if asked is True and not call.remote and patience.why == "no process was seen":
        # A person may take any time to approve; that is told as waiting.
        return None
    if asked is None and not call.remote and patience.why in ("no process was seen", "it should be instant"):
        patience = Patience(2 * patience.seconds, "nothing says whether somebody is asked")
    if asked is True and call.kind == "edit":
        return None
    grade = graded(now - since, patience, limits)
    if grade is None:
        return None
    why = f" ({patience.why}{_signs(fleet, lead)})"
    words = said(now, f"no answer from {call.tool} {call.label} for ", since, why)
    return Finding("stalled", grade, since, words, f"tool:{call.key:x}", (call.seq,))


def _delegated(
    fleet: Fleet, session: Session, lead: Session, call: Asked, limits: Thresholds, now: int
) -> Finding | None:
    kids = fleet.kids(session)
    if any(kid.turn_open for kid in kids):
        # Whether they are stuck is their own status.
        return None
    late = [kid for kid in kids if kid.last_at >= call.at]
    if late:
        ended = max(kid.ended_at or kid.active_at for kid in late)
        patience = Patience(limits.subagent_seconds, "the sub-agent has ended")
    else:
        ended = call.at
        patience = Patience(2 * limits.tool_idle_seconds, "no sub-agent was seen")
    if working(lead):
        return None
    since = quiet_since(fleet, lead, max(ended, session.active_at, lead.trace.vital.busy_at))
    grade = graded(now - since, patience, limits)
    if grade is None:
        return None
    words = said(now, f"no result from {call.tool} {call.label} for ", since, f" ({patience.why})")
    return Finding("stalled", grade, since, words, f"agent:{call.key:x}", (call.seq,))


def _slow(session: Session, lead: Session, call: Asked, limits: Thresholds, now: int) -> Finding | None:
    """A busy command that takes much longer than it ever did: told, never an alarm."""
    longest = session.trace.durations.get(call.key)
    if call.kind != "shell" or not longest or not working(lead):
        return None
    took = now - call.at
    if took < max(limits.slower_than_before * longest, limits.instant_seconds * SECOND):
        return None
    before = f", still busy; the longest run so far took {age(longest)}"
    words = said(now, f"{call.tool} {call.label} ", call.at, before)
    return Finding("stalled", "amber", call.at, words, f"slow:{call.key:x}", (call.seq,))


def _tree(lead: Session) -> str:
    if lead.process is None or not lead.process.seen.children:
        return ""
    seen = lead.process.seen
    known = [child.cpu_percent for child in seen.children if child.cpu_percent is not None]
    cpu = f", {sum(known):.0f} % CPU" if known else f", {seen.cpu_percent:.0f} % CPU" if seen.cpu_percent else ""
    return f", {len(seen.children)} process{'es' if len(seen.children) > 1 else ''}{cpu}"


def _signs(fleet: Fleet, lead: Session) -> str:
    if not visible(fleet, lead) or lead.process is None:
        return ""
    seen = lead.process.seen
    if not seen.children:
        return ", no child"
    cpu = sum(child.cpu_percent or 0.0 for child in seen.children)
    return f", {len(seen.children)} process{'es' if len(seen.children) > 1 else ''} at {cpu:.0f} % CPU"


# --- the model -----------------------------------------------------------------------------------------------


def _compaction(
    fleet: Fleet, session: Session, lead: Session, began: int, limits: Thresholds, now: int
) -> list[Finding]:
    since = quiet_since(fleet, lead, max(began, session.active_at))
    grade = graded(now - since, Patience(limits.compaction_seconds, ""), limits)
    found = [Finding("thinking", "ok", began, said(now, "compacting its context for ", began))]
    if grade is not None:
        words = said(now, "compacting its context for ", since, ", no end")
        found.insert(0, Finding("stalled", grade, since, words, "compaction"))
    return found


def _model(
    fleet: Fleet, session: Session, lead: Session, background: list[Asked], limits: Thresholds, now: int
) -> list[Finding]:
    patience = model_patience(session, limits)
    activity = session.active_at
    since = quiet_since(fleet, lead, activity)
    quiet = now - since
    net = lead.trace.vital.net_at
    if net > activity and quiet < NET_STRETCH * patience.seconds * SECOND:
        quiet = now - quiet_since(fleet, lead, net)
    # While the service refuses, it is the next try that is waited for (`rules.limited`).
    grade: Severity | None = graded(quiet, patience, limits) if session.trouble is None else None
    found: list[Finding] = []
    if grade is not None:
        after = "after its first tokens" if session.trace.stream_at is not None else _after(session)
        signs = _signs(fleet, lead) if visible(fleet, lead) else ""
        words = said(now, "no bytes from the model for ", since, f" {after}{signs}")
        found.append(Finding("stalled", grade, since, words, "model"))
    if session.wrote_at is not None:
        words = said(now, "writing, last text ", session.wrote_at, " ago")
        return [*found, Finding("working", "ok", session.turn_at or session.active_at, words)]
    words = said(now, "the model owes an answer for ", session.active_at)
    return [*found, Finding("thinking", "ok", session.active_at, words)]


def _after(session: Session) -> str:
    return (
        "after a tool's result"
        if session.trace.work.results and session.turn_at != session.active_at
        else "after the prompt"
    )
