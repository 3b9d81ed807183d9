"""What the parser of a Codex rollout remembers between two lines; all of it bounded (Codex CLI 0.169.0)."""

from __future__ import annotations

from msgspec import field

from orchestrator_tui.clients.lines import LineState
from orchestrator_tui.events import QuotaUpdated

MAX_TOTALS = 64
"""Cumulative counts remembered: a repeated `token_count` repeats one of the last few."""
MAX_OUTCOMES = 64
"""Finished tools whose output has not come yet."""


class RolloutState(LineState):
    """What the parser must remember between two lines."""

    opened: bool = False
    """The file's own `session_meta` was read; a further one is history that was copied or a repeat."""
    scope: str = ""
    """The thread that the cumulative counts belong to: that of the last `session_meta`."""
    inherits: bool = False
    """A fork or a sub-agent: its cumulative counts may begin with somebody else's."""
    headless: bool = False
    subagent: bool = False
    turn: str = ""
    step: int = 0
    step_open: bool = False
    turn_model: str | None = None
    next_model: str | None = None
    """The thread's setting: it holds until a turn names its own."""
    usage_key: bytes = b""
    """Key of the response counted last."""
    prompt: int = 0
    """Tokens in the context window of that response's request."""
    totals: list[str] = field(default_factory=list)
    """Cumulative counts whose response is counted, or was somebody else's."""
    unmatched: str = ""
    """Usage of the record that came last: the `token_count` that repeats it is the same response."""
    most: int | None = None
    """Input and output of that record's cumulative count; None where it names none."""
    compacted: bool = False
    """A compaction whose outcome is not told yet."""
    outcomes: dict[str, bool] = field(default_factory=dict)
    """Tool call -> whether it succeeded, until its output comes."""
    plan: list[str] = field(default_factory=list)
    """The to-do list as last told, `<status> <digest>` each."""
    quota: QuotaUpdated | None = None
    """As it was told last."""
