"""What a person says of a session: asked as a command, answered by the host, kept as an event of the session."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clock import SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.host.control.callers import chain_of
from orchestrator_tui.host.run import opened
from orchestrator_tui.host.service import Host
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.asking import ask, command

NAME = "log:a"


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with opened(Paths(tmp_path / "c", tmp_path / "s", tmp_path / "r"), Config(), SystemClock()) as made:
        await made.note([(None, ev.Beat()), (NAME, ev.TurnStarted())])
        trouble = ev.ApiError(status=401, text="login expired", final=True)
        await made.note([(NAME, trouble)])
        await made.note(made.alarming.news(made.fleet, time.time_ns()))
        yield made


async def asked(host: Host, verb: str, **arguments: str | float) -> ev.CommandEnded:
    """Ask as another process does, and have the host obey."""
    request = command(verb, {"session": NAME, **arguments}, "test", time.time_ns(), chain=chain_of(os.getpid()))
    seq = await ask(host.paths.database, request, time.time_ns())
    async with asyncio.timeout(10):
        while True:
            await host.commands.obey()
            for event in host.reader.commands(seq):
                if isinstance(event.body, ev.CommandEnded) and event.body.command_id == request.command_id:
                    return event.body
            await asyncio.sleep(0)


async def test_an_alert_is_raised_once_and_an_acknowledged_cause_stays_muted(host: Host) -> None:
    session = host.fleet.sessions[NAME]
    (alert,) = session.alerts.open.values()
    assert (alert.status, alert.severity) == ("errored", "red")
    assert host.alarming.news(host.fleet, time.time_ns()) == []
    ended = await asked(host, "ack", why="known")
    assert (ended.outcome, ended.receipt["status"]) == ("done", "errored")
    assert session.alerts.open == {}
    assert await host.note(host.alarming.news(host.fleet, time.time_ns())) is None
    assert session.alerts.open == {}
    assert (await asked(host, "ack")).outcome == "refused"


async def test_a_snooze_ends_by_itself_or_by_another_word(host: Host) -> None:
    session = host.fleet.sessions[NAME]
    assert (await asked(host, "snooze", seconds=60.0)).outcome == "done"
    assert 50e9 < session.alerts.snoozed_until - time.time_ns() < 60e9
    assert (await asked(host, "snooze", seconds=0)).outcome == "done"
    assert session.alerts.snoozed_until == 0
    assert (await asked(host, "snooze", seconds=float("nan"))).outcome == "refused"
    assert (await asked(host, "snooze")).outcome == "refused"


async def test_what_was_looked_at_is_no_news(host: Host) -> None:
    assert (await asked(host, "view")).outcome == "done"
    assert host.fleet.sessions[NAME].alerts.viewed_at is not None


async def test_a_session_that_is_not_there_is_refused(host: Host) -> None:
    for verb in ("ack", "snooze", "view"):
        ended = await asked(host, verb, session="log:nobody", seconds=1.0)
        assert (ended.outcome, ended.text) == ("refused", "no such session in the fleet")


async def test_an_expired_request_is_never_run(host: Host) -> None:
    request = command("view", {"session": NAME}, "test", time.time_ns() - 60_000_000_000)
    seq = await ask(host.paths.database, request, time.time_ns())
    await host.commands.obey()
    await asyncio.gather(*host._tasks)
    ended = [e.body for e in host.reader.commands(seq) if isinstance(e.body, ev.CommandEnded)]
    assert [body.outcome for body in ended] == ["refused"]
    assert host.fleet.sessions[NAME].alerts.viewed_at is None
