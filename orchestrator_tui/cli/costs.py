"""A session's cost line by line, from the events that count it: what was used, by which price of which table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field

from orchestrator_tui.cli.shapes import spend_json
from orchestrator_tui.cli.words import money
from orchestrator_tui.events import Event, Usage, UsageCorrected, UsageMoved, UsagePriced
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.spending import change_of
from orchestrator_tui.text import line

MAX_OPEN = 100_000
"""Responses whose place is remembered for a later correction."""


class CostLine(Struct):
    """Responses that were billed alike."""

    model: str | None
    price: str | None
    """The table, its date and the name in it; None: no price."""
    terms: str | None
    why: str = ""
    """For what is no plain response: whose it was taken for first, or a price that came later."""
    spend: Spend = field(default_factory=Spend)


def cost_lines(events: Iterable[Event]) -> list[CostLine]:
    """The lines of one session's events; they sum up to its spend."""
    lines: dict[tuple[str | None, ...], CostLine] = {}
    place: dict[str, CostLine] = {}

    def at(model: str | None, price: str | None, terms: str | None, why: str = "") -> CostLine:
        key = (model, price, terms, why)
        if key not in lines:
            lines[key] = CostLine(*key)
        return lines[key]

    for event in events:
        body = event.body
        change = change_of(body)
        if change is None:
            continue
        if isinstance(body, Usage):
            found = at(body.model, body.price, body.terms)
            if body.response_id is not None and len(place) < MAX_OPEN:
                place[body.response_id] = found
        elif isinstance(body, UsagePriced):
            # The response leaves the line of those without a price.
            old = place.get(body.response_id or "")
            found = at(old.model if old else None, body.price, old.terms if old else None, "priced later")
        elif isinstance(body, UsageMoved):
            found = at(None, None, None, f"found first in {body.peer}" if body.requests > 0 else f"of {body.peer}")
        elif isinstance(body, UsageCorrected):
            found = place.get(body.response_id or "") or at(None, None, None, "corrected")
        found.spend.merge(change)
    return list(lines.values())


def cost_json(lines: Iterable[CostLine]) -> list[dict[str, Any]]:
    """The lines as `orc show --json` has them."""
    return [
        {
            "model": item.model,
            "price": item.price,
            "terms": item.terms,
            "note": item.why or None,
            **spend_json(item.spend),
        }
        for item in lines
    ]


def cost_text(item: CostLine) -> str:
    """One line for people."""
    t, spend = item.spend.tokens, item.spend
    write = f"{t.cache_write:,}" + (f" ({t.cache_write_1h:,} for 1 h)" if t.cache_write_1h else "")
    words = [line(item.model or "", 40), item.terms or "", item.why]
    head = " ".join(word for word in words if word) or "unknown model"
    kinds = f"input {t.input:,}, cache read {t.cache_read:,}, cache write {write}, output {t.output:,}"
    if spend.is_local:
        price = "local"
    elif item.price is not None:
        price = f"{money(spend) or '$0.00'} by {line(item.price, 80)}"
    else:
        price = money(spend) or "$0.00"
        price += " no price known" if spend.unpriced else ""
    return f"{head}: {spend.requests} responses, {kinds}: {price}"
