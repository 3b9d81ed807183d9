"""Model responses, each counted once over the whole fleet, and what is left of a quota."""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.events.shapes import Body, Tokens


class Usage(Body, frozen=True, tag="usage"):
    """One model response, counted once over the whole fleet."""

    response_id: str | None = None
    model: str | None = None
    tokens: Tokens = field(default_factory=Tokens)
    cost: int | None = None
    """Nano-dollars; None is unpriced."""
    price: str | None = None
    """Where the price is from, as `fleet.prices` names it: table, its date, and the name in it."""
    estimated: bool = False
    """The cost rests on a guess: what the client wrote leaves open what was billed."""
    local: bool = False
    """The model runs on the person's own machine: there is nothing to pay."""
    terms: str | None = None
    """What the client says of the price besides the model: `flex` `priority` `batch` `fast` `us`, space-separated."""
    window: int | None = None
    """The model's context window in tokens, where the price table says."""
    searches: int = 0
    """Web searches that the provider ran within this response, and bills apart."""


class UsageCorrected(Body, frozen=True, tag="usage.corrected"):
    """A better record of a response that was counted: the differences are added."""

    response_id: str | None = None
    tokens: Tokens = field(default_factory=Tokens)
    """May be negative."""
    cost: int = 0
    """Nano-dollars, may be negative."""
    unpriced: int = 0
    """-1: it had no price before; +1: it has none any more. So with the other two."""
    estimated: int = 0
    local: int = 0


class UsagePriced(Body, frozen=True, tag="usage.priced"):
    """A response that was unpriced has a price now."""

    response_id: str | None = None
    cost: int = 0
    """Nano-dollars."""
    price: str = ""
    """As in `Usage`."""
    estimated: bool = False
    local: bool = False


class UsageMoved(Body, frozen=True, tag="usage.moved"):
    """A response turned out to be another session's; one such event for each of the two."""

    response_id: str | None = None
    tokens: Tokens = field(default_factory=Tokens)
    """Negative for the session that loses it."""
    requests: int = 0
    """+1 or -1."""
    cost: int | None = None
    estimated: bool = False
    local: bool = False
    peer: str = ""
    """The other session."""


class StreamProgress(Body, frozen=True, tag="stream.progress"):
    """Tokens are arriving; never counted."""

    output: int = 0


class Limit(Struct, frozen=True, omit_defaults=True):
    """One window of a subscription's quota."""

    used_percent: float
    window_minutes: int | None = None
    resets_at: int | None = None


class QuotaUpdated(Body, frozen=True, tag="quota.updated"):
    """What a client says of a subscription's quota (Codex 0.169 `rate_limits`; Claude Code after a limit was hit)."""

    limits: tuple[Limit, ...] = ()
    """The shortest window first."""
    name: str = ""
    """The quota's own name where an account has several."""
    plan: str | None = None
    estimated: bool = False
    """Not the client's figure: it follows from a limit that was hit."""
