"""What a look back marks and counts: decisions, alerts, deaths, checks, budgets; what happened per 15 seconds."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from orchestrator_tui import events as ev
from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.watch import PATIENCE

BUCKET = 15 * SECOND
"""The finest step of a timeline."""
CHUNK = 40 * BUCKET
"""What is counted at once: ten minutes."""
IDLE = 20 * BUCKET
"""Nothing but beats for this long is a gap that a player skips."""
LETTERS = {
    "kill": "x", "split": "s", "escalate": "e", "stepdown": "d", "message": "m", "approve": "y", "deny": "n",
    "pause": "p", "resume": "p", "revive": "C", "run": "c", "budget": "b", "undo": "u", "ack": "a", "snooze": "z",
}  # fmt: skip
"""Verb -> the key that asks for it."""
SMALL = frozenset({"view", "group", "assign"})
"""Verbs that decide nothing about a session's work."""
WEIGHT = {"death": 5, "red": 4, "budget": 3, "command": 2, "amber": 1, "check": 0, "fine": -1}
"""Which mark is shown where several fall on one place."""


class Mark(Struct, frozen=True, order=True):
    """Something worth a sign on the timeline."""

    at: int
    seq: int
    kind: str
    """`death` `red` `amber` `budget` `command` `check` `fine` (an alert that cleared)."""
    sign: str
    """A status, for an alert; a key, for a command; `ok` or `failed`, for a check."""
    session: str = ""

    @property
    def decision(self) -> bool:
        """Whether a person, or a guard for one, decided something here."""
        return self.kind == "command"


class Bucket(Struct):
    """What happened in 15 seconds."""

    events: int = 0
    """Besides the host's beats."""
    cost: int = 0
    """Nano-dollars."""
    tokens: int = 0
    beats: int = 0


def mark_of(event: ev.Event) -> Mark | None:
    """The mark of an event; None for one that is nothing special."""
    body, session = event.body, event.session or ""
    if isinstance(body, ev.AlertRaised):
        kind = "budget" if body.cause.startswith("budget") else "death" if body.status == "dead" else body.severity
        return Mark(event.at, event.seq, kind, body.status, session)
    if isinstance(body, ev.CommandRequested) and body.verb not in SMALL:
        about = body.arguments.get("session")
        return Mark(event.at, event.seq, "command", LETTERS.get(body.verb, "·"), str(about or session))
    if isinstance(body, ev.Check):
        return Mark(event.at, event.seq, "check", "ok" if body.ok else "failed", session)
    if isinstance(body, ev.ProcessGone) and body.reason not in ("", "ended", "exit"):
        return Mark(event.at, event.seq, "death", "dead", session)
    return None


MARKED = (
    "alert.raised",
    "alert.escalated",
    "alert.cleared",
    "acknowledged",
    "command.requested",
    "check",
    "process.gone",
)
"""Types of events that may bear a mark, or end one."""
COUNTED = ("usage", "usage.corrected", "usage.priced", "usage.moved")


