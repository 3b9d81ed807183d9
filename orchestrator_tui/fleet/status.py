"""What state a session is in, since when, and the line that proves it (docs/contract.md §4).

These are the first, certain rules: processes, what the client says of itself, errors, what is owed and by whom.
What rests on silence or repetition is not claimed yet; what is not known is fog, never green.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from orchestrator_tui.events import MAX_WAIT
from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import OpenCall, Session
from orchestrator_tui.text import age

StatusName = Literal[
    "dead", "orphaned", "errored", "paused", "waiting", "rate_limited", "looping", "spinning", "stalled",
    "tool_running", "thinking", "working", "finished", "fog",
]  # fmt: skip
Severity = Literal["ok", "amber", "red"]

FRESH = 60 * SECOND
"""A session without a known process counts as running for this long after its last line; then it is fog."""
ASKING_TOOLS = frozenset({"AskUserQuestion", "ExitPlanMode", "question", "request_user_input", "ask_user"})
"""Tools whose only answer comes from a person (Claude Code, Codex, OpenCode, Gemini CLI)."""
PRESENT = frozenset({"paused", "waiting", "rate_limited", "tool_running", "thinking", "working"})
"""Claims about now: they turn to fog when nobody looks. The others are on record."""


class Status(Struct, frozen=True):
    """One session's state at one time."""

    status: StatusName
    severity: Severity
    since: int
    evidence: str
    """One line, not cleaned: it may quote what an agent wrote."""
    badges: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()

    @property
    def needs_you(self) -> bool:
        """Whether the attention queue holds it: red, or an amber waiting (docs/contract.md §4)."""
        return self.severity == "red" or (self.severity == "amber" and self.status == "waiting")


def status_of(fleet: Fleet, session: Session, now: int) -> Status:
    """The state of a session at `now`, as far as the events folded so far tell."""
    status = _known(fleet, session, now)
    if status.status not in PRESENT or fleet.watch.looking(now):
        return status
    if fleet.watch.beat_at is None:
        why = "no host has looked yet"
    else:
        why = f"host not running for {age(now - fleet.watch.beat_at)}"
    was = status.status.replace("_", " ")
    return Status("fog", "ok", fleet.watch.beat_at or session.active_at, f"{why}; last known: {was}, {status.evidence}")


def _known(fleet: Fleet, session: Session, now: int) -> Status:
    lead = _lead(fleet, session)
    process = lead.process
    if process is not None and process.gone_at is not None:
        return _ended_process(session, process.seen.pid, process.gone_at, process.gone_reason, now)
    final = _final_trouble(session, now)
    if final is not None and final.status == "errored":
        return final
    if process is not None and process.seen.stopped:
        would = _owed(fleet, session, lead, now)
        return Status("paused", "ok", process.at, f"process {process.seen.pid} is stopped", possible=(would.status,))
    return _waiting(session, lead, now) or final or _backing_off(session, now) or _owed(fleet, session, lead, now)


def _lead(fleet: Fleet, session: Session) -> Session:
    """The session whose process this one runs in: a sub-agent has none of its own."""
    seen = {session.id}
    while session.relation == "subagent" and session.parent in fleet.sessions and session.parent not in seen:
        session = fleet.sessions[session.parent]
        seen.add(session.id)
    return session


def _ended_process(session: Session, pid: int, gone_at: int, reason: str, now: int) -> Status:
    who = f"process {pid}" if pid else "the process"
    if session.turn_open or any(call.background for call in session.calls.values()):
        doing = next((f" with {_call_text(call)} open" for call in session.calls.values()), " in the middle of a turn")
        tail = f" ({reason})" if reason else ""
        return Status("dead", "red", gone_at, f"{who} gone {age(now - gone_at)} ago{doing}{tail}")
    return _final_trouble(session, now) or _finished(session, now)


def _final_trouble(session: Session, now: int) -> Status | None:
    ended = session.ended
    if ended is not None and ended.is_error:
        at = session.ended_at or session.active_at
        words = ended.text or ended.reason or "no reason given"
        return Status("errored", "red", at, f"ended with an error: {words}")
    if session.trouble is None or not session.trouble.error.final:
        return None
    at, error = session.trouble.at, session.trouble.error
    words = error.text or error.kind or "no text"
    if error.status == 429 or error.kind in ("rate_limit", "rate_limit_error", "usage_limit_reached"):
        return Status("rate_limited", "red", at, f"{error.status or 'limit'} and parked for {age(now - at)}: {words}")
    code = f"API {error.status}: " if error.status and str(error.status) not in words else ""
    return Status("errored", "red", at, f"{code}{words}")


