"""OpenCode's database, page by page (1.18.33)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from orchestrator_tui.clients.base import Draft, Page, Record
from orchestrator_tui.clients.opencode.look import Look
from orchestrator_tui.clients.opencode.rows import Tables
from orchestrator_tui.clients.opencode.state import Cursor
from orchestrator_tui.clock import MILLISECOND

if TYPE_CHECKING:
    import sqlite3


class Database:
    """The parser of a database."""

    session: str | None = None
    first_at: int | None = None
    last_at: int | None = None

    def __init__(self, state: bytes | None, now: int) -> None:
        self.state = msgspec.msgpack.decode(state, type=Cursor) if state else Cursor()
        self._now = now // MILLISECOND

    def feed(self, record: Record) -> Iterator[Draft]:
        """Nothing: a database is read by `page`."""
        return iter(())

    def page(self, db: sqlite3.Connection, drafts: int, until: float) -> Page:
        """The next drafts; see `clients.base.DatabaseParser`."""
        look = Look(self.state, Tables(db), self._now)
        look.find_place()
        again, more = self.state.again, look.read(drafts, until)
        self.state.again = again and more
        return Page(look.in_order(), more, again, self.state.read)
