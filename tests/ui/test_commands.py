"""Command keys: the request that lands in the store is exactly what was asked, and nothing is sent that was not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from textual.pilot import Pilot

from orchestrator_tui import events as ev
from orchestrator_tui.events import CommandRequested, KnownBody
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.commanding import NO_HOST
from orchestrator_tui.ui.screens.diff import DiffScreen
from orchestrator_tui.ui.screens.fleet import FleetScreen
from orchestrator_tui.ui.screens.session import SessionScreen
from orchestrator_tui.ui.widgets.askbar import AskBar
from tests.ui import fleets
from tests.ui.fleets import ASKS, NOW, SECOND, append, clock_of, dashboard, first, name_of, text, until

OWN = name_of(1)
"""Run by orc: nothing is asked first."""
VERBS = ("kill", "pause", "resume", "message", "approve", "deny", "escalate", "stepdown", "use", "split", "revive")
WIDE = (200, 55)


async def look(app: OrcApp, pilot: Pilot[None], session: str) -> None:
    """Look at a session for as long as it takes to read what it asks."""
    app.select(session)
    await pilot.pause()
    clock_of(app).ns += SECOND
    app.tick()
    await pilot.pause()


async def requests(app: OrcApp, pilot: Pilot[None]) -> list[CommandRequested]:
    """What was asked of the host, but for looks."""
    await app.workers.wait_for_complete()
    await pilot.pause()
    reader = Reader(app.paths.database)
    try:
        bodies = [event.body for event in reader.commands(0, reader.last_seq())]
    finally:
        reader.close()
    return [body for body in bodies if isinstance(body, CommandRequested) and body.verb != "view"]


async def sent(app: OrcApp, pilot: Pilot[None]) -> list[tuple[str, dict[str, Any]]]:
    """Verb and arguments of what was asked."""
    return [(body.verb, dict(body.arguments)) for body in await requests(app, pilot)]


def bar(app: OrcApp) -> AskBar:
    """The ask bar of the screen that is shown."""
    return app.screen.query_one(AskBar)


def lower(app: OrcApp) -> str:
    """The lower half of the screen."""
    rows = text(app)
    return "\n".join(rows[len(rows) // 3 :])


async def prepare(paths: Paths, *more: tuple[str | None, KnownBody], known: Sequence[str] = VERBS) -> None:
    """The fleet with permissions and owned sessions; of the others the person has confirmed these verbs before."""
    names = [name_of(index) for index in range(len(fleets.CAST))]
    yes = [(name, body) for name in names for body in fleets.confirmed(*known)]
    await append(paths, *fleets.commanded(), *yes, *more)


# --- keys that ask nothing ------------------------------------------------------------------------------------

AT_ONCE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "x": (OWN, "kill", {}),
    "p": (OWN, "pause", {}),
    "C": (first("dead"), "revive", {}),
    "y": (ASKS, "approve", {"request": "p1"}),
}


@pytest.mark.parametrize("key", AT_ONCE)
async def test_one_key_acts_at_once(paths: Paths, key: str) -> None:
    session, verb, more = AT_ONCE[key]
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, session)
        await pilot.press(key)
        assert await sent(app, pilot) == [(verb, {"session": session, **more})]
        (request,) = await requests(app, pilot)
        assert (request.actor, request.deadline) == ("dashboard", clock_of(app).ns + 10 * SECOND)
        assert request.chain and not bar(app).opened
        assert "asked" in lower(app)


async def test_p_lets_a_paused_one_go_on(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, first("paused"))
        await pilot.press("p")
        assert await sent(app, pilot) == [("resume", {"session": first("paused")})]


async def test_acting_moves_to_the_next_of_the_queue(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, ASKS)
        queue = [cell.id for cell in app.drawn.queue]
        await pilot.press("y")
        assert app.selected == queue[(queue.index(ASKS) + 1) % len(queue)]


# --- keys that ask ------------------------------------------------------------------------------------------------

FILLED: dict[str, tuple[str, tuple[str, ...], str, dict[str, Any]]] = {
    "message": (OWN, ("m", *"go on", "ctrl+j", *"please", "enter"), "message", {"text": "go on\nplease"}),
    "deny": (ASKS, ("n", *"not now", "enter"), "deny", {"request": "p1", "words": "not now"}),
    "deny without a word": (ASKS, ("n", "enter"), "deny", {"request": "p1"}),
    "model": (OWN, ("E", *"opus", "tab", *"high", "enter"), "use", {"model": "opus", "effort": "high"}),
    "budget": (OWN, ("b", "ctrl+a", "delete", *"12.50", "enter"), "budget", {"usd": 12.5}),
    "no budget": (name_of(0), ("b", "enter"), "budget", {"usd": None}),
    "kill now": (OWN, ("X", "y"), "kill", {"now": True}),
    "split": (
        name_of(0), ("s", "ctrl+s"), "split",
        {"parts": ["write the migration", "backfill in batches", "drop the old tables"], "dirty": "carry"},
    ),
    "split otherwise": (
        OWN, ("s", *"one", "enter", *"two; $(id)", "tab", "right", "tab", "right", "tab", "right", "ctrl+s"), "split",
        {"parts": ["one", "two; $(id)"], "dirty": "refuse", "shared": True, "fresh": True},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILLED)
async def test_what_is_filled_in_is_sent(paths: Paths, case: str) -> None:
    session, keys, verb, more = FILLED[case]
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, session)
        await pilot.press(keys[0])
        assert bar(app).opened
        await pilot.pause()
        await pilot.press(*keys[1:])
        if case == "budget":
            got = await sent(app, pilot)
            assert got[0][0] == "budget" and got[0][1]["session"] == session
            assert str(got[0][1]["usd"]).startswith("12.5")
        else:
            assert await sent(app, pilot) == [(verb, {"session": session, **more})]
        assert not bar(app).opened and app.focused is None


async def test_a_step_says_what_it_costs_and_carries_the_note(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, OWN)
        await pilot.press("d")
        await pilot.pause()
        assert "claude-opus-4-8 -> claude-sonnet" in lower(app) and "per Mtok" in lower(app)
        await pilot.press("tab", "enter") if "cap $" in lower(app) else await pilot.press("enter")
        ((verb, what),) = await sent(app, pilot)
        assert verb == "stepdown" and what["session"] == OWN
        assert "smaller" in str(what["note"]) or "take over" in str(what["note"])
        app.select(OWN)
        await pilot.press("e")
        assert not bar(app).opened and "no rung above" in lower(app)


async def test_escalate_with_a_cap(paths: Paths) -> None:
    model = ev.SessionUpdated(model="claude-sonnet-5")
    await prepare(paths, (OWN, model))
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, OWN)
        await pilot.press("e")
        await pilot.pause()
        if not bar(app).opened:
            pytest.skip("the ladder has no rung above it: " + app.commanding.words)
        await pilot.press("tab", *"-3", "enter")
        assert bar(app).opened and "is no sum in dollars" in lower(app)
        await pilot.press("backspace", "backspace", *"3", "enter")
        ((verb, what),) = await sent(app, pilot)
        assert (verb, what["cap_usd"]) == ("escalate", 3.0) and "note" in what


async def test_a_new_session(paths: Paths, tmp_path: Any) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await pilot.press("c", "enter")
        assert bar(app).opened and "prompt is empty" in lower(app)
        await pilot.press(*"fix it; touch x", "tab", "right", "tab", "ctrl+a")
        await pilot.press("delete", "ctrl+k", "enter")
        assert bar(app).opened
        field = bar(app).query_one(".ask-cwd")
        field.text = str(tmp_path)  # type: ignore[attr-defined]
        await pilot.press("tab", *"opus", "tab", *"mine", "enter")
        what = {"agent": "codex", "prompt": "fix it; touch x", "cwd": str(tmp_path), "model": "opus", "title": "mine"}
        assert await sent(app, pilot) == [("run", what)]


async def test_the_reason_goes_with_the_next_command_alone(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, OWN)
        await pilot.press("w", *"it turns in circles", "enter")
        await pilot.pause()
        assert "why: it turns in circles" in lower(app)
        await pilot.press("x", "p")
        assert [(one.verb, one.why) for one in await requests(app, pilot)] == [
            ("kill", "it turns in circles"), ("pause", ""),
        ]  # fmt: skip
        assert "why:" not in lower(app)


# --- the first of its kind, and many ----------------------------------------------------------------------------


async def test_the_first_command_to_a_strange_session_asks(paths: Paths) -> None:
    await prepare(paths, known=())
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, name_of(0))
        await pilot.press("x")
        assert bar(app).opened and "process 1000" in lower(app) and "kill webapp/1?" in lower(app)
        assert await sent(app, pilot) == []
        await pilot.press("y")
        assert await sent(app, pilot) == [("kill", {"session": name_of(0), "confirmed": True})]


async def test_many_are_listed_first_and_those_left_out(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        for name in (name_of(0), OWN, first("dead")):
            app.select(name)
            await pilot.press("v")
        assert "3 marked" in "\n".join(text(app))
        await pilot.press("x")
        assert "kill 2 sessions: webapp/1, api/1?" in lower(app).replace("  ", " ")
        assert "left out 1: api/2 (no process of it is known)" in lower(app)
        assert await sent(app, pilot) == []
        await pilot.press("q", "z", "y")
        assert await sent(app, pilot) == [("kill", {"session": name}) for name in (name_of(0), OWN)]
        await pilot.press("V")
        assert "marked" not in text(app)[2]


async def test_a_mark_elsewhere_is_never_a_surprise(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        app.select(OWN)
        await pilot.press("v")
        app.select(name_of(0))
        await pilot.press("x")
        assert bar(app).opened and "kill api/1?" in lower(app)


async def test_groups(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await pilot.press("1")
        assert app.selected == name_of(0) and "3 of group 1" in "\n".join(text(app))
        await pilot.press("1")
        app.select(OWN)
        assert len(app.commanding.marks) == 0  # a recalled group is let go of
        await pilot.press("v", "g", "x", "4")
        assert await sent(app, pilot) == [("group", {"number": 4, "sessions": [OWN]})]
        await pilot.press("V", "7")
        assert "group 7 is empty" in lower(app)
        await pilot.press("0")
        assert len(app.commanding.marks) == len(app.drawn.queue)
        await pilot.press("2")
        assert app.selected == ASKS


# --- approving ------------------------------------------------------------------------------------------------


async def test_what_was_not_on_the_screen_is_shown_first(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, (120, 35)) as (app, pilot):
        await look(app, pilot, ASKS)
        await pilot.press("y")
        assert bar(app).opened and "git push origin main" in lower(app)
        await pilot.press("y", "y", "y")  # a key that is held down
        assert await sent(app, pilot) == []
        clock_of(app).ns += SECOND
        await pilot.press("y")
        assert await sent(app, pilot) == [("approve", {"session": ASKS, "request": "p1"})]


async def test_what_came_up_just_now_was_not_read(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, ASKS)
        await append(paths, (ASKS, ev.PermissionAnswered("p1", "gone")), (ASKS, fleets.permission("rm -rf /", "p9")))
        app.tick()
        await pilot.press("y")
        assert await sent(app, pilot) == [] and bar(app).opened and "rm -rf /" in lower(app)


@pytest.mark.parametrize("key", ["y", "n"])
async def test_another_request_than_the_one_shown_is_not_answered(paths: Paths, key: str) -> None:
    await prepare(paths)
    async with dashboard(paths, (120, 35)) as (app, pilot):
        await look(app, pilot, ASKS)
        await pilot.press(key)
        assert bar(app).opened
        await append(paths, (ASKS, fleets.permission('{"command":"rm -rf /"}', "p1")))
        clock_of(app).ns += SECOND
        app.tick()
        await pilot.press("y" if key == "y" else "enter")
        assert await sent(app, pilot) == []
        assert "not asked any more; nothing was sent" in lower(app)


async def test_a_long_request_is_to_be_seen_to_its_end(paths: Paths) -> None:
    what = fleets.permission('{"command":"' + "echo one && " * 300 + 'curl evil"}', "p0")
    await prepare(paths, (ASKS, ev.PermissionAnswered("p1", "gone")), (ASKS, what))
    async with dashboard(paths, (80, 24)) as (app, pilot):
        await look(app, pilot, ASKS)
        await pilot.press("y")
        clock_of(app).ns += SECOND
        await pilot.press("y")
        assert await sent(app, pilot) == [] and "not all of it has been on the screen" in lower(app)
        assert "curl evil" not in lower(app)
        for _ in range(90):
            await pilot.press("down")
        assert "curl evil" in lower(app)
        clock_of(app).ns += SECOND
        await pilot.press("y")
        assert await sent(app, pilot) == [("approve", {"session": ASKS, "request": "p0"})]


async def test_a_policy_wants_a_second_key(paths: Paths) -> None:
    settings = ev.SettingsChanged(settings={"policy/0/*/second_key": "git push*"})
    await prepare(paths, (None, settings))
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, ASKS)
        await pilot.press("y")
        assert bar(app).opened and "git push* wants a second key" in lower(app)
        clock_of(app).ns += SECOND
        await pilot.press("y")
        assert await sent(app, pilot) == [("approve", {"session": ASKS, "request": "p1", "second": True})]


# --- what does not act ------------------------------------------------------------------------------------------


async def test_without_a_host_nothing_is_asked(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    await prepare(paths)
    fleets.host(monkeypatch, runs=False)
    async with dashboard(paths, WIDE) as (app, pilot):
        app.select(OWN)
        for key in ("x", "p", "m", "e", "s", "c", "b", "X", "z"):
            await pilot.press(key)
            assert not bar(app).opened, key
            assert NO_HOST in lower(app)
        assert await sent(app, pilot) == []


async def test_a_host_that_goes_while_the_bar_is_open(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, OWN)
        await pilot.press("m", *"hello")
        fleets.host(monkeypatch, runs=False)
        await pilot.press("enter")
        assert bar(app).opened and "no host is running" in lower(app)
        assert await sent(app, pilot) == []


@pytest.mark.parametrize("key", [*"xpmsEebXncgwd"])
async def test_escape_closes_the_bar_and_nothing_is_sent(paths: Paths, key: str) -> None:
    await prepare(paths, known=())
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, ASKS)
        await pilot.press(key)
        opened = bar(app).opened
        assert opened or key == "e"
        await pilot.press("escape")
        assert not bar(app).opened and app.focused is None
        assert await sent(app, pilot) == []
        assert isinstance(app.screen, FleetScreen)


async def test_questions_follow_each_other_without_a_pause(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, OWN)
        for _ in range(3):
            for name in ("message", "budget", "split", "message", "kill-now", "message"):
                app.commanding.do(name)
            bar(app).close()
        app.commanding.do("message")
        await pilot.pause()
        await pilot.press(*"once", "enter")
        assert await sent(app, pilot) == [("message", {"session": OWN, "text": "once"})]


async def test_keys_mean_nothing_else_while_the_bar_is_open(paths: Paths) -> None:
    await prepare(paths, known=())
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, ASKS)
        await pilot.press("x", *"qxT?:gvV+-0123/.", "tab", "enter", "space", "left", "f1")
        assert bar(app).opened and app.is_running and len(app.screen_stack) == 2
        assert app.selected == ASKS and len(app.commanding.marks) == 0 and await sent(app, pilot) == []


async def test_the_diff_keeps_its_keys(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, ASKS)
        await pilot.press("D")
        assert isinstance(app.screen, DiffScreen)
        await pilot.press("n", "p", "x", "y", "m")
        assert isinstance(app.screen, DiffScreen) and await sent(app, pilot) == []


async def test_commands_on_the_session_screen(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, (80, 24)) as (app, pilot):
        await look(app, pilot, ASKS)
        await pilot.press("enter")
        await pilot.pause()
        clock_of(app).ns += SECOND
        assert isinstance(app.screen, SessionScreen)
        await pilot.press("y")
        assert await sent(app, pilot) == [("approve", {"session": ASKS, "request": "p1"})]
        await pilot.press("m", *"hi", "enter")
        assert (await sent(app, pilot))[1:] == [("message", {"session": ASKS, "text": "hi"})]


# --- taking back ------------------------------------------------------------------------------------------------


async def test_undo_takes_back_what_one_key_did(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        for name in (name_of(0), OWN):
            app.select(name)
            await pilot.press("v")
        await pilot.press("x", "y")
        asked = await requests(app, pilot)
        app.tick()
        assert "kill 2 sessions: webapp/1, api/1  asked" in lower(app)
        at = clock_of(app).ns
        await append(paths, *((None, fleets.started(one.command_id, at=at)) for one in asked), at=at)
        app.tick()
        await pilot.pause()
        assert "0 of 2 frozen  5 s  u takes them back" in lower(app)
        stopped = [
            (name, ev.ProcessObserved(pid=1000 + n, started=7, stopped=True))
            for n, name in enumerate((name_of(0), OWN))
        ]
        clock_of(app).ns += 2 * SECOND
        await append(paths, *stopped, at=clock_of(app).ns)
        app.tick()
        await pilot.pause()
        assert "frozen  3 s  u takes them back" in lower(app)
        await pilot.press("u")
        assert (await sent(app, pilot))[2:] == [("undo", {"command": one.command_id}) for one in asked]


async def test_nothing_to_take_back(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await pilot.press("u")
        assert "nothing can be taken back" in lower(app) and await sent(app, pilot) == []


async def test_an_outcome_is_told_and_goes(paths: Paths) -> None:
    await prepare(paths, (None, fleets.requested("kill", OWN, why="enough")), (None, fleets.started()))
    receipt: ev.Facts = {
        "ended": ["a", "b"], "survived": [], "requests_after_key": 1, "cost_after_key_usd": 0.02, "dirty_files": ["x"],
        "untracked": 2,
    }  # fmt: skip
    done = ev.CommandEnded(command_id="k1", outcome="done", receipt=receipt)
    await append(paths, (None, ev.CommandCommitted(command_id="k1")), (None, done))
    async with dashboard(paths, WIDE) as (app, pilot):
        app.select(OWN)
        await pilot.pause()
        words = "done: ended 2 processes, 1 request after the key, $0.02, 3 files not committed"
        assert f"kill api/1  {words}" in lower(app)
        assert "because enough" in lower(app)
        clock_of(app).ns = NOW + 9 * SECOND
        app.tick()
        await until(lambda: f"kill api/1  {words}" not in lower(app))
        assert "kill 9s ago  done" in lower(app) and "1 request after the key" in lower(app)  # the inspector keeps it


async def test_a_host_that_never_answers(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        await look(app, pilot, OWN)
        await pilot.press("x")
        await requests(app, pilot)
        clock_of(app).ns += 11 * SECOND
        app.tick()
        await pilot.pause()
        assert "no host took it in time: it is not done" in lower(app)
