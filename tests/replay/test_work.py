"""How much work a look back is: events folded, sessions and states read, counted and never timed."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.fleet import FOLD_VERSION
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.store import load, snapshots
from orchestrator_tui.store.reader import Place, Reader
from orchestrator_tui.store.states import raw_of, unpack
from orchestrator_tui.store.writer import Store
from orchestrator_tui.ui.framer import ALL, Framer
from orchestrator_tui.ui.replay import kept
from orchestrator_tui.ui.replay import past as past_module
from orchestrator_tui.ui.replay.past import Past
from tests.bench.streams import record, stream
from tests.fleet.generated import SECOND, START
from tests.replay.test_past import answer, state

EVENTS, SESSIONS, SPAN = 3_000, 20, 3_000 * SECOND
FULL, MIDDLE, DELTA = 1_000, 400, 100


class Work:
    """What was done since it was last asked."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.events = self.sessions = self.states = 0
        apply, assign, read = Fleet.apply, kept._assign, Reader.snapshot_state

        def folding(fleet: Fleet, event: ev.Event) -> None:
            self.events += 1
            apply(fleet, event)

        def assigning(session: Any, other: Any) -> None:
            self.sessions += 1
            assign(session, other)

        def reading(reader: Reader, place: Place) -> bytes | None:
            self.states += 1
            return read(reader, place)

        patch.setattr(Fleet, "apply", folding)
        patch.setattr(kept, "_assign", assigning)
        patch.setattr(Reader, "snapshot_state", reading)

    def since(self) -> tuple[int, int, int]:
        """(events folded, sessions put back, states read)."""
        done = (self.events, self.sessions, self.states)
        self.events = self.sessions = self.states = 0
        return done


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store recorded live: 20 sessions, two of them at work at a time, an event a second."""
    made = tmp_path_factory.mktemp("recorded") / "events.db"

    async def run() -> None:
        async with Store.open(made) as store:
            await record(store, stream(SESSIONS, START, SPAN, EVENTS), 10)
            await store.maintain()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "FULL_EVERY", FULL)
        patch.setattr(snapshots, "MIDDLE_EVERY", MIDDLE)
        patch.setattr(snapshots, "DELTA_EVERY", DELTA)
        asyncio.run(run())
    return made


@pytest.fixture
def path(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it; states are kept in memory as often as it keeps them."""
    monkeypatch.setattr(past_module, "NEAR", DELTA // 2)
    monkeypatch.setattr(past_module, "KEEP_EVERY", DELTA // 2)
    return Path(shutil.copy(recorded, tmp_path / "events.db"))


async def test_a_jump_folds_no_more_than_lies_between_two_states(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch)
    with Reader(path) as reader:
        shown = Past(reader, START)
        for n in range(25):
            at = START - SPAN + (n * 7919) % 3_000 * SECOND
            work.since()
            shown.seek(at)
            events, _, states = work.since()
            # A step of the fold is ten events; a state is written when it is past its due.
            assert events <= DELTA + 40 and states <= 3
            assert state(shown.fleet) == state(load.fleet_at(reader, at))


async def test_going_back_step_by_step_folds_each_event_about_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Reader(path) as reader:
        middle = START - SPAN // 2
        shown = Past(reader, middle)
        work = Work(monkeypatch)
        for n in range(1, 61):
            shown.seek(middle - n * 5 * SECOND)
        events, sessions, _ = work.since()
        # 300 seconds, about an event a second; each new stretch is folded from the stored state before it on.
        assert events <= 300 * 1.5 + 6 * DELTA
        # Those at work alone are put back.
        assert sessions <= 60 * SESSIONS // 2
        shown.seek(middle - 150 * SECOND)
        assert work.since()[0] == 0
        assert state(shown.fleet) == state(load.fleet_at(reader, middle - 150 * SECOND))


async def test_playing_on_folds_each_event_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Reader(path) as reader:
        begin = START - SPAN // 2
        shown = Past(reader, begin)
        work = Work(monkeypatch)
        for n in range(1, 101):
            shown.seek(begin + n * SECOND)
        events, sessions, states = work.since()
        ((stored,),) = reader.query("SELECT count(*) FROM events WHERE at > ? AND at <= ?", begin, begin + 100 * SECOND)
        assert (events, sessions, states) == (stored, 0, 0)


async def test_frames_are_what_new_ones_are_wherever_one_goes(path: Path) -> None:
    with Reader(path) as reader:
        shown, framer = Past(reader, START - SPAN // 2), Framer(ALL)
        at = shown.at
        for step in (0, 40, -3, -3, 700, -1, 5, -1500, 1, 900, 300, -300, 7, 100, 100, 100, 100, -60):
            back, at = step < 0, at + step * SECOND
            shown.seek(at)
            if shown.leapt() and not back:
                framer = Framer(ALL)
            frame = framer.frame(shown.fleet, at, "", "")
            fresh = Framer(ALL).frame(load.fleet_at(reader, at), at, "", "")
            assert [cell.id for region in frame.regions for cell in region.cells] == [
                cell.id for region in fresh.regions for cell in region.cells
            ]
            cells = zip(
                [c for r in frame.regions for c in r.cells], [c for r in fresh.regions for c in r.cells], strict=True
            )
            assert all(one.status.status == two.status.status for one, two in cells)
            assert [cell.id for cell in frame.queue] == [cell.id for cell in fresh.queue]
            assert (frame.counts, frame.spend) == (fresh.counts, fresh.spend)


async def test_kept_states_stay_within_their_bytes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_BYTES", 200_000)
    with Reader(path) as reader:
        shown = Past(reader, START)
        for n in range(60):
            shown.seek(START - n * 60 * SECOND)
        states = shown._kept.states
        versions = {id(version): version for one in states for version in one.versions.values()}
        held = sum(len(version.raw) for version in versions.values())
        assert held == shown._kept._bytes and (held <= 200_000 or len(states) == 2)


async def test_layers_say_what_whole_states_said(path: Path) -> None:
    with Reader(path) as reader:
        rows = reader.query("SELECT id, base FROM snapshots ORDER BY id")
        bases = dict(rows)
        assert {0, 1, 2} == {(base is not None) + (base is not None and bases[base] is not None) for _, base in rows}
        at = START - SPAN // 3
        snapshot = reader.snapshot(1 << 30, at)
        assert snapshot is None
        places = reader.snapshot_places(FOLD_VERSION, at)
        layers = [unpack(reader.snapshot_state(place) or b"") for place in places]
        fleet = load.fleet_at(reader, places[-1].at)
        for name, session in fleet.sessions.items():
            assert msgspec.msgpack.decode(raw_of(layers, name) or b"", type=Session) == session


async def test_a_damaged_state_is_passed_over(path: Path) -> None:
    at = START - SPAN // 2
    with Reader(path) as reader:
        right = answer(load.fleet_at(reader, at), at)
    async with Store.open(path) as store:
        await store.rows("UPDATE snapshots SET state = substr(state, 1, length(state) / 2)")
    with Reader(path) as reader:
        assert answer(Past(reader, at).fleet, at) == right
        assert answer(load.fleet_at(reader, at), at) == right


async def test_what_an_older_orc_kept_is_still_good(path: Path) -> None:
    at = START - SPAN // 2
    async with Store.open(path) as store:
        with Reader(path) as reader:
            fleet = load.fleet_at(reader, at)
            right, earlier = state(fleet), load.fleet_at(reader, at - 100 * SECOND)
            await store.rows("DELETE FROM snapshots")
            whole, part = load.pack(earlier.dump()), load.pack(fleet.dump())
            made = await store.save_snapshot(earlier.seq, earlier.at, FOLD_VERSION, whole, None, replay=True)
            await store.save_snapshot(fleet.seq, fleet.at, FOLD_VERSION, part, made, replay=True)
            assert state(load.fleet_at(reader, at)) == right
            shown = Past(reader, at)
            assert state(shown.fleet) == right
            shown.seek(at - 50 * SECOND)
            assert state(shown.fleet) == state(load.fleet_at(reader, at - 50 * SECOND))


async def test_thinning_out_leaves_what_the_kept_ones_build_on(path: Path) -> None:
    day = 86_400 * SECOND
    async with Store.open(path) as store:
        with Reader(path) as reader:
            for now in (START + 2 * day, START + 20 * day):
                before = len(reader.query("SELECT 1 FROM snapshots"))
                await store.prune_snapshots(FOLD_VERSION, now)
                assert 0 < len(reader.query("SELECT 1 FROM snapshots")) < before
                lost = "SELECT 1 FROM snapshots WHERE base IS NOT NULL AND base NOT IN (SELECT id FROM snapshots)"
                assert not reader.query(lost)
                for n in (1, 5, 9):
                    at = START - SPAN + n * SPAN // 10
                    plain = Fleet()
                    plain.apply_all(reader.between((-1, 0), at))
                    assert state(load.fleet_at(reader, at)) == state(plain)
