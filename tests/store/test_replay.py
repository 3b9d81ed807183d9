"""The fleet at T from the store is the fleet that a live reader held at T."""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients import BY_NAME
from orchestrator_tui.clients.base import FileRef, Record
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.store import load, snapshots
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.writer import Store
from tests.conftest import CLAUDE
from tests.fleet.generated import SECOND, START, arrivals


def state(fleet: Fleet) -> dict[str, Any]:
    sessions = {name: msgspec.to_builtins(session) for name, session in fleet.sessions.items()}
    return {**sessions, "watch": msgspec.to_builtins(fleet.watch)}


class Live:
    """A reader at the tail, and what it held after each append."""

    def __init__(self, path: Path) -> None:
        self.reader = Reader(path)
        self.fleet = Fleet()
        self.held: list[tuple[int, dict[str, Any]]] = []

    def follow(self, now: int) -> None:
        load.follow(self.reader, self.fleet)
        self.held.append((now, state(self.fleet)))


async def record(path: Path, batches: list[tuple[int, list[Entry]]], tidy: bool) -> Live:
    """Append batches at their times as a host does, with snapshots, a live reader following."""
    async with Store.open(path) as store:
        live = Live(path)
        host = load.fleet_now(live.reader)
        keeper = snapshots.Snapshots(store, host)
        for now, entries in batches:
            events = await store.append([Batch(entries, born=START - 3000 * SECOND)], now)
            load.apply(live.reader, host, events)
            await keeper.count(len(events))
            live.follow(now)
        if tidy:
            await snapshots.rebuild(store, live.reader, batches[-1][0], air=0)
    return live


def check(live: Live, moments: list[int]) -> None:
    everything = sorted(live.reader.tail(0), key=lambda e: (e.at, e.seq))
    for moment in moments:
        seen = state(load.fleet_at(live.reader, moment))
        plain = Fleet()
        plain.apply_all(e for e in everything if e.at <= moment)
        assert seen == state(plain)
        held = [then for now, then in live.held if now <= moment]
        if held:
            # What was found only after that moment is known to the store alone; all else must be as it was held.
            later = {e.session or "watch" for e in everything if e.at <= moment < e.seen_at}
            assert {k: v for k, v in seen.items() if k not in later} == {
                k: v for k, v in held[-1].items() if k not in later
            }


@settings(max_examples=40, deadline=None)
@given(arrivals, st.booleans(), st.data())
def test_generated_fleets_replay_as_they_were_held(sequence: Any, tidy: bool, data: Any) -> None:
    batches, now = [], START
    for (session, body), step, claim in sequence:
        now += step * SECOND
        source = None if claim is None or session is None else now + claim * SECOND
        batches.append((now, [Entry(session, body, source, None, 0, 1)]))
        now += 1
    moments = data.draw(st.lists(st.integers(START - 4000 * SECOND, now + SECOND), min_size=3, max_size=6))
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as scratch:
        patch.setattr(snapshots, "FULL_EVERY", 20)
        patch.setattr(snapshots, "DELTA_EVERY", 6)
        patch.setattr("orchestrator_tui.store.reader.PAGE", 5)
        live = asyncio.run(record(Path(scratch) / "events.db", batches, tidy))
        # Forwards and backwards.
        check(live, [*sorted(moments), *sorted(moments, reverse=True)])
        live.reader.close()


def recorded_drafts() -> list[tuple[int, Entry]]:
    """Every recorded Claude session as if it had been watched line by line."""
    found = []
    for path in sorted(CLAUDE.glob("*/home/.claude/projects/*/*.jsonl")):
        parser = BY_NAME["claude"].parser(FileRef("claude", str(path), "lines", ""), None, 0)
        offset = 0
        for raw in path.read_bytes().splitlines(keepends=True):
            for d in parser.feed(Record(offset, len(raw), raw)):
                entry = Entry(d.session, d.body, d.source_at, d.key, d.offset, d.length, d.response)
                found.append((d.source_at or 0, entry))
            offset += len(raw)
    # Within a session the file's order holds; a watcher sees each line a moment after it was written.
    last: dict[str | None, int] = {}
    placed = []
    for at, entry in found:
        last[entry.session] = at = max(at, last.get(entry.session, 0))
        placed.append((at, entry))
    return sorted(placed, key=lambda pair: pair[0])


