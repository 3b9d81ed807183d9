"""Stores of any number of events, their state kept shortly before the end, as a host leaves them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from orchestrator_tui import events as ev
from orchestrator_tui import excerpt
from orchestrator_tui.clock import HOUR
from orchestrator_tui.events import Tokens
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.snapshots import Snapshots
from orchestrator_tui.store.writer import Store

SESSIONS = 40
TAIL = 100
"""Events after the state that was kept."""


def write(place: Paths, events: int, span: int = HOUR, *, now_ago: int = 0) -> None:
    """So many events of 40 sessions, evenly over the last `span` nanoseconds; the last 100 after the kept state."""
    place.make()
    asyncio.run(_write(place, events, span, time.time_ns() - now_ago))


async def _write(place: Paths, events: int, span: int, now: int) -> None:
    async with Store.open(place.database) as store:
        entries = list(_entries(events - 2 * SESSIONS - 1))
        first = [e for n in range(SESSIONS) for e in _begin(n)]
        await store.append([Batch(first)], now - span)
        step = span // max(1, len(entries))
        for start in range(0, len(entries) - TAIL, 50):
            part = entries[start : min(start + 50, len(entries) - TAIL)]
            await store.append([Batch(part)], now - span + start * step)
        with Reader(place.database) as reader:
            await Snapshots(store, fleet_now(reader)).save(full=True)
        await store.append([Batch(entries[-TAIL:])], now)
        await store.append([Batch([Entry(None, ev.Beat())])], now)
        await store.maintain()


def _begin(number: int) -> Iterator[Entry]:
    name, project = f"claude:s{number}", f"p{number % 4}"
    yield Entry(name, ev.SessionUpdated(client="claude", project=project, cwd=f"/w/{project}", title=f"task {number}"))
    yield Entry(name, ev.SeatTaken(project, number // 4 + 1))


def _entries(count: int) -> Iterator[Entry]:
    """Calls, results and responses in turns, of all sessions in turns."""
    for n in range(count):
        name, round_ = f"claude:s{n % SESSIONS}", n // SESSIONS
        call = f"c{round_ // 3}"
        body: ev.KnownBody
        if round_ % 3 == 0:
            body = ev.ToolCall(call_id=call, tool="Bash", arguments=excerpt.excerpt(f'{{"command":"make {round_}"}}'))
        elif round_ % 3 == 1:
            body = ev.ToolResult(call_id=call, ok=True, output=excerpt.output(f"done {round_}"))
        else:
            body = ev.Usage(model="claude-opus-4-8", tokens=Tokens(10, 5000, 100, 200))
        yield Entry(name, body)
