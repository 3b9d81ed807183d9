"""What tests of the dashboard share: the frozen fleet, and a terminal world that is the same on every machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.machine import Found, Place
from tests.ui import fleets


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the frozen fleet; copied by those who use it."""
    path = tmp_path_factory.mktemp("fleet") / "events.db"
    asyncio.run(fleets.write(path, fleets.script()))
    return path


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """UTC, colours, no animation, no tick, a host that runs."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("textual.constants.TEXTUAL_ANIMATIONS", "none", raising=False)
    monkeypatch.setattr("orchestrator_tui.ui.app.TICK", 3600.0)
    fleets.host(monkeypatch, runs=True)
    # What is on the machine that runs the tests is nobody's business.
    places = (Place("claude", "~/.claude", 1204, 31), Place("codex", "~/.codex", 40, 0))
    monkeypatch.setattr("orchestrator_tui.ui.machine.look", lambda *_: Found(places, ("gemini", "opencode"), "out"))
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def paths(tmp_path: Path, filled: Path) -> Paths:
    """An installation with the frozen fleet."""
    return fleets.paths_in(tmp_path, filled)


@pytest.fixture
def empty(tmp_path: Path) -> Paths:
    """An installation whose host has seen nothing yet."""
    place = fleets.paths_in(tmp_path / "empty", None)
    from orchestrator_tui import events as ev

    asyncio.run(fleets.write(place.database, [(1, None, ev.Beat())]))
    return place
