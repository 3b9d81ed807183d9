"""The session screen by keys, at a frozen instant: transcript, instruments, search, copy, sizes, and what it reads."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.events import MouseScrollUp

from orchestrator_tui import events as ev
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.reading.reading import Reading
from orchestrator_tui.ui.screens.fleet import FleetScreen
from orchestrator_tui.ui.screens.session import SessionScreen
from orchestrator_tui.ui.widgets.panel import Panel
from tests.ui import fleets, sessions
from tests.ui.fleets import append, clock_of, dashboard, text, until
from tests.ui.test_snapshots import sound

WIDE = (200, 55)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frozen fleet with a long session in it."""
    path = tmp_path_factory.mktemp("told") / "events.db"
    steps = sorted(fleets.script() + sessions.long_session(), key=lambda step: -step[0])
    asyncio.run(fleets.write(path, steps))
    return path


@pytest.fixture
def place(tmp_path: Path, told: Path) -> Paths:
    return fleets.paths_in(tmp_path, told)


def screen(app: OrcApp) -> SessionScreen:
    assert isinstance(app.screen, SessionScreen)
    return app.screen


def reading(app: OrcApp) -> Reading:
    found = screen(app).reading
    assert found is not None
    return found


def rows(app: OrcApp, panel: str = "#transcript") -> list[str]:
    """What a panel shows."""
    return ["".join(part for part, _ in line) for line in app.screen.query_one(panel, Panel)._lines]


def words(app: OrcApp, panel: str = "#transcript") -> str:
    return "\n".join(rows(app, panel))


async def opened(app: OrcApp, pilot: object, name: str = sessions.LONG) -> None:
    app.select(name)
    await pilot.press("enter")  # type: ignore[attr-defined]
    await until(lambda: reading(app).decided.done)
    await pilot.pause()  # type: ignore[attr-defined]


async def test_everything_is_there_on_a_large_screen(place: Paths) -> None:
    async with dashboard(place, WIDE) as (app, pilot):
        await opened(app, pilot)
        sound(app)
        shown = words(app)
        assert "webapp/9  migrate the billing tables to the partitioned layout" in shown
        for part in (
            "13:49:20 › Round per total. Do not touch the exported reports.",
            "13:48:20 ● The totals differ by ten cents in October.",
            "1. INV-20931  41.90 instead of 42.00",
            "13:49:18 « message  done: it landed",
            "because it rounds in the wrong place",
            "╳ 529 overloaded (try 2 of 10), again in 12s",
            "the context was summarised: 119k to 31.0k tokens",
            "follows the tail",
        ):
            assert part in shown, part
        (failed,) = (row for row in rows(app) if "13:54:40" in row)
        assert "Bash pytest -q tests/billing --maxfail=1" in failed and "failed    13s   5.5k ch" in failed
        assert "runs 3m20s" in rows(app)[-2]
        beside = words(app, "#instruments")
        for name in ("session", "tools", "burn", "context", "tree", "decided"):
            assert f"─ {name} ─" in beside, name
        for part in (
            "same Bash call 3x", "1 running", "11× runs 3m20s", "now", "200k", "81.4k 41%", "$0/min"[:2],
            "√ check the exports", "sub-agent", "part 2: drop the old tables", "all $3.28",
            "on looping: same call 3x: pytest -q tests/billing  at $2.41",
        ):  # fmt: skip
            assert part in beside, part
        await pilot.press("tab")
        await pilot.pause()
        costs = next(row for row in rows(app, "#instruments") if "claude-opus-4-8" in row and "31" in row)
        assert "$2.46" in costs and "50.3k" in costs
        sound(app)


async def test_calls_unfold_one_by_one_and_all(place: Paths) -> None:
    async with dashboard(place, WIDE) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("up")
        assert not reading(app).view.follows
        before = len([row for row in rows(app) if "tests/billing/test_" in row])
        await pilot.press("enter")
        assert len([row for row in rows(app) if "tests/billing/test_" in row]) > before
        assert "command: pytest -q tests/billing --maxfail=1" in words(app)
        await pilot.press("o")
        assert "command: pytest" not in words(app)
        await pilot.press("home", "O")
        await pilot.pause()
        assert words(app).count("file_path: ") >= 2 and "… " not in rows(app)[2]
        sound(app)
        await pilot.press("O", "end")
        assert "command: " not in words(app) and "follows the tail" in words(app)


