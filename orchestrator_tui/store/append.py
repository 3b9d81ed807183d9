"""Appending, as plain functions on the database: one call is one transaction, run where the connection lives."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import HOUSED, MADE, Event, KnownBody, SessionUpdated, Usage, UsagePriced, encode, type_of
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.counting import Owner, Response, count
from orchestrator_tui.store.rows import (
    Owners,
    load_responses,
    owner_of,
    read_owner,
    save_file,
    save_owners,
    save_responses,
    unpriced,
)
from orchestrator_tui.store.spending import SLOT, Place, book, change_of

LIVE = 60 * SECOND
"""A source time this close to the clock is taken for now (docs/architecture.md)."""
PRICED_AT_ONCE = 500
"""Responses that get a price in one transaction."""


def place(source_at: int | None, seen_at: int, born: int | None, last_at: int) -> int:
    """An event's one place in time (docs/architecture.md).

    Observed live (the source's time within 60 s, or none): when it was seen. Found later: when it happened, but not
    before its file's first line nor after it was seen. Within a session never before what came before it.
    """
    if source_at is None or abs(seen_at - source_at) <= LIVE:
        at = seen_at
    else:
        at = min(max(source_at, born if born is not None else source_at), seen_at)
    return max(at, last_at)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; the write lock is taken at once."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def append(db: sqlite3.Connection, owners: Owners, batches: Sequence[Batch], seen_at: int) -> list[Event]:
    """Append in one transaction, together with the files' checkpoints; returns the events as they were stored."""
    owners.bound()
    try:
        with transaction(db):
            work = [(batch, batch.fresh()) for batch in batches]
            wanted = [entry.response for _, entries in work for entry in entries]
            appending = Appending(db, owners, load_responses(db, owners, wanted), seen_at)
            for batch, entries in work:
                file = save_file(db, batch.file) if batch.file is not None else None
                for entry in entries:
                    appending.take(entry, entry.born if entry.born is not None else batch.born, file)
            return appending.save()
    except BaseException:
        owners.forget()
        raise


def price_unpriced(
    db: sqlite3.Connection, owners: Owners, price: Callable[[Usage], Usage], seen_at: int
) -> list[Event]:
    """Give a price to some of the responses that had none and can have one now; returns the events appended.

    The price that is on record for a response is never changed. Call it until nothing comes back.
    """
    terms = db.execute("SELECT DISTINCT model, terms FROM responses WHERE cost IS NULL").fetchall()
    for model, words in terms:
        if price(Usage(model=model, terms=words)).cost is None:
            continue
        try:
            with transaction(db):
                found = unpriced(db, model, words, PRICED_AT_ONCE)
                appending = Appending(db, owners, found, seen_at)
                for key, response in found.items():
                    appending.price(key, response, price)
                events = appending.save()
        except BaseException:
            owners.forget()
            raise
        if events:
            return events
    return []


class Appending:
    """One transaction: events get their numbers and places, responses are counted, roll-ups kept."""

    def __init__(self, db: sqlite3.Connection, owners: Owners, responses: dict[bytes, Response], seen_at: int) -> None:
        """`responses` holds those of the responses to come that are counted already."""
        self._db, self._owners, self._responses, self._seen_at = db, owners, responses, seen_at
        ((self._seq,),) = db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchall()
        self._events: list[Event] = []
        self._rows: list[tuple[Any, ...]] = []
        self._touched: set[int] = set()
        self._changed: set[bytes] = set()
        self._spent: dict[Place, Spend] = {}

    def take(self, entry: Entry, born: int | None, file: int | None) -> None:
        """What an entry means, appended."""
        mine, body = None, entry.body
        if entry.session is not None:
            mine = owner_of(self._db, self._owners, entry.session, self._seq + 1)
            self._touched.add(mine.key)
        if mine is not None and isinstance(body, SessionUpdated):
            mine.client = body.client or mine.client
            if not (mine.relation in HOUSED and mine.project):
                mine.project = body.project or mine.project
            if body.parent is not None and not (body.relation == "fork" and mine.relation in MADE):
                mine.relation = body.relation
        if mine is None or entry.response is None or not isinstance(body, Usage):
            at = self._add(mine, body, entry, born, file)
            if mine is not None and isinstance(body, Usage):
                self._book(mine, body, at, body.model)
            return
        known = self._responses.get(entry.response)
        holder = self._owners.by_key.get(known.session) if known is not None else None
        oldest = born if born is not None else self._seen_at
        now, out = count(body, mine, oldest, entry.offset or 0, known, holder)
        for owner, outcome in out:
            at = self._add(owner, outcome, entry, born, file)
            if isinstance(outcome, Usage):
                now.at = at
            self._book(owner, outcome, now.at, now.model)
        self._responses[entry.response] = now
        if now != known:
            self._changed.add(entry.response)

    def price(self, key: bytes, response: Response, price: Callable[[Usage], Usage]) -> None:
        """Append the price of a response that had none."""
        r = response
        owner = self._owners.by_key.get(r.session) or read_owner(self._db, self._owners, "key", r.session)
        priced = price(Usage(model=r.model, tokens=r.tokens, terms=r.terms, searches=r.searches))
        if owner is None or priced.cost is None:
            return
        body = UsagePriced(
            cost=priced.cost, price=priced.price or "", estimated=priced.estimated, local=priced.local
        )  # fmt: skip
        self._add(owner, body, Entry(owner.id, body), None, None)
        self._book(owner, body, r.at, r.model)
        self._responses[key] = replace(r, cost=priced.cost, estimated=priced.estimated, local=priced.local)
        self._changed.add(key)

    def _add(self, owner: Owner | None, body: KnownBody, entry: Entry, born: int | None, file: int | None) -> int:
        """One event; returns its place in time."""
        self._seq += 1
        last_at = self._owners.last_at[owner.key] if owner is not None else 0
        at = place(entry.source_at, self._seen_at, born, last_at)
        key = name = None
        if owner is not None:
            key, name = owner.key, owner.id
            self._owners.last_at[key] = at
            self._touched.add(key)
        self._events.append(Event(self._seq, at, self._seen_at, entry.source_at, name, body))
        self._rows.append(
            (self._seq, at, self._seen_at, entry.source_at, key, type_of(body), entry.record, file,
             entry.offset, entry.length, encode(body))
        )  # fmt: skip
        return at

    def _book(self, owner: Owner, body: KnownBody, at: int, model: str | None) -> None:
        change = change_of(body)
        if change is not None:
            where = (at // SLOT, owner.key, model or "")
            spent = self._spent.get(where)
            if spent is None:
                self._spent[where] = change
            else:
                spent.merge(change)

    def save(self) -> list[Event]:
        """Write it all; returns the events."""
        if self._rows:
            self._db.executemany("INSERT INTO events VALUES(?,?,?,?,?,?,?,?,?,?,?)", self._rows)
            # A snapshot whose place is after an event that it does not hold is good for the present only.
            oldest = min(event.at for event in self._events)
            self._db.execute("UPDATE snapshots SET by_at = 0 WHERE at > ? AND by_at = 1", (oldest,))
        save_owners(self._db, self._owners, self._touched)
        save_responses(self._db, {key: self._responses[key] for key in self._changed})
        book(self._db, self._spent)
        return self._events
