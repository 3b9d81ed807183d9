"""Streams of entries as a host would append them: generated transcripts, parsed, and played by many sessions.

Parsing costs more than storing; so a few dozen transcripts are parsed once, and every session plays one of them
under its own id and with response keys of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import PurePath

from orchestrator_tui.clients.base import Record
from orchestrator_tui.clients.claude.transcript import Transcript
from orchestrator_tui.clock import HOUR, SECOND
from orchestrator_tui.events import Beat, Child, ClientStatus, Event, ProcessObserved, type_of
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.snapshots import Snapshots
from orchestrator_tui.store.writer import Store
from tests.bench.generate import PROJECTS, Talk

POOL = 32
LINES = 600


@cache
def parsed(number: int) -> list[list[Entry]]:
    """The entries of each line of one generated transcript, with what else a host sees of such a session."""
    rng = random.Random(f"parsed {number}")
    talk = Talk(f"pool {number}", f"/home/dev/{rng.choice(PROJECTS)}")
    parser = Transcript(PurePath(f"{talk.native}.jsonl"), None)
    offset, lines = 0, []
    for at in range(LINES):
        data = talk.line(1_700_000_000 * SECOND + at * SECOND)
        drafts = parser.feed(Record(offset, len(data), data))
        offset += len(data)
        line = [Entry(d.session, d.body, d.source_at, d.key, d.offset, d.length, d.response) for d in drafts]
        if rng.random() < 0.1:
            child = Child(talk.text(60, 200), 3.2, "S", 4096)
            seen = ProcessObserved(pid=4711, started=77, ppid=1, tty="pts/3", activity="low", children=[child])
            line.append(Entry("", seen))
        if rng.random() < 0.05:
            line.append(Entry("", ClientStatus(status=rng.choice(("busy", "idle")), pid=4711)))
        lines.append(line)
    return lines


class Player:
    """One session that plays a parsed transcript."""

    def __init__(self, seed: int, number: int) -> None:
        rng = random.Random(f"player {seed} {number}")
        self.session = f"claude:{rng.getrandbits(128):032x}"
        self._lines, self._next = parsed(number % POOL), 0
        self._mark = rng.getrandbits(56)

    def step(self, at: int) -> list[Entry]:
        """The entries of the next line, as if it had been written at `at`."""
        line, round_ = self._lines[self._next % LINES], self._next // LINES
        self._next += 1
        return [
            Entry(
                self.session,
                e.body,
                None if e.source_at is None else at,
                None if e.record is None else e.record ^ self._mark ^ round_,
                e.offset,
                e.length,
                None if e.response is None else e.response[:8] + (self._mark + round_).to_bytes(8, "big"),
            )
            for e in line
        ]


def stream(sessions: int, end: int, span: int, events: int, *, seed: int = 1) -> Iterator[tuple[int, Entry]]:
    """About `events` of (time, entry), ascending up to `end`; each session is alive for a tenth of `span`."""
    rng = random.Random(f"stream {seed}")
    players = [Player(seed, n) for n in range(sessions)]
    alive = max(1, sessions // 10)
    lines = int(events / 1.43)
    beat = 0
    for n in range(lines):
        at = end - span + span * n // lines
        if at >= beat:
            beat = at + 30 * SECOND
            yield at, Entry(None, Beat())
        first = (sessions - alive) * n // lines
        for entry in players[first + rng.randrange(alive)].step(at):
            yield at, entry


def batches(source: Iterator[tuple[int, Entry]], size: int) -> Iterator[tuple[int, list[Entry]]]:
    """The stream in pieces; each at the time of its last entry."""
    while piece := list(islice(source, size)):
        yield piece[-1][0], [entry for _, entry in piece]


async def record(store: Store, source: Iterator[tuple[int, Entry]], size: int = 100) -> int:
    """Store and fold a stream as a host does, snapshots included; returns how many events."""
    from orchestrator_tui.store.load import apply, fleet_now

    with Reader(store.path) as reader:
        fleet = fleet_now(reader)
        keeper, count = Snapshots(store, fleet), 0
        for at, entries in batches(source, size):
            events = await store.append([Batch(entries)], at)
            apply(reader, fleet, events)
            await keeper.count(len(events))
            count += len(events)
    return count


def kinds(events: list[Event]) -> dict[str, int]:
    """How many of each type."""
    found: dict[str, int] = {}
    for event in events:
        found[type_of(event.body)] = found.get(type_of(event.body), 0) + 1
    return found


DAY_SPAN = 22 * HOUR
"""Within the 24 hours that `orc sessions` lists and the fold keeps."""
