"""The dashboard on the past: its keys, what it refuses, what it shows, and the way back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.events import KnownBody
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.actions import ACTIONS, BY_ID, COMMANDS, check
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.draw.timeline import Timeline, draw_timeline
from orchestrator_tui.ui.keymap import DEFAULT
from orchestrator_tui.ui.replay.compare import CompareScreen
from orchestrator_tui.ui.replay.keys import REFUSAL, TAKEN
from orchestrator_tui.ui.replay.steps import ACTS, KEPT, REFUSED
from orchestrator_tui.ui.screens.fleet import FleetScreen
from orchestrator_tui.ui.screens.session import SessionScreen
from tests.ui import fleets
from tests.ui.fleets import NOW, SECOND, clock_of, dashboard, name_of, panels, text

LOOP = ev.AlertRaised(cause="l", status="looping", severity="red", evidence="same", since=NOW)
BEFORE, AFTER = "left_square_bracket", "right_square_bracket"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frozen fleet with alerts, decisions, a check, and a session that was found later."""
    path = tmp_path_factory.mktemp("told") / "events.db"
    steps: list[tuple[int, str | None, KnownBody]] = [
        *fleets.script(),
        (3000, name_of(0), LOOP),
        (2600, name_of(0), ev.AlertCleared(cause="l", status="working")),
        (2590, None, fleets.requested("escalate", name_of(0), "k1", why="it\x1b[31m loops")),
        (1490, None, fleets.requested("approve", name_of(3), "k2")),
        (1300, None, fleets.requested("view", name_of(3), "k3")),
        (1200, name_of(5), ev.Check(name="pytest", ok=True)),
        (700, None, fleets.requested("kill", name_of(7), "k4")),
    ]
    asyncio.run(fleets.write(path, sorted(steps, key=lambda step: -step[0])))
    return path


@pytest.fixture
def there(tmp_path: Path, told: Path) -> Paths:
    return fleets.paths_in(tmp_path, told)


def ago(app: OrcApp) -> int:
    """Seconds before the present of what is shown."""
    return (NOW - app.deck.clock.at) // SECOND


def words(app: OrcApp) -> str:
    return "\n".join(text(app))


def test_the_table_holds_both_contexts_and_no_key_twice_in_one() -> None:
    assert check(ACTIONS) == []
    own = {action.id for action in ACTIONS if action.where == "replay"}
    assert own | {"replay"} == TAKEN == ACTS | {"export"}
    assert COMMANDS <= REFUSED and not REFUSED & (KEPT | ACTS)
    assert {"snooze", "acknowledge", "assign", "add"} <= REFUSED
    for action in ACTIONS:
        for key in action.keys:
            meant = DEFAULT.at("replay", key)
            if action.where == "replay":
                assert meant is not None and meant.action == action.id
    for name in ("up", "down", "zoom-in", "zoom-out", "filter", "mark", "open", "overlay", "pane", "next-needs-you"):
        meant = DEFAULT.at("replay", BY_ID[name].keys[0])
        assert meant is not None and meant.action == name


async def test_the_same_screen_stands_at_another_time_and_comes_back(there: Paths) -> None:
    async with dashboard(there, (200, 55)) as (app, pilot):
        app.tick()
        await pilot.pause()
        before = words(app)
        assert "REPLAY" not in before
        await pilot.press("r")
        await pilot.pause()
        assert words(app).count("REPLAY") == 2 and ago(app) == 0
        assert isinstance(app.screen, FleetScreen) and "timeline" in panels(app)
        for _ in range(5):
            await pilot.press("pageup")
        await pilot.pause()
        assert ago(app) == 300 and "13:55:00" in words(app)
        assert app.live.fleet.sessions.keys() < app.present.fleet.sessions.keys() or app.drawn.now == NOW - 300 * SECOND
        await pilot.press("pagedown")
        assert ago(app) == 240
        await pilot.press("escape")
        await pilot.pause()
        assert not app.deck.on and app.live is app.present and app.clock is clock_of(app)
        app.tick()
        await pilot.pause()
        assert words(app) == before


