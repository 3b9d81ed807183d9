"""The score page: what it shows, how it scrolls and changes its period, on any size of screen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestrator_tui.config import Config
from orchestrator_tui.errors import StoreError
from orchestrator_tui.fleet.report.sheet import Curve, Sheet, sheet_of
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.draw.ink import width
from orchestrator_tui.ui.draw.report import curve_lines, draw_report, page_of, stretched
from orchestrator_tui.ui.screens.report import PERIODS, ReportScreen
from orchestrator_tui.ui.widgets.panel import Panel
from tests.cli.test_report import hostile
from tests.fleet.test_report import START, day, report
from tests.ui.fleets import Clock

SIZES = ((200, 55), (120, 35), (80, 24), (40, 10), (9, 3), (1, 1))


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    return sheet_of(report(tmp_path / "sheet.db", day()))


def shown(app: OrcApp) -> str:
    panel = app.screen.query_one(Panel)
    return "\n".join("".join(text for text, _ in line) for line in panel._lines)


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@pytest.mark.parametrize("steps", [[], day(), hostile()], ids=["empty", "day", "hostile"])
def test_every_line_is_as_wide_as_the_screen(tmp_path: Path, columns: int, rows: int, steps: list) -> None:  # type: ignore[type-arg]
    made = sheet_of(report(tmp_path / "e.db", steps))
    page = page_of(made, columns - 2)
    assert all(sum(width(text) for text, _ in line) == columns - 2 for line in page)
    lines = draw_report(made, "today", page, 0, columns, rows, lambda action: "k")
    assert len(lines) == rows and all(sum(width(text) for text, _ in line) == columns for line in lines)
    text = "".join(part for line in page for part, _ in line)
    assert "\x1b" not in text and "\u202e" not in text and "\n" not in text


def test_figures_are_there_in_80_columns(sheet: Sheet) -> None:
    text = "\n".join("".join(part for part, _ in line) for line in page_of(sheet, 78))
    for word in ("≥$0.84", "a success cost", "By project", "Waste by cause", "red looping", "kill", "reached", "$0.50"):
        assert word in text, word
    # The least needed columns went, the money stayed.
    assert "evidence" not in text and "burned" in text


@pytest.mark.parametrize("columns", [10, 33, 120, 240])
def test_a_curve_keeps_its_peak(columns: int) -> None:
    values = (0.0,) * 50 + (9.0,) + (1.0,) * 50
    assert max(stretched(values, columns)) == 9.0 and len(stretched(values, columns)) == columns
    lines = curve_lines(Curve("c", values, "9", values), columns, 3)
    assert any("█" in text for text, _ in lines[1])


@pytest.fixture
def app(tmp_path: Path) -> OrcApp:
    """A dashboard on the day, made before any loop runs."""
    report(tmp_path / "made.db", day())
    place = Paths(tmp_path / "config", tmp_path / "state", tmp_path / "run")
    place.make()
    shutil.copy(tmp_path / "made.db", place.database)
    clock = Clock()
    clock.ns = START + 900 * 1_000_000_000
    return OrcApp(place, Config(), clock)


async def opened(app: OrcApp, pilot: object) -> ReportScreen:
    await pilot.press("R")  # type: ignore[attr-defined]
    for _ in range(400):
        await pilot.pause(0.02)  # type: ignore[attr-defined]
        if isinstance(app.screen, ReportScreen) and app.screen.sheet is not None:
            return app.screen
    raise AssertionError("no report")


async def test_the_page_scrolls_and_goes_back(app: OrcApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        screen = await opened(app, pilot)
        assert "after-action report" in shown(app) and "≥$0.84" in shown(app)
        await pilot.press("pagedown", "pagedown", "down", "up", "pageup")
        assert screen.top > 0
        for _ in range(20):
            await pilot.press("pagedown")
        last = screen.top
        await pilot.press("pagedown")
        assert screen.top == last
        # What did not change is not painted again.
        painted = screen.query_one(Panel).rows_painted
        app.redraw()
        assert screen.query_one(Panel).rows_painted == painted
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(app.screen, ReportScreen)


async def test_another_period_is_worked_out(app: OrcApp) -> None:
    async with app.run_test(size=(200, 55)) as pilot:
        await pilot.pause()
        screen = await opened(app, pilot)
        before = screen.sheet
        await pilot.press("right")
        for _ in range(400):
            await pilot.pause(0.02)
            if screen.sheet is not before:
                break
        assert PERIODS[screen.period][0] in shown(app)
        for size in SIZES[1:]:
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await pilot.press("R")
        await pilot.pause()


async def test_a_store_that_cannot_be_read_is_told(app: OrcApp, monkeypatch: pytest.MonkeyPatch) -> None:

    def broken(*_: object) -> None:
        raise StoreError("events.db is damaged \x1b[2J")

    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        monkeypatch.setattr("orchestrator_tui.ui.screens.report.work_out", broken)
        await pilot.press("R")
        for _ in range(200):
            await pilot.pause(0.02)
            if "damaged" in shown(app):
                break
        assert "damaged" in shown(app) and "\x1b" not in shown(app)


async def test_in_a_replay_it_is_the_report_of_that_instant(app: OrcApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        whole = await opened(app, pilot)
        assert "≥$0.84" in shown(app) and "REPLAY" not in whole.words
        await pilot.press("escape")
        await pilot.pause()
        await pilot.press("r")
        # Eleven responses of one cent each had been counted by then.
        app.deck.seek(START + 115 * 1_000_000_000)
        screen = await opened(app, pilot)
        told = shown(app)
        assert screen.words.startswith("REPLAY, today up to") and "$0.11" in told and "$0.84" not in told
        await pilot.press("escape")
        await pilot.pause()
        assert app.deck.on
