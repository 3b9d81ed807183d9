"""Glance mode: whole at every size, calm when nobody waits, and its keys answer the one that is shown."""

from __future__ import annotations

import itertools
import random
import time

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from textual.pilot import Pilot

from orchestrator_tui.fleet.status import Status
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.draw.bigfont import HEIGHT, begun, big, broken, columns_of, plain, rows_of
from orchestrator_tui.ui.draw.glance import draw_glance
from orchestrator_tui.ui.draw.ink import ROLES
from orchestrator_tui.ui.frame import Cell, Frame, Region
from orchestrator_tui.ui.screens.fleet import FleetScreen
from orchestrator_tui.ui.screens.glance import GlanceScreen
from tests.ui import fleets
from tests.ui.fleets import ASKS, NOW, SECOND, clock_of, dashboard, text
from tests.ui.test_commands import bar, look, prepare, sent

SIZES = ((300, 80), (200, 55), (120, 35), (100, 30), (80, 24), (60, 20), (40, 12), (20, 6), (5, 3), (2, 2), (1, 1))
HOSTILE = "发票 🚀 [bold]x[/] → ≥ $(id) " * 9


def cell(number: int, status: str = "working", severity: str = "ok", evidence: str = "all is said") -> Cell:
    """A session."""
    judged = Status(status, severity, NOW - 41 * SECOND, evidence)  # type: ignore[arg-type]
    return Cell(f"s{number}", f"job {number}", f"api/{number}", "api", judged, "m", 0, None, (), (),
                Spend())  # fmt: skip


def frame_of(cells: list[Cell], **more: object) -> Frame:
    """They in regions of a hundred; who needs somebody is in the queue."""
    parts = [cells[at : at + 100] for at in range(0, len(cells), 100)]
    regions = tuple(Region(f"project {n}", tuple(part)) for n, part in enumerate(parts))
    counts: dict[str, int] = {}
    for one in cells:
        counts[one.status.status] = counts.get(one.status.status, 0) + 1
    queue = tuple(one for one in cells if one.status.needs_you)
    return replace(Frame(NOW, regions, queue, counts=counts, watching=True), **more)


def key_of(action: str) -> str:
    return action[0]


def whole(frame: Frame, columns: int, rows: int, **how: bool) -> list[str]:
    """Exactly as large as it was asked for."""
    lines = draw_glance(frame, columns, rows, None, key_of, **how)
    told = ["".join(part for part, _ in line) for line in lines]
    assert len(told) == rows
    assert {cell_len(row) for row in told} <= {columns}
    assert all(row.isprintable() for row in told)
    return told


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_size_is_filled_exactly(size: tuple[int, int], ascii_only: bool) -> None:
    rng = random.Random(7)
    states = list(ROLES)
    for count in (0, 1, 30, 400):
        cells = [cell(n, rng.choice(states), rng.choice(("ok", "amber", "red")), HOSTILE) for n in range(count)]
        frame = frame_of(cells)
        for shown in (frame, replace(frame, queue=()), replace(frame, watching=False, watch_words="host not running")):
            told = whole(shown, *size, ascii_only=ascii_only)
            if ascii_only:
                assert not set("▀▄█") & set("".join(told))


def test_ten_thousand_sessions_are_drawn_within_a_frame() -> None:
    frame = frame_of(
        [cell(n, "stalled" if n % 999 == 0 else "working", "red" if n % 999 == 0 else "ok") for n in range(10_000)]
    )
    best = min(_timed(frame) for _ in range(5))
    assert best < 0.1, best
    told = "\n".join(whole(frame, 200, 55))
    assert "10k" not in told  # a large figure is drawn, not written
    assert "more" in told


def _timed(frame: Frame) -> float:
    begun_at = time.perf_counter()
    draw_glance(frame, 200, 55, None, key_of)
    return time.perf_counter() - begun_at


def test_nothing_moves_when_a_word_changes() -> None:
    one = frame_of([cell(1, "stalled", "red", "short"), *(cell(n) for n in range(2, 20))])
    two = frame_of(
        [cell(1, "stalled", "red", "a much longer proof of the same thing"), *(cell(n) for n in range(2, 20))]
    )
    for size in ((200, 55), (120, 35), (80, 24)):
        differ = [n for n, (a, b) in enumerate(zip(whole(one, *size), whole(two, *size), strict=True)) if a != b]
        assert differ and max(differ) - min(differ) <= 9, (size, differ)


def test_an_age_that_steps_paints_one_row() -> None:
    frame = frame_of([cell(1, "stalled", "red", "model silent, no child"), *(cell(n) for n in range(2, 20))])
    later = replace(frame, now=NOW + SECOND)
    differ = [1 for a, b in zip(whole(frame, 200, 55), whole(later, 200, 55), strict=True) if a != b]
    assert len(differ) == 1


# --- letters ---------------------------------------------------------------------------------------------------