async def test_what_was_cut_says_how_much(place: Paths) -> None:
    async with dashboard(place, WIDE) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("up", "enter", "pagedown", "pagedown")
        assert "… 3.5k characters more …" in words(app)


async def test_a_new_line_does_not_move_who_reads(place: Paths) -> None:
    async with dashboard(place, (160, 40)) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("pageup")
        before = rows(app)[1:-1]
        await append(place, (sessions.LONG, fleets.say("something new")), (None, ev.Beat()))
        app.tick()
        await pilot.pause()
        assert rows(app)[1:-1] == before
        assert "1 new below  f follows" in rows(app)[-1]
        await pilot.press("f")
        await pilot.pause()
        assert "● something new" in rows(app)[-2] and "follows the tail" in rows(app)[-1]
        await append(place, (sessions.LONG, fleets.say("and more")))
        app.tick()
        assert "● and more" in rows(app)[-2]
        sound(app)


async def test_a_result_comes_to_its_call(place: Paths) -> None:
    async with dashboard(place, WIDE) as (app, pilot):
        await opened(app, pilot)
        clock_of(app).ns += 9 * fleets.SECOND
        await append(place, (sessions.LONG, sessions.result("t3", "118 passed")), at=clock_of(app).ns)
        app.tick()
        await pilot.pause()
        assert "  ok  3m20s" in rows(app)[-2] and "10 ch" in rows(app)[-2]
        assert "1 running" not in words(app, "#instruments")


async def test_search_counts_marks_and_jumps(place: Paths) -> None:
    async with dashboard(place, WIDE) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("slash", *"1 FAILED", "enter")
        await until(lambda: reading(app).search is not None and reading(app).search.done)  # type: ignore[union-attr]
        await pilot.pause()
        assert "/1 FAILED  3 of 3" in rows(app)[0]
        found = [
            run for line in app.screen.query_one("#transcript", Panel)._lines for run in line if "reverse" in run[1]
        ]
        assert found and all(part == "1 failed" for part, _ in found)
        await pilot.press("P")
        assert "2 of 3" in rows(app)[0] and "1 failed, 118" in words(app)
        await pilot.press("N", "N")
        assert "1 of 3" in rows(app)[0]
        sound(app)
        await append(place, (sessions.LONG, fleets.say("1 failed again")))
        app.tick()
        await pilot.press("end")
        assert "4 of 4" in rows(app)[0]
        await pilot.press("escape")
        assert isinstance(app.screen, SessionScreen) and "/1 FAILED" not in words(app)
        await pilot.press("escape")
        assert isinstance(app.screen, FleetScreen)


async def test_a_search_without_a_match_and_keys_in_its_field(place: Paths) -> None:
    async with dashboard(place, WIDE) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("slash", *"xyCbqf", "enter")
        await until(lambda: reading(app).search is not None and reading(app).search.done)  # type: ignore[union-attr]
        await pilot.pause()
        assert "nothing in this session matches xyCbqf" in "\n".join(text(app))
        assert not app.live.fleet.orders.open
        await pilot.press("N", "P", "slash", "escape")
        assert isinstance(app.screen, SessionScreen) and reading(app).search is not None
        sound(app)


async def test_copy_takes_the_entry_and_says_so(place: Paths) -> None:
    async with dashboard(place, WIDE) as (app, pilot):
        await opened(app, pilot)
        await append(place, (sessions.LONG, fleets.say(sessions.HOSTILE)))
        app.tick()
        await pilot.press("end", "quotation_mark")
        assert "copied the model's words" in "\n".join(text(app))
        copied = app.clipboard
        assert "not markup" in copied and all(char.isprintable() or char == "\n" for char in copied)
        assert "\x1b" not in words(app)
        sound(app)


async def test_the_mouse_scrolls_and_chooses(place: Paths) -> None:
    async with dashboard(place, WIDE) as (app, pilot):
        await opened(app, pilot)
        before = rows(app)[4]
        app.screen.query_one("#transcript").post_message(wheel(app))
        await until(lambda: not reading(app).view.follows)
        assert rows(app)[7] == before
        row = next(n for n, line in enumerate(rows(app)) if "13:05:02" in line)
        await pilot.click("#transcript", offset=(30, row))
        await pilot.click("#transcript", offset=(30, row))
        await pilot.pause()
        assert "command: rg -n 'invoice_total' billing/ | head -6" in words(app)


