"""How things look where room is short: what is kept, what goes first, and that nothing is cut in silence."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from orchestrator_tui import events as ev
from orchestrator_tui.clock import SECOND
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.actions import ACTIONS
from orchestrator_tui.ui.draw.account import draw_costs
from orchestrator_tui.ui.draw.chrome import ALWAYS, footer
from orchestrator_tui.ui.draw.gantt import axis
from orchestrator_tui.ui.draw.help import help_page
from orchestrator_tui.ui.draw.ink import Line, fit_seat
from orchestrator_tui.ui.draw.meters import meters
from orchestrator_tui.ui.frame import Frame
from orchestrator_tui.ui.keymap import DEFAULT
from orchestrator_tui.ui.questions import Question
from orchestrator_tui.ui.reading.lately import Scale
from tests.ui import fleets
from tests.ui.fleets import dashboard, fleet_screen, text


def words(line: Line) -> str:
    return "".join(part for part, _ in line)


# --- the footer -------------------------------------------------------------------------------------------------

AT_80 = {
    "fleet": ({"message", "kill", "model", "next", "open"}, {"answer", "undo", "bring back"}),
    "session": ({"find", "unfold", "copy", "evidence", "message"}, {"answer", "undo", "bring back", "match", "follow"}),
    "replay": ({"play", "decision", "event", "speed", "now"}, set()),
}


@pytest.mark.parametrize("place", AT_80)
def test_what_is_most_useful_has_room_in_a_narrow_footer(place: str) -> None:
    wanted, absent = AT_80[place]
    here = frozenset(action.id for action in ACTIONS if action.footer not in absent)
    (line,) = footer(place, 80, True, here)
    shown = words(line)
    assert cell_len(shown) == 80 and "…" not in shown
    assert all(f" {word}" in shown for word in (*wanted, *ALWAYS))


@pytest.mark.parametrize("place", AT_80)
def test_a_wider_footer_keeps_the_order_of_what_a_narrow_one_has(place: str) -> None:
    def parts(columns: int) -> list[str]:
        return [part.strip() for part in words(footer(place, columns)[0]).split("   ") if part.strip()]

    whole = parts(400)
    for columns in range(20, 200, 7):
        some = parts(columns)
        assert some == [part for part in whole if part in some], columns


# --- the map's edge ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return fleets.crowd(tmp_path_factory.mktemp("look"), 120)


def edge_of(rows: list[str], panel: tuple[int, int]) -> list[str]:
    """The last two cells of the map's rows."""
    top, height = panel
    return [row[-2:] for row in rows[top + 1 : top + height - 1]]


@pytest.mark.parametrize("size", [(80, 24), (60, 18), (40, 15)])
async def test_a_low_map_that_is_not_all_seen_shows_in_its_edge_where_it_is(
    crowd: Paths, size: tuple[int, int]
) -> None:
    async with dashboard(crowd, size) as (app, pilot):
        view = fleet_screen(app).view
        while view.shown != "cards":
            await pilot.press("plus")
        panel = app.screen.query_one("#map")
        assert view.plan.rows > view.rows == panel.size.height - 2
        await pilot.press("home", "full_stop")
        app.tick()
        await pilot.pause()
        place = (panel.region.y, panel.size.height)
        marks = [part[0] for part in edge_of(text(app), place)]
        assert marks.count("▐") >= 1 and set(marks) <= {"▐", " "}
        assert "below" in text(app)[panel.region.y] or "▼" in text(app)[panel.region.y]
        # A click on the edge goes there, and the mark follows.
        await pilot.click("#map", offset=(panel.size.width - 1, panel.size.height - 2))
        await pilot.pause()
        assert view.top > view.plan.rows // 2
        assert [part[0] for part in edge_of(text(app), place)][-1] == "▐"
        await pilot.click("#map", offset=(panel.size.width - 2, 1))
        await pilot.pause()
        assert view.top == 0
        # What is beside it belongs to the map.
        assert not view.jump(5, 2, panel.size.width)


async def test_a_map_that_is_all_seen_has_a_plain_edge(crowd: Paths) -> None:
    async with dashboard(crowd, (120, 50)) as (app, _):
        view = fleet_screen(app).view
        panel = app.screen.query_one("#map")
        assert view.plan.rows <= view.rows or view.edge(app.drawn) == []
        assert not view.jump(panel.size.width - 1, 1, panel.size.width)
        assert view.top == 0


# --- words and figures ------------------------------------------------------------------------------------------


