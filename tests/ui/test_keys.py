"""Every action by its key, on the real screen without a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from orchestrator_tui.paths import Paths
from orchestrator_tui.ui import actions, keymap
from orchestrator_tui.ui.actions import ACTIONS
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.draw.spots import neighbour
from orchestrator_tui.ui.screens.fleet import FleetScreen
from orchestrator_tui.ui.screens.session import SessionScreen
from tests.ui import fleets
from tests.ui.fleets import dashboard, fleet_screen, text, until
from tests.ui.test_snapshots import sound

KEYS = {action.id: action.keys for action in ACTIONS}


def screen_words(app: OrcApp) -> str:
    return "\n".join(text(app))


def test_the_table_of_actions_is_sound() -> None:
    assert actions.check(ACTIONS) == []
    assert {action.id for _, there in actions.by_head() for action in there} == {action.id for action in ACTIONS}
    assert {bool(action.footer) for action in ACTIONS} == {True, False}
    assert actions.COMMANDS.isdisjoint(actions.SELECTING)


def test_docs_have_every_key() -> None:
    kept = Path(actions.__file__).parents[2] / "docs" / "keys.md"
    if os.environ.get("ORC_UPDATE_SNAPSHOTS") == "1":
        kept.write_text(keymap.keys_table(), encoding="utf-8")
    assert kept.read_text(encoding="utf-8") == keymap.keys_table(), "ORC_UPDATE_SNAPSHOTS=1 makes it anew"


def test_a_table_that_is_not_sound_is_told() -> None:
    one = actions.Action("one", ("x",), "one", "one")
    other = actions.Action("two", ("x",), "two", "two", "anywhere")
    assert actions.check([one, other]) == ["x means both one and two"]
    assert actions.check([one, one]) == ["one is there twice"]


@pytest.mark.parametrize("direction", ["left", "right", "up", "down"])
async def test_moves_go_to_the_neighbour_on_the_map(paths: Paths, direction: str) -> None:
    async with dashboard(paths, (200, 55)) as (app, pilot):
        for zoom, key in zip(("plus", "minus"), KEYS[direction], strict=True):
            await pilot.press(zoom)
            spots = fleet_screen(app)._map.spots
            for begin in list(spots)[::7]:
                app.select(begin)
                expected = neighbour(spots, begin, direction)
                await pilot.press(key)
                assert app.selected == expected
                here, there = spots[begin], spots[expected or begin]
                step = there.x - here.x if direction in ("left", "right") else there.y - here.y
                assert step <= 0 if direction in ("left", "up") else step >= 0


@pytest.mark.parametrize("forth, back", [("right", "left"), ("left", "right"), ("down", "up")])
async def test_every_cell_is_reached_by_moves(paths: Paths, forth: str, back: str) -> None:
    async with dashboard(paths, (200, 55)) as (app, _):
        spots = fleet_screen(app)._map.spots
        seen, todo = set(), [next(iter(spots))]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += [neighbour(spots, name, way) or name for way in ("left", "right", "up", "down")]
        assert seen == set(spots)
        assert all(neighbour(spots, neighbour(spots, name, forth), back) is not None for name in spots)


async def walk(app: OrcApp, pilot: Pilot[None], key: str, steps: int) -> list[str | None]:
    out = []
    for _ in range(steps):
        await pilot.press(key)
        out.append(app.selected)
    return out


async def test_full_stop_walks_the_queue_and_wraps(paths: Paths) -> None:
    async with dashboard(paths) as (app, pilot):
        queue: list[str | None] = [cell.id for cell in app.drawn.queue]
        assert app.selected == queue[0]
        assert await walk(app, pilot, "full_stop", len(queue)) == [*queue[1:], queue[0]]
        app.select(fleets.first("finished"))
        assert await walk(app, pilot, "full_stop", 1) == queue[:1]


async def test_comma_walks_those_that_are_done(paths: Paths) -> None:
    async with dashboard(paths) as (app, pilot):
        cells = [cell for region in app.drawn.regions for cell in region.cells]
        ended = [cell for cell in cells if cell.status.status == "finished"]
        # What nobody has looked at since it ended comes first.
        done: list[str | None] = [cell.id for seen in (True, False) for cell in ended if cell.unseen is seen]
        assert await walk(app, pilot, "comma", len(done) + 1) == [*done, done[0]]


async def test_space_goes_to_the_latest_alert(paths: Paths) -> None:
    async with dashboard(paths) as (app, pilot):
        latest = max(app.drawn.queue, key=lambda cell: cell.status.since)
        await pilot.press("space")
        assert app.selected == latest.id
        await fleets.append(app.paths, (fleets.name_of(0), fleets.QUESTION), at=fleets.NOW)
        app.tick()
        await pilot.press("space")
        assert app.selected == fleets.name_of(0)


async def test_enter_opens_and_escape_goes_back(paths: Paths) -> None:
    async with dashboard(paths) as (app, pilot):
        first = app.drawn.queue[0].name
        await pilot.press("enter")
        assert isinstance(app.screen, SessionScreen)
        assert first in screen_words(app)
        await pilot.press("escape")
        assert isinstance(app.screen, FleetScreen)
        sound(app)


async def test_an_open_session_shows_what_happens(paths: Paths) -> None:
    async with dashboard(paths) as (app, pilot):
        app.select(fleets.name_of(0))
        await pilot.press("enter")
        await fleets.append(app.paths, (fleets.name_of(0), fleets.say("a word from the model")))
        app.tick()
        await pilot.pause()
        assert "a word from the model" in screen_words(app)
        await pilot.press("escape")
        sound(app)


async def test_typing_filters_and_escape_takes_it_away(paths: Paths) -> None:
    async with dashboard(paths, (200, 55)) as (app, pilot):
        everything = app.drawn.order
        await pilot.press("slash", *"infra")
        assert app.drawn.filter == "infra"
        assert {region.name for region in app.drawn.regions} == {"infra"}
        assert app.drawn.hidden == len(everything) - len(app.drawn.order)
        assert f"filter: infra, {app.drawn.hidden} hidden" in screen_words(app)
        await pilot.press("enter")
        assert (app.filter, app.focused) == ("infra", None)
        await pilot.press("slash", "end", "backspace", *"q?jT.")
        assert (app.filter, len(app.screen_stack)) == ("infrq?jT.", 2)  # no key has its other meaning meanwhile
        await pilot.press("escape")
        assert (app.filter, app.drawn.order) == ("", everything)
        await pilot.press("slash", *"done", "enter", "escape")
        assert app.drawn.order == everything


@pytest.mark.parametrize("word", ["INFRA", "opus", "finished", "发票", "[bold]", "/3"])
async def test_what_the_filter_looks_at(paths: Paths, word: str) -> None:
    async with dashboard(paths) as (app, _):
        app.filter = word
        app.make_frame()
        assert app.drawn.order
        for region in app.drawn.regions:
            for cell in region.cells:
                words = (cell.name, cell.seat, cell.region, cell.model, cell.status.status)
                assert any(word.casefold() in text.casefold() for text in words)


async def test_zoom_changes_the_map(paths: Paths) -> None:
    async with dashboard(paths) as (app, pilot):
        for key, height in (("minus", 1), ("plus", 2), ("minus", 1), ("equals_sign", 2)):
            await pilot.press(key)
            assert {spot.height for spot in fleet_screen(app)._map.spots.values()} == {height}
            assert {1: "dots", 2: "tiles"}[height] in screen_words(app)
            sound(app)


async def test_tab_changes_the_pane_where_both_do_not_fit(paths: Paths) -> None:
    async with dashboard(paths, (80, 24)) as (app, pilot):
        shown = set(fleets.panels(app))
        assert {"map", "queue"} <= shown and "inspector" not in shown
        await pilot.press("tab")
        await pilot.pause()
        assert {"inspector"} == set(fleets.panels(app)) - {"meters", "footer"}
        sound(app)
        await pilot.press("escape")
        await pilot.pause()
        assert set(fleets.panels(app)) == shown
    async with dashboard(paths, (200, 55)) as (app, pilot):
        await pilot.press("tab")
        assert {"map", "queue", "inspector"} <= set(fleets.panels(app))


@pytest.mark.parametrize("key", KEYS["quit"])
async def test_quit(paths: Paths, key: str) -> None:
    async with dashboard(paths) as (app, pilot):
        await pilot.press(key)
        await pilot.pause()
        assert app._exit


def gone_by_time(app: OrcApp) -> None:
    fleets.clock_of(app).ns += 30 * 3600 * fleets.SECOND
    app.tick()


def gone_by_filter(app: OrcApp) -> None:
    app.filter = "infra"
    app.make_frame()
    app.redraw()


@pytest.mark.parametrize("leave", [gone_by_time, gone_by_filter])
async def test_a_session_that_disappears_leaves_a_selection(paths: Paths, leave: Callable[[OrcApp], None]) -> None:
    async with dashboard(paths, (200, 55)) as (app, pilot):
        app.select("claude:fork0")
        assert app.looking.on_map("claude:fork0") is not None
        leave(app)
        await pilot.pause()
        assert "claude:fork0" not in app.drawn.order
        # A filter only hides it: taken away, one looks at what one looked at.
        hidden = leave is gone_by_filter
        assert app.selected == "claude:fork0" if hidden else app.selected in app.drawn.order
        sound(app)
        await pilot.press("right", "down", "full_stop", "enter")
        assert isinstance(app.screen, SessionScreen)


async def test_nothing_left_and_back_again(paths: Paths) -> None:
    async with dashboard(paths) as (app, pilot):
        await pilot.press("slash", *"zzzz", "enter")
        before = app.selected
        assert app.drawn.order == []
        await pilot.press("left", "full_stop", "comma", "space", "minus", "tab")
        assert isinstance(app.screen, FleetScreen)
        await pilot.press("escape", "escape")
        assert app.selected == before
        assert app.selected in app.drawn.order


@pytest.mark.parametrize("keys", [(), ("enter",), ("question_mark",), ("slash", "a"), ("tab",)])
async def test_resize_while_it_runs(paths: Paths, keys: tuple[str, ...]) -> None:
    async with dashboard(paths, (200, 55)) as (app, pilot):
        await pilot.press(*keys)
        for size in ((80, 24), (1, 1), (139, 3), (2, 50), (300, 80), (40, 12), (200, 55)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            app.tick()
            sound(app)
        if not keys:
            async with dashboard(paths, (200, 55)) as (fresh, _):
                assert text(app) == text(fresh)


async def test_every_action_runs_on_an_empty_fleet(empty: Paths) -> None:
    async with dashboard(empty, (80, 24)) as (app, pilot):
        for action in ACTIONS:
            if action.id != "quit":
                await pilot.press(action.keys[0], "escape")
                assert app.is_running
                await until(lambda: isinstance(app.screen, FleetScreen))
        assert app.selected is None
        sound(app)
