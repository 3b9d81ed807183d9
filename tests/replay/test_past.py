"""The past is what was held live: at random instants, forwards and backwards, with snapshots and without."""

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
from orchestrator_tui.cli.fleets import View
from orchestrator_tui.cli.shapes import session_json, totals_json
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.status import status_of
from orchestrator_tui.store import load, snapshots
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.writer import Store
from orchestrator_tui.ui.framer import Framer
from orchestrator_tui.ui.replay import past as past_module
from orchestrator_tui.ui.replay.past import Past
from orchestrator_tui.ui.spent import Spent
from tests.fleet.generated import SECOND, START, arrivals
from tests.store.test_replay import record


def state(fleet: Fleet) -> Any:
    return msgspec.to_builtins(
        (fleet.sessions, fleet.watch, fleet.settings, fleet.orders, fleet.groups), str_keys=True, order="sorted"
    )


@settings(max_examples=40, deadline=None)
@given(arrivals, st.booleans(), st.data())
def test_generated_fleets_at_any_time_in_any_order(sequence: Any, tidy: bool, data: Any) -> None:
    batches, now = [], START
    for (session, body), step, claim in sequence:
        now += step * SECOND
        source = None if claim is None or session is None else now + claim * SECOND
        batches.append((now, [Entry(session, body, source, None, 0, 1)]))
        now += 1
    # Some moments are those of events themselves, where one more or less would be seen.
    edges = st.sampled_from([at for at, _ in batches] or [START])
    moments = data.draw(
        st.lists(st.one_of(st.integers(START - 4000 * SECOND, now + SECOND), edges), min_size=3, max_size=12)
    )
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as scratch:
        patch.setattr(snapshots, "FULL_EVERY", 20)
        patch.setattr(snapshots, "MIDDLE_EVERY", 11)
        patch.setattr(snapshots, "DELTA_EVERY", 4)
        patch.setattr("orchestrator_tui.store.reader.PAGE", 5)
        patch.setattr(past_module, "NEAR", data.draw(st.sampled_from([0, 7, 1000])))
        patch.setattr(past_module, "KEEP_EVERY", data.draw(st.sampled_from([3, 1000])))
        live = asyncio.run(record(Path(scratch) / "events.db", batches, tidy))
        shown = Past(live.reader, moments[0])
        framer = Framer()
        for moment in [*moments, *sorted(moments), *sorted(moments, reverse=True)]:
            shown.seek(moment)
            assert state(shown.fleet) == state(load.fleet_at(live.reader, moment))
            # Looking at it changes nothing.
            framer.frame(shown.fleet, max(0, moment), shown.watch_words(moment), "")
        live.reader.close()


async def test_what_is_found_while_one_looks_is_there_and_marked(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    async with Store.open(path) as store:
        for n in range(5):
            await store.append([Batch([Entry("log:a", ev.Unparsed(reason=str(n)))])], START + n * 100 * SECOND)
        with Reader(path) as reader:
            shown = Past(reader, START + 250 * SECOND)
            before = state(shown.fleet)
            assert set(shown.fleet.sessions) == {"log:a"} and shown.renew() is None
            # Something new of the present changes nothing of that time.
            await store.append([Batch([Entry("log:a", ev.Unparsed(reason="new"))])], START + 500 * SECOND)
            assert shown.renew() == START + 500 * SECOND
            assert state(shown.fleet) == before and shown.found_at(shown.fleet.sessions, shown.at) == {}
            late = Entry("log:late", ev.Unparsed(reason="late"), START + 120 * SECOND, 1, 0, 1)
            await store.append([Batch([late], born=START + 100 * SECOND)], START + 1000 * SECOND)
            assert shown.renew() == START + 120 * SECOND
            assert set(shown.fleet.sessions) == {"log:a", "log:late"}
            assert shown.found_at(shown.fleet.sessions, shown.at) == {"log:late": START + 1000 * SECOND}
            assert shown.found_at(shown.fleet.sessions, START + 1001 * SECOND) == {}
            shown.seek(START + 110 * SECOND)
            assert set(shown.fleet.sessions) == {"log:a"}


async def test_what_is_found_of_a_time_that_was_seen_is_there_when_one_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_module, "KEEP_EVERY", 1)
    path = tmp_path / "events.db"
    async with Store.open(path) as store:
        for n in range(9):
            await store.append([Batch([Entry("log:a", ev.Unparsed(reason=str(n)))])], START + n * 100 * SECOND)
        with Reader(path) as reader:
            shown = Past(reader, START + 850 * SECOND)
            shown.seek(START + 50 * SECOND)
            late = Entry("log:late", ev.Unparsed(reason="late"), START + 420 * SECOND, 1, 0, 1)
            await store.append([Batch([late], born=START + 400 * SECOND)], START + 1000 * SECOND)
            assert shown.renew() == START + 420 * SECOND
            for after in (850, 430, 410):
                shown.seek(START + after * SECOND)
                assert state(shown.fleet) == state(load.fleet_at(reader, shown.at))
            assert set(shown.fleet.sessions) == {"log:a"}