def test_a_seat_that_is_cut_keeps_its_number() -> None:
    assert fit_seat("webapp/3", 11) == "webapp/3   "
    assert fit_seat("orchestrator/12", 11) == "orchest…/12"
    assert fit_seat("東京-billing/1", 11) == "東京-bil…/1"
    assert fit_seat("a/very-long-branch-name", 9) == "a/very-l…"
    for cells in range(20):
        for seat in ("orchestrator/12", "東京-billing/1", "/", "a/b/c/7", "x"):
            assert cell_len(fit_seat(seat, cells)) == cells


@pytest.mark.parametrize("columns", [20, 30, 40, 50, 80, 160])
def test_no_count_is_cut_in_the_middle(columns: int) -> None:
    counts = {
        "waiting": 14,
        "errored": 237,
        "dead": 15,
        "tool_running": 38,
        "working": 461,
        "finished": 1295,
        "fog": 23,
    }
    line = words(meters(Frame(0, counts=counts, watching=True), columns, 2)[1])
    assert cell_len(line) == columns
    figures = [int(part) for part in line.partition("tokens")[0].split() if part.isdigit()]
    shown = [figure for figure in figures if figure in counts.values()]
    assert shown == list(counts.values())[: len(shown)] and len(shown) >= min(len(counts), columns // 12)
    assert ("…" in line) == (len(shown) < len(counts))


def test_the_costs_have_a_gap_between_all_their_heads() -> None:
    spend = Spend()
    spend.requests = 4
    for columns in (74, 82, 100, 110):
        lines = [words(line) for line in draw_costs([("claude-opus-4-8", spend)], spend, columns, 9)]
        assert {cell_len(line) for line in lines} == {columns}
        assert lines[0].split() == ["input", "cache", "read", "write", "output", "resp.", "cost"]
        assert lines[0].endswith("cost ") and lines[1].endswith(" ")


def test_the_words_of_an_axis_are_no_rule() -> None:
    scale = Scale(0, 10 * SECOND, 60)
    roles = {part.strip(" ·"): role for part, role in axis(scale, 600 * SECOND, 100) if part.strip(" ·")}
    assert set(roles.values()) == {"dim"} and "10m" in roles


# --- the session's screen ---------------------------------------------------------------------------------------


async def test_a_long_title_leaves_room_for_the_way_to_the_instruments(paths: Paths) -> None:
    await fleets.append(paths, (fleets.ASKS, ev.SessionUpdated(client="claude", title="a very long title " * 20)))
    async with dashboard(paths, (80, 24)) as (app, pilot):
        app.select(fleets.ASKS)
        await pilot.press("enter")
        await pilot.pause()
        if app.screen.has_class("-instruments"):
            await pilot.press("tab")
        while app.screen.has_class("-instruments"):
            await pilot.press("tab")
        await pilot.pause()
        head = text(app)[2]
        assert head.endswith("Tab instruments ─╮") and "… " in head


# --- what is typed ahead ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(120, 35), (80, 24)])
async def test_a_question_that_comes_too_late_is_not_asked(paths: Paths, size: tuple[int, int]) -> None:
    async with dashboard(paths, size) as (app, _):
        bar = fleet_screen(app).bar
        await bar.query_one("#ask-fields").remove()
        bar.open(Question("late", "yes", lambda answer: ""), app.paint)
        assert not bar.opened


async def test_while_a_theme_is_chosen_no_key_is_offered_that_is_dead(paths: Paths) -> None:
    async with dashboard(paths, (80, 24)) as (app, pilot):
        before = text(app)
        await pilot.press("T")
        await pilot.pause()
        last = text(app)[-1]
        assert "Enter keep" in last and "Esc as it was" in last and "kill" not in last
        await pilot.press("escape")
        await pilot.pause()
        await pilot.pause()
        assert text(app) == before


# --- the report -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(40, 15), (60, 20), (80, 24)])
async def test_a_narrow_report_names_the_way_back_and_breaks_no_word(paths: Paths, size: tuple[int, int]) -> None:
    async with dashboard(paths, size) as (app, pilot):
        await pilot.press("R")
        for _ in range(200):
            await pilot.pause(0.02)
            if "spent" in "\n".join(text(app)):
                break
        rows = text(app)
        assert "Esc back" in rows[0]
        assert not any(row.rstrip("│ ").endswith("respo") for row in rows)
        assert any("122 responses" in row for row in rows)


# --- help -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns, rows", [(40, 15), (30, 12), (80, 24)])
def test_help_of_several_pages_says_so_at_every_width(columns: int, rows: int) -> None:
    head = words(help_page(columns, rows, 0, DEFAULT, "session")[0])
    assert " 1 of " in head and "? next" in head


@pytest.mark.parametrize("place, head", [("session", "In a session"), ("replay", "In the replay")])
def test_help_begins_with_the_keys_of_the_place(place: str, head: str) -> None:
    first = words(help_page(80, 24, 0, DEFAULT, place)[1])
    assert first.startswith(f"│ {head}")
