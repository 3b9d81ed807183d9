"""One session's state, and how each event changes it.

Every event touches exactly one session, so sessions may be folded in any interleaving as long as each keeps its own
order: that is what makes the live fold and the replayed one the same (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.burn import Burn
from orchestrator_tui.fleet.tokens import Spend

MAX_CALLS = 256
"""Open tool calls kept; a session with more has lost their results, and the oldest go."""
MAX_TASKS = 200
END_OF_TURN = frozenset({"end_turn", "stop_sequence", "stop", "max_tokens", "refusal", "length"})
"""Stop reasons after which the model is owed nothing (Anthropic, OpenAI)."""


class OpenCall(Struct):
    """A tool call without its result."""

    tool: str
    arguments: str
    """As far as kept, not cleaned."""
    at: int
    background: bool = False


class Trouble(Struct, frozen=True):
    """The last word of the model's service, until something good comes after it."""

    at: int
    error: ev.ApiError


class Process(Struct):
    """What was last seen of the session's process."""

    seen: ev.ProcessObserved
    at: int
    """When it was seen so."""
    since: int
    """When this process was first seen."""
    gone_at: int | None = None
    gone_reason: str = ""


class SelfReport(Struct, frozen=True):
    """What the client's own registry said last."""

    at: int
    status: str | None
    waiting_for: str | None


class Session(Struct):
    """Everything the screen, the rules and the reports know of a session."""

    id: str
    started_at: int
    """Time of its first event."""
    last_at: int
    """Time of its last event of any kind."""
    active_at: int
    """Time of the last event of the client itself: a message, a call, a result, usage."""
    client: str = ""
    title: str | None = None
    title_rank: int = -1
    project: str | None = None
    cwd: str | None = None
    branch: str | None = None
    model: str | None = None
    effort: str | None = None
    permission_mode: str | None = None
    context_window: int | None = None
    auto_compact: bool | None = None
    interactive: bool | None = None
    client_version: str | None = None
    parent: str | None = None
    relation: ev.Relation | None = None
    parent_call: str | None = None
    host: str | None = None
    claimed_pid: int | None = None
    owned: bool = False
    spend: Spend = field(default_factory=Spend)
    burn: Burn = field(default_factory=Burn)
    turns: int = 0
    context_tokens: int | None = None
    turn_open: bool = False
    turn_at: int | None = None
    """When the turn in progress, or the last one, began."""
    ended_at: int | None = None
    """When the last turn ended."""
    calls: dict[str, OpenCall] = field(default_factory=dict)
    wrote_at: int | None = None
    """When the model's text or tokens last moved within the open turn."""
    asked: str | None = None
    """What a hook said a person is asked for."""
    asked_at: int | None = None
    interrupted_at: int | None = None
    trouble: Trouble | None = None
    ended: ev.SessionEnded | None = None
    compacting_at: int | None = None
    compactions: int = 0
    process: Process | None = None
    report: SelfReport | None = None
    tasks: dict[str, ev.TaskUpdated] = field(default_factory=dict)
    unparsed: int = 0
    region: str | None = None
    seat: int | None = None
    """Its number in the region of the map; None until a host has given it one, and for sub-agents."""

    @property
    def place(self) -> str | None:
        """The seat as a person writes it: `api/7`."""
        return f"{self.region}/{self.seat}" if self.seat is not None else None

    @property
    def pid(self) -> int | None:
        """The process that was proved to be the session's, while it lives."""
        return self.process.seen.pid or None if self.process and self.process.gone_at is None else None

    def apply(self, at: int, body: Any) -> None:
        """Fold one event in; events of a session come in its own order."""
        self.last_at = max(self.last_at, at)
        handler = HANDLERS.get(type(body))
        if handler is not None:
            handler(self, at, body)


def _updated(s: Session, at: int, e: ev.SessionUpdated) -> None:
    if e.title is not None and e.title_rank >= s.title_rank:
        s.title, s.title_rank = e.title, e.title_rank
    for name in _PLAIN:
        value = getattr(e, name)
        if value is not None:
            setattr(s, name, value)
    if e.pid is not None:
        s.claimed_pid = e.pid


_PLAIN = (
    "client", "project", "cwd", "branch", "model", "effort", "permission_mode", "context_window", "auto_compact",
    "interactive", "client_version", "parent", "relation", "parent_call", "host", "owned",
)  # fmt: skip


def _open_turn(s: Session, at: int) -> None:
    s.turn_open, s.turn_at, s.wrote_at = True, at, None
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
    if not s.turn_open:
        _open_turn(s, at)
    s.calls[e.call_id] = OpenCall(e.tool, e.arguments.text, at, e.background)
    while len(s.calls) > MAX_CALLS:
        del s.calls[next(iter(s.calls))]


def _result(s: Session, at: int, e: ev.ToolResult) -> None:
    if e.replayed:
        return
    _good_news(s, at)
    s.calls.pop(e.call_id, None)
    s.asked = s.asked_at = s.wrote_at = None


def _usage(s: Session, at: int, e: ev.Usage) -> None:
    s.active_at = at
    s.spend.count(e.tokens, 1, e.cost)
    s.burn.add(at, e.tokens, e.cost)
    s.context_tokens = e.tokens.prompt + e.tokens.output
    if e.model is not None:
        s.model = e.model


def _usage_corrected(s: Session, at: int, e: ev.UsageCorrected) -> None:
    s.spend.count(e.tokens, 0, e.cost)
    s.burn.add(at, e.tokens, e.cost)


def _usage_moved(s: Session, at: int, e: ev.UsageMoved) -> None:
    s.spend.count(e.tokens, e.requests, e.cost)


def _stream(s: Session, at: int, e: ev.StreamProgress) -> None:
    _good_news(s, at)
    s.wrote_at = at


def _api_error(s: Session, at: int, e: ev.ApiError) -> None:
    s.active_at = at
    s.trouble = Trouble(at, e)
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
    s.process.gone_at, s.process.gone_reason = at, e.reason
    s.report = None


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
    ev.UsageMoved: _usage_moved,
    ev.StreamProgress: _stream,
    ev.ApiError: _api_error,
    ev.Hook: _hook,
    ev.CompactStarted: _compact_started,
    ev.CompactEnded: _compact_ended,
    ev.SessionEnded: _ended,
    ev.ProcessObserved: _process,
    ev.ProcessGone: _process_gone,
    ev.ClientStatus: _client_status,
    ev.TaskUpdated: _task,
    ev.SeatTaken: _seat,
    ev.Unparsed: _unparsed,
}
"""What each type does to its session; a type that is not here changes nothing."""
