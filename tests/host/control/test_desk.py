"""The path of a command: on record before its effect, refused with a reason, taken back in time."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clock import SystemClock
from orchestrator_tui.config import Config, Policy
from orchestrator_tui.fleet.ledger import Decision, decisions
from orchestrator_tui.host.control.callers import chain_of
from orchestrator_tui.host.control.order import Failed, Order, Refused, Undone
from orchestrator_tui.host.run import opened
from orchestrator_tui.host.service import Host
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.asking import ask, command

NAME = "log:a"
ME = chain_of(os.getpid())


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests may themselves be run by an agent."""
    monkeypatch.setattr("orchestrator_tui.host.control.callers.MARKS", {"ORC_TEST_AGENT": "a test"})
    monkeypatch.setattr("orchestrator_tui.host.control.callers.PROGRAMS", frozenset())


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    config = Config(policy=[Policy("web", agents_may=["slow"])])
    async with opened(Paths(tmp_path / "c", tmp_path / "s", tmp_path / "r"), config, SystemClock()) as made:
        await made.note([(None, ev.Beat()), (None, ev.SettingsChanged(settings=config.told()))])
        owned = ev.SessionUpdated(owned=True, project="web")
        await made.note([(NAME, owned), (NAME, ev.TurnStarted()), ("log:other", ev.TurnStarted())])
        yield made


async def send(host: Host, verb: str, chain: Sequence[ev.ProcessRef] = ME, **arguments: Any) -> ev.CommandRequested:
    request = command(verb, {"session": NAME, **arguments}, "test", time.time_ns(), "because", chain)
    await ask(host.paths.database, request, time.time_ns())
    return request


async def ended(host: Host, request: ev.CommandRequested) -> Decision:
    async with asyncio.timeout(10):
        while True:
            await host.commands.obey()
            found = {one.command_id: one for one in decisions(host.reader.commands(0))}[request.command_id]
            if found.outcome is not None:
                return found
            await asyncio.sleep(0.01)


async def until(log: list[str]) -> None:
    for _ in range(1000):
        if log:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not begin")


def slow(log: list[str]) -> Any:
    async def verb(order: Order) -> ev.Facts:
        await order.begin(ME, 30, "waits")
        log.append("begun")
        await order.undo.wait()
        await order.commit()
        return {}

    return verb


async def test_every_step_is_on_record_before_its_effect(host: Host) -> None:
    seen: list[str] = []

    def kinds() -> list[str]:
        return [ev.type_of(event.body) for event in host.reader.commands(0)]

    async def verb(order: Order) -> ev.Facts:
        seen.append(f"asked {kinds()[-1]}")
        await order.begin(ME)
        seen.append(f"begun {kinds()[-1]}")
        await order.commit()
        seen.append(f"committed {kinds()[-1]}")
        return {"ended": ["1"]}

    host.commands._verbs["try"] = verb
    decision = await ended(host, await send(host, "try"))
    assert seen == ["asked command.requested", "begun command.started", "committed command.committed"]
    assert (decision.outcome, decision.receipt, decision.why) == ("done", {"ended": ["1"]}, "because")
    assert decision.asker is not None and decision.asker.pid == os.getpid()
    assert decision.moment is not None and decision.moment.session == NAME
    assert host.fleet.orders.open == {}


@pytest.mark.parametrize(
    ("raised", "outcome"), [(Refused("no"), "refused"), (Failed("no"), "failed"), (Undone("no"), "undone")]
)
async def test_what_a_verb_says_is_its_outcome(host: Host, raised: Exception, outcome: str) -> None:
    async def verb(order: Order) -> ev.Facts:
        raise raised

    host.commands._verbs["try"] = verb
    assert (await ended(host, await send(host, "try"))).outcome == outcome


async def test_a_refusal_after_the_beginning_is_a_failure_and_a_fault_is_told(host: Host) -> None:
    async def late(order: Order) -> ev.Facts:
        await order.begin()
        raise Refused("too late")

    async def broken(order: Order) -> ev.Facts:
        raise ZeroDivisionError("oops")

    host.commands._verbs |= {"late": late, "broken": broken}
    assert (await ended(host, await send(host, "late"))).outcome == "failed"
    decision = await ended(host, await send(host, "broken"))
    assert (decision.outcome, decision.text) == ("failed", "ZeroDivisionError: oops")


async def test_what_is_refused_has_touched_nothing(host: Host) -> None:
    log: list[str] = []
    host.commands._verbs["slow"] = slow(log)
    late = command("slow", {"session": NAME}, "test", time.time_ns() - 20_000_000_000, "", ME)
    await ask(host.paths.database, late, time.time_ns())
    assert "expired" in (await ended(host, late)).text
    assert "no verb" in (await ended(host, await send(host, "fly"))).text
    assert "no such session" in (await ended(host, await send(host, "slow", session="log:nobody"))).text
    assert "not said" in (await ended(host, await send(host, "slow", chain=[]))).text
    gone = [ev.ProcessRef(os.getpid(), 1)]
    assert "is gone" in (await ended(host, await send(host, "slow", chain=gone))).text
    assert log == []