class Track:
    """What was counted of a stretch of time, chunk by chunk, in any order."""

    def __init__(self) -> None:
        self.buckets: dict[int, Bucket] = {}
        """`at` / BUCKET -> what happened then."""
        self.marks: list[Mark] = []
        """In order."""
        self.changes: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
        """(session, cause) -> (at, seq, status of the alert from then on, "" for none), in order."""
        self.done: set[int] = set()
        """Chunks that are counted: `at` / CHUNK."""
        self.version = 0
        """Another number is another content."""

    def clear(self, chunk: int) -> None:
        """Forget one chunk: it is counted anew."""
        start, end = chunk * CHUNK, (chunk + 1) * CHUNK
        for place in range(start // BUCKET, end // BUCKET):
            self.buckets.pop(place, None)
        if self.near(start, end):
            self.marks = [mark for mark in self.marks if not start <= mark.at < end]
        for key, changes in list(self.changes.items()):
            kept = [change for change in changes if not start <= change[0] < end]
            if len(kept) != len(changes):
                self.changes[key] = kept
        self.done.discard(chunk)
        self.version += 1

    def forget(self, since: int) -> None:
        """Something was found that belongs into what is counted: count it again from there."""
        for chunk in [chunk for chunk in self.done if chunk >= since // CHUNK]:
            self.clear(chunk)

    def missing(self, start: int, end: int) -> list[int]:
        """Chunks between two times that are not counted yet."""
        return [chunk for chunk in range(start // CHUNK, -(-end // CHUNK)) if chunk not in self.done]

    def bucket(self, at: int) -> Bucket:
        """The bucket of a time."""
        place = at // BUCKET
        found = self.buckets.get(place)
        if found is None:
            found = self.buckets[place] = Bucket()
        return found

    def mark(self, event: ev.Event) -> None:
        """An event that may bear a mark."""
        body = event.body
        found = mark_of(event)
        if found is not None:
            insort(self.marks, found)
        if isinstance(body, ev.AlertRaised | ev.AlertEscalated):
            self._change(event, body.cause, body.status)
        elif isinstance(body, ev.AlertCleared | ev.Acknowledged):
            self._change(event, body.cause, "")

    def _change(self, event: ev.Event, cause: str, status: str) -> None:
        insort(self.changes.setdefault((event.session or "", cause), []), (event.at, event.seq, status))

    def open_before(self, session: str, cause: str, status: str, since: int) -> None:
        """An alert that had been raised before what is counted."""
        changes = self.changes.setdefault((session, cause), [])
        if not any(at <= since for at, _, _ in changes):
            insort(changes, (since, 0, status))
            self.version += 1

    def stretches(self) -> Iterator[tuple[str, int, int | None]]:
        """(status, from, to) of every alert; `to` None: it is open at the end of what was counted."""
        for changes in self.changes.values():
            for index, (at, _, status) in enumerate(changes):
                if status:
                    yield status, at, changes[index + 1][0] if index + 1 < len(changes) else None

    # --- asking -------------------------------------------------------------------------------------------

    def near(self, start: int, end: int) -> list[Mark]:
        """The marks from `start` on and before `end`."""
        return self.marks[
            bisect_left(self.marks, start, key=lambda mark: mark.at) : bisect_left(
                self.marks, end, key=lambda mark: mark.at
            )
        ]


class Column(Struct):
    """One column of a timeline."""

    start: int
    events: int = 0
    cost: int = 0
    tokens: int = 0
    counted: bool = False
    watched: bool = False
    open: dict[str, int] = field(default_factory=dict)
    """Status -> how many alerts of it were open."""
    mark: Mark | None = None
    """The weightiest one."""


def columns_of(track: Track, start: int, step: int, count: int) -> list[Column]:
    """What is known of `count` stretches of `step` nanoseconds from `start` on."""
    out = [Column(start + index * step) for index in range(count)]
    end = start + count * step
    beats: set[int] = set()
    first, last_place = (start - PATIENCE) // BUCKET - 1, -(-end // BUCKET)
    # Whichever is shorter: what is shown, or what was counted.
    wide = last_place - first > len(track.buckets)
    places = track.buckets if wide else range(first, last_place)
    for place in places:
        bucket = track.buckets.get(place)
        if bucket is None or not first <= place < last_place:
            continue
        index = (place * BUCKET - start) // step
        if bucket.beats:
            reach = (place * BUCKET + BUCKET - 1 + PATIENCE - start) // step
            beats.update(range(max(0, index), min(count - 1, reach) + 1))
        if 0 <= index < count:
            column = out[index]
            column.events += bucket.events
            column.cost += bucket.cost
            column.tokens += bucket.tokens
    for index, column in enumerate(out):
        last = column.start + max(0, step - 1)
        column.counted = column.start // CHUNK in track.done and last // CHUNK in track.done
        column.watched = index in beats
    for status, since, to in track.stretches():
        stop = end if to is None else to
        if stop <= start or since >= end:
            continue
        for index in range(max(0, (since - start) // step), min(count - 1, (stop - 1 - start) // step) + 1):
            open_ = out[index].open
            open_[status] = open_.get(status, 0) + 1
    for mark in track.near(start, end):
        column = out[(mark.at - start) // step]
        if column.mark is None or WEIGHT[mark.kind] >= WEIGHT[column.mark.kind]:
            column.mark = mark
    return out


def idle_until(track: Track, at: int, end: int) -> int | None:
    """When the next thing happens, if nothing does for a while after `at`; None where something does, or who knows."""
    place = at // BUCKET + 1
    last = end // BUCKET
    first = place
    while place <= last:
        if place * BUCKET // CHUNK not in track.done:
            break
        bucket = track.buckets.get(place)
        if bucket is not None and bucket.events:
            break
        place += 1
    target = min(place, last) * BUCKET
    return target if (place - first) * BUCKET >= IDLE else None


def statuses_in(columns: Iterable[Column]) -> list[str]:
    """The statuses of alerts that were open in these columns, the most lasting first."""
    total: dict[str, int] = {}
    for column in columns:
        for status, count in column.open.items():
            total[status] = total.get(status, 0) + count
    return sorted(total, key=lambda name: (-total[name], name))