def wheel(app: OrcApp) -> MouseScrollUp:
    """The wheel turned up over the transcript."""
    return MouseScrollUp(app.screen.query_one("#transcript"), 30, 10, 0, 0, 0, False, False, False)


async def test_evidence_goes_to_the_lines_that_prove_it(place: Paths) -> None:
    async with dashboard(place, WIDE) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("home", "equals_sign")
        assert "line 1 of 2 that prove it" in "\n".join(text(app))
        first = reading(app).view.chosen
        await pilot.press("equals_sign")
        second = reading(app).view.chosen
        assert first < second
        marked = [row for row in rows(app) if row.startswith("│▌")]
        assert any("13:50:40" in row for row in marked) and any("13:54:40" in row for row in marked)


async def test_narrow_screens_take_turns(place: Paths) -> None:
    async with dashboard(place, (80, 24)) as (app, pilot):
        await opened(app, pilot)
        seen: list[str] = []
        for _ in range(9):
            sound(app)
            if app.screen.query_one("#transcript").display:
                seen.append("transcript")
            shown = words(app, "#instruments") if app.screen.query_one("#instruments").display else ""
            seen += [name for name in screen(app).parts.names if f"─ {name} ─" in shown]
            await pilot.press("tab")
            await pilot.pause()
        assert set(seen) == {"transcript", *screen(app).parts.names}
        assert seen.count("transcript") >= 2


async def test_another_session_is_another_reading(place: Paths) -> None:
    async with dashboard(place, WIDE) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("full_stop")
        await pilot.pause()
        assert app.selected != sessions.LONG and reading(app).session == app.selected
        sound(app)


@pytest.mark.parametrize("size", [(200, 55), (140, 30), (120, 35), (100, 30), (80, 24), (40, 12), (20, 6), (1, 1)])
async def test_sizes_and_every_key(place: Paths, size: tuple[int, int]) -> None:
    async with dashboard(place, size) as (app, pilot):
        await opened(app, pilot)
        for key in ("up", "up", "enter", "O", "pageup", "home", "down", "pagedown", "equals_sign", "tab", "tab", "end"):
            await pilot.press(key)
            if size[0] >= 40:
                sound(app)
        await pilot.resize_terminal(90, 30)
        await pilot.pause()
        sound(app)
        await pilot.resize_terminal(180, 45)
        await pilot.pause()
        sound(app)


@pytest.mark.parametrize("name", [fleets.first(state) for state in ("seen", "open", "hook", "dead", "limited")])
async def test_sessions_of_every_kind(place: Paths, name: str) -> None:
    async with dashboard(place, WIDE) as (app, pilot):
        await opened(app, pilot, name)
        sound(app)
        await pilot.press("up", "home", "enter", "equals_sign", "quotation_mark", "tab", "f")
        sound(app)


async def test_an_idle_screen_reads_and_paints_nothing(place: Paths) -> None:
    async with dashboard(place, WIDE) as (app, pilot):
        await opened(app, pilot)
        app.tick()
        panels = list(app.screen.query(Panel))
        before = [panel.rows_painted for panel in panels]
        reads = reading(app).pages.rows_read, reading(app).lately.rows_read
        for _ in range(5):
            app.tick()
            app.redraw()
        assert [panel.rows_painted for panel in panels] == before
        assert (reading(app).pages.rows_read, reading(app).lately.rows_read) == reads


async def test_a_moment_is_read_as_it_was(place: Paths) -> None:
    then = fleets.NOW - 1000 * fleets.SECOND
    async with dashboard(place, WIDE) as (app, pilot):
        app.select(sessions.LONG)
        await app.push_screen(SessionScreen(until=then))
        await until(lambda: reading(app).decided.done)
        await pilot.pause()
        assert "The totals differ" not in words(app) and "529 overloaded" in words(app)
        assert "« message" not in words(app) and "it rounds" not in words(app)
        assert "follows the tail" not in words(app)
        await append(place, (sessions.LONG, fleets.say("later")))
        app.tick()
        assert "later" not in words(app)
        screen(app).until = fleets.NOW - 2000 * fleets.SECOND
        app.redraw()
        assert "529 overloaded" not in words(app) and "13:25:42" in words(app)
        sound(app)
