"""What one session used, by model: from the roll-ups, which are small however long it is."""

from __future__ import annotations

from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import SLOT, spend_of

_SUMS = ", ".join(
    f"sum({name})"
    for name in (
        "requests", "unpriced", "estimated", "local", "cost",
        "input", "cache_read", "cache_write", "output", "cache_write_1h", "reasoning",
    )
)  # fmt: skip


def by_model(reader: Reader, session: str, since: int, until: int) -> list[tuple[str, Spend]]:
    """(model, what was used) of a session from `since` up to `until`, whole quarters of an hour, the dearest first."""
    key = reader.session_key(session)
    sql = f"SELECT model, {_SUMS} FROM spending WHERE slot >= ? AND slot <= ? AND session = ? GROUP BY model"
    rows = reader.query(sql, since // SLOT - 1, until // SLOT, key)
    found = [(str(row[0]), spend_of(row[1:])) for row in rows]
    return sorted(found, key=lambda item: (-item[1].cost, -item[1].tokens.total, item[0]))