async def test_money_by_a_time_is_what_was_shown_then(tmp_path: Path) -> None:
    path, rng = tmp_path / "events.db", random.Random(4)
    async with Store.open(path) as store:
        await store.append([Batch([Entry(None, ev.Beat())])], START - 9000 * SECOND)
        with Reader(path) as reader:
            seen, now = [], START - 7200 * SECOND
            for n in range(60):
                now += rng.randrange(1, 400) * SECOND
                use = ev.Usage(response_id=f"r{n}", model="m", tokens=ev.Tokens(n, 1, 2, 3), cost=n * 1000)
                known = ev.SessionUpdated(project=f"p{n % 3}")
                entries = [Entry(f"log:{n % 5}", known), Entry(f"log:{n % 5}", use, None, None, 0, 1, str(n).encode())]
                await store.append([Batch(entries)], now)
                money = Spent(reader).refresh(now, reader.last_seq())
                seen.append((now, money))
            shown = Past(reader, now)
            rng.shuffle(seen)
            for at, money in seen:
                # A project is the session's as it is known now.
                then = shown.spent.refresh(at, 0)
                assert (then.today, then.week, then.hour_cost, then.midnight) == (
                    money.today, money.week, money.hour_cost, money.midnight,
                )  # fmt: skip


def answer(fleet: Fleet, at: int) -> str:
    """What `orc sessions --json` says of a fleet, without the sums from the store."""
    statuses = {session.id: status_of(fleet, session, at) for session in fleet.sessions.values()}
    chosen = sorted(fleet.sessions.values(), key=lambda session: session.id)
    view = View(fleet, at, chosen, statuses, fleet.children())
    totals = totals_json(view)
    return msgspec.json.encode([totals, [session_json(view, session) for session in chosen]], order="sorted").decode()


async def test_the_json_told_live_is_told_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fleet at work, its answers noted at 100 random instants; then replayed, in any order."""
    from tests.bench.streams import batches, stream

    monkeypatch.setattr(snapshots, "FULL_EVERY", 2000)
    monkeypatch.setattr(snapshots, "MIDDLE_EVERY", 700)
    monkeypatch.setattr(snapshots, "DELTA_EVERY", 150)
    monkeypatch.setattr(past_module, "NEAR", 400)
    path, rng = tmp_path / "events.db", random.Random(11)
    told: list[tuple[int, str]] = []
    async with Store.open(path) as store:
        with Reader(path) as reader:
            fleet, host = load.fleet_now(reader), load.fleet_now(reader)
            keeper = snapshots.Snapshots(store, host)
            source = list(batches(stream(20, START, 3600 * SECOND, 6000), 10))
            noted = set(rng.sample(range(len(source)), 100))
            for n, (at, entries) in enumerate(source):
                if n % 7 == 0:
                    entries = [*entries, Entry(None, ev.Beat())]
                appended = await store.append([Batch(entries)], at)
                load.apply(reader, host, appended)
                await keeper.count(len(appended))
                if n in noted:
                    load.follow(reader, fleet)
                    told.append((at, answer(fleet, at)))
            shown = Past(reader, START)
            assert len(reader.query("SELECT 1 FROM snapshots")) > 5
            rng.shuffle(told)
            for at, words in told:
                shown.seek(at)
                assert answer(shown.fleet, at) == words
