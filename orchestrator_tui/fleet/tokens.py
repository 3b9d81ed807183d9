"""Adding up tokens and money; the fold only adds, the host has decided what is new."""

from __future__ import annotations

from msgspec import Struct

from orchestrator_tui.events import Tokens


def add(a: Tokens, b: Tokens) -> Tokens:
    """The sum, kind by kind."""
    return Tokens(
        a.input + b.input,
        a.cache_read + b.cache_read,
        a.cache_write + b.cache_write,
        a.output + b.output,
        a.cache_write_1h + b.cache_write_1h,
        a.reasoning + b.reasoning,
    )


def negative(a: Tokens) -> Tokens:
    """The same counts with the sign turned."""
    return Tokens(-a.input, -a.cache_read, -a.cache_write, -a.output, -a.cache_write_1h, -a.reasoning)


class Spend(Struct, gc=False):
    """What a session (or a group) has used."""

    tokens: Tokens = Tokens()
    requests: int = 0
    """Model responses."""
    cost: int = 0
    """Nano-dollars of the responses that have a price."""
    unpriced: int = 0
    """Responses without one."""
    estimated: int = 0
    """Responses whose price rests on a guess."""
    local: int = 0
    """Responses of models on the person's own machine: they cost nothing."""

    def count(self, tokens: Tokens, requests: int, cost: int | None, estimated: int = 0, local: int = 0) -> None:
        """Add responses; a cost of None is unpriced. Negative requests take back what was counted."""
        self.tokens = add(self.tokens, tokens)
        self.requests += requests
        self.estimated += estimated
        self.local += local
        if cost is None:
            self.unpriced += requests
        else:
            self.cost += cost

    def merge(self, other: Spend, sign: int = 1) -> None:
        """Add another's spend, or take it away."""
        self.tokens = add(self.tokens, other.tokens if sign > 0 else negative(other.tokens))
        self.requests += sign * other.requests
        self.cost += sign * other.cost
        self.unpriced += sign * other.unpriced
        self.estimated += sign * other.estimated
        self.local += sign * other.local

    @property
    def cost_state(self) -> str:
        """`exact`, `estimated`, `partial` (some are unpriced: the cost is a lower bound) or `unpriced`.

        docs/contract.md §2.
        """
        if self.unpriced:
            return "partial" if self.unpriced < self.requests else "unpriced"
        return "estimated" if self.estimated else "exact"

    @property
    def cost_usd(self) -> float | None:
        """Dollars; None when nothing of it has a price."""
        return None if self.cost_state == "unpriced" else self.cost / 1_000_000_000

    @property
    def is_local(self) -> bool:
        """Whether every response came from a model on the person's own machine."""
        return 0 < self.requests == self.local