async def test_recorded_sessions_replay_as_they_were_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "FULL_EVERY", 100)
    monkeypatch.setattr(snapshots, "DELTA_EVERY", 20)
    batches: list[tuple[int, list[Entry]]] = []
    for at, entry in recorded_drafts():
        now = max(at + 200_000_000, batches[-1][0] + 1 if batches else 0)
        batches.append((now, [entry]))
        if len(batches) % 15 == 0:
            batches.append((now + 1, [Entry(None, ev.Beat())]))
    live = await record(tmp_path / "events.db", batches, tidy=False)
    rng = random.Random(7)
    moments = [rng.randint(batches[0][0] - SECOND, batches[-1][0] + SECOND) for _ in range(60)]
    check(live, moments + sorted(moments, reverse=True))
    assert len(live.reader.query("SELECT 1 FROM snapshots")) > 10


async def test_a_session_that_left_the_fold_comes_back_whole(tmp_path: Path) -> None:
    day = 86_400 * SECOND
    path = tmp_path / "events.db"

    def usage(name: str, key: str) -> Entry:
        return Entry(name, ev.Usage(response_id=key, tokens=ev.Tokens(1, 1, 1, 1)), None, None, 0, 1, key.encode())

    async with Store.open(path) as store:
        with Reader(path) as reader:
            fleet = load.fleet_now(reader)
            keeper = snapshots.Snapshots(store, fleet)
            for now, entry in [(START, usage("log:a", "r1")), (START + 2 * day, usage("log:b", "r2"))]:
                load.apply(reader, fleet, await store.append([Batch([entry])], now))
            await keeper.save(full=True)
            assert set(fleet.sessions) == {"log:b"}
            assert [s.id for s in load.departed(reader, load.fleet_now(reader))] == ["log:a"]
            load.apply(reader, fleet, await store.append([Batch([usage("log:a", "r3")])], START + 3 * day))
            assert fleet.sessions["log:a"].spend.requests == 2
            again = load.fleet_now(reader)
            assert again.sessions["log:a"].spend.requests == 2
            assert again.sessions["log:a"].started_at == START
            assert load.fleet_at(reader, START + day).sessions["log:a"].spend.requests == 1
            # Its summary is of later than that day: it is folded anew.
            (then,) = load.departed(reader, Fleet(), START + day)
            assert then.spend.requests == 1


async def test_late_finds_spoil_old_snapshots_for_replay_and_none_for_now(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    async with Store.open(path) as store:
        with Reader(path) as reader:
            fleet = load.fleet_now(reader)
            keeper = snapshots.Snapshots(store, fleet)
            said = [Entry("log:live", ev.Unparsed(reason=str(n)), None, n, 0, 1) for n in range(3)]
            for n, entry in enumerate(said):
                load.apply(reader, fleet, await store.append([Batch([entry])], START + n * SECOND))
                await keeper.save(full=True)
            old = Entry("log:old", ev.Unparsed(reason="late"), START + SECOND // 2 - 100 * SECOND, 9, 0, 1)
            load.apply(
                reader, fleet, await store.append([Batch([old], born=START + SECOND // 2)], START + 100 * SECOND)
            )
            marks = reader.query("SELECT by_at, by_seq FROM snapshots ORDER BY id")
            assert marks == [(1, 1), (0, 1), (0, 1)]
            assert set(load.fleet_at(reader, START + SECOND).sessions) == {"log:live", "log:old"}
            assert state(load.fleet_now(reader)) == state(fleet)
            await snapshots.rebuild(store, reader, START + 200 * SECOND, air=0)
            assert set(load.fleet_at(reader, START + SECOND).sessions) == {"log:live", "log:old"}
