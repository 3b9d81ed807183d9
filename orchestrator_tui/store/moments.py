"""Reading for a look back: one event further or back, the next decision, what happened per 15 seconds, what was found
later. Every read is one page of bounded size; nothing is held open between two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import Event, decode
from orchestrator_tui.fleet.moments import CHUNK, COUNTED, MARKED, Track
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import change_of

PAGE = 2_000
"""Rows of one read."""
LATE = 60 * SECOND
"""What was seen this long after it happened was found later (docs/architecture.md, "two clocks")."""
WINDOW = 60 * SECOND
"""What is counted of a quarter of an hour is read a minute at a time."""
_FROM = "FROM events e LEFT JOIN sessions s ON s.key = e.session"
_COLUMNS = "e.seq, e.at, e.seen_at, e.source_at, s.id, e.type, e.payload"
Place = tuple[int, int]
"""(at, seq)."""


def span(reader: Reader) -> tuple[int, int] | None:
    """The first and the last time of anything stored; None for an empty store."""
    first, last = reader.query("SELECT min(at), 0 FROM events"), reader.query("SELECT max(at) FROM events")
    return (int(first[0][0]), int(last[0][0])) if first[0][0] is not None else None


def search(
    reader: Reader, at: int, forward: bool, types: Sequence[str] = (), session: str | None = None, but: str = "beat"
) -> Iterator[Event | None]:
    """Events after (or before) a time, nearest first; None after each page without one, so that a caller may rest.

    `types`: only these; without, everything but `but`. Events at `at` itself are passed over.
    """
    key = reader.session_key(session) if session is not None else None
    if session is not None and key is None:
        return
    wanted = f"type IN ({','.join('?' * len(types))})" if types else "type <> ?"
    values = tuple(types) or (but,)
    # Of one session its own index is the shorter way.
    which = "session = ? AND " if key is not None else ""
    own = (key,) if key is not None else ()
    compare, order = (">", "ASC") if forward else ("<", "DESC")
    place: Place = (at, 1 << 62) if forward else (at, -1)
    while True:
        rows = reader.query(
            f"SELECT at, seq, {wanted} FROM events WHERE {which}(at, seq) {compare} (?, ?) "
            f"ORDER BY at {order}, seq {order} LIMIT {PAGE}",
            *values, *own, *place,
        )  # fmt: skip
        found = [seq for _, seq, hit in rows if hit]
        for start in range(0, len(found), 20):
            events = {event.seq: event for event in reader.numbered(found[start : start + 20])}
            yield from (events[seq] for seq in found[start : start + 20] if seq in events)
        if len(rows) < PAGE:
            return
        place = (rows[-1][0], rows[-1][1])
        yield None


def count_chunk(reader: Reader, track: Track, chunk: int, until: int) -> Iterator[None]:
    """Count one chunk of time into a track, resting after each page; up to `until`, beyond which it stays open."""
    start, end = chunk * CHUNK, min((chunk + 1) * CHUNK - 1, until)
    track.clear(chunk)
    place: Place = (start - 1, 1 << 62)
    special, counted = frozenset(MARKED), frozenset(COUNTED)
    marks: list[int] = []
    while True:
        rows = reader.query(
            f"SELECT at, seq, type, CASE WHEN type GLOB 'usage*' THEN payload END FROM events "
            f"WHERE (at, seq) > (?, ?) AND at <= ? ORDER BY at, seq LIMIT {PAGE}",
            *place, end,
        )  # fmt: skip
        track.version += 1
        for at, seq, kind, payload in rows:
            bucket = track.bucket(at)
            if kind == "beat":
                bucket.beats += 1
                continue
            if kind in ("host.started", "host.stopped"):
                bucket.beats += kind == "host.started"
                continue
            bucket.events += 1
            if kind in counted:
                change = change_of(decode(kind, payload))
                if change is not None:
                    bucket.cost += change.cost
                    bucket.tokens += change.tokens.total
            elif kind in special:
                marks.append(seq)
        if len(rows) < PAGE:
            break
        place = (rows[-1][0], rows[-1][1])
        yield
    for first in range(0, len(marks), 200):
        for event in reader.numbered(marks[first : first + 200]):
            track.mark(event)
    track.version += 1
    if (chunk + 1) * CHUNK <= until:
        track.done.add(chunk)


def found_later(reader: Reader) -> dict[str, int]:
    """Sessions whose history was found after it happened -> when it was found."""
    rows = reader.query(
        "SELECT s.id, e.seen_at FROM sessions s JOIN events e ON e.seq = s.first_seq WHERE e.seen_at - e.at > ?", LATE
    )
    return {str(name): int(seen) for name, seen in rows}


def appended_before(reader: Reader, seq: int, at: int) -> int | None:
    """The earliest place of what was appended after a number and belongs at or before a time; None: nothing was."""
    # `+at`: by number, not by time.
    rows = reader.query("SELECT min(+at) FROM events WHERE seq > ? AND +at <= ?", seq, at)
    return int(rows[0][0]) if rows and rows[0][0] is not None else None


def changes(reader: Reader, after: int, until: int) -> list[tuple[int, str, Spend]]:
    """(at, project, what it adds to the sums) of everything counted after one time and up to another, in order."""
    kinds = ", ".join(f"'{kind}'" for kind in COUNTED)
    # `+type`: by time. Only what is counted comes out of SQLite: of six events one.
    sql = (
        f"SELECT e.at, e.type, coalesce(s.project, ''), e.payload {_FROM} "
        f"WHERE e.at > ? AND e.at <= ? AND +e.type IN ({kinds}) ORDER BY e.at, e.seq"
    )
    out: list[tuple[int, str, Spend]] = []
    for start in range(after, until, WINDOW):
        for at, kind, project, payload in reader.query(sql, start, min(start + WINDOW, until)):
            change = change_of(decode(kind, payload))
            if change is not None:
                out.append((int(at), str(project), change))
    return out
