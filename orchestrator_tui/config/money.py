"""Settings of money: budgets, and what models cost."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from orchestrator_tui.config.toml import key as _key

Dollars = Annotated[float, Meta(ge=0, le=1e9)]
PRICE_KEYS = ("input", "output", "cache_read", "cache_write", "cache_write_1h")
MAX_PRICE = 1_000_000


class Budgets(Struct, frozen=True, forbid_unknown_fields=True):
    """`[budgets]`: what you want to spend at most, in dollars; amber from 80 % on, red from 100 %. 0 is no budget."""

    session: Dollars = 0.0
    """Per session, with its sub-agents."""
    day: Dollars = 0.0
    """The whole fleet, from midnight to midnight."""
    projects: dict[str, Dollars] = field(default_factory=dict)
    """Per project and day, e.g. `{webapp = 50, "*" = 20}`; `*` is every project that is not named."""


class Prices(Struct, frozen=True, forbid_unknown_fields=True):
    """`[prices]`: what models cost, where the price tables do not know it or you pay something else."""

    models: dict[str, dict[str, object]] = field(default_factory=dict)
    """Per model, in dollars per million tokens: `input` with `output`, `cache_read`, `cache_write`, `cache_write_1h`;
    and `context_window` in tokens. E.g. `[prices.models."my-model"]`, below it `input = 3.0` and `output = 15.0`."""
    local: list[str] = field(default_factory=list)
    """Models that run on your own machines and cost nothing, as patterns: `["my-model*"]`."""
    subscription: list[str] = field(default_factory=list)
    """Clients that you pay by subscription, e.g. `["claude", "codex"]`: their figures are called what they are, the
    same work by the API's price list."""

    def __post_init__(self) -> None:
        for model, settings in self.models.items():
            key = f"prices.models.{_key(model)}"
            for name, value in settings.items():
                number = None if isinstance(value, bool) else value
                if name == "context_window":
                    if not isinstance(number, int) or not 0 < number < 1 << 40:
                        raise ValueError(f"{key}.{name} must be a whole number of tokens above 0")
                elif name not in PRICE_KEYS:
                    raise ValueError(f"{key}.{name} is no setting; there are {', '.join(PRICE_KEYS)}, context_window")
                elif not isinstance(number, int | float) or not 0 <= number <= MAX_PRICE:
                    raise ValueError(f"{key}.{name} must be dollars per million tokens, from 0 to {MAX_PRICE}")
            if set(PRICE_KEYS) & settings.keys() and not {"input", "output"} <= settings.keys():
                raise ValueError(f"{key} needs both input and output")