async def test_decisions_events_and_turns_are_stepped_to(there: Paths) -> None:
    async with dashboard(there, (160, 45)) as (app, pilot):
        await pilot.press("r")
        seen = []
        for key in (BEFORE, BEFORE, BEFORE, BEFORE, AFTER, AFTER):
            await pilot.press(key)
            seen.append(ago(app))
        # What was only looked at is no decision; the first has none before it.
        assert seen == [700, 1490, 2590, 2590, 1490, 700]
        await pilot.press(BEFORE, BEFORE)
        await pilot.pause()
        assert "escalate" in words(app) and "it loops" in words(app) and "\x1b" not in words(app)
        await pilot.press("left")
        assert ago(app) == 2600
        await pilot.press("right", "right")
        assert ago(app) < 2590
        app.select(name_of(0))
        await pilot.press("S")
        await pilot.pause()
        await pilot.press(*"13:59", "enter")
        await pilot.pause()
        assert ago(app) == 60
        await pilot.press("left_curly_bracket")
        assert ago(app) == 90


async def test_a_time_that_cannot_be_is_told_in_the_bar(there: Paths) -> None:
    async with dashboard(there, (120, 35)) as (app, pilot):
        await pilot.press("r", "S")
        await pilot.pause()
        await pilot.press(*"25:00", "enter")
        await pilot.pause()
        assert "not a time of day" in words(app)
        await pilot.press(*["backspace"] * 5, *"20m", "enter")
        await pilot.pause()
        assert ago(app) == 1200


async def test_time_runs_at_its_pace_skips_gaps_and_stops_at_the_present(there: Paths) -> None:
    async with dashboard(there, (160, 45)) as (app, pilot):
        clock = clock_of(app)
        await pilot.press("r", "i")
        app.deck.seek(NOW - 2000 * SECOND)

        def later(seconds: float) -> None:
            clock.ns += int(seconds * SECOND)
            app.tick()

        later(0.5)
        assert (app.deck.clock.at - NOW) // SECOND == -2000
        await pilot.press("space")
        later(0.5)
        assert (app.deck.clock.at - NOW) // SECOND == -1970
        await pilot.press("greater_than_sign", "less_than_sign", "less_than_sign")
        later(0.1)
        assert (app.deck.clock.at - NOW) // SECOND == -1967
        await pilot.press("L")
        later(0.5)
        await pilot.press("L")
        begin, end = app.deck.loop
        assert end - begin == 15 * SECOND
        for _ in range(5):
            later(0.3)
            assert begin <= app.deck.clock.at <= end
        await pilot.press("L", "i")
        assert app.deck.loop == ()
        # Between 12:00 and the next event nothing was: a gap is passed in one step.
        app.deck.seek(NOW - 7000 * SECOND)
        later(0.1)
        assert (NOW - app.deck.clock.at) // SECOND < 6900
        for _ in range(12):
            await pilot.press("greater_than_sign")
        assert app.deck.speed == 1000
        while app.deck.playing:
            later(1)
        await pilot.pause()
        assert app.deck.clock.at == clock.ns and "this is now" in words(app)


@pytest.mark.parametrize("name", sorted(REFUSED))
async def test_what_would_change_something_is_refused(there: Paths, name: str) -> None:
    async with dashboard(there, (120, 35)) as (app, pilot):
        app.select(name_of(0))
        await pilot.press("r", BEFORE)
        count = app.present.reader.last_seq()
        if BY_ID[name].keys and DEFAULT.at("replay", BY_ID[name].keys[0]).action == name:  # type: ignore[union-attr]
            await pilot.press(BY_ID[name].keys[0])
        else:
            app.action_orc(name, "1")
        await pilot.pause()
        assert app.deck.on and REFUSAL in words(app)
        assert app.present.reader.last_seq() == count
        assert not app.board.bar.opened


async def test_looking_at_what_was_unseen_then_is_no_command(there: Paths) -> None:
    async with dashboard(there, (160, 45)) as (app, pilot):
        await pilot.press("r", "pageup")
        count = app.present.reader.last_seq()
        for name in app.drawn.order:
            app.select(name)
        await pilot.pause()
        assert app.present.reader.last_seq() == count and not app.commanding.batches


async def test_a_session_is_opened_at_that_time(there: Paths) -> None:
    async with dashboard(there, (160, 45)) as (app, pilot):
        await pilot.press("r")
        app.deck.seek(NOW - 100 * SECOND)
        app.select(name_of(0))
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, SessionScreen) and app.screen.until == NOW - 100 * SECOND
        assert "REPLAY" in words(app) and "Reading the failing test" not in words(app)
        # Its meters are those of the past, too, and its footer offers nothing that is refused here.
        assert "REPLAY" in text(app)[0] and "start host" not in text(app)[-1] and "terminal" not in text(app)[-1]
        await pilot.press("pagedown") if DEFAULT.at("session", "pagedown") is None else app.deck.keys.do("minute-after")
        app.deck.seek(NOW - 10 * SECOND)
        app.tick()
        await pilot.pause()
        assert "Reading the failing test" in words(app)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, FleetScreen) and app.deck.on
        await pilot.press("escape")
        assert not app.deck.on