async def test_agents_may_look_not_rule(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    host.commands._verbs |= {"slow": slow(log), "other": slow(log)}
    agent = await asyncio.create_subprocess_exec("sleep", "60", env={**os.environ, "ORC_TEST_AGENT": "1"})
    try:
        decision = await ended(host, await send(host, "other", chain=chain_of(agent.pid)))
        assert (decision.outcome, "agents may look, not rule" in decision.text) == ("refused", True)
        # A process below a session's own is the session, whatever its environment says.
        me = host.processes.table.stat(os.getpid())
        assert me is not None
        from orchestrator_tui.host.processes import Watched

        host.processes.watched["claude:x"] = Watched("claude:x", os.getpid(), me.started)
        child = await asyncio.create_subprocess_exec("sleep", "60")
        decision = await ended(host, await send(host, "other", chain=chain_of(child.pid)))
        assert "claude:x" in decision.text
        child.kill()
        await child.wait()
        del host.processes.watched["claude:x"]
        # The policy of the project lets them.
        request = await send(host, "slow", chain=chain_of(agent.pid))
        await host.commands.obey()
        await until(log)
        await ended(host, await send(host, "undo", command=request.command_id))
        assert (await ended(host, request)).outcome == "undone"
    finally:
        agent.kill()
        await agent.wait()


async def test_the_newest_is_taken_back_and_never_twice(host: Host) -> None:
    log: list[str] = []
    host.commands._verbs["slow"] = slow(log)
    request = await send(host, "slow")
    await host.commands.obey()
    await until(log)
    order = host.fleet.orders.last_undoable(time.time_ns())
    assert order is not None and order.id == request.command_id and order.tree == ME
    undo = await ended(host, await send(host, "undo"))
    assert (undo.outcome, undo.receipt["undone"]) == ("done", "slow")
    assert (await ended(host, request)).outcome == "undone"
    assert "nothing is under way" in (await ended(host, await send(host, "undo"))).text
    again = await ended(host, await send(host, "undo", command=request.command_id))
    assert "over already" in again.text


async def test_a_first_command_to_a_session_that_orc_did_not_start_asks_once(host: Host) -> None:
    async def verb(order: Order) -> ev.Facts:
        return {}

    host.commands._verbs["message"] = verb
    first = await ended(host, await send(host, "message", session="log:other"))
    assert (first.outcome, "say yes" in first.text) == ("refused", True)
    assert (await ended(host, await send(host, "message", session="log:other", confirmed=True))).outcome == "done"
    assert (await ended(host, await send(host, "message", session="log:other"))).outcome == "done"
    assert (await ended(host, await send(host, "message"))).outcome == "done", "its own needs no yes"


async def test_of_two_for_one_session_the_second_is_refused(host: Host) -> None:
    log: list[str] = []
    host.commands._verbs["kill"] = slow(log)
    first, second = await send(host, "kill"), await send(host, "kill")
    decision = await ended(host, second)
    assert (decision.outcome, "under way" in decision.text) == ("refused", True)
    await ended(host, await send(host, "undo", command=first.command_id))
    assert (await ended(host, first)).outcome == "undone"


async def test_a_decision_of_the_host_s_own_is_on_record_and_run_once(host: Host) -> None:
    runs: list[str] = []

    async def verb(order: Order) -> ev.Facts:
        runs.append(order.request.why)
        return {}

    host.commands._verbs["stepdown"] = verb
    await host.commands.decide("stepdown", NAME, {}, "the cap is used up")
    await host.commands.obey()
    assert runs == ["the cap is used up"]
    (decision,) = decisions(host.reader.commands(0))
    assert (decision.actor, decision.outcome, decision.session) == ("orc: guard", "done", NAME)
    forged = command("stepdown", {"session": NAME}, "orc: guard", time.time_ns(), "", ME)
    await ask(host.paths.database, forged, time.time_ns())
    assert (await ended(host, forged)).outcome == "refused"


async def test_what_was_asked_while_the_host_started_is_done_and_what_was_begun_is_not_done_again(
    tmp_path: Path,
) -> None:
    paths = Paths(tmp_path / "c", tmp_path / "s", tmp_path / "r")
    runs: list[str] = []

    async def verb(order: Order) -> ev.Facts:
        runs.append(order.id)
        return {}

    async with opened(paths, Config(), SystemClock()) as first:
        await first.note([(NAME, ev.SessionUpdated(owned=True))])
        done, begun, fresh = [command("try", {"session": NAME}, "t", time.time_ns(), "", ME) for _ in range(3)]
        late = command("try", {"session": NAME}, "t", time.time_ns() - 60_000_000_000, "", ME)
        for request in (done, begun, late, fresh):
            await ask(paths.database, request, time.time_ns())
        await first.note(
            [(None, ev.CommandEnded(done.command_id, "done")), (None, ev.CommandStarted(begun.command_id))]
        )
    async with opened(paths, Config(), SystemClock()) as second:
        second.commands._verbs["try"] = verb
        assert (await ended(second, fresh)).outcome == "done"
        assert (await ended(second, late)).outcome == "refused"
        assert runs == [fresh.command_id]
