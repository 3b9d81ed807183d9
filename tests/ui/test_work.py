"""How much is done for a change: rows, frames and cells are counted, time never is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from textual.strip import Strip

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui import cells as frame
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.frame import Cell
from orchestrator_tui.ui.framer import Framer
from orchestrator_tui.ui.widgets.panel import Panel
from tests.ui import fleets
from tests.ui.fleets import NOW, SECOND, append, clock_of, dashboard, fleet_screen, name_of

SIZE = (200, 55)
Rows = dict[str, set[int]]


def painted(app: OrcApp) -> dict[str, int]:
    return {name: panel.rows_painted for name, panel in fleets.panels(app).items()}


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rows]:
    """The rows that Textual asks for, by panel."""
    asked: Rows = {}
    original = Panel.render_line

    def render_line(self: Panel, y: int) -> Strip:
        asked.setdefault(str(self.id), set()).add(y)
        return original(self, y)

    monkeypatch.setattr(Panel, "render_line", render_line)
    yield asked


async def test_nothing_new_paints_nothing(paths: Paths, rendered: Rows) -> None:
    async with dashboard(paths, SIZE) as (app, pilot):
        before, frames = painted(app), app.frames
        rendered.clear()
        for _ in range(20):
            app.tick()
        await pilot.pause()
        assert (painted(app), app.frames, rendered) == (before, frames, {})


async def test_a_beat_is_a_frame_that_paints_nothing(paths: Paths, rendered: Rows) -> None:
    async with dashboard(paths, SIZE) as (app, pilot):
        before, frames = painted(app), app.frames
        rendered.clear()
        await append(paths, (None, ev.Beat()))
        app.tick()
        await pilot.pause()
        assert (painted(app), app.frames, rendered) == (before, frames + 1, {})


def rows_of(app: OrcApp, session: str, head: bool = False) -> set[int]:
    """The rows of the map's panel that a session's tile is on; with `head`, its region's too."""
    screen = fleet_screen(app)
    spot = screen._map.spots[session]
    rows = {spot.y + step - screen.top + 1 for step in range(spot.height)}
    region = next(r for r in app.drawn.regions if any(c.id == session for c in r.cells))
    first = min(screen._map.spots[cell.id].y for cell in region.cells)
    return rows | ({first - 2 - screen.top + 1} if head else set())


CHANGES: dict[str, tuple[str, tuple[ev.KnownBody, ...], bool, set[str]]] = {
    "a call": (fleets.first("thinking"), (fleets.TEST_RUN,), False, {"meters", "map"}),
    "tokens": (fleets.first("thinking"), (fleets.use(99, 0.5),), True, {"meters", "map"}),
    "a question": (fleets.first("working"), (fleets.QUESTION,), True, {"meters", "map", "queue"}),
    "more text": (fleets.name_of(7), (fleets.say("and on"),), False, {"map"}),
}
"""Which session, what happens to it, whether its region's head changes, which panels may be painted."""


@pytest.mark.parametrize("case", CHANGES)
async def test_one_session_paints_its_own_rows(paths: Paths, rendered: Rows, case: str) -> None:
    session, bodies, head, allowed = CHANGES[case]
    async with dashboard(paths, SIZE) as (app, pilot):
        before = painted(app)
        rendered.clear()
        await append(paths, *((session, body) for body in bodies))
        app.tick()
        await pilot.pause()
        grown = {name: count - before[name] for name, count in painted(app).items() if count != before[name]}
        assert set(grown) <= allowed
        assert grown == {name: len(rows) for name, rows in rendered.items()}
        assert rendered.get("map", set()) <= rows_of(app, session, head)
        assert rendered.get("meters", set()) <= {0, 1}
        if case == "a question":
            place = [cell.id for cell in app.drawn.queue].index(session)
            # Its own rows, those that it moved on, and the frame's top line with the count.
            assert rendered["queue"] <= {0} | set(range(1 + 2 * place, 1 + 2 * len(app.drawn.queue)))


async def test_a_second_that_passes_paints_only_ages(paths: Paths, rendered: Rows) -> None:
    async with dashboard(paths, SIZE) as (app, pilot):
        clock_of(app).ns += 2 * 3600 * SECOND
        await append(paths, (None, ev.Beat()), at=clock_of(app).ns)
        app.tick()
        await pilot.pause()
        rendered.clear()
        clock_of(app).ns += SECOND
        app.tick()
        await pilot.pause()
        assert rendered == {}


async def test_a_move_paints_two_tiles_the_queue_and_the_inspector(paths: Paths, rendered: Rows) -> None:
    async with dashboard(paths, SIZE) as (app, pilot):
        app.select(name_of(1))
        await pilot.pause()
        rendered.clear()
        await pilot.press("right")
        await pilot.pause()
        assert app.selected != name_of(1)
        # What came from the one or the other stands out with it.
        kin = {
            name for cell in map(app.framer.cell, (name_of(1), app.selected or "")) if cell for name, _ in cell.heirs
        }
        both = rows_of(app, name_of(1)) | rows_of(app, app.selected or "")
        assert both <= rendered["map"] <= both.union(*(rows_of(app, name) for name in kin))
        assert "meters" not in rendered
        # From a running session to a dead one: other keys apply.
        assert rendered.get("footer", {0}) == {0}


# --- a thousand ------------------------------------------------------------------------------------------------


def thousand() -> Fleet:
    """Sessions that have been at work for a long while: their ages do not step within a test."""
    fleet = Fleet()
    for number in range(1000):
        name = f"claude:{number:04d}"
        about = ev.SessionUpdated(title=f"session {number}", project=f"p{number % 20}", model="m")
        for body in (about, fleets.alive(number + 2), fleets.ask(), fleets.TEST_RUN):
            at = NOW - 7200 * SECOND
            fleet.apply(ev.Event(fleet.seq + 1, at, at, None, name, body))
    fleet.watch.beat(NOW)
    return fleet


async def test_only_cells_that_changed_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def counting(**values: Any) -> Cell:
        built.append(values["id"])
        return Cell(**values)

    monkeypatch.setattr(frame, "Cell", counting)
    fleet, framer = thousand(), Framer()
    first = framer.frame(fleet, NOW, "", "")
    assert len(built) == len(first.order) == 1000
    built.clear()
    changed = [f"claude:{number:04d}" for number in range(0, 1000, 10)]
    for name in changed:
        fleet.apply(ev.Event(fleet.seq + 1, NOW, NOW, None, name, fleets.use(3)))
    second = framer.frame(fleet, NOW, "", "")
    assert sorted(built) == changed
    kept = {cell.id: cell for region in first.regions for cell in region.cells}
    for region in second.regions:
        assert all((cell is kept[cell.id]) == (cell.id not in changed) for cell in region.cells)
    for step in (0, 1, 2):
        built.clear()
        framer.frame(fleet, NOW + step * SECOND, "", "")
        assert set(built) <= set(changed), step  # ages hold still, curves may move
