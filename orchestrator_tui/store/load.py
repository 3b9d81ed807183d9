"""From the store to a fleet: the nearest snapshot plus the events after it. Live and replay both come through here."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec

from orchestrator_tui.events import Event
from orchestrator_tui.fleet import FOLD_VERSION
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.store.reader import Reader, Snapshot
from orchestrator_tui.store.states import names_of, raw_of, take, unpack

START = (-1, 0)
"""The place before every event."""


def pack(state: bytes) -> bytes:
    """A whole state in one piece."""
    return zlib.compress(state, 1)


def restore(snapshot: Snapshot | None) -> Fleet:
    """The fleet of a snapshot; an empty one without."""
    fleet = Fleet()
    if snapshot is not None:
        try:
            layers = [unpack(state) for state in snapshot.states]
            raws = (raw_of(layers, name) for name in names_of(layers))
            take(fleet, layers[-1].head, [raw for raw in raws if raw is not None])
        except (msgspec.DecodeError, zlib.error):
            # Damaged, or not this fold's after all: everything is in the events.
            fleet = Fleet()
    fleet.forget_changes()
    return fleet


def fleet_now(reader: Reader) -> Fleet:
    """The fleet with everything that is stored folded in."""
    fleet = restore(reader.snapshot(FOLD_VERSION))
    follow(reader, fleet)
    return fleet


def follow(reader: Reader, fleet: Fleet) -> int:
    """Fold in what was appended since; returns how many events."""
    return apply(reader, fleet, reader.tail(fleet.seq))


def fleet_at(reader: Reader, at: int) -> Fleet:
    """The fleet as it stood at a time: all events placed at or before it."""
    snapshot = reader.snapshot(FOLD_VERSION, at)
    fleet = restore(snapshot)
    # Whatever was appended later and belongs before the snapshot's place would have marked it `late`.
    start = START if not fleet.seq else (fleet.at, fleet.seq)
    apply(reader, fleet, reader.between(start, at))
    return fleet


def apply(reader: Reader, fleet: Fleet, events: Iterable[Event]) -> int:
    """Fold events in; a session that had left the fold is brought back first, from its own events."""
    count = 0
    for event in events:
        name = event.session
        if name is not None and name not in fleet.sessions:
            first = reader.first_seq(name)
            if first is not None and first < event.seq:
                adopt(fleet, refold(reader, name, event.at, event.seq))
        fleet.apply(event)
        count += 1
    return count


def refold(reader: Reader, session: str, until: int, before_seq: int | None = None) -> Session | None:
    """One session alone, from its own events."""
    alone = Fleet()
    alone.apply_all(reader.of_session(session, until, before_seq))
    return alone.sessions.get(session)


def adopt(fleet: Fleet, session: Session | None) -> None:
    """Put a session back into a fleet that it had left."""
    if session is not None:
        fleet.sessions[session.id] = session


def departed(reader: Reader, fleet: Fleet, at: int | None = None) -> list[Session]:
    """The sessions that are stored but not in the fleet, as they stood at `at` (None: now)."""
    found = []
    for name, last_at, summary, _ in reader.summaries():
        if name in fleet.sessions:
            continue
        session = None
        if summary is not None and (at is None or last_at <= at):
            session = _of_summary(summary)
        if session is None or session.last_at < last_at <= (at if at is not None else last_at):
            session = refold(reader, name, at if at is not None else 1 << 62)
        if session is not None:
            found.append(session)
    return found


def summary(session: Session) -> bytes:
    """A session as its summary row keeps it."""
    return zlib.compress(_encoder.encode((FOLD_VERSION, session)), 1)


def _of_summary(data: bytes) -> Session | None:
    """The session of a summary row; None when another version of the fold wrote it."""
    try:
        version, state = _summaries.decode(zlib.decompress(data))
        return _sessions.decode(state) if version == FOLD_VERSION else None
    except (msgspec.DecodeError, zlib.error):
        return None


_encoder = msgspec.msgpack.Encoder()
_summaries = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw])
_sessions = msgspec.msgpack.Decoder(Session)
