"""What screens leave behind that were opened and closed: nothing, for they are opened all day."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip

from orchestrator_tui.clock import HOUR
from orchestrator_tui.config import Config
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp
from tests.weight.stores import write

OPENED = ("enter", "question_mark", "G")
ROUNDS = 2


def held() -> Counter[str]:
    """Screens and painted rows that are in memory."""
    gc.collect()
    kinds = [Screen if isinstance(thing, Screen) else type(thing) for thing in gc.get_objects()]
    return Counter(kind.__name__ for kind in kinds if kind in (Screen, Strip))


async def visit(pilot: Pilot[None]) -> None:
    """Open each screen, and leave it."""
    home = pilot.app.screen
    for key in OPENED:
        await pilot.press(key)
        await pilot.pause()
        while pilot.app.screen is not home:
            await pilot.press("escape")
            await pilot.pause()


@pytest.fixture
def place(tmp_path: Path) -> Paths:
    """A store of some sessions."""
    found = Paths(tmp_path, tmp_path, tmp_path / "run")
    write(found, 300, HOUR)
    return found


async def test_a_screen_that_was_closed_is_gone(place: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator_tui.ui.app.TICK", 3600.0)
    app = OrcApp(place, Config())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await visit(pilot)
        before = held()
        for _ in range(ROUNDS):
            await visit(pilot)
        after = held()
    print(before, after)
    assert after["Screen"] == before["Screen"]
    # One screen is forty rows of four panels and what each of its rows was cropped to.
    assert after["Strip"] - before["Strip"] <= ROUNDS * len(OPENED) * 40
