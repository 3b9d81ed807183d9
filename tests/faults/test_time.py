"""The clock is set, or the machine sleeps: no session is told to be stuck for it, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from orchestrator_tui.events import type_of
from orchestrator_tui.fleet.status import status_of
from orchestrator_tui.host.procfs import table
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from tests.conftest import wait_for
from tests.faults.forks import Forks
from tests.faults.test_kills import gone
from tests.faults.world import World, long

HOUR = 3600
BUSY = ("thinking", "working", "tool_running", "fog", "finished")


@pytest.fixture
def forks(world: World) -> Iterator[Forks]:
    made = Forks(world)
    yield made
    made.close()


def at_work(world: World, name: str) -> None:
    """A session in the middle of a turn."""
    lines = [
        {"kind": "session", "schema": "orc.log/1", "session": name, "t": 0, "epoch": time.time() - 20, "title": name},
        {"kind": "user", "t": 1, "text": "go"},
        {"kind": "turn_started", "t": 2},
        {"kind": "tool_call", "t": 3, "id": "1", "tool": "bash", "args": {"command": "make"}},
        {"kind": "tool_result", "t": 15, "id": "1", "ok": True, "text": "made"},
    ]
    path = world.orc.paths.inbox / f".{name}"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    path.rename(world.orc.paths.inbox / f"{name}.jsonl")


def alerts(world: World) -> list[str]:
    with Reader(world.orc.paths.database) as reader:
        return [type_of(e.body) for e in reader.tail(0) if type_of(e.body) in ("alert.raised", "alert.escalated")]


def statuses(world: World, shift: int) -> set[str]:
    """Every session's status by the host's clock."""
    with Reader(world.orc.paths.database) as reader:
        fleet = fleet_now(reader)
    now = time.time_ns() + shift * 10**9
    return {status_of(fleet, session, now).status for session in fleet.sessions.values()}


def beats(world: World) -> int:
    with Reader(world.orc.paths.database) as reader:
        return int(reader.query("SELECT count(*) FROM events WHERE type = 'beat'")[0][0])


@pytest.mark.parametrize("shift", [HOUR, pytest.param(-HOUR, marks=long)], ids=["ahead", "back"])
def test_a_clock_that_is_set_by_an_hour_makes_nobody_stuck(world: World, forks: Forks, shift: int) -> None:
    world.orc.paths.inbox.mkdir(parents=True, mode=0o700)
    host = forks.begin("host")
    for number in range(6):
        at_work(world, f"busy{number}")
    world.write("a", 3)
    wait_for(lambda: world.counted() == world.wanted() and len(statuses(world, 0)) > 0, 30)
    before, seen = alerts(world), beats(world)
    (world.root / "shift").write_text(str(shift))
    world.write("a", 3)
    world.write("b", 2)
    # Everything is due again at once: that it looks shows in a beat.
    wait_for(lambda: beats(world) > seen, 45)
    wait_for(lambda: world.counted() == world.wanted(), 30)
    assert alerts(world) == before and statuses(world, shift) <= set(BUSY)
    os.kill(host, signal.SIGTERM)
    wait_for(lambda: gone(host), 20)
    world.settled()


def test_after_a_sleep_it_goes_on_without_a_burst(world: World, forks: Forks) -> None:
    world.orc.paths.inbox.mkdir(parents=True, mode=0o700)
    host = forks.begin("host")
    for number in range(6):
        at_work(world, f"busy{number}")
    world.write("a", 1)
    wait_for(lambda: world.counted() == world.wanted(), 30)
    screen = forks.begin("dashboard")
    wait_for(lambda: (world.orc.paths.viewers).exists(), 30)
    before, seen = alerts(world), beats(world)
    for pid in (host, screen):
        os.kill(pid, signal.SIGSTOP)
    # Two hours later, for those that slept.
    (world.root / "shift").write_text(str(2 * HOUR))
    world.write("a", 3)
    time.sleep(0.5)
    assert sorted(world.frozen()) == sorted((host, screen))
    for pid in (host, screen):
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: beats(world) > seen, 45)
    wait_for(lambda: world.counted() == world.wanted(), 30)
    assert alerts(world) == before and statuses(world, 2 * HOUR) <= set(BUSY)
    assert world.frozen() == [] and not gone(screen)
    stat = table().stat(host)
    assert stat is not None
    os.kill(host, signal.SIGTERM)
    wait_for(lambda: gone(host), 20)
    world.settled()
