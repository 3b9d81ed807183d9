"""What a start reads and makes: the state that was kept and what came after it, never all events; one frame."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from orchestrator_tui.clock import HOUR, SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.events import decode
from orchestrator_tui.host.run import opened
from orchestrator_tui.paths import Paths
from orchestrator_tui.store import reader as reading
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.source import LAST
from orchestrator_tui.ui.widgets.panel import Panel
from tests.weight.stores import SESSIONS, TAIL, write

FEW, MANY = 1_500, 8_000
STEP = 100
"""Instructions of SQLite's machine that one count stands for: a row that is looked at takes some ten."""


class Counted:
    """What was read since `begin`: events decoded, and how much SQLite did for it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.events = self.steps = 0
        opened = reading.Reader._open

        def open_(reader: reading.Reader) -> sqlite3.Connection:
            db = opened(reader)
            db.set_progress_handler(self._stepped, STEP)
            return db

        def decode_(kind: str, payload: bytes) -> object:
            self.events += 1
            return decode(kind, payload)

        patch.setattr(reading.Reader, "_open", open_)
        patch.setattr(reading, "decode", decode_)

    def _stepped(self) -> int:
        self.steps += 1
        return 0

    def begin(self) -> None:
        """Count from here on."""
        self.events = self.steps = 0


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Paths]:
    """The same 40 sessions of the same hour, told in few events and in many."""
    found = {}
    for count in (FEW, MANY):
        home = tmp_path_factory.mktemp(f"store{count}")
        found[count] = Paths(home, home, home / "run")
        write(found[count], count, HOUR)
    return found


async def test_the_dashboard_reads_the_kept_state_and_what_came_after(
    counted: Counted, stores: dict[int, Paths], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator_tui.ui.app.TICK", 3600.0)
    read = {}
    for count, place in stores.items():
        counted.begin()
        app = OrcApp(place, Config())
        async with app.run_test(size=(200, 55)) as pilot:
            await pilot.pause()
            assert len(app.live.fleet.sessions) == SESSIONS
            read[count] = (counted.events, counted.steps)
    assert read[MANY][0] <= TAIL + LAST + 50
    # The sums of the day are read from roll-ups, of which both have as many; the inspector's last events are one row each.
    assert read[MANY][1] <= 1.3 * read[FEW][1] + LAST


async def test_no_frame_is_made_in_vain_before_the_first_content(
    stores: dict[int, Paths], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator_tui.ui.app.TICK", 3600.0)
    first: list[int] = []
    drawn = Panel.render_line

    def render_line(panel: Panel, y: int) -> object:
        if not first:
            assert isinstance(panel.app, OrcApp)
            first.append(panel.app.frames)
        return drawn(panel, y)

    monkeypatch.setattr(Panel, "render_line", render_line)
    app = OrcApp(stores[MANY], Config())
    async with app.run_test(size=(200, 55)) as pilot:
        await pilot.pause()
        panels = [panel for panel in app.screen.query(Panel) if panel.size.height]
        rows = sum(panel.size.height for panel in panels)
        # A second frame where the end of what is stored was not read in one piece; rows twice where a place is found in two steps.
        assert first[0] <= 2 and rows and sum(panel.rows_painted for panel in panels) <= 3 * rows


async def test_the_host_reads_the_kept_state_and_what_came_after(
    counted: Counted, stores: dict[int, Paths], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    read = {}
    for count, place in stores.items():
        counted.begin()
        async with opened(place, Config(), SystemClock()) as host:
            await host.first_look()
            read[count] = (counted.events, counted.steps)
            await host.worktrees.close()
    assert read[MANY][0] <= 2 * TAIL
    assert read[MANY][1] <= 1.3 * read[FEW][1] + 20


def test_the_sessions_of_the_command_line_read_no_more(
    counted: Counted, stores: dict[int, Paths], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from orchestrator_tui.cli import run

    read = {}
    for count, place in stores.items():
        monkeypatch.setenv("ORC_HOME", str(place.state_dir))
        counted.begin()
        assert run(["sessions", "--json"]) == 0
        read[count] = (counted.events, counted.steps)
    assert capsys.readouterr().out
    assert read[MANY][0] <= 2 * TAIL
    assert read[MANY][1] <= 1.3 * read[FEW][1] + 20
