"""Many files at a time: what goes into one transaction, what must not, and what a tick costs the store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clock import SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.host.follow import BATCH
from orchestrator_tui.host.history import History
from orchestrator_tui.host.ingest import STEPS_PER_TICK, Ingest
from orchestrator_tui.host.run import opened
from orchestrator_tui.host.service import Host
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.writer import Store
from tests.host.transcripts import lines, write


class Recorder:
    """Stores, and remembers what each transaction held."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.sizes: list[list[int]] = []

    async def append(self, batches: Sequence[Batch]) -> None:
        self.sizes.append([len(batch.entries) for batch in batches])
        await self.store.append(batches, time.time_ns())


@pytest.fixture
async def watching(tmp_path: Path) -> AsyncIterator[tuple[Path, Ingest, Recorder]]:
    home = tmp_path / "home"
    (home / ".claude" / "projects").mkdir(parents=True)
    async with Store.open(tmp_path / "state" / "events.db") as store:
        recorder = Recorder(store)
        ingest = Ingest(store, recorder.append, SystemClock(), {"claude": [home / ".claude"]})
        yield home, ingest, recorder


def grow(path: Path, name: str, count: int) -> None:
    with path.open("ab") as file:
        for raw in list(lines(name, 9, time.time()))[2 : 2 + count]:
            file.write(raw)


async def test_the_files_of_a_tick_are_stored_in_one_transaction(watching: tuple[Path, Ingest, Recorder]) -> None:
    home, ingest, recorder = watching
    paths = {f"s{n}": write(home, f"s{n}", 1, time.time() - 20) for n in range(20)}
    await ingest.read_on(await ingest.discover())
    recorder.sizes.clear()
    for name, path in paths.items():
        grow(path, name, 2)
    assert await ingest.poll() == 20
    assert [len(sizes) for sizes in recorder.sizes] == [20]
    assert await ingest.poll() == 0


async def test_no_transaction_holds_more_than_a_batch(watching: tuple[Path, Ingest, Recorder]) -> None:
    home, ingest, recorder = watching
    for n in range(12):
        write(home, f"s{n}", 60, time.time() - 4000)
    await ingest.read_on(await ingest.discover())
    whole = [sum(sizes) for sizes in recorder.sizes]
    assert max(whole) <= BATCH
    assert sum(whole) > 2 * BATCH


async def test_a_file_that_grows_by_much_takes_its_steps_and_goes_on_at_the_next_tick(
    watching: tuple[Path, Ingest, Recorder],
) -> None:
    home, ingest, recorder = watching
    path = write(home, "long", 1, time.time() - 20)
    await ingest.read_on(await ingest.discover())
    recorder.sizes.clear()
    path.write_bytes(path.read_bytes() + b"".join(list(lines("long", 900, time.time() - 5000))[9:]))
    assert await ingest.poll() == 1
    assert len(recorder.sizes) == STEPS_PER_TICK
    assert ingest.is_behind("claude:long")
    while await ingest.poll():
        pass
    assert not ingest.is_behind("claude:long")


async def test_two_copies_that_are_read_together_are_stored_once(watching: tuple[Path, Ingest, Recorder]) -> None:
    home, ingest, recorder = watching
    path = write(home, "s", 3, time.time() - 20)
    await ingest.read_on(await ingest.discover())
    with Reader(recorder.store.path) as reader:
        before = reader.last_seq()
        for n in range(3):
            copy = home / ".claude" / "projects" / f"copy{n}" / path.name
            copy.parent.mkdir()
            copy.write_bytes(path.read_bytes())
        await ingest.read_on(await ingest.discover())
        assert reader.last_seq() == before


async def test_new_copies_that_are_read_together_are_stored_once(watching: tuple[Path, Ingest, Recorder]) -> None:
    home, ingest, recorder = watching
    path = write(home, "s", 3, time.time() - 20)
    copy = home / ".claude" / "projects" / "copy" / path.name
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    await ingest.read_on(await ingest.discover())
    with Reader(recorder.store.path) as reader:
        events = list(reader.tail(0))
    calls = [e.body.call_id for e in events if isinstance(e.body, ev.ToolCall)]
    assert len(calls) == len(set(calls)) > 0


async def test_a_file_that_is_being_read_is_left_to_its_reader(watching: tuple[Path, Ingest, Recorder]) -> None:
    """The worker and the tick may meet at one file: its lines are stored once."""
    home, ingest, recorder = watching
    for n in range(30):
        write(home, f"s{n}", 40, time.time() - 20)
    found = await ingest.discover()
    history = History(ingest)
    await asyncio.gather(history.read(found), ingest.read_on(found), ingest.poll(), history.read(found))
    await history.close()
    while await ingest.poll():
        pass
    with Reader(recorder.store.path) as reader:
        records = reader.query("SELECT session, record, type, payload FROM events WHERE record IS NOT NULL")
    assert len(records) == len(set(records)) > 1000


# --- the host around it ---------------------------------------------------------------------------------------


@pytest.fixture
async def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    monkeypatch.setenv("HOME", str(tmp_path))
    state = tmp_path / "state"
    async with opened(Paths(state, state, state / "run"), Config(), SystemClock()) as host:
        yield host


def count_queries(host: Host, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The (after, until) of every look for commands from here on."""
    asked: list[tuple[int, ...]] = []
    query = host.reader.query

    def counted(sql: str, *values: Any) -> list[tuple[Any, ...]]:
        if "command." in sql:
            asked.append(values)
        return query(sql, *values)

    monkeypatch.setattr(host.reader, "query", counted)
    return asked


async def test_a_look_for_commands_reads_no_event_twice(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = count_queries(host, monkeypatch)
    await host.note([(None, ev.Beat())] * 1000)
    await host.commands.obey()
    assert asked == [(0, 1000)]
    for _ in range(5):
        await host.commands.obey()
    assert asked == [(0, 1000)]
    await host.note([(None, ev.Beat())])
    await host.commands.obey()
    assert asked == [(0, 1000), (1000, 1001)]


async def test_commands_are_obeyed_once_each_and_in_order(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator_tui.store.reader.PAGE", 3)
    async with Store.open(host.paths.database) as other:
        for n in range(7):
            ask = ev.CommandRequested(command_id=str(n), verb="dance", actor="test")
            await other.append([Batch([Entry(None, ask)])], time.time_ns())
    for _ in range(3):
        await host.commands.obey()
    ended = [e.body.command_id for e in host.reader.tail(0) if isinstance(e.body, ev.CommandEnded)]
    assert ended == [str(n) for n in range(7)]


async def test_what_is_stored_is_folded_also_when_its_bringer_is_cancelled(host: Host) -> None:
    task = asyncio.ensure_future(host.note([("log:a", ev.TurnEnded())]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await host.note([(None, ev.Beat())])
    assert host.reader.last_seq() == host.fleet.seq == 2
    assert "log:a" in host.fleet.sessions
