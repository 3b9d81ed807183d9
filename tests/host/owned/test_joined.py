"""Threads of Codex's daemon: joined when they are wanted or silent, heard, answered, and left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import pytest_asyncio

from orchestrator_tui.clients.codex.locks import PROOF
from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import PermissionAsked, ProcessObserved
from orchestrator_tui.fleet.session import OpenCall, Process
from orchestrator_tui.host.control.order import Failed, Order
from orchestrator_tui.host.owned import joined as module
from orchestrator_tui.host.owned.joined import AGAIN, MAX_JOINED, Joined, interrupt, reach
from tests.host.owned.daemon import Place, thread_of


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path)
    await place.daemon.start()
    yield place
    await place.joined.close()
    await place.daemon.stop()


async def test_a_person_commands_a_thread(place: Place) -> None:
    session = place.host.session(1)
    place.daemon.load(thread_of(1))
    found = await asyncio.gather(*(place.joined.channel(session.id) for _ in range(5)))
    channel = found[0]
    assert channel is not None and all(each is channel for each in found) and place.daemon.connections == 1
    await channel.say("--help\n$(touch x)")
    assert place.daemon.said[-1]["params"]["input"][0]["text"] == "--help\n$(touch x)"
    await channel.use("gpt-5.9", "high")
    assert place.daemon.said[-1]["params"] == {"threadId": thread_of(1), "model": "gpt-5.9", "effort": "high"}
    await channel.interrupt()
    await place.until(lambda: not channel.busy)
    await channel.end()
    assert place.daemon.methods()[-2:] == ["turn/interrupt"] * 2
    for attempt in (channel.say(" "), channel.use("--help", None), channel.answer("nothing", True, "")):
        with pytest.raises(Failed):
            await attempt
    assert await reach(place.host, session.id) is channel
    assert await reach(place.host, "codex:unknown") is None
    order = cast(Order, SimpleNamespace(host=place.host, session=session))
    assert await interrupt(order) == ""
    place.daemon.threads.clear()
    await channel.close()
    assert "does not have that thread open" in await interrupt(order)
    with pytest.raises(Failed):
        await channel.say("too late")


async def test_what_is_asked_is_stored_answered_and_left(place: Place) -> None:
    session = place.host.session(1, silent=7)
    place.daemon.load(thread_of(1))
    place.daemon.ask(0, thread_of(1), "rm -rf ~", reason="I must")
    await place.look()
    assert place.daemon.connections == 0
    place.host.clock.advance(2 * SECOND)
    asked = await place.until(lambda: list(session.steering.asks.values()), looking=True)
    assert json.loads(asked[0].asked.what.text) == {"command": "rm -rf ~", "cwd": "/w"}
    assert (asked[0].asked.via, asked[0].asked.words) == ("channel", "I must")
    channel = await place.joined.join(session.id)
    # As long as it is asked nobody leaves, whatever the turn does.
    session.turn_open = False
    place.host.clock.advance(100 * SECOND)
    await place.look()
    assert place.joined.open[session.id] is channel
    request = asked[0].asked.request_id
    await asyncio.gather(channel.answer(request, True, ""), channel.answer(request, True, ""))
    assert not session.steering.asks
    assert next(m["result"] for m in place.daemon.said if "result" in m) == {"decision": "accept"}
    # A denial's words are told to the turn, though its beginning was not heard.
    place.daemon.ask(1, thread_of(1), "touch y")
    (ask,) = await place.until(lambda: list(session.steering.asks))
    await channel.answer(ask, False, "not that one")
    assert not session.steering.asks
    assert place.daemon.said[-2]["result"] == {"decision": "decline"}
    assert place.daemon.said[-1]["params"]["input"][0]["text"] == "not that one"
    # Answered in its window.
    place.daemon.ask(2, thread_of(1), "touch z")
    await place.until(lambda: session.steering.asks)
    place.daemon.settle(2)
    await place.until(lambda: not session.steering.asks)
    assert place.host.news() == [
        "PermissionAsked", "PermissionAnswered allowed", "PermissionAsked", "PermissionAnswered denied",
        "PermissionAsked", "PermissionAnswered gone",
    ]  # fmt: skip
    await place.look()
    # A person has just used it: it stays for a minute.
    assert session.id in place.joined.open
    channel.used_at -= 61
    await place.look()
    assert not place.joined.open
    await place.until(lambda: not place.daemon.joined)


async def test_the_next_host_takes_over_what_is_asked(place: Place) -> None:
    session = place.host.session(1)
    place.daemon.load(thread_of(1))
    place.daemon.ask(0, thread_of(1), "touch x")
    place.daemon.ask(1, thread_of(1), "touch y")
    await place.until(lambda: len(session.steering.asks) == 2, looking=True)
    await place.joined.close()
    assert place.host.news() == ["PermissionAsked"] * 2
    place.daemon.settle(0)
    session.turn_open = False
    again = Joined(place.host)
    place.joined = again
    await place.until(lambda: len(session.steering.asks) == 1, looking=True)
    assert place.host.news() == ["PermissionAsked", "PermissionAsked", "PermissionAnswered gone"]
    # The daemon ends: nobody is asked any more, and it is not called again and again.
    place.daemon.server.close()
    for _, writer in place.daemon.joined:
        writer.close()
    await place.until(lambda: not session.steering.asks, looking=True)
    with pytest.raises(Failed, match="no daemon"):
        await again.join(session.id)


async def test_a_silent_turn_is_left_when_it_goes_on(place: Place) -> None:
    session = place.host.session(1)
    place.daemon.load(thread_of(1))
    await place.until(lambda: place.joined.open, looking=True)
    session.active_at = place.host.clock.now()
    await place.look()
    assert not place.joined.open
    place.host.clock.advance(9 * SECOND)
    await place.until(lambda: place.joined.open, looking=True)
    session.turn_open = False
    await place.look()
    assert not place.joined.open and place.host.noted == []


async def test_what_cannot_be_joined_is_left_alone_for_a_minute(place: Place) -> None:
    place.host.session(1)
    place.host.session(2)
    (place.home / "thread-writer-locks" / f"{thread_of(1)}.lock").touch()
    # Nobody has 2 open, which its missing lock tells; 1 is not the daemon's.
    await place.until(lambda: len(place.joined._missed) == 2, looking=True)
    assert place.daemon.connections == 1
    for _ in range(3):
        place.host.clock.advance(19 * SECOND)
        await place.look()
        await asyncio.sleep(0.05)
    assert place.daemon.connections == 1
    place.host.clock.advance(AGAIN)
    await place.until(lambda: place.daemon.connections == 2, looking=True)


async def test_nothing_is_touched_where_nothing_is_silent(place: Place) -> None:
    def roots() -> dict[str, list[Path]]:
        raise AssertionError("looked")

    place.host.roots = roots
    other = place.host.session(1)
    other.client = "claude"
    quiet = place.host.session(2)
    quiet.turn_open = False
    place.host.session(3, silent=1)
    owned = place.host.session(4)
    place.host.owned.channel = lambda name: name == owned.id or None
    alone = place.host.session(5)
    alone.process = Process(ProcessObserved(42, proof=PROOF), 0, 0)
    dead = place.host.session(6)
    dead.process = Process(ProcessObserved(43), 0, 0, gone_at=dead.active_at + 1)
    await place.look()
    await asyncio.sleep(0.02)
    assert place.daemon.connections == 0 and not place.joined._tasks and not place.joined._missed
    assert await reach(place.host, other.id) is None
    with pytest.raises(Failed):
        await place.joined.join(other.id)
    with pytest.raises(Failed, match="shim"):
        await place.joined.join(owned.id)
    with pytest.raises(Failed, match="process of its own"):
        await place.joined.join(alone.id)


async def test_many_silent_threads_take_turns(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TURN", 0.1)
    for number in range(40):
        place.host.session(number)
        place.daemon.load(thread_of(number))
    place.daemon.ask(0, thread_of(0), "touch x")
    place.daemon.ask(1, thread_of(39), "touch y")
    most = 0

    def both() -> bool:
        nonlocal most
        most = max(most, len(place.joined._taken))
        return len(place.host.noted) == 2

    await place.until(both, looking=True)
    await place.until(lambda: len(place.joined.open) == MAX_JOINED, looking=True)
    assert most <= MAX_JOINED
    assert {place.host.session(0).id, f"codex:{thread_of(39)}"} <= place.joined.open.keys()


async def test_a_file_change_is_shown_as_the_rollout_has_it(place: Place) -> None:
    session = place.host.session(1)
    session.calls["call_1"] = OpenCall("apply_patch", '{"input":"*** Add File: ../x"}', 0)
    session.calls["call_2"] = OpenCall("apply_patch", '{"input":"*** Add Fi', 0)
    place.daemon.load(thread_of(1))
    for number in (1, 2, 3):
        change = {"method": "item/fileChange/requestApproval", "itemId": f"call_{number}"}
        place.daemon.ask(number, thread_of(1), "", **change)
    await place.until(lambda: len(place.host.noted) == 3, looking=True)
    first, second, third = (cast(PermissionAsked, body) for _, body in place.host.noted)
    assert "Add File: ../x" in json.loads(first.what.text)["changes"] and first.words == ""
    assert "Add Fi" in second.what.text and "the rest is in its terminal" in second.words
    assert "did not say which files" in third.words
