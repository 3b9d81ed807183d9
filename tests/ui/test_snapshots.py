"""What the screens look like, byte for byte, and what must hold of every drawn line whatever it looks like."""

from __future__ import annotations

import itertools

import pytest
from rich.cells import cell_len

from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp
from tests.ui import fleets
from tests.ui.fleets import CAST, dashboard, panels, text, until
from tests.ui.pictures import compare, words

SIZES = ((200, 55), (120, 35), (100, 30), (80, 24), (40, 12))
VIEWS: dict[str, tuple[str, ...]] = {
    "help": ("question_mark",),
    "session": ("enter",),
    "filter": ("slash", "b", "i", "l"),
    "filter-none": ("slash", "z", "z", "z", "enter"),
    "dots": ("minus",),
    "inspector": ("tab",),
    "palette": ("colon",),
}
"""Name of a picture -> the keys that lead there, at 120x35."""


def sound(app: OrcApp) -> None:
    """Every row is exactly as wide as the screen, no panel covers another, what is cut says so."""
    width, height = app.size
    rows = text(app)
    assert len(rows) == height
    assert [cell_len(row) for row in rows] == [width] * height
    shown = panels(app)
    for panel in shown.values():
        assert len(panel._lines) == panel.size.height
        for line in panel._lines:
            assert sum(cell_len(part) for part, _ in line) == panel.size.width, line
            assert all(part.isprintable() for part, _ in line)
    for one, two in itertools.combinations(shown.values(), 2):
        assert not fleets.seen(app, one).overlaps(fleets.seen(app, two)), (one.id, two.id)
    for row in rows:
        for _, title in CAST:
            cut_is_told(row, title)


def cut_is_told(row: str, title: str) -> None:
    """Wherever a title begins on a row it is there to its end, or an ellipsis says that it is not."""
    head = title[:8]
    at = row.find(head) if len(head) > 3 else -1
    while at >= 0:
        rest = row[at:]
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(rest, title, strict=False)))
        whole = any(rest.startswith(other) for _, other in CAST if other.startswith(head))
        assert whole or rest[same : same + 1] == "…", (title, row)
        at = row.find(head, at + 1)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_fleet_at_every_size(paths: Paths, size: tuple[int, int]) -> None:
    async with dashboard(paths, size) as (app, _):
        sound(app)
        compare(app, f"fleet-{size[0]}x{size[1]}")


@pytest.mark.parametrize("name", VIEWS)
async def test_other_views(paths: Paths, name: str) -> None:
    async with dashboard(paths) as (app, pilot):
        await pilot.press(*VIEWS[name])
        await pilot.pause()
        for field in app.screen.query("Input"):
            field.cursor_blink = False  # type: ignore[attr-defined]
        if name == "palette":
            # Its widgets are Textual's: only that ours are still sound below it.
            assert "select all that need you" in "\n".join(text(app))
            return
        sound(app)
        compare(app, name)


async def test_tiles_on_a_small_screen(paths: Paths) -> None:
    async with dashboard(paths, (80, 24)) as (app, pilot):
        await pilot.press("plus")
        sound(app)
        compare(app, "tiles-80x24")


@pytest.mark.parametrize("theme", ["paper", "signal"])
async def test_other_themes(paths: Paths, theme: str) -> None:
    async with dashboard(paths, theme=theme) as (app, _):
        compare(app, f"theme-{theme}")


async def test_an_empty_fleet_says_what_to_do(empty: Paths) -> None:
    async with dashboard(empty) as (app, pilot):
        await until(lambda: app.first.found is not None)
        await pilot.pause()
        sound(app)
        compare(app, "empty")


async def test_without_a_host_nothing_is_green(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    fleets.host(monkeypatch, runs=False)
    async with dashboard(paths) as (app, _):
        fleets.clock_of(app).ns += 600 * fleets.SECOND
        app.tick()
        sound(app)
        assert set(app.drawn.counts) <= {"fog", "finished", "errored", "dead", "rate_limited"}
        assert "host not running since 13:59, 10m" in "\n".join(text(app))
        compare(app, "host-dead")


async def test_every_status_of_today_is_in_the_fleet(paths: Paths) -> None:
    async with dashboard(paths) as (app, _):
        assert set(app.drawn.counts) == {
            "waiting", "errored", "dead", "rate_limited", "paused", "tool_running", "working", "thinking", "finished",
            "fog",
        }  # fmt: skip
        assert len(app.drawn.regions) == 5
        assert sum(app.drawn.counts.values()) >= 30


def test_a_picture_is_read_as_text() -> None:
    svg = '<text class="t-r1" x="0" y="20" textLength="2">a&#160;&amp;</text><text class="t-r2" x="61" y="20">b</text>'
    assert words(svg) == ["a &  b"]
