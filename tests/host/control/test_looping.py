"""Loops under a real host: made, started under a shim, taken back where that fails, started again after kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from orchestrator_tui import private
from orchestrator_tui.clients.driving import Task, Unsupported
from orchestrator_tui.clients.loop_drive import LoopDrive
from orchestrator_tui.clock import SystemClock
from orchestrator_tui.config import Clients, Config
from orchestrator_tui.events import CommandRequested
from orchestrator_tui.fleet.prices import PriceTable, Source
from orchestrator_tui.fleet.prices.rates import LOCAL, Rates, Sheet
from orchestrator_tui.host.control.loops import looping
from orchestrator_tui.host.control.loops.queue import Queue
from orchestrator_tui.host.control.order import Failed, Order, Refused
from orchestrator_tui.host.run import opened
from orchestrator_tui.host.service import Host
from orchestrator_tui.loops import folder as folders
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.spent import table_of
from orchestrator_tui.paths import Paths
from tests.conftest import wait_for
from tests.host.owned.conftest import end_all
from tests.loops.workshop import AGENT, Workshop, state_of

OFF = ["claude", "codex", "opencode", "gemini", "log"]


class World(Workshop):
    """A repository, and a host that can start loops on it."""

    host: Host

    async def ask(self, **more: Any) -> dict[str, Any]:
        """The receipt of one command."""
        given = {
            "agent": "command", "command": [sys.executable, str(AGENT), str(self.runs)], "prompt": "make it right",
            "cwd": str(self.repo), "until": f"{sys.executable} check.py", "title": "Three steps",
        } | more  # fmt: skip
        request = CommandRequested("c1", "loop", {k: v for k, v in given.items() if v is not None}, why="because")
        return await looping.start_loop(Order(self.host, request, None))

    def folder(self) -> Folder:
        """The only loop."""
        (found,) = folders.folders(self.state)
        return found


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr("orchestrator_tui.host.owned.live.drives", lambda: {"loop": LoopDrive()})
    found = World(tmp_path)
    config = msgspec.structs.replace(Config(), clients=Clients(off=OFF, programs={"loop": sys.executable}))
    paths = Paths(found.state, found.state, found.state / "run")
    async with opened(paths, config, SystemClock()) as host:
        found.host = host
        yield found
        await host.owned.close()
    end_all(found.state)
    found.close()


async def until_ended(world: World) -> Any:
    folder = world.folder()
    async with asyncio.timeout(60):
        while state_of(folder).outcome is None or folder.runs:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return state_of(folder)


async def test_a_loop_is_made_and_runs_under_a_shim(world: World) -> None:
    receipt = await world.ask(worktree=True, max_iterations=5)
    folder = world.folder()
    assert receipt["session"] == f"loop:{folder.id}" and receipt["branch"] == f"orc/{folder.id}"
    assert "three-steps" in folder.id and receipt["max_iterations"] == 5
    assert receipt["directory"].startswith(str(world.state / "worktrees"))
    session = world.host.fleet.sessions[receipt["session"]]
    assert session.owned and session.title == "Three steps" and session.project == "repo"
    assert (await until_ended(world)).outcome == "passed"
    assert not await looping.Loops(world.host).busy()
    assert await looping.Loops(world.host).resume() == []


async def test_a_runner_that_was_killed_is_started_again(world: World) -> None:
    await world.ask(command=[sys.executable, str(AGENT), str(world.runs), "wait", "0.5"])
    loops = looping.Loops(world.host)
    wait_for(lambda: world.runs.exists())
    assert await loops.busy() and await loops.resume() == []
    (live,) = world.host.owned.live.values()
    os.kill(live.shim.child, signal.SIGKILL)
    wait_for(lambda: not world.folder().runs)
    async with asyncio.timeout(30):
        while not (begun := await loops.resume()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert begun == [world.folder().id] and await loops.resume() == []
    state = await until_ended(world)
    assert state.outcome == "passed" and len(state.iterations) == 3
    assert world.runs.read_text().count("begun") == 3


async def test_a_loop_that_is_killed_on_purpose_ends_as_stopped(world: World) -> None:
    await world.ask(command=[sys.executable, str(AGENT), str(world.runs), "wait", "60"])
    wait_for(lambda: (world.repo / "prompt.log").exists())
    folder = world.folder()
    assert looping.mark_stopped(world.host, folder.id, "orc kill") and not looping.mark_stopped(world.host, "../x", "")
    (live,) = world.host.owned.live.values()
    os.kill(live.shim.child, signal.SIGKILL)
    wait_for(lambda: not folder.runs)
    loops = looping.Loops(world.host)
    async with asyncio.timeout(30):
        while not await loops.resume() and state_of(folder).outcome is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    state = await until_ended(world)
    assert state.outcome == "stopped" and "orc kill" in state.words


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"agent": "vim"}, "no agent"), ({"cwd": "/nowhere"}, "no directory"), ({"prompt": " "}, "empty"),
        ({"until": "'open"}, "--until"), ({"until": None}, "nothing would end"), ({"budget_usd": -1.0}, "--budget"),
        ({"at": "tomorrow"}, "--at"), ({"max_iterations": 1e9}, "--max"), ({"agent": "builtin", "command": None}, "--model"),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_is_refused_before_anything_is_touched(
    world: World, more: dict[str, Any], says: str
) -> None:
    with pytest.raises(Refused, match=says) as error:
        await world.ask(**more)
    assert "\n" not in str(error.value) and not folders.folders(world.state)


async def test_where_it_cannot_begin_nothing_is_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> str:
        raise Failed("no shim today")

    monkeypatch.setattr(world.host.owned, "start", fail)
    with pytest.raises(Failed, match="no shim today"):
        await world.ask(worktree=True)
    assert not list((world.state / "loops").iterdir()) and not list((world.state / "worktrees").iterdir())
    assert "orc" not in world.git("branch", "-a")
    plain = world.root / "plain"
    plain.mkdir()
    with pytest.raises(Failed, match="no git checkout"):
        await world.ask(worktree=True, cwd=str(plain))
    assert not list((world.state / "loops").iterdir())


async def test_a_loop_that_waits_for_others_is_only_made(world: World) -> None:
    with pytest.raises(Refused, match="fits 0 loops"):
        await world.ask(after=["other"])
    receipt = await world.ask(at="2099-01-01T00:00:00Z")
    assert receipt["queued"] is True and not world.folder().runs
    assert await looping.Loops(world.host).resume() == []


def test_prices_of_models_are_handed_over_as_a_map(tmp_path: Path) -> None:
    raw = msgspec.Raw(
        b'{"input_cost_per_token":1e-6,"output_cost_per_token":2e-6,"litellm_provider":"openai","mode":"chat"}'
    )
    own = Rates((Sheet(input=3_000_000_000, output=15_000_000_000),))
    table = PriceTable([[Source("own", {"mine": own, "home": LOCAL}), Source("map", {"gpt-x": raw})]])
    folder = Folder(tmp_path / "one")
    folder.make()
    private.write_durably(
        folder.prices, msgspec.json.encode(looping.prices_of(table, ["mine", "gpt-x", "home", "unknown"]))
    )
    again = table_of(folder)
    for name in ("mine", "gpt-x"):
        first, second = table.find(name), again.find(name)
        assert first and second and first.rates.sheets[-1].output == second.rates.sheets[-1].output
    home = again.find("home")
    assert home is not None and home.rates.local and again.find("unknown") is None


def test_the_drive_starts_loops_and_nothing_else() -> None:
    drive = LoopDrive()
    task = Task("", "/tmp", resume="/x/loops/one", session="one")
    launch = drive.launch("ignored", task)
    assert launch.argv == (sys.executable, "-P", "-m", "orchestrator_tui.loops.runner", "/x/loops/one")
    assert launch.session == "one" and launch.cwd == "/tmp"
    with pytest.raises(Unsupported, match="no messages"):
        drive.dialogue(task)
    for resume, session in (("/x/loops/one", "two"), ("/x/loops/one", None), (None, "one"), ("/x/../one\0", "one")):
        with pytest.raises(Unsupported):
            drive.launch("", Task("", "/tmp", resume=resume, session=session))


async def test_a_loop_begins_when_the_one_before_has_succeeded_and_is_skipped_when_it_has_not(world: World) -> None:
    first = await world.ask(title="first")
    second = await world.ask(title="second", after=[str(first["loop"])], anyway=True, max_iterations=1)
    third = await world.ask(title="third", at="2099-01-01T00:00:00Z")
    assert (second["queued"], third["queued"]) == (True, True)
    queue = Queue(world.host)

    def state(made: dict[str, Any]) -> Any:
        return state_of(Folder(world.state / "loops" / str(made["loop"])))

    async with asyncio.timeout(60):
        while not (begun := await queue.step()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert begun == [second["loop"]] and await queue.step() == []
    async with asyncio.timeout(60):
        while state(second).outcome is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    lost = await world.ask(title="lost", until="false", max_iterations=1)
    hopeless = await world.ask(title="hopeless", after=[str(lost["loop"])])
    async with asyncio.timeout(60):
        while state(hopeless).outcome is None:
            await queue.step()
            await asyncio.sleep(0.1)
    skipped = state(hopeless)
    assert skipped.outcome == "skipped" and "lost" in skipped.words
    assert state(third).outcome is None
