"""Roll-ups: what each session used per quarter of an hour and model, kept in the transaction that counts a response.

A response is booked where it was first counted; corrections, later prices and moves go to the same place, so that a
day's sum is the truth about that day. Midnight falls on a quarter of an hour in every time zone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import AnyBody, Tokens, Usage, UsageCorrected, UsageMoved, UsagePriced
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.reader import Reader

SLOT = 900 * SECOND
Place = tuple[int, int, str]
"""(slot, session, model)."""
By = Literal["project", "client", "model", "session", "slot"]
_COUNTS = (
    "requests", "unpriced", "estimated", "local", "cost",
    "input", "cache_read", "cache_write", "output", "cache_write_1h", "reasoning",
)  # fmt: skip
_GROUPS: dict[By, str] = {
    "project": "coalesce(o.project, '')", "client": "coalesce(o.client, '')", "model": "s.model", "session": "o.id",
    "slot": "s.slot",
}  # fmt: skip
_ADD = (
    f"INSERT INTO spending(slot, session, model, {', '.join(_COUNTS)}) VALUES({','.join('?' * (3 + len(_COUNTS)))}) "
    f"ON CONFLICT DO UPDATE SET {', '.join(f'{name} = {name} + excluded.{name}' for name in _COUNTS)}"
)


def change_of(body: AnyBody) -> Spend | None:
    """What an event adds to the sums; None for one that is not about money or tokens."""
    change = Spend()
    if isinstance(body, Usage):
        change.count(body.tokens, 1, body.cost, body.estimated, body.local)
    elif isinstance(body, UsageMoved):
        change.count(
            body.tokens, body.requests, body.cost, body.requests * body.estimated, body.requests * body.local
        )  # fmt: skip
    elif isinstance(body, UsageCorrected):
        change.count(body.tokens, 0, body.cost, body.estimated, body.local)
        change.unpriced += body.unpriced
    elif isinstance(body, UsagePriced):
        change.count(Tokens(), 0, body.cost, body.estimated, body.local)
        change.unpriced -= 1
    else:
        return None
    return change


def book(db: sqlite3.Connection, changes: Mapping[Place, Spend]) -> None:
    """Add changes to the roll-ups, within the caller's transaction."""
    if changes:
        db.executemany(_ADD, [(*place, *_row(change)) for place, change in changes.items()])


def _row(spend: Spend) -> tuple[int, ...]:
    t = spend.tokens
    return (
        spend.requests, spend.unpriced, spend.estimated, spend.local, spend.cost,
        t.input, t.cache_read, t.cache_write, t.output, t.cache_write_1h, t.reasoning,
    )  # fmt: skip


def spend_of(row: Iterable[Any]) -> Spend:
    """A row of the counts as a `Spend`."""
    requests, unpriced, estimated, local, cost, *tokens = row
    return Spend(Tokens(*tokens), requests, cost, unpriced, estimated, local)


def spent(reader: Reader, since: int, until: int, by: By | None = None) -> dict[str, Spend]:
    """What was used from `since` on and before `until`, whole quarters of an hour, by key ("" without `by`).

    Milliseconds whatever the number of events: a day of 100 sessions is some thousand rows.
    """
    key = _GROUPS[by] if by is not None else "''"
    sums = ", ".join(f"sum(s.{name})" for name in _COUNTS)
    rows = reader.query(
        f"SELECT {key}, {sums} FROM spending s JOIN sessions o ON o.key = s.session "
        "WHERE s.slot >= ? AND s.slot < ? GROUP BY 1",
        since // SLOT, -(-until // SLOT),
    )  # fmt: skip
    return {str(row[0]): spend_of(row[1:]) for row in rows}
