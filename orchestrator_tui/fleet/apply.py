"""How each event changes its session.

Every event touches exactly one session, so sessions may be folded in any interleaving as long as each keeps its own
order: that is what makes the live fold and the replayed one the same (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator_tui import events as ev
from orchestrator_tui.fleet import steering
from orchestrator_tui.fleet.limits import refusal
from orchestrator_tui.fleet.session import OpenCall, Process, Quota, SelfReport, Session, Trouble

MAX_CALLS = 256
"""Open tool calls kept; a session with more has lost their results, and the oldest go."""
MAX_TASKS = 200
MAX_QUOTAS = 16
END_OF_TURN = frozenset({"end_turn", "stop_sequence", "stop", "max_tokens", "refusal", "length"})
"""Stop reasons after which the model is owed nothing (Anthropic, OpenAI)."""


def apply(session: Session, at: int, body: Any) -> None:
    """Fold one event in; events of a session come in its own order."""
    session.last_at = max(session.last_at, at)
    handler = HANDLERS.get(type(body))
    if handler is not None:
        handler(session, at, body)


def _updated(s: Session, at: int, e: ev.SessionUpdated) -> None:
    if e.title is not None and e.title_rank >= s.title_rank:
        s.title, s.title_rank = e.title, e.title_rank
    kept: set[str] = set()
    if e.relation == "fork" and s.relation in ev.MADE:
        kept |= {"parent", "relation"}
    if s.relation in ev.HOUSED and s.project is not None:
        kept.add("project")
    for name in _PLAIN:
        value = getattr(e, name)
        if value is not None and name not in kept:
            setattr(s, name, value)
    if e.pid is not None:
        s.claimed_pid = e.pid


_PLAIN = (
    "client", "project", "cwd", "branch", "model", "effort", "permission_mode", "context_window", "auto_compact",
    "interactive", "client_version", "parent", "relation", "parent_call", "host", "owned", "iterations",
)  # fmt: skip


def _open_turn(s: Session, at: int) -> None:
    s.turn_open, s.turn_at, s.owed_at, s.wrote_at = True, at, at, None
    s.trouble = s.ended = s.interrupted_at = s.asked = s.asked_at = None


def _close_turn(s: Session, at: int) -> None:
    if s.turn_open or s.ended_at is None:
        s.ended_at = at
    s.turn_open, s.wrote_at, s.asked, s.asked_at = False, None, None, None
    s.calls = {key: call for key, call in s.calls.items() if call.background}


def _good_news(s: Session, at: int) -> None:
    s.active_at = at
    s.trouble = s.ended = s.interrupted_at = None


def _turn_started(s: Session, at: int, e: ev.TurnStarted) -> None:
    s.active_at = at
    _open_turn(s, at)


def _turn_ended(s: Session, at: int, e: ev.TurnEnded) -> None:
    s.active_at = at
    _close_turn(s, at)


def _user(s: Session, at: int, e: ev.UserMessage) -> None:
    s.active_at = at
    if e.interrupt:
        _close_turn(s, at)
        s.interrupted_at = at
    elif not e.local and not e.replayed:
        s.turns += not e.synthetic
        _open_turn(s, at)


def _assistant(s: Session, at: int, e: ev.AssistantMessage) -> None:
    if e.replayed:
        return
    _good_news(s, at)
    if e.stop_reason in END_OF_TURN:
        _close_turn(s, at)
    else:
        if not s.turn_open:
            _open_turn(s, at)
        s.wrote_at = at


def _thinking(s: Session, at: int, e: ev.AssistantThinking) -> None:
    if not e.replayed:
        _good_news(s, at)
        s.wrote_at = at


def _call(s: Session, at: int, e: ev.ToolCall) -> None:
    if e.replayed:
        return
    _good_news(s, at)
    if s.trace.knows(e):
        # A copy of a line whose result has come: nothing is open.
        return
    if not s.turn_open:
        _open_turn(s, at)
    s.calls[e.call_id] = OpenCall(e.tool, e.arguments.text, at, e.background)
    while len(s.calls) > MAX_CALLS:
        del s.calls[next(iter(s.calls))]


def _result(s: Session, at: int, e: ev.ToolResult) -> None:
    if e.replayed:
        return
    _good_news(s, at)
    s.worktree.answered(at, s.calls.pop(e.call_id, None), e.ok, s.trace.work, s.cwd)
    s.asked = s.asked_at = s.wrote_at = None
    s.owed_at = at


def _usage(s: Session, at: int, e: ev.Usage) -> None:
    s.active_at = at
    for spend in (s.spend, s.since_progress):
        spend.count(e.tokens, 1, e.cost, e.estimated, e.local)
    s.burn.add(s.owed_at, at, e.tokens, e.cost, e.cost is None)
    s.alerts.spent(at, e.cost or 0, e.tokens.total)
    s.owed_at = at
    s.context_tokens = e.tokens.prompt + e.tokens.output
    if e.model is not None:
        s.model = e.model
        if s.steering.requested is not None and s.steering.requested.answered is None:
            s.steering.requested.answered = e.model
    if e.window is not None:
        s.model_window = e.window


def _usage_corrected(s: Session, at: int, e: ev.UsageCorrected) -> None:
    for spend in (s.spend, s.since_progress):
        spend.count(e.tokens, 0, e.cost, e.estimated, e.local)
        spend.unpriced += e.unpriced
    s.burn.add(s.owed_at, at, e.tokens, e.cost)


def _usage_priced(s: Session, at: int, e: ev.UsagePriced) -> None:
    s.spend.count(ev.Tokens(), 0, e.cost, e.estimated, e.local)
    s.spend.unpriced -= 1


def _usage_moved(s: Session, at: int, e: ev.UsageMoved) -> None:
    s.spend.count(e.tokens, e.requests, e.cost, e.requests * e.estimated, e.requests * e.local)


def _quota(s: Session, at: int, e: ev.QuotaUpdated) -> None:
    s.quotas[e.name] = Quota(at, e)
    while len(s.quotas) > MAX_QUOTAS:
        del s.quotas[next(iter(s.quotas))]


def _raised(s: Session, at: int, e: ev.AlertRaised) -> None:
    s.alerts.raised(at, e, s.spend.cost)


def _escalated(s: Session, at: int, e: ev.AlertEscalated) -> None:
    s.alerts.escalated(e, s.spend.cost)


def _cleared(s: Session, at: int, e: ev.AlertCleared) -> None:
    s.alerts.open.pop(e.cause, None)


def _acknowledged(s: Session, at: int, e: ev.Acknowledged) -> None:
    s.alerts.mute(at, e.cause)


def _snoozed(s: Session, at: int, e: ev.Snoozed) -> None:
    s.alerts.snoozed_until = e.until


def _viewed(s: Session, at: int, e: ev.Viewed) -> None:
    s.alerts.viewed_at = at


def _stream(s: Session, at: int, e: ev.StreamProgress) -> None:
    _good_news(s, at)
    s.wrote_at = at


def _api_error(s: Session, at: int, e: ev.ApiError) -> None:
    s.active_at = at
    s.trouble = Trouble(at, e)
    refused = refusal(e, at)
    if refused.kind == "quota" and (s.client == "claude" or not s.quotas):
        # The client gives no figures: that a limit was hit says that it is used up.
        limit = ev.Limit(used_percent=100.0, resets_at=refused.until)
        s.quotas["limit hit"] = Quota(at, ev.QuotaUpdated(limits=(limit,), name="limit hit", estimated=True))
    if e.final:
        _close_turn(s, at)


def _hook(s: Session, at: int, e: ev.Hook) -> None:
    if e.kind in ("permission_prompt", "elicitation_dialog"):
        s.asked, s.asked_at = e.text or e.name, at


def _compact_started(s: Session, at: int, e: ev.CompactStarted) -> None:
    s.active_at = s.compacting_at = at


def _compact_ended(s: Session, at: int, e: ev.CompactEnded) -> None:
    s.active_at = at
    s.compacting_at = None
    s.compactions += 1
    # Claude Code does not say how much is left: unknown until the next response tells.
    s.context_tokens = e.post_tokens


def _ended(s: Session, at: int, e: ev.SessionEnded) -> None:
    s.active_at = at
    _close_turn(s, at)
    s.ended = e


def _process(s: Session, at: int, e: ev.ProcessObserved) -> None:
    before = s.process
    same = (
        before is not None and before.gone_at is None and before.seen.pid == e.pid and before.seen.started == e.started
    )
    s.process = Process(e, at, before.since if before is not None and same else at)


def _process_gone(s: Session, at: int, e: ev.ProcessGone) -> None:
    if s.process is None:
        s.process = Process(ev.ProcessObserved(pid=e.pid, started=e.started), at, at)
    s.process.gone_at, s.process.gone_reason, s.process.gone_by = at, e.reason, e.by
    s.report = None
    s.steering.asks.clear()


def _client_status(s: Session, at: int, e: ev.ClientStatus) -> None:
    s.report = SelfReport(at, e.status, e.waiting_for)


def _task(s: Session, at: int, e: ev.TaskUpdated) -> None:
    s.tasks[e.task_id] = e
    while len(s.tasks) > MAX_TASKS:
        del s.tasks[next(iter(s.tasks))]


def _seat(s: Session, at: int, e: ev.SeatTaken) -> None:
    s.region, s.seat = e.region, e.number


def _unparsed(s: Session, at: int, e: ev.Unparsed) -> None:
    s.unparsed += 1


HANDLERS: dict[type, Callable[[Session, int, Any], None]] = {
    ev.SessionUpdated: _updated,
    ev.TurnStarted: _turn_started,
    ev.TurnEnded: _turn_ended,
    ev.UserMessage: _user,
    ev.AssistantMessage: _assistant,
    ev.AssistantThinking: _thinking,
    ev.ToolCall: _call,
    ev.ToolResult: _result,
    ev.Usage: _usage,
    ev.UsageCorrected: _usage_corrected,
    ev.UsagePriced: _usage_priced,
    ev.UsageMoved: _usage_moved,
    ev.QuotaUpdated: _quota,
    ev.AlertRaised: _raised,
    ev.AlertEscalated: _escalated,
    ev.AlertCleared: _cleared,
    ev.Acknowledged: _acknowledged,
    ev.Snoozed: _snoozed,
    ev.Viewed: _viewed,
    ev.StreamProgress: _stream,
    ev.ApiError: _api_error,
    ev.Hook: _hook,
    ev.CompactStarted: _compact_started,
    ev.CompactEnded: _compact_ended,
    ev.SessionEnded: _ended,
    ev.ProcessObserved: _process,
    ev.ProcessGone: _process_gone,
    ev.ClientStatus: _client_status,
    ev.FileChanged: lambda s, at, e: s.worktree.edited(at, e.path, s.cwd),
    ev.Check: lambda s, at, e: s.worktree.checked(e.name),
    ev.WorktreeSeen: lambda s, at, e: s.worktree.looked(at, e, s.cwd),
    ev.TaskUpdated: _task,
    ev.SeatTaken: _seat,
    ev.Unparsed: _unparsed,
    **steering.HANDLERS,
}
"""What each type does to its session; a type that is not here changes nothing."""
