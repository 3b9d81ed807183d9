"""Overlays: what the colour of a cell on the map tells, besides its status; one line says how to read it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct

from orchestrator_tui.fleet import MINUTE
from orchestrator_tui.text import age
from orchestrator_tui.ui.draw.ink import Run, amount, short, usd
from orchestrator_tui.ui.frame import Cell

STEPS = 5
"""Of every overlay's scale, and of a theme's ramp as it is drawn."""
BLOCKS = "▁▃▅▇█"
"""The same without colour: the sign of a dot."""
Value = tuple[int, str]
"""(step from 0, what to write in a tile)"""
UNKNOWN: Value = (-1, "?")
NOTHING: Value = (-1, "")
"""Not unknown: there is nothing to tell, such as the burn of a session that rests."""
TIERS = {"small": (0, "small"), "medium": (2, "medium"), "large": (4, "large")}


class Overlay(Struct, frozen=True):
    """One way to colour the map."""

    id: str
    label: str
    legend: tuple[str, ...]
    """Five words, one per step; () where the colour is the status."""
    of: Callable[[Cell, int], Value]
    """A cell's place on the scale, now."""


def heat(step: int) -> str:
    """The role of a step."""
    return f"heat{step}" if step >= 0 else "fog"


def step_of(value: float, edges: tuple[float, ...]) -> int:
    """On which step a value is: the number of edges at or below it."""
    return sum(value >= edge for edge in edges)


BURN = (0.05, 0.2, 0.5, 2.0)
"""Dollars per minute."""
TOKENS = (5e3, 2e4, 1e5, 5e5)
"""The same for what has no price: tokens per minute."""
SINCE = (0.10, 0.50, 2.0, 5.0)
"""Dollars."""
CONTEXT = (0.5, 0.7, 0.8, 0.9)
AGE = (5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 60 * MINUTE)


def _burn(cell: Cell, now: int) -> Value:
    if cell.usd_per_minute is not None:
        return step_of(cell.usd_per_minute, BURN), usd(cell.usd_per_minute) + "/m"
    if cell.tokens_per_minute:
        return step_of(cell.tokens_per_minute, TOKENS), short(cell.tokens_per_minute) + "/m"
    return NOTHING


def _since(cell: Cell, now: int) -> Value:
    spend = cell.since_progress
    if not spend.requests or spend.is_local:
        return NOTHING
    cost = spend.cost_usd
    return (step_of(cost, SINCE), amount(spend)) if cost is not None else UNKNOWN


def _context(cell: Cell, now: int) -> Value:
    if cell.context is not None:
        return step_of(cell.context, CONTEXT), f"{cell.context:.0%}"
    return UNKNOWN if cell.context_tokens else NOTHING


def _age(cell: Cell, now: int) -> Value:
    if cell.status.status in ("finished", "fog", "dead"):
        return NOTHING
    if cell.progress_at is None:
        return UNKNOWN
    old = max(0, now - cell.progress_at)
    return step_of(old, AGE), age(old)


def _tier(tier_of: Callable[[str], str | None]) -> Callable[[Cell, int], Value]:
    known = lru_cache(256)(tier_of)

    def tier(cell: Cell, now: int) -> Value:
        if cell.model == "?":
            return NOTHING
        return TIERS.get(known(cell.model) or "", UNKNOWN)

    return tier


def overlays(tier_of: Callable[[str], str | None]) -> tuple[Overlay, ...]:
    """All of them; `tier_of` says of a model whether it is `small`, `medium` or `large`."""
    return (
        Overlay("status", "status", (), lambda cell, now: NOTHING),
        Overlay("burn", "burn", ("<5¢/min", "5¢", "20¢", "50¢", "$2"), _burn),
        Overlay("since", "cost since progress", ("<10¢", "10¢", "50¢", "$2", "$5"), _since),
        Overlay("age", "age since progress", ("<5m", "5m", "15m", "30m", "1h"), _age),
        Overlay("context", "context used", ("<50%", "50%", "70%", "80%", "90%"), _context),
        Overlay(
            "owner", "begun by", ("you", "orc for you", "loop", "split, fork", "session"), lambda cell, now: cell.owner
        ),
        Overlay("tier", "model tier", ("small", "", "medium", "", "large"), _tier(tier_of)),
    )


def legend(overlay: Overlay) -> list[Run]:
    """How to read the map, for its frame."""
    runs: list[Run] = []
    for step, word in enumerate(overlay.legend):
        if word:
            runs += [(BLOCKS[step], heat(step)), (f" {word}  ", "dim")]
    return [*runs, ("? unknown ", "dim")] if runs else []