async def test_two_sessions_stand_side_by_side_on_one_clock(there: Paths) -> None:
    async with dashboard(there, (200, 55)) as (app, pilot):
        await pilot.press("r", "pageup")
        app.select("claude:fork0")
        await pilot.press("V")
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, CompareScreen) and screen.pair == ("claude:fork0", name_of(1))
        assert {"first", "second", "timeline"} <= panels(app).keys() and "REPLAY" in words(app)
        await pilot.press("pageup", "tab")
        assert ago(app) == 120 and app.selected == name_of(1)
        for _ in range(3):
            await pilot.press("pageup")
        await pilot.pause()
        assert "had not begun" in words(app) or "not on the map" in words(app) or ago(app) == 300
        await pilot.press("escape")
        await pilot.pause()
        assert app.deck.on and isinstance(app.screen, FleetScreen)


def pane(app: OrcApp, name: str) -> str:
    """What one panel shows, as text."""
    region = panels(app)[name].region
    return "\n".join(row[region.x : region.right] for row in text(app)[region.y : region.bottom])


@pytest.fixture
def two(tmp_path: Path) -> Paths:
    """A fork and its parent, each with a transcript, money and a context that grow."""
    steps: list[tuple[int, str | None, KnownBody]] = [*fleets.script()]
    for n in range(30):
        ago_ = 2000 - 60 * n
        steps += [
            (ago_, name_of(7), fleets.say(f"parent line {n}")), (ago_, name_of(7), fleets.use(100 + n, 0.03)),
            (ago_ - 20, "claude:f", fleets.say(f"fork line {n} \x1b[31m[b]x[/b]\u202e")),
            (ago_ - 20, "claude:f", fleets.use(200 + n, 0.1)),
        ]  # fmt: skip
    about = ev.SessionUpdated(client="claude", title="the fork", project="api", parent=name_of(7), relation="fork")
    steps += [(2001, "claude:f", about), (905, None, fleets.requested("message", "claude:f", "k7", why="because"))]
    asyncio.run(fleets.write(tmp_path / "two.db", sorted(steps, key=lambda step: -step[0])))
    return fleets.paths_in(tmp_path, tmp_path / "two.db")


async def test_two_transcripts_grow_on_one_clock(two: Paths) -> None:
    async with dashboard(two, (200, 55)) as (app, pilot):
        await pilot.press("r")
        app.deck.seek(NOW - 1100 * SECOND)
        app.select("claude:f")
        await pilot.press("V")
        screen = app.screen
        assert isinstance(screen, CompareScreen) and screen.pair == ("claude:f", name_of(7))
        for _ in range(200):
            await pilot.pause(0.02)
            if all(side.whole is not None and side.whole.done for side in screen.sides):
                break
        first, second = pane(app, "first"), pane(app, "second")
        # 1100 s ago both had told 15 and 16 lines; nothing of what came later is there.
        assert "fork line 14 [b]x[/b]" in first and "fork line 15" not in first and "\x1b" not in first
        assert "parent line 15" in second and "parent line 16" not in second
        assert "$1.50" in first and "$0.4" in second and "because" not in first
        assert "context" in first and "/min" in first
        app.deck.seek(NOW - 880 * SECOND)
        await pilot.pause()
        first = pane(app, "first")
        assert "fork line 18" in first and "fork line 19" not in first and "because" in first
        # Forwards, backwards, and in one jump it is the same.
        app.deck.seek(NOW - 1100 * SECOND)
        await pilot.pause()
        assert "fork line 14" in pane(app, "first") and "fork line 15" not in pane(app, "first")
        # One of them is read while time goes on; down to its end it follows again.
        await pilot.press("up", "up")
        chosen = screen.chosen.view
        assert chosen is not None and not chosen.follows and "held" in pane(app, "first")
        await pilot.press("down", "down", "down")
        assert chosen.follows
        await pilot.press("tab", "enter")
        await pilot.pause()
        assert isinstance(app.screen, SessionScreen) and app.selected == name_of(7)
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is screen
        app.deck.seek(NOW - 2500 * SECOND)
        await pilot.pause()
        assert "had not begun" in pane(app, "first") and "nothing of its transcript" in pane(app, "first")
        app.deck.seek(NOW)
        await pilot.pause()
        assert "fork line 29" in pane(app, "first") and "parent line 29" in pane(app, "second")


