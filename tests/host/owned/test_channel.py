"""Speaking to a session: acknowledged, refused, in pieces, too late."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from orchestrator_tui.clients.driving import Task
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned import channel as channels
from orchestrator_tui.host.owned.channel import LineChannel
from orchestrator_tui.host.service import Host
from tests.host.owned.conftest import Place


async def begun(place: Place) -> tuple[Host, str, LineChannel]:
    host = await place.host()
    session = await host.owned.start("stand", Task("x", str(place.work)))
    channel = host.owned.channel(session)
    assert isinstance(channel, LineChannel)
    return host, session, channel


async def until(condition: object, seconds: float = 15.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_what_it_refuses_and_cannot_do_is_said(place: Place) -> None:
    _, _, channel = await begun(place)
    with pytest.raises(Failed, match="it will ⏎ not"):
        await channel.say("no")
    with pytest.raises(Failed, match="one model only"):
        await channel.use("other", None)
    with pytest.raises(Failed, match="nothing-such is not asked"):
        await channel.answer("nothing-such", True, "")
    await channel.interrupt()
    assert place.said()[-2]["did"] == "interrupt"


async def test_a_permission_is_asked_answered_and_stored_once(place: Place) -> None:
    host, session, channel = await begun(place)
    await channel.say("ask one")
    await channel.say("ask two")
    asks = host.fleet.sessions[session].steering.asks
    await until(lambda: list(asks) == ["one", "two"])
    assert asks["one"].asked.what.text == "rm -rf build"
    await channel.answer("one", False, "no $(id)")
    await channel.answer("two", True, "")
    assert asks == {}
    kinds = [event.body for event in host.reader.of_session(session) if "Permission" in type(event.body).__name__]
    assert [getattr(body, "decision", "asked") for body in kinds] == ["asked", "asked", "denied", "allowed"]
    answers = [said for said in place.said() if "allow" in said]
    assert [(said["request"], said["allow"], said["text"]) for said in answers] == [
        ("one", False, "no $(id)"),
        ("two", True, ""),
    ]


async def test_a_reply_is_written_at_once_and_once(place: Place) -> None:
    _, _, channel = await begun(place)
    await channel.say("ping 7")
    await until(lambda: [said["text"] for said in place.said() if said.get("did") == "pong"] == ["7"])


async def test_big_messages_at_once_come_whole_and_in_order(place: Place) -> None:
    _, _, channel = await begun(place)
    texts = [letter * (1 << 20) for letter in "abc"] + ["short"]
    longest, before = 0.0, time.monotonic()
    work = [asyncio.create_task(channel.say(text)) for text in texts]
    while not all(task.done() for task in work):
        await asyncio.sleep(0.005)
        now = time.monotonic()
        longest, before = max(longest, now - before), now
    await asyncio.gather(*work)
    said = [said["text"] for said in place.said() if said.get("did") == "say"]
    assert said == texts
    # The loop was never kept waiting for a pipe.
    assert longest < 2


async def test_a_client_that_does_not_read_is_not_waited_for_and_what_it_was_not_given_is_taken_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "PATIENCE", 1.0)
    _, _, channel = await begun(place)
    shim = place.run().shim()
    assert shim is not None
    os.kill(shim.child, signal.SIGSTOP)
    big = "x" * (3 << 20)
    with pytest.raises(Failed, match="read only a part"):
        await channel.say(big)
    with pytest.raises(Failed, match="not read its input for 1 s; nothing was said"):
        await channel.say("never")
    os.kill(shim.child, signal.SIGCONT)
    monkeypatch.setattr(channels, "PATIENCE", 10.0)
    await channel.say("after")
    said = [said["text"] for said in place.said() if said.get("did") == "say"]
    assert said == [big, "after"]


async def test_no_answer_in_time_is_a_failure(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, channel = await begun(place)
    await channel.say("deaf 3")
    monkeypatch.setattr(channels, "PATIENCE", 0.7)
    with pytest.raises(Failed, match="was given that, and did not answer"):
        await channel.say("hello")


async def test_its_end_closes_the_channel_and_what_it_asked(place: Place) -> None:
    host, session, channel = await begun(place)
    await channel.say("ask one")
    await until(lambda: host.fleet.sessions[session].steering.asks)
    await channel.end()
    await until(lambda: host.owned.channel(session) is None)
    assert host.fleet.sessions[session].steering.asks == {}
    with pytest.raises(Failed, match="the session has ended: it ended with status 0"):
        await channel.say("hello?")
    assert host.owned.claims() == []


async def test_killed_while_it_is_spoken_to_is_said_at_once(place: Place) -> None:
    _, _, channel = await begun(place)
    await channel.say("deaf 60")
    shim = place.run().shim()
    assert shim is not None
    work = asyncio.create_task(channel.say("hello"))
    await asyncio.sleep(0.3)
    os.kill(shim.child, signal.SIGKILL)
    with pytest.raises(Failed, match="it ended with signal 9"):
        await asyncio.wait_for(work, 5)