def test_large_letters_are_as_large_as_they_say_and_all_different() -> None:
    signs = [chr(code) for code in range(0x21, 0x7F)]
    for scale, ascii_only in itertools.product((1, 2, 3), (False, True)):
        for sign in signs:
            rows = big(sign, scale, ascii_only)
            assert len(rows) == rows_of(scale, ascii_only)
            assert {len(row) for row in rows} == {columns_of(sign, scale)}
            assert not ascii_only or set("".join(rows)) <= {"#", " "}
    # Drawn alone they are told apart by where their dots are, too.
    drawn = {sign: (big(f"|{sign}|")) for sign in signs}
    assert len(set(drawn.values())) == len(signs)
    assert len({columns_of(digit) for digit in "0123456789"}) == 1
    assert HEIGHT % 2 == 0


def test_what_cannot_be_drawn_is_said_so() -> None:
    assert plain("≥$4 → 2×…") == ">$4 > 2x..."
    assert plain("发票") is None
    assert broken("one two", 4, 9) is None
    assert broken("one two", columns_of("one"), 2) == ("one", "two")
    assert broken("one two", 500, 0) is None
    assert begun("a long sentence that does not fit", 40, 1)[0].endswith("...")
    assert begun("x", 1, 1) == ()


# --- the screen ------------------------------------------------------------------------------------------------


async def opened(app: OrcApp, pilot: Pilot[None]) -> GlanceScreen:
    await pilot.press("G")
    await pilot.pause()
    assert isinstance(app.screen, GlanceScreen)
    return app.screen


@pytest.mark.parametrize("way_back", ["G", "escape"])
async def test_there_and_back(paths: Paths, way_back: str) -> None:
    async with dashboard(paths) as (app, pilot):
        selected = app.selected
        await opened(app, pilot)
        assert app.selected in [one.id for one in app.drawn.queue]
        assert "1 of 7" in "\n".join(text(app))
        await pilot.press(way_back)
        assert isinstance(app.screen, FleetScreen) and app.selected == selected


async def test_its_keys_answer_the_one_that_is_shown(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, (200, 55)) as (app, pilot):
        await look(app, pilot, ASKS)
        await opened(app, pilot)
        assert "webapp/3" in "\n".join(text(app)) or app.selected == ASKS
        await pilot.press("y")
        # Large letters do not show a request whole: that comes first.
        assert bar(app).opened and "git push origin main" in "\n".join(text(app))
        clock_of(app).ns += SECOND
        await pilot.press("y")
        assert await sent(app, pilot) == [("approve", {"session": ASKS, "request": "p1"})]
        assert app.selected != ASKS and isinstance(app.screen, GlanceScreen)


async def test_next_goes_through_the_queue(paths: Paths) -> None:
    async with dashboard(paths) as (app, pilot):
        await opened(app, pilot)
        seen = []
        for _ in app.drawn.queue:
            seen.append(app.selected)
            await pilot.press("full_stop")
        assert sorted(map(str, seen)) == sorted(one.id for one in app.drawn.queue)


async def test_a_key_for_the_one_before_does_not_hit_the_next(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths) as (app, pilot):
        screen = await opened(app, pilot)
        gone = app.selected
        queue = tuple(one for one in app.drawn.queue if one.id != gone)
        app.drawn = replace(app.drawn, queue=queue)
        app.redraw()
        await pilot.pause()
        assert app.selected == queue[0].id
        await pilot.press("x", "z", "a")
        assert await sent(app, pilot) == [] and "another session is shown now" in "\n".join(text(app))
        clock_of(app).ns += SECOND
        assert screen.holds_back("kill") == ""


async def test_calm_when_nobody_waits_and_no_key_hits_what_is_not_shown(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, (200, 55)) as (app, pilot):
        await opened(app, pilot)
        app.drawn = replace(app.drawn, queue=(), alike={}, counts={"working": 3})
        app.redraw()
        await pilot.pause()
        assert "nobody needs you" in "\n".join(text(app))
        await pilot.press("x", "p", "z", "a", "y")
        assert await sent(app, pilot) == [] and "nothing is shown" in "\n".join(text(app))


async def test_without_a_host_it_says_that_nobody_looks(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    fleets.host(monkeypatch, runs=False)
    async with dashboard(paths, (200, 55)) as (app, pilot):
        clock_of(app).ns += 600 * SECOND
        app.tick()
        await opened(app, pilot)
        assert "nobody looks: this is not calm" in "\n".join(text(app))


async def test_an_unchanged_frame_paints_no_row(paths: Paths) -> None:
    async with dashboard(paths, (200, 55)) as (app, pilot):
        screen = await opened(app, pilot)
        panel = screen.query_one("#glance")
        before = panel.rows_painted  # type: ignore[attr-defined]
        app.redraw()
        await pilot.pause()
        assert panel.rows_painted == before  # type: ignore[attr-defined]


async def test_it_lives_through_every_size(paths: Paths) -> None:
    async with dashboard(paths, (200, 55)) as (app, pilot):
        await opened(app, pilot)
        for columns, rows in SIZES:
            await pilot.resize_terminal(columns, rows)
            await pilot.pause()
            assert [cell_len(row) for row in text(app)] == [columns] * rows
