"""One session's state; `apply.py` says how each event changes it."""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.alerts import Alerts
from orchestrator_tui.fleet.burn import Burn
from orchestrator_tui.fleet.steering import Steering
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.fleet.trace import Trace
from orchestrator_tui.fleet.worktree import Worktree


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
    gone_by: str = ""
    """Who had it ended through orc, as in `ProcessGone`."""


class Quota(Struct, frozen=True):
    """The last word on a quota."""

    at: int
    seen: ev.QuotaUpdated


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
    """Tokens, as the client says."""
    model_window: int | None = None
    """The same, as the price table says of the model."""
    auto_compact: bool | None = None
    interactive: bool | None = None
    client_version: str | None = None
    parent: str | None = None
    relation: ev.Relation | None = None
    parent_call: str | None = None
    host: str | None = None
    claimed_pid: int | None = None
    owned: bool = False
    iterations: int | None = None
    """Of a loop: how many it may have."""
    spend: Spend = field(default_factory=Spend)
    burn: Burn = field(default_factory=Burn)
    owed_at: int | None = None
    """Since when the model has been at the response that it owes, or will owe next."""
    progress_at: int | None = None
    since_progress: Spend = field(default_factory=Spend)
    """What was used since the last progress (docs/contract.md §4)."""
    alerts: Alerts = field(default_factory=Alerts)
    trace: Trace = field(default_factory=Trace)
    """What the rules of being stuck count."""
    worktree: Worktree = field(default_factory=Worktree)
    steering: Steering = field(default_factory=Steering)
    """What was decided for it, and what it asks that somebody can answer."""
    quotas: dict[str, Quota] = field(default_factory=dict)
    """What the client said last of the subscription, by the quota's name."""
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

    @property
    def window(self) -> int | None:
        """The context window in tokens; None where neither the client nor the table says."""
        return self.context_window or self.model_window

    def made_progress(self, at: int) -> None:
        """What is spent from here on is spent since this."""
        self.progress_at = at
        self.since_progress = Spend()
