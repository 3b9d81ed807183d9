"""Every size of a terminal, and every change between two of them: nothing overlaps, nothing is cut without a word."""

from __future__ import annotations

import itertools
import random

import pytest
from rich.cells import cell_len

from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp
from tests.ui import fleets
from tests.ui.fleets import CAST, dashboard, panels, text
from tests.ui.test_snapshots import cut_is_told

SIZES = ((20, 6), (40, 12), (80, 24), (100, 30), (120, 35), (200, 55), (300, 80))
TINY = ((1, 1), (5, 3), (10, 4), (19, 50), (300, 3))
VIEWS: dict[str, tuple[str, ...]] = {
    "fleet": (), "zoomed out": ("minus", "minus"), "zoomed in": ("plus", "plus"), "session": ("enter",),
    "help": ("question_mark",), "inspector": ("tab",), "themes": ("T",), "question": ("x", "X"), "glance": ("G",),
}  # fmt: skip


def whole(app: OrcApp) -> None:
    """What must hold on every screen, whatever is on it."""
    width, height = app.size
    rows = text(app)
    assert [cell_len(row) for row in rows] == [width] * height
    shown = panels(app)
    for panel in shown.values():
        lines = panel._lines
        assert len(lines) == panel.size.height, panel.id
        for line in lines:
            assert sum(cell_len(part) for part, _ in line) == panel.size.width, (panel.id, line)
            assert all(part.isprintable() for part, _ in line), (panel.id, line)
    for one, two in itertools.combinations(shown.values(), 2):
        assert not fleets.seen(app, one).overlaps(fleets.seen(app, two)), (one.id, two.id)
    screen = app.screen.region
    for panel in shown.values():
        # A panel that reaches over the edge is cut by the terminal, and nothing says so.
        assert fleets.seen(app, panel) == panel.region or panel.region.bottom > screen.bottom, (panel.id, panel.region)
    for row in rows if app.drawn.order else ():
        for _, title in CAST:
            cut_is_told(row, title)


def framed_to_the_end(app: OrcApp) -> None:
    """A frame that is begun is closed, and its corners are on the screen."""
    rows = text(app)
    count = {sign: sum(row.count(sign) for row in rows) for sign in "╭╮╰╯"}
    assert len(set(count.values())) == 1, count


@pytest.mark.parametrize("size", (*SIZES, *TINY), ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("view", VIEWS)
async def test_every_view_at_every_size(paths: Paths, view: str, size: tuple[int, int]) -> None:
    async with dashboard(paths, size) as (app, pilot):
        await pilot.press(*VIEWS[view])
        await pilot.pause()
        whole(app)
        if size[0] >= 40 and size[1] >= 12:
            framed_to_the_end(app)


@pytest.mark.parametrize("seed", range(3))
async def test_live_resizes_in_any_order(paths: Paths, seed: int) -> None:
    chance = random.Random(seed)
    async with dashboard(paths, (120, 35)) as (app, pilot):
        keys = ("minus", "plus", "tab", "l", "j", "full_stop", "o", "v", "T", "escape", "enter", "escape")
        for size in chance.sample([*SIZES, *TINY, *SIZES], k=len(SIZES) * 2 + len(TINY)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            whole(app)
            await pilot.press(chance.choice(keys))
            await pilot.pause()
            whole(app)
        # Back where it began, it looks as one that was never anything else.
        await pilot.press("escape", "escape")
        await pilot.resize_terminal(120, 35)
        await pilot.pause()
        whole(app)
        framed_to_the_end(app)


async def test_a_size_and_back_is_the_same_picture(paths: Paths) -> None:
    async with dashboard(paths, (120, 35)) as (app, pilot):
        # The first of the map is in view on every screen: it never has to scroll.
        app.select(app.drawn.order[0])
        await pilot.pause()
        before = text(app)
        for size in (*SIZES, *TINY):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            await pilot.resize_terminal(120, 35)
            await pilot.pause()
            assert text(app) == before, size


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_an_empty_fleet_at_every_size(empty: Paths, size: tuple[int, int]) -> None:
    async with dashboard(empty, size) as (app, _):
        whole(app)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_what_matters_most_is_there_at_every_size(paths: Paths, size: tuple[int, int]) -> None:
    async with dashboard(paths, size) as (app, _):
        rows = "\n".join(text(app))
        assert "BURN" in rows
        assert f"needs you {len(app.drawn.queue)}" in rows or size[1] < 12, "the queue is on every screen that holds it"
