"""When a look is put on record: chosen and stayed with, opened, or acted upon; once per finding."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from orchestrator_tui import events as ev
from orchestrator_tui.events import CommandRequested
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.noticing import DWELL
from tests.ui import fleets
from tests.ui.fleets import NOW, clock_of, dashboard, name_of

RED, CALM = name_of(0), name_of(7)


def raised(cause: str, severity: str = "red") -> ev.KnownBody:
    return ev.AlertRaised(cause=cause, status="looping", severity=severity, evidence="same", since=NOW)  # type: ignore[arg-type]


async def views(app: OrcApp, pilot: Pilot[None]) -> list[str]:
    """The sessions of which a look was asked to be noted, in order."""
    await app.workers.wait_for_complete()
    await pilot.pause()
    with Reader(app.paths.database) as reader:
        bodies = [event.body for event in reader.commands(0)]
    return [str(b.arguments["session"]) for b in bodies if isinstance(b, CommandRequested) and b.verb == "view"]


async def stay(app: OrcApp, nanoseconds: int) -> None:
    clock_of(app).ns += nanoseconds
    app.noticing.look()


async def test_staying_with_a_red_session_for_a_second_is_a_look_and_passing_it_is_none(paths: Paths) -> None:
    async with dashboard(paths, (160, 45)) as (app, pilot):
        app.select(CALM)
        app.select(RED)
        await stay(app, DWELL // 2)
        app.select(CALM)
        await stay(app, 5 * DWELL)
        assert await views(app, pilot) == []
        app.select(RED)
        await stay(app, DWELL)
        assert await views(app, pilot) == [RED]
        # Once per finding, however often one comes by.
        app.select(CALM)
        app.select(RED)
        await stay(app, DWELL)
        assert await views(app, pilot) == [RED]
        await fleets.append(paths, (RED, ev.AlertCleared(cause="c", status="working")), (RED, raised("d", "amber")))
        app.tick()
        app.select(RED)
        await stay(app, DWELL)
        assert await views(app, pilot) == [RED, RED]


@pytest.mark.parametrize("key", ["enter", "m", "a", "D"])
async def test_opening_it_or_acting_is_a_look_at_once(paths: Paths, key: str) -> None:
    async with dashboard(paths, (160, 45)) as (app, pilot):
        app.selected = RED
        await pilot.press(key)
        await pilot.pause()
        assert await views(app, pilot) == [RED]


async def test_what_is_selected_while_nobody_is_there_is_not_seen(paths: Paths) -> None:
    async with dashboard(paths, (160, 45)) as (app, pilot):
        app.selected = CALM
        await fleets.append(paths, (CALM, raised("x")))
        clock_of(app).ns += 600 * DWELL
        app.tick()
        app.noticing.look()
        await pilot.press("o")
        assert await views(app, pilot) == []
        # To choose it again, though it is selected already, is to look at it.
        app.select(CALM)
        await stay(app, DWELL)
        assert await views(app, pilot) == [CALM]


async def test_nothing_is_noted_in_a_replay_or_where_no_host_would(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dashboard(paths, (160, 45)) as (app, pilot):
        await pilot.press("r")
        app.select(RED)
        app.noticing.see(RED)
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        await pilot.press("escape")
        fleets.host(monkeypatch, runs=False)
        app.select(RED)
        await stay(app, DWELL)
        assert await views(app, pilot) == []
