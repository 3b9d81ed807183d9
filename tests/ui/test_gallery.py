"""The map in every zoom: at every size as text, in every theme as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.draw.map import ZOOMS, Zoom
from tests.ui.fleets import dashboard, fleet_screen, text
from tests.ui.pictures import compare, compare_rows
from tests.ui.test_snapshots import sound

SIZES = ((300, 80), (200, 55), (120, 35), (100, 30), (80, 24), (30, 12))
THEMES = sorted(path.stem for path in (Path(__file__).parents[2] / "themes").glob("*.toml"))


async def zoomed(app: OrcApp, pilot: Pilot[None], zoom: Zoom) -> None:
    """The map in a zoom, by its own keys."""
    await pilot.press(*["minus"] * len(ZOOMS), *["plus"] * ZOOMS.index(zoom))
    assert fleet_screen(app).view.shown == zoom


@pytest.mark.parametrize("zoom", ZOOMS)
async def test_every_zoom_at_every_size(paths: Paths, zoom: Zoom) -> None:
    """One dashboard whose terminal is resized while it shows the fleet."""
    async with dashboard(paths, SIZES[0]) as (app, pilot):
        await zoomed(app, pilot, zoom)
        for columns, rows in SIZES:
            await pilot.resize_terminal(columns, rows)
            await pilot.pause()
            app.tick()
            await pilot.pause()
            sound(app)
            compare_rows(text(app), f"{zoom}-{columns}x{rows}")


@pytest.mark.parametrize("theme", THEMES)
async def test_every_zoom_in_every_theme(paths: Paths, theme: str) -> None:
    async with dashboard(paths, (80, 24), theme=theme) as (app, pilot):
        for zoom in ZOOMS:
            await zoomed(app, pilot, zoom)
            compare(app, f"{theme}-{zoom}")
