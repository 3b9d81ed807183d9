"""What iterations have cost so far: the built-in agent's from its log, another client's from the event store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from orchestrator_tui.errors import StoreError
from orchestrator_tui.events import SessionUpdated, Tokens, Usage, decode
from orchestrator_tui.fleet.prices import PriceTable, Source, price
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.state import NANO
from orchestrator_tui.store.reader import Reader

MAX_LINE = 64 << 20
MAX_TREE = 900
"""Sessions whose cost is added up: as many values as any SQLite takes."""
_SUM = "SELECT coalesce(sum(cost), 0), coalesce(sum(unpriced), 0) FROM spending WHERE session IN (%s)"
_TOLD = (
    "SELECT e.seq, s.key, s.id, e.payload FROM events e JOIN sessions s ON s.key = e.session "
    "WHERE e.seq > ? AND e.type = 'session.updated' ORDER BY e.seq"
)


def table_of(folder: Folder) -> PriceTable:
    """The prices that the host has put beside the spec (`prices.json`, a map as litellm's); none where it has not."""
    try:
        entries = msgspec.json.decode(folder.prices.read_bytes(), type=dict[str, msgspec.Raw])
    except (OSError, msgspec.MsgspecError):
        entries = {}
    return PriceTable([[Source("loop", entries)]] if entries else [])


class LogSpend:
    """The cost of one open log, read as it grows."""

    def __init__(self, path: Path, table: PriceTable) -> None:
        self._path, self._table = path, table
        self._offset, self._count = 0, 0
        self._costs: dict[str, int | None] = {}
        """Response -> nano-dollars; each once, its latest record."""

    def look(self) -> tuple[int, int]:
        """(nano-dollars, responses without a price) so far."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                while (line := file.readline(MAX_LINE)).endswith(b"\n"):
                    self._offset += len(line)
                    if b'"usage"' in line:
                        self._take(line)
        except OSError:
            pass
        known = [cost for cost in self._costs.values() if cost is not None]
        return sum(known), len(self._costs) - len(known)

    def _take(self, line: bytes) -> None:
        try:
            value = msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return
        if not isinstance(value, dict) or value.get("kind") != "usage" or value.get("stream") is True:
            return
        self._count += 1
        name = value.get("id")
        self._costs[name if isinstance(name, str) and name else f" {self._count}"] = self._cost(value)

    def _cost(self, value: dict[str, Any]) -> int | None:
        said = value.get("cost")
        if isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said < 1e6:
            return round(said * NANO)
        model = value.get("model")
        tokens = Tokens(
            _count(value, "input", "inp"), _count(value, "cache_read"), _count(value, "cache_write"),
            _count(value, "output", "out"), _count(value, "cache_write_1h"), _count(value, "reasoning"),
        )  # fmt: skip
        return price(Usage(model=model if isinstance(model, str) else None, tokens=tokens), self._table).cost


class StoreSpend:
    """The cost of a client's session, with its sub-agents, as the host has counted it."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._reader: Reader | None = None
        self._from, self._seq = 1 << 62, 0
        """Between these events it is known who is whose sub-agent."""
        self._parents: dict[str, str] = {}
        self._keys: dict[str, int] = {}

    def look(self, session: str) -> tuple[int, int]:
        """(nano-dollars, responses without a price); nothing while there is no store."""
        try:
            if self._reader is None:
                self._reader = Reader(self._database)
            keys = self._tree(self._reader, session)
            ((cost, unpriced),) = self._reader.query(_SUM % ",".join("?" * len(keys)), *keys)
        except StoreError:
            self.close()
            return 0, 0
        return int(cost), int(unpriced)

    def _tree(self, reader: Reader, session: str) -> list[int]:
        """The internal numbers of a session and all that works for it."""
        first, key = reader.first_seq(session), reader.session_key(session)
        if first is None or key is None:
            return []
        # Whoever works for it came after it, and what was told before is known already.
        if first < self._from:
            self._from = self._seq = first
        end = reader.last_seq()
        for _, own, name, payload in reader.query(_TOLD, self._seq):
            body = decode("session.updated", payload)
            if isinstance(body, SessionUpdated) and body.parent is not None and body.relation == "subagent":
                self._parents[name], self._keys[name] = body.parent, own
        self._seq = end
        wanted, keys = {session}, [key]
        while fresh := {name for name, parent in self._parents.items() if parent in wanted and name not in wanted}:
            wanted |= fresh
            keys += [self._keys[name] for name in fresh]
        return keys[:MAX_TREE]

    def close(self) -> None:
        """Let go of the store."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _count(value: dict[str, Any], *names: str) -> int:
    found = next((value[name] for name in names if value.get(name) is not None), 0)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 40 else 0
