"""What decisions changed: each session played again, alone, from a kept state where that is shorter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from orchestrator_tui.events import Event, decode
from orchestrator_tui.fleet import FOLD_VERSION
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.fleet.report.effects import MEASURED, Measured, span_of
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import status_of
from orchestrator_tui.store.load import adopt, restore
from orchestrator_tui.store.reader import Reader

PAGE = 2000
LONG = 1000
"""Events of a session from which it is not played from its beginning, where a state of it is kept."""
MOST = 200_000
"""Events that are played again for decisions, the latest decisions first: some seconds."""


def event_of(row: tuple[Any, ...]) -> Event:
    """An event from its columns."""
    seq, at, seen, source, session, kind, payload = row
    return Event(seq, at, seen, source, session, decode(kind, payload))


def measure(reader: Reader, made: Iterable[Decision], now: int, most: int = MOST) -> dict[str, Measured]:
    """Progress before and after, and the status afterwards, by playing each session alone once.

    It is judged as if somebody had looked all the time. Stops after `most` events: the rest is not in the answer.
    """
    about: dict[str, list[Decision]] = {}
    for decision in made:
        if decision.session is not None and decision.verb in MEASURED and decision.started_at is not None:
            about.setdefault(decision.session, []).append(decision)
    found: dict[str, Measured] = {}
    for session, wanted in sorted(about.items(), key=lambda item: -item[1][-1].at):
        if most <= 0:
            break
        spans = [span_of(d, now) for d in wanted]
        state, after = _stood(reader, session, min(span[0] for span in spans))
        played = _Played(session, wanted, now, state)
        for event in _of_session(reader, session, after, max(span[2] for span in spans)):
            most -= 1
            if most <= 0:
                break
            played.take(event)
        else:
            found.update(played.answer())
    return found


def _stood(reader: Reader, name: str, at: int) -> tuple[Session | None, int]:
    """A session at a kept state before a time, and the number of its last event in that; (None, 0): play all of it."""
    key = reader.session_key(name)
    ((events,),) = reader.query(
        "SELECT count(*) FROM (SELECT 1 FROM events WHERE session = ? AND at < ? LIMIT ?)", key, at, LONG
    )
    # To read a kept state costs as much as to play some hundred events, with many sessions more.
    snapshot = reader.snapshot(FOLD_VERSION, at - 1) if events >= LONG else None
    session = restore(snapshot).sessions.get(name) if snapshot is not None else None
    if snapshot is None or session is None:
        return None, 0
    sql = "SELECT coalesce(max(seq), 0) FROM events WHERE session = ? AND (at, seq) <= (?, ?)"
    return session, int(reader.query(sql, key, snapshot.at, snapshot.seq)[0][0])


def _of_session(reader: Reader, name: str, after: int, until: int) -> Iterator[Event]:
    """A session's events after a number, up to a time, page by page."""
    sql = (
        "SELECT seq, at, seen_at, source_at, ?, type, payload FROM events "
        f"WHERE session = ? AND seq > ? AND at <= ? ORDER BY seq LIMIT {PAGE}"
    )
    key = reader.session_key(name)
    while rows := reader.query(sql, name, key, after, until):
        yield from map(event_of, rows)
        after = rows[-1][0]


class _Played:
    """One session, event by event, looked at when something was decided about it."""

    def __init__(self, session: str, wanted: list[Decision], now: int, state: Session | None = None) -> None:
        """`state`: where it goes on from; else from its beginning."""
        self._fleet = Fleet()
        adopt(self._fleet, state)
        self._fleet.watch.always = True
        self._name, self._wanted = session, wanted
        self._spans = {d.command_id: span_of(d, now) for d in wanted}
        self._counts = {d.command_id: [0, 0] for d in wanted}
        self._ends = sorted((span[2], command) for command, span in self._spans.items())
        self._found: dict[str, tuple[str, str]] = {}

    def take(self, event: Event) -> None:
        """The session's next event."""
        while self._ends and self._ends[0][0] < event.at:
            self._look(*self._ends.pop(0))
        session = self._fleet.sessions.get(self._name)
        before = session.since_progress if session is not None else None
        self._fleet.apply(event)
        if before is None or self._fleet.sessions[self._name].since_progress is before:
            # Progress begins that sum anew.
            return
        for command, (begin, turn, end) in self._spans.items():
            if begin <= event.at < turn:
                self._counts[command][0] += 1
            elif turn <= event.at <= end:
                self._counts[command][1] += 1

    def _look(self, at: int, command: str) -> None:
        session = self._fleet.sessions.get(self._name)
        if session is None:
            return
        status = status_of(self._fleet, session, at)
        self._found[command] = (status.status, status.evidence)

    def answer(self) -> dict[str, Measured]:
        """For each decision that could be judged."""
        for at, command in self._ends:
            self._look(at, command)
        return {
            command: Measured(self._counts[command][0], self._counts[command][1], *told)
            for command, told in self._found.items()
        }
