"""The dashboard's heartbeat: work gives way to keys, what is much comes in parts, and nothing is claimed too early."""

from __future__ import annotations

import asyncio
import threading

import pytest
from textual.events import Key

from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui import source, ticking
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.frame import Cell, Frame, Region, region_of
from orchestrator_tui.ui.lookup import Lookup
from orchestrator_tui.ui.unjudged import NOT_YET
from tests.ui import fleets
from tests.ui.fleets import dashboard, until

WORDS = 200
"""Events that come at once."""


async def told(paths: Paths) -> None:
    """Much is appended to one session."""
    await fleets.append(paths, *((fleets.name_of(0), fleets.say(f"word {n}")) for n in range(WORDS)))


def record(app: OrcApp, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The fleet's newest number at each change of the selection."""
    at: list[int] = []
    choose = app.select

    def select(session: str | None) -> None:
        at.append(app.present.fleet.seq)
        choose(session)

    monkeypatch.setattr(app, "select", select)
    return at


async def test_a_key_comes_before_the_rest_of_what_is_taken_in(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "SLICE", 0.0)
    monkeypatch.setattr(ticking, "PATIENCE", 30.0)
    async with dashboard(paths) as (app, _):
        before, at = app.present.fleet.seq, record(app, monkeypatch)
        await told(paths)
        breathe = app.ticking._breathe

        async def pressed() -> None:
            if not app.ticking.slices:
                app.post_message(Key("full_stop", "."))
            await breathe()

        monkeypatch.setattr(app.ticking, "_breathe", pressed)
        await app.ticking._turn()
        assert app.present.fleet.seq == before + WORDS
        assert at == [before + source.FEW], "the key waited for everything that came"
        # So many parts, and one for each panel; a key more or less.
        assert app.ticking.slices >= WORDS // source.FEW


async def test_in_one_piece_and_in_slices_is_the_same(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "SLICE", 0.0)
    monkeypatch.setattr(ticking, "FEW", 0)
    async with dashboard(paths) as (app, pilot):
        await told(paths)
        await app.ticking._turn()
        await pilot.pause()
        sliced, rows = app.drawn, fleets.text(app)
        assert app.frames == 2 and app.ticking.slices > WORDS // source.FEW
    async with dashboard(paths) as (app, pilot):
        app.tick()
        await pilot.pause()
        assert [region.cells for region in app.drawn.regions] == [region.cells for region in sliced.regions]
        assert app.drawn.queue == sliced.queue and app.drawn.counts == sliced.counts
        assert fleets.text(app) == rows


async def test_a_key_does_not_wait_for_a_frame(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "FEW", 0)
    begun, go = threading.Event(), threading.Event()
    async with dashboard(paths) as (app, _):
        make, selected, frames = app.framer.frame, app.selected, app.frames

        def slow(*asked: object) -> Frame:
            begun.set()
            assert go.wait(30)
            return make(*asked)  # type: ignore[arg-type]

        monkeypatch.setattr(app.framer, "frame", slow)
        await told(paths)
        turn = asyncio.get_running_loop().create_task(app.ticking._turn())
        try:
            await until(begun.is_set)
            app.post_message(Key("full_stop", "."))
            await until(lambda: app.selected != selected)
            assert app.frames == frames and not turn.done()
        finally:
            go.set()
        await turn
        assert app.frames == frames + 1


async def test_frames_come_less_often_when_they_are_dear(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    async with dashboard(paths) as (app, _):
        frames = app.frames
        app.ticking._not_before = 1e18
        await told(paths)
        await app.ticking._turn()
        # Taken in, but not shown yet; what is owed is shown with the next frame that may be made.
        assert app.frames == frames and app.drawn.now == app.clock.now()
        app.ticking._not_before = 0.0
        await app.ticking._turn()
        assert app.frames == frames + 1
        await app.ticking._turn()
        assert app.frames == frames + 1, "nothing came, and no second passed"


async def test_a_large_fleet_is_seen_before_it_is_judged(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "MANY", 1)
    monkeypatch.setattr(ticking.Ticking, "begin", lambda self, every: None)
    async with dashboard(paths, (200, 55)) as (app, pilot):
        assert app.sketched and app.frames == 0 and not app.drawn.queue
        first = app.drawn
        assert {cell.status.status for region in first.regions for cell in region.cells} == {"fog"}
        assert fleets.text(app)[3].strip("│ ")
        await pilot.press("right", "full_stop", "enter", "escape", "z", "x", "escape")
        await app.ticking._turn()
        assert not app.sketched and app.frames == 1 and app.drawn.queue
        # Nobody moves when the truth comes.
        assert [(r.name, r.shape.ids, r.shape.slots) for r in first.regions] == [
            (r.name, r.shape.ids, r.shape.slots) for r in app.drawn.regions
        ]


async def test_what_is_much_at_the_start_follows_and_rings_nothing(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dashboard(paths) as (app, _):
        before = app.present.fleet.seq
    await told(paths)
    monkeypatch.setattr(source, "PAGE", 7)
    monkeypatch.setattr(source, "AT_START", 2)
    monkeypatch.setattr(ticking.Ticking, "begin", lambda self, every: None)
    async with dashboard(paths) as (app, _):
        assert app.present.behind and app.present.fleet.seq <= before + 14
        rung: list[int] = []
        monkeypatch.setattr(app.bells, "see", lambda fleet, page, now: rung.append(len(page)))
        turns = 0
        while app.present.behind:
            await app.ticking._turn()
            assert len(app.present.page) <= 7
            turns += 1
        assert turns > 5 and not rung
        part = app.present.fleet
    monkeypatch.undo()
    fleets.host(monkeypatch, runs=True)
    whole = source.Live(paths, fleets.clock_of(app))
    try:
        assert not whole.behind and whole.fleet.seq == part.seq
        assert whole.fleet.sessions == part.sessions
    finally:
        whole.close()


def test_cells_are_found_without_a_search() -> None:
    look = Lookup()
    cells = [cell_of(n) for n in range(6)]
    one, two = region_of("one", tuple(cells[:3])), region_of("two", tuple(cells[3:]))
    frame = Frame(0, (one, two), (cells[0],))
    assert [look.cell(frame, cell.id) for cell in cells] == cells
    assert look.cell(frame, "nobody") is None and look.cell(frame, None) is None
    # One less region, another order, regions that nobody laid out.
    assert look.cell(Frame(0, (two,)), cells[0].id) is None
    assert look.cell(Frame(0, (two, one)), cells[0].id) is cells[0]
    bare = Frame(0, (Region("one", tuple(cells[:3])),), (cells[5],))
    assert look.cell(bare, cells[2].id) is cells[2] and look.cell(bare, cells[5].id) is None
    assert look.shown(bare, cells[5].id) is cells[5]
    assert look.cell(Frame(0, (Region("one", tuple(cells[2:])),)), cells[2].id) is cells[2]


def cell_of(number: int) -> Cell:
    return Cell(f"claude:{number}", "name", "seat", "one", NOT_YET, "?", 0, None, (), (), Spend(), number=number + 1)
