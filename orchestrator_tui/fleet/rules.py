"""The certain rules: processes, what the client says of itself, errors, limits, who is asked, a full context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator_tui.events import MAX_WAIT
from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.budget import NANO, Level
from orchestrator_tui.fleet.equality import subject
from orchestrator_tui.fleet.limits import Refusal, refusal
from orchestrator_tui.fleet.silence import Patience, graded, quiet_since, working
from orchestrator_tui.fleet.thresholds import Thresholds
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.fleet.told import said
from orchestrator_tui.fleet.tools import tool_of
from orchestrator_tui.fleet.words import Finding, Severity, short_count

if TYPE_CHECKING:
    from orchestrator_tui.fleet.fleet import Fleet
    from orchestrator_tui.fleet.session import OpenCall, Session, Trouble

AFTER_RESET = 2 * MINUTE
"""So long after a limit ended a client that goes on by itself has done so."""
ALIVE_PERCENT = 5.0
UNPROVEN_AFTER = 5 * SECOND


def died(session: Session, lead: Session, is_open: bool, now: int) -> Finding | None:
    """The process is gone in the middle of a turn, or while something ran in the background."""
    process = lead.process
    if process is None or process.gone_at is None:
        return None
    background = any(call.background for call in session.calls.values())
    if not is_open and not background:
        return None
    who = f"process {process.seen.pid}" if process.seen.pid else "the process"
    doing = next((f" with {call_text(call)} open" for call in session.calls.values()), " in the middle of a turn")
    if process.gone_by:
        # What a person wanted to end needs nobody; what a guard ended wants to be looked at.
        mine = process.gone_by == "person"
        words = said(now, f"ended by {'you' if mine else process.gone_by} ", process.gone_at, f" ago{doing}")
        return Finding("dead", "ok" if mine else "amber", process.gone_at, words, f"dead:{process.gone_at}")
    tail = f" ({process.gone_reason})" if process.gone_reason else ""
    words = said(now, f"{who} gone ", process.gone_at, f" ago{doing}{tail}")
    return Finding("dead", "red", process.gone_at, words, f"dead:{process.gone_at}")


def orphaned(session: Session, limits: Thresholds, is_open: bool, now: int) -> Finding | None:
    """Its terminal is gone, and it still works: nobody will see what it asks."""
    vital, process = session.trace.vital, session.process
    since = vital.homeless_since
    if since is None or process is None or session.interactive is False or session.trace.talk.headless:
        return None
    if now - since < limits.orphan_seconds * SECOND:
        return None
    cpu = process.seen.cpu_percent or 0.0
    if not (is_open or cpu > ALIVE_PERCENT or working(session)):
        return None
    most = max(process.seen.children, key=lambda child: child.cpu_percent or 0.0, default=None)
    what = f"{most.command} {most.cpu_percent or 0:.0f} % CPU" if most is not None else f"{cpu:.0f} % CPU"
    words = said(now, "terminal gone ", since, f" ago, still running ({what})")
    # A service has no terminal either: only of a session that a person sat at it is certain.
    return Finding("orphaned", "red" if session.interactive else "amber", since, words, "orphaned")


# --- the model's service -------------------------------------------------------------------------------------


def failed(session: Session, now: int) -> Finding | None:
    """It ended with an error, or the service will not answer until somebody does something."""
    ended = session.ended
    if ended is not None and ended.is_error:
        at = session.ended_at or session.active_at
        words = ended.text or ended.reason or "no reason given"
        return Finding("errored", "red", at, f"ended with an error: {words}", f"ended:{at}")
    trouble = session.trouble
    if trouble is None:
        return None
    error, why = trouble.error, refusal(trouble.error, trouble.at)
    exhausted = error.final and (error.attempt is not None or session.trace.retries > 0)
    hopeless = why.kind in ("login", "credits", "refused")
    if not error.final and (not hopeless or error.retry_in is not None or error.attempt is not None):
        return None
    if error.final and why.kind in ("quota", "throttle", "overload") and not exhausted:
        return None
    text = error.text or error.kind or "no text"
    code = f"API {error.status}: " if error.status and str(error.status) not in text else ""
    need = {"login": " - needs a login", "credits": " - needs credits"}.get(why.kind, "")
    tries = f" after {session.trace.retries} retries" if exhausted and session.trace.retries else ""
    return Finding("errored", "red", trouble.at, f"{code}{text}{tries}{need}", f"errored:{trouble.at}")


def limited(fleet: Fleet, session: Session, lead: Session, limits: Thresholds, now: int) -> list[Finding]:
    """The service lets nothing through for now: the client tries again by itself, or somebody must say so."""
    trouble = session.trouble
    if trouble is None:
        return []
    why = refusal(trouble.error, trouble.at)
    if why.kind in ("login", "credits", "refused") and trouble.error.final:
        return []
    until = why.until
    if until is None and why.kind == "quota":
        until = quota_end(session, trouble.at)
    if trouble.error.final:
        return _parked(session, trouble, why, until, now) if why.kind in ("quota", "throttle", "overload") else []
    return _retried(fleet, session, lead, trouble, why, until, limits, now) if session.turn_open else []


def _parked(session: Session, trouble: Trouble, why: Refusal, until: int | None, now: int) -> list[Finding]:
    error = trouble.error
    text = error.text or error.kind or "no text"
    cause = f"limit:{trouble.at}"
    if why.kind == "quota" and until is not None and now < until + AFTER_RESET:
        when = ("quota used up, resets in ", -until) if now < until else ("quota resets now",)
        words = said(now, *when, f": {text}")
        return [Finding("rate_limited", "amber", trouble.at, words, cause)]
    if why.kind == "quota" and until is None and why.when and now - trouble.at < 24 * 60 * MINUTE:
        return [Finding("rate_limited", "amber", trouble.at, f"quota used up, resets {why.when}: {text}", cause)]
    code = str(error.status or why.kind)
    words = said(now, f"{code} and parked for ", trouble.at, f', needs "continue": {text}')
    return [Finding("rate_limited", "red", trouble.at, words, cause)]


def _retried(
    fleet: Fleet, session: Session, lead: Session, trouble: Trouble, why: Refusal, until: int | None,
    limits: Thresholds, now: int,
) -> list[Finding]:  # fmt: skip
    error = trouble.error
    tries = f" {error.attempt}/{error.max_attempts}" if error.attempt and error.max_attempts else ""
    code = str(error.status) if error.status else error.kind or "connection"
    cause = f"limit:{code}"
    wait = int(max(0, min(MAX_WAIT, error.retry_in)) * SECOND) if error.retry_in is not None else 0
    due = max(trouble.at + wait, until or 0)
    if why.kind == "quota" and (until is not None or why.when) and error.retry_in is None:
        ahead = ("in ", -until) if until is not None and until > now else (why.when or "now",)
        words = said(now, "quota used up, resets ", *ahead, f": {error.text}")
    else:
        next_try = () if error.retry_in is None else (" in ", -due) if due > now else (" now",)
        words = said(now, f"{code}, retry{tries}", *next_try, f": {error.text}")
    found = [Finding("rate_limited", "amber", trouble.at, words, cause)]
    # The try that was announced has to show: from then on the model's patience runs.
    since = quiet_since(fleet, lead, due)
    if graded(now - since, Patience(limits.model_seconds, ""), limits) == "red":
        words = said(now, f"{code}, retry{tries} was due ", due, " ago and nothing came")
        found.append(Finding("stalled", "red", since, words, "retry"))
    return found


def quota_end(session: Session, at: int) -> int | None:
    """When a quota that is used up begins anew, as the client told of it."""
    ends = [
        limit.resets_at
        for quota in session.quotas.values()
        for limit in quota.seen.limits
        if limit.used_percent >= 100 and limit.resets_at is not None and limit.resets_at > at
    ]
    return max(ends) if ends else None


# --- people --------------------------------------------------------------------------------------------------


def asked(session: Session, lead: Session, now: int) -> Finding | None:
    """A person is owed: a question, a permission, a plan; or the client says so itself."""
    for call in session.calls.values():
        if tool_of(call.tool).kind == "ask":
            words = said(now, "asks you for ", call.at, f": {call_text(call)}")
            return Finding("waiting", "red", call.at, words, f"asks:{call.at}")
    for ask in session.steering.asks.values():
        what = f"{ask.asked.tool} {subject(ask.asked.what.text)}"
        words = said(now, "permission for ", ask.at, f": {what}")
        return Finding("waiting", "red", ask.at, words, f"permission:{ask.asked.request_id}")
    if session.asked is not None and session.asked_at is not None and not _approved(session, lead, session.asked_at):
        words = said(now, "waits ", session.asked_at, f": {session.asked}")
        return Finding("waiting", "red", session.asked_at, words, f"asked:{session.asked_at}")
    report = session.report
    if report is not None and report.status == "waiting":
        newest = max(session.calls.values(), key=lambda call: call.at, default=None)
        what = report.waiting_for or "for you"
        on = f": {call_text(newest)}" if newest is not None else ""
        words = said(now, f"{what} for ", report.at, on)
        return Finding("waiting", "red", report.at, words, f"report:{report.at}")
    # A sub-agent is interrupted by its parent: nobody is owed anything.
    if session.interrupted_at is not None and session.relation != "subagent":
        at = session.interrupted_at
        words = said(now, "interrupted by you ", at, " ago, waits for the next word")
        return Finding("waiting", "amber", at, words, f"interrupted:{at}")
    return None


def _approved(session: Session, lead: Session, asked_at: int) -> bool:
    """Whether what was asked for runs by now: the client does not tell of the answer."""
    if lead.trace.vital.spawned_at > asked_at:
        return True
    if lead.process is None or lead.process.at <= asked_at:
        return False
    programs = [call.command.program for call in session.trace.open.values() if call.command.program]
    return any(program in child.command for program in programs for child in lead.process.seen.children)


def question(session: Session, now: int) -> tuple[Finding | None, str]:
    """(the question that the turn ended with, where nothing can go on without an answer; an offer, in words)."""
    ending = session.trace.talk.question
    if session.turn_open or ending is None or session.relation == "subagent" or session.trace.talk.nudged:
        return None, ""
    words = said(now, "asked ", ending.at, f" ago: {ending.text}")
    if not ending.blocking or session.interactive is False:
        return None, words
    return Finding("waiting", "red", ending.at, words, f"question:{ending.at}", (ending.seq,)), ""


# --- badges --------------------------------------------------------------------------------------------------


def context(session: Session, limits: Thresholds, is_open: bool) -> Finding | None:
    """The context window is nearly full, and nothing will make room."""
    used, window = session.context_tokens, session.window
    if not used or not window:
        return None
    share = used / window
    severity: Severity | None = None
    if session.auto_compact is False:
        severity = "red" if share >= limits.context_red else "amber" if share >= limits.context_amber else None
        why = "auto-compact off"
    else:
        severity = "red" if share >= limits.context_auto_red else None
        why = "compaction should have come"
    if severity is None:
        return None
    if not is_open:
        severity = "amber"
    words = f"context {short_count(used)}/{short_count(window)} ({100 * share:.0f} %), {why}"
    return Finding("context_nearly_full", severity, session.active_at, words, "context")


def unproven(fleet: Fleet, session: Session) -> Finding | None:
    """It says that tests pass, and nothing that was run shows it."""
    trace = session.trace
    claim, work = trace.talk.claim, trace.work
    if claim is None or session.turn_open or session.relation == "subagent" or fleet.kids(session):
        return None
    if work.tested_at > work.green_at:
        why = "the last test run failed"
    elif not work.ran_at:
        why = "nothing was run"
    elif work.edit_at > work.ran_at:
        why = "nothing was run since the last edit"
    else:
        return None
    words = f'says "{claim.text}", but {why}'
    return Finding("unproven", "amber", claim.at, words, f"unproven:{claim.seq}", (claim.seq,))


def call_text(call: OpenCall) -> str:
    """A call as a person names it."""
    return f"{call.tool} {subject(call.arguments)}".rstrip()


def over_budget(fleet: Fleet, session: Session) -> Finding | None:
    """A session and its sub-agents have used most of what one may cost, or more."""
    limit = fleet.budgets.one(session.steering.budget_usd)
    if limit is None or session.relation == "subagent":
        return None
    spend, below, seen = Spend(), [session], {session.id}
    while below:
        one = below.pop()
        spend.merge(one.spend)
        below += [kid for kid in fleet.kids(one) if kid.id not in seen]
        seen.update(kid.id for kid in below)
    used = Level(spend.cost, limit, spend.unpriced)
    if used.severity == "ok":
        return None
    least = "at least " if used.unpriced else ""
    words = f"{least}${used.spent / NANO:.2f} of the ${limit / NANO:.2f} that a session may cost"
    return Finding("over_budget", used.severity, session.active_at, words, f"budget {used.severity}")
