"""A stretch that is played again and again: what is told while it begins, runs, and ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.ui import fleets
from tests.ui.fleets import dashboard


async def test_what_is_told_of_a_loop_is_true_at_each_step(tmp_path: Path) -> None:
    path = tmp_path / "told.db"
    await asyncio.to_thread(lambda: asyncio.run(fleets.write(path, fleets.script())))
    async with dashboard(fleets.paths_in(tmp_path, path), (120, 40)) as (app, pilot):
        await pilot.press("r")
        app.deck.keys.do("minute-before")
        app.deck.keys.do("loop")
        assert "begins here" in app.deck.words
        app.deck.seek(app.deck.clock.at + 30 * fleets.SECOND)
        app.deck.keys.do("loop")
        assert app.deck.playing and "again and again" in app.deck.words
        app.deck.keys.do("loop")
        assert app.deck.loop == () and app.deck.words == ""