@pytest.mark.parametrize("size", [(1, 1), (20, 8), (80, 24), (120, 35), (300, 90)])
async def test_two_transcripts_at_any_size(two: Paths, size: tuple[int, int]) -> None:
    async with dashboard(two, size) as (app, pilot):
        await pilot.press("r")
        app.deck.seek(NOW - 600 * SECOND)
        app.select("claude:f")
        await pilot.press("V", "up", "down", "tab")
        await pilot.pause()
        for strip in app.screen._compositor.render_strips():
            assert strip.cell_length == size[0]
        if size[0] >= 80:
            assert all(told in words(app) for told in ("fork line 23", "parent line 23", "$2.40"))


async def test_the_present_goes_on_below_and_what_is_found_looks_so(there: Paths) -> None:
    async with dashboard(there, (200, 55)) as (app, pilot):
        clock = clock_of(app)
        await pilot.press("r")
        app.deck.seek(NOW - 1000 * SECOND)
        clock.ns += 5 * SECOND
        await fleets.append(there, ("log:new", fleets.ask("new")), at=NOW + 4 * SECOND)
        app.tick()
        assert "log:new" in app.present.fleet.sessions and "log:new" not in app.live.fleet.sessions
        from orchestrator_tui.store.batch import Batch, Entry
        from orchestrator_tui.store.writer import Store

        async with Store.open(there.database) as store:
            old = Entry(
                "log:old", ev.SessionUpdated(title="an old one", project="webapp"), NOW - 2000 * SECOND, 1, 0, 1
            )
            await store.append([Batch([old], born=NOW - 2100 * SECOND)], NOW + 5 * SECOND)
        app.tick()
        await pilot.pause()
        cell = app.looking.on_map("log:old")
        assert cell is not None and cell.name == "›an old one" and cell.evidence(NOW).startswith("found later, 14:00")
        assert "became known only later" in words(app)
        await pilot.press("r")
        await pilot.pause()
        cell = app.looking.on_map("log:old")
        assert cell is not None and cell.name == "an old one"


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (40, 12), (80, 24), (120, 35), (200, 55), (300, 90)])
async def test_any_size(there: Paths, size: tuple[int, int]) -> None:
    async with dashboard(there, size) as (app, pilot):
        await pilot.press("r", BEFORE, "left_parenthesis", "right_parenthesis", "right_parenthesis")
        await pilot.pause()
        for strip in app.screen._compositor.render_strips():
            assert strip.cell_length == size[0]
        if size[0] >= 80:
            assert "REPLAY" in words(app)


async def test_an_empty_store_and_a_fleet_of_one_moment(empty: Paths) -> None:
    async with dashboard(empty, (120, 35)) as (app, pilot):
        await pilot.press("r", BEFORE, AFTER, "left", "space", "pageup", "left_curly_bracket", "V", "enter")
        await pilot.pause()
        assert app.deck.on and "REPLAY" in words(app)
        await pilot.press("escape")
        assert not app.deck.on


async def test_an_idle_replay_paints_nothing(there: Paths) -> None:
    async with dashboard(there, (160, 45)) as (app, pilot):
        clock = clock_of(app)
        await pilot.press("r", BEFORE)
        clock.ns += 60 * SECOND
        for _ in range(5):
            app.tick()
        await pilot.pause()
        painted = {name: panel.rows_painted for name, panel in panels(app).items()}
        for _ in range(20):
            app.tick()
        await pilot.pause()
        assert {name: panel.rows_painted for name, panel in panels(app).items()} == painted


async def test_orc_replay_opens_on_a_session_at_its_time(there: Paths) -> None:
    app = OrcApp(there, fleets.Config(screen=fleets.Screen(theme="night")), fleets.Clock())
    app.begin = (NOW - 60 * SECOND, name_of(0))
    async with app.run_test(size=(120, 35)) as pilot:
        await pilot.pause()
        assert app.deck.on and ago(app) == 60 and app.selected == name_of(0)
        assert isinstance(app.screen, SessionScreen)


def test_the_timeline_draws_what_it_is_given() -> None:
    view = Timeline([], NOW - 3600 * SECOND, 60 * SECOND, NOW, NOW)
    for columns in range(1, 60, 7):
        for rows in range(1, 14):
            lines = draw_timeline(view, columns, rows)
            assert len(lines) <= rows
