"""The mouse on the map and the queue."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widget import Widget

from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.screens.session import SessionScreen
from tests.ui import fleets
from tests.ui.fleets import dashboard, fleet_screen, name_of

SIZE = (200, 55)


def place(app: OrcApp, session: str) -> tuple[int, int]:
    """Where a session is within the map's panel."""
    view = fleet_screen(app).view
    spot = view.spots[session]
    return spot.x + 2, spot.y - view.top + 1


async def test_a_click_selects_and_two_open(paths: Paths) -> None:
    async with dashboard(paths, SIZE) as (app, pilot):
        for session in (name_of(3), name_of(9), name_of(16)):
            await pilot.click("#map", offset=place(app, session))
            assert app.selected == session
        await pilot.click("#map", offset=(0, 0))
        assert app.selected == name_of(16)
        await pilot.click("#map", offset=place(app, name_of(3)), times=2)
        assert isinstance(app.screen, SessionScreen)


async def test_a_click_with_shift_marks(paths: Paths) -> None:
    async with dashboard(paths, SIZE) as (app, pilot):
        before = app.selected
        await pilot.click("#map", offset=place(app, name_of(3)), shift=True)
        await pilot.click("#map", offset=place(app, name_of(9)), shift=True)
        assert app.commanding.marks.targets(None) == [name_of(3), name_of(9)]
        assert app.selected == before


async def drag(pilot: Pilot[None], begin: tuple[int, int], end: tuple[int, int]) -> None:
    await pilot.mouse_down("#map", offset=begin)
    await pilot.hover("#map", offset=((begin[0] + end[0]) // 2, (begin[1] + end[1]) // 2))
    await pilot.hover("#map", offset=end)
    await pilot.mouse_up("#map", offset=end)


async def test_a_drag_marks_what_it_touches(paths: Paths) -> None:
    async with dashboard(paths, SIZE) as (app, pilot):
        region = app.drawn.regions[0]
        first, last = region.cells[0].id, region.cells[-1].id
        await drag(pilot, place(app, first), place(app, last))
        marked = set(app.commanding.marks.targets(None))
        spots = fleet_screen(app).view.spots
        right = max(spots[first].x, spots[last].x) + 1
        inside = {cell.id for cell in region.cells if spots[cell.id].x <= right}
        assert marked == inside and len(marked) > 1
        # The other way round is the same.
        await drag(pilot, place(app, last), place(app, first))
        assert set(app.commanding.marks.targets(None)) == marked


async def test_a_click_on_the_queue_selects(paths: Paths) -> None:
    async with dashboard(paths, SIZE) as (app, pilot):
        for number, cell in enumerate(app.drawn.queue):
            await pilot.click("#queue", offset=(20, 1 + 2 * number))
            assert app.selected == cell.id
        await pilot.click("#queue", offset=(20, 1 + 2 * len(app.drawn.queue)))
        assert app.selected == app.drawn.queue[-1].id


@pytest.fixture
def crowd(tmp_path: Path) -> Paths:
    """An installation with more than fits."""
    return fleets.crowd(tmp_path / "crowd", 400)


async def test_the_wheel_scrolls_and_the_minimap_jumps(crowd: Paths) -> None:
    async with dashboard(crowd, SIZE) as (app, pilot):
        await pilot.press("plus")
        view = fleet_screen(app).view
        assert view.shown == "tiles" and view.plan.rows > view.rows
        panel = app.screen.query_one("#map")
        selected, made = app.selected, view.painter.made
        panel._forward_event(_wheel(panel, down=True))
        await pilot.pause()
        assert (view.top, app.selected) == (3, selected)
        # One row of tiles of each shelf came into sight.
        assert view.painter.made - made <= 3
        panel._forward_event(_wheel(panel, down=False))
        await pilot.pause()
        assert view.top == 0
        await pilot.click("#map", offset=(6, 1 + view.rows + 1 + 5))
        assert view.top > 20
        app.tick()
        assert view.top > 20
        # A key brings what is looked at back into sight.
        await pilot.press("right")
        spot = view.spots[app.selected or ""]
        assert view.top <= spot.y < view.top + view.rows


def _wheel(panel: Widget, down: bool) -> events.Event:
    kind = events.MouseScrollDown if down else events.MouseScrollUp
    return kind(panel, 10, 10, 0, 0, 0, False, False, False, 11, 14)


async def test_keys_do_all_of_it(crowd: Paths) -> None:
    async with dashboard(crowd, SIZE) as (app, pilot):
        view = fleet_screen(app).view
        shown = [view.shown]
        for key in ("plus", "plus", "plus", "minus", "minus", "minus"):
            await pilot.press(key)
            shown.append(view.shown)
        assert shown == ["dots", "tiles", "cards", "cards", "tiles", "dots", "dots"]