def _waiting(session: Session, lead: Session, now: int) -> Status | None:
    for call in session.calls.values():
        if call.tool in ASKING_TOOLS:
            return Status("waiting", "red", call.at, f"asks you for {age(now - call.at)}: {_call_text(call)}")
    if session.asked is not None and session.asked_at is not None:
        return Status("waiting", "red", session.asked_at, f"waits {age(now - session.asked_at)}: {session.asked}")
    report = session.report
    if report is not None and report.status == "waiting":
        newest = max(session.calls.values(), key=lambda call: call.at, default=None)
        what = report.waiting_for or "for you"
        on = f": {_call_text(newest)}" if newest is not None else ""
        return Status("waiting", "red", report.at, f"{what} for {age(now - report.at)}{on}")
    # A sub-agent is interrupted by its parent: nobody is owed anything.
    if session.interrupted_at is not None and session.relation != "subagent":
        at = session.interrupted_at
        return Status("waiting", "amber", at, f"interrupted by you {age(now - at)} ago, waits for the next word")
    return None


def _backing_off(session: Session, now: int) -> Status | None:
    if session.trouble is None or not session.turn_open:
        return None
    at, error = session.trouble.at, session.trouble.error
    tries = f" {error.attempt}/{error.max_attempts}" if error.attempt and error.max_attempts else ""
    when = ""
    if error.retry_in is not None:
        left = int(max(0, min(MAX_WAIT, error.retry_in)) * SECOND) - (now - at)
        when = f" in {age(left)}" if left > 0 else " now"
    code = str(error.status) if error.status else error.kind or "connection"
    return Status("rate_limited", "amber", at, f"{code}, retry{tries}{when}: {error.text}")


def _owed(fleet: Fleet, session: Session, lead: Session, now: int) -> Status:
    if not session.turn_open:
        running = next((call for call in session.calls.values() if call.background), None)
        if running is not None and lead.process is not None and lead.process.seen.children:
            return Status("tool_running", "ok", running.at, f"{_call_text(running)} in the background")
        return _finished(session, now)
    idle = lead.report is not None and lead.report.status == "idle" and lead.report.at >= session.active_at
    if idle and session.relation != "subagent":
        return _finished(session, now)
    known = fleet.watch.always or lead.pid is not None
    quiet = now - session.active_at
    if session.relation == "subagent" and _answered(fleet, session) and quiet > FRESH:
        return _finished(session, now)
    if not known and quiet > FRESH:
        doing = next((_call_text(call) for call in session.calls.values()), "a turn is open")
        return Status("fog", "ok", session.active_at, f"no process matched; last line {age(quiet)} ago: {doing}")
    if session.calls:
        call = min(session.calls.values(), key=lambda open_call: open_call.at)
        more = f" and {len(session.calls) - 1} more" if len(session.calls) > 1 else ""
        busy = _tree_text(lead)
        return Status("tool_running", "ok", call.at, f"{_call_text(call)}{more} {age(now - call.at)}{busy}")
    if session.compacting_at is not None:
        since = session.compacting_at
        return Status("thinking", "ok", since, f"compacting its context for {age(now - since)}")
    if session.wrote_at is not None:
        return Status(
            "working",
            "ok",
            session.turn_at or session.active_at,
            f"writing, last text {age(now - session.wrote_at)} ago",
        )
    return Status("thinking", "ok", session.active_at, f"the model owes an answer for {age(quiet)}")


def _finished(session: Session, now: int) -> Status:
    if not session.turns and session.ended_at is None:
        process = session.process
        if process is not None and process.gone_at is None:
            if session.interactive is False:
                return Status("thinking", "ok", process.since, f"starting, for {age(now - process.since)}")
            return Status("finished", "ok", process.since, "open, nothing asked yet")
        if not session.spend.requests:
            return Status("fog", "ok", session.active_at, "seen, nothing known")
    at = session.ended_at if session.ended_at is not None else session.active_at
    return Status("finished", "ok", at, f"finished {age(now - at)} ago")


def _answered(fleet: Fleet, session: Session) -> bool:
    """Whether the parent has the sub-agent's result, or its turn is over."""
    parent = fleet.sessions.get(session.parent or "")
    if parent is None:
        return False
    if session.parent_call is not None:
        return session.parent_call not in parent.calls
    return not parent.turn_open


def _call_text(call: OpenCall) -> str:
    return f"{call.tool} {subject(call.arguments)}".rstrip()


def _tree_text(lead: Session) -> str:
    if lead.process is None or not lead.process.seen.children:
        return ""
    seen = lead.process.seen
    cpu = f", {seen.cpu_percent:.0f} % CPU" if seen.cpu_percent is not None else ""
    return f", {len(seen.children)} process{'es' if len(seen.children) > 1 else ''}{cpu}"


def subject(arguments: str) -> str:
    """What a tool call is about: the command, the path, the pattern; else the first string among its arguments."""
    try:
        value = _json.decode(arguments)
    except (msgspec.MsgspecError, RecursionError):
        return arguments[:120]
    if not isinstance(value, dict):
        return str(value)[:120]
    for name in (
        "command",
        "cmd",
        "file_path",
        "filePath",
        "path",
        "pattern",
        "query",
        "url",
        "description",
        "prompt",
    ):
        item = value.get(name)
        if isinstance(item, list):
            item = " ".join(str(part) for part in item)
        if isinstance(item, str) and item:
            return item[:120]
    return next((item[:120] for item in value.values() if isinstance(item, str) and item), "")


_json = msgspec.json.Decoder()
