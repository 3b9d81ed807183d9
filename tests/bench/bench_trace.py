"""What counting repetition and progress costs: per event with it and without it, per session in memory and on disk.

Three worlds: the transcripts of the other benchmarks; and, where nearly every event is a call or its answer of 2 KiB,
sessions that do new things all the time, and sessions that go round in circles, a long one among them.
"""

from __future__ import annotations

import json
import random
import sys
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any
from unittest import mock

import msgspec

from orchestrator_tui import events as ev
from orchestrator_tui.events import Event
from orchestrator_tui.excerpt import Excerpt, excerpt, output
from orchestrator_tui.fleet import fleet as fold
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.status import next_change, status_of
from orchestrator_tui.fleet.trace import Trace
from tests.bench import streams
from tests.bench.generate import CORPUS
from tests.bench.report import machine, table, target

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
SESSIONS = 50
PIECE = 500
SECOND = 1_000_000_000
COMMANDS = (
    "pytest -q tests/unit 2>&1 | tail -20", "cd web && npm run build", "git status --short", "rg -n 'session_token' src",
    "sed -n '200,400p' src/orders/service.py", "git add -A && git commit -m 'step'", "python scripts/migrate.py --dry-run",
    "for i in $(seq 1 5); do curl -sf localhost:8080/health && break; sleep 2; done",
)  # fmt: skip


CALM = CORPUS.replace("FAILED", "checked").replace("PASSED", "done").replace("Error: connection refused", "connected")


def text(rng: random.Random, size: int) -> str:
    """Words out of the corpus; one in five speaks of failures."""
    words = CORPUS if rng.random() < 0.2 else CALM
    at = rng.randrange(len(words) - size)
    return words[at : at + size]


def bodies(rng: random.Random, circles: bool) -> Iterator[Any]:
    """A session's life: calls with results, messages, usage, samples of its process."""
    pool: list[tuple[str, Excerpt, Excerpt]] = []
    number = 0
    while True:
        number += 1
        if not number % 40:
            yield ev.UserMessage(text=excerpt(text(rng, 200)), synthetic=circles)
        if not number % 5:
            yield ev.AssistantMessage(text=excerpt(text(rng, rng.choice((200, 1500)))), message_id=f"m{number}")
        if circles and pool and rng.random() < 0.9:
            tool, args, out = rng.choice(pool)
        else:
            tool = rng.choice(("Bash", "Bash", "Bash", "Read", "Grep", "Edit"))
            out = output(text(rng, rng.choice((40, 400, 2500))))
            value: dict[str, Any]
            if tool == "Bash":
                value = {"command": f"{rng.choice(COMMANDS)} # {number}", "description": "run it"}
            elif tool == "Edit":
                value = {
                    "file_path": f"/w/src/f{number % 30}.py",
                    "new_string": text(rng, 350),
                    "old_string": text(rng, 300),
                }
            else:
                value = {"file_path": f"/w/src/f{number % 90}.py", "limit": 200, "offset": number % 9 * 100}
            args = excerpt(json.dumps(value, sort_keys=True), 1024)
            pool.append((tool, args, out))
            del pool[:-25]
        yield ev.ToolCall(call_id=f"c{number}", tool=tool, arguments=args, message_id=f"m{number}")
        if not number % 3:
            kid = ev.Child(tool, 12.0 * (number % 2), "R", 0)
            yield ev.ProcessObserved(pid=7, activity="busy", cpu_percent=3.0, children=[kid])
        yield ev.ToolResult(call_id=f"c{number}", ok=number % 7 > 0, output=out)
        yield ev.Usage(model="m", tokens=ev.Tokens(input=900, output=200), cost=10**7)


def day(count: int) -> Iterator[list[Event]]:
    """A day of a fleet, as the other benchmarks have it."""
    piece: list[Event] = []
    for seq, (at, entry) in enumerate(streams.stream(SESSIONS * 10, time.time_ns(), streams.DAY_SPAN, count), 1):
        piece.append(Event(seq, at, at, entry.source_at, entry.session, entry.body))
        if len(piece) == PIECE:
            yield piece
            piece = []
    yield piece


def dense(circles: bool, count: int) -> Iterator[list[Event]]:
    """That many events in pieces, one session far longer than the others."""
    rng = random.Random(5)
    lives = [bodies(random.Random(n), circles) for n in range(SESSIONS)]
    piece: list[Event] = []
    for seq in range(1, count + 1):
        number = 0 if seq % 4 == 0 else rng.randrange(SESSIONS)
        at = seq * SECOND // 5
        piece.append(Event(seq, at, at, at, f"claude:s{number}", next(lives[number])))
        if len(piece) == PIECE:
            yield piece
            piece = []
    yield piece


def seconds(fleet: Fleet, events: list[Event]) -> float:
    """Processor time of folding them in."""
    begun = time.process_time()
    fleet.apply_all(events)
    return time.process_time() - begun


def one(name: str, pieces_of: Iterator[list[Event]]) -> list[str]:
    """A row of the table: the same events, fresh as they are when they come, without the trace and with it."""
    bare, fleet = Fleet(), Fleet()
    without = whole = 0.0
    count = 0
    pieces: list[float] = []
    for piece in pieces_of:
        count += len(piece)
        with mock.patch.object(fold, "observe", lambda *_: None):
            without += seconds(bare, piece)
        pieces.append(seconds(fleet, piece))
        whole += pieces[-1]
    per = (whole - without) / count * 1e6
    tenth = max(1, len(pieces) // 10)
    early, late = sum(pieces[tenth : 2 * tenth]), sum(pieces[-tenth - 1 : -1])
    traces = [msgspec.msgpack.encode(session.trace) for session in fleet.sessions.values()]
    tracemalloc.start()
    kept = [msgspec.msgpack.decode(data, type=Trace) for data in traces]
    memory = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    fleet.watch.always = True
    begun = time.process_time()
    rounds = 20
    for _ in range(rounds):
        for session in fleet.sessions.values():
            status_of(fleet, session, fleet.at)
    judged = (time.process_time() - begun) / rounds / len(fleet.sessions) * 1e6
    begun = time.process_time()
    for session in fleet.sessions.values():
        next_change(fleet, session, fleet.at)
    asked = (time.process_time() - begun) / len(fleet.sessions) * 1e6
    return [
        name, f"{without / count * 1e6:.2f}", f"{whole / count * 1e6:.2f}", f"{per:.2f}", f"{whole / without:.1f}x",
        f"{late / early:.2f}", f"{memory / 1024:.1f}", f"{max(map(len, traces)) / 1024:.1f}", f"{judged:.0f}", f"{asked:.0f}",
        target(per, 20 if name == "a day" else 30, " µs"),
    ]  # fmt: skip


def main() -> None:
    """Print both worlds."""
    head = [
        "", "without, µs", "with, µs", "trace, µs", "ratio", "late/early", "KiB in memory", "KiB stored", "µs/status", "µs/next", "target",
    ]  # fmt: skip
    print(machine())
    table(
        f"trace, {EVENTS:,} events",
        head,
        [one("a day", day(EVENTS)), one("always new", dense(False, EVENTS)), one("in circles", dense(True, EVENTS))],
    )


if __name__ == "__main__":
    main()
