"""How figures of a report are worded: money with its state, counts, times, shares."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from statistics import median

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.report.shapes import Side, Used, used
from orchestrator_tui.fleet.tokens import Spend

SIGNS = {"partial": "≥", "estimated": "~"}
LEGEND = "≥ at least: some responses have no price; ~ estimated; ? no price, or not on record"
BASES = {
    "exact": "exact: every response by its price",
    "estimated": "estimated: some prices rest on a guess",
    "partial": "at least: some responses have no price",
    "unpriced": "no price is known",
}


def usd(dollars: float) -> str:
    """Dollars; cents as far as they matter."""
    size = abs(dollars)
    if size >= 1000:
        return f"${dollars:,.0f}"
    if size >= 0.005 or size == 0:
        return f"${dollars:.2f}"
    return f"${dollars:.4f}" if size >= 0.00005 else "<$0.0001"


def cost(spend: Spend, parts: int = 1) -> str:
    """What something cost with its state, or the share of one of so many parts."""
    if spend.is_local:
        return "local"
    return used_cost(used(spend), parts)


def used_cost(part: Used, parts: int = 1) -> str:
    """The same of a stretch: `$1.84`, `~$1.84`, `≥$1.84`, `?`."""
    dollars = part.usd
    return "?" if dollars is None else SIGNS.get(part.basis, "") + usd(dollars / max(1, parts))


def basis_words(part: Used) -> str:
    """What a sum rests on."""
    words = BASES[part.basis]
    return f"{words} ({part.unpriced} of {part.requests})" if part.unpriced > 0 and part.requests else words


def count(number: float) -> str:
    """`950`, `12.3k`, `3.4M`."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= size:
            return f"{number / size:.1f}{unit}"
    return f"{number:.0f}"


def share(part: int, whole: int) -> str:
    """A share in percent; `?` of nothing."""
    return f"{100 * part / whole:.0f} %" if whole > 0 else "0 %" if part == 0 else "?"


def stamp(at: int) -> str:
    """A time in UTC, to the minute."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%d %H:%M")


def clock(at: int) -> str:
    """A time in UTC without the year."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%m-%d %H:%M:%S")


def rate(side: Side) -> str:
    """Dollars a minute."""
    if side.span <= 0:
        return "?"
    dollars = side.used.usd
    if dollars is None:
        return "?"
    return SIGNS.get(side.used.basis, "") + f"{usd(dollars * 60 * SECOND / side.span)}/min"


def steps(side: Side) -> str:
    """How often there was progress."""
    return "?" if side.progress is None else str(side.progress)


def medians(values: Iterable[int]) -> tuple[int, int] | None:
    """(median, of how many); None of none."""
    found = list(values)
    return (int(median(found)), len(found)) if found else None
