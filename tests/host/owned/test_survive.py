"""What a host that is killed leaves, and what the next one finds: nothing is lost, stored twice or said twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from orchestrator_tui.clients.driving import Task
from orchestrator_tui.events import Adopted
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned.channel import LineChannel
from orchestrator_tui.host.owned.mail import Mail
from orchestrator_tui.host.owned.runs import boot_id
from orchestrator_tui.host.procfs import table
from orchestrator_tui.host.service import Host
from tests.conftest import wait_for
from tests.host.owned.conftest import Place
from tests.host.owned.test_channel import until

KILLED = """
import asyncio, sys
from pathlib import Path
from tests.host.owned.conftest import Place
from tests.host.owned.stand_in import StandIn
from orchestrator_tui.clients.driving import Task
import orchestrator_tui.host.owned.live as live

live.drives = lambda: {"stand": StandIn()}

async def main() -> None:
    place = Place(Path(sys.argv[1]))
    host = await place.host()
    session = await host.owned.start("stand", Task("begin", str(place.work)), title="mine")
    channel = host.owned.channel(session)
    await channel.say("ask one")
    await channel.say("ask two")
    await channel.answer("one", True, "")
    await channel.say("ping a")
    while not any(said.get("did") == "pong" for said in place.said()):
        await asyncio.sleep(0.02)
    print(session, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


TALKING = """
import asyncio, sys
from pathlib import Path
from tests.host.owned.conftest import Place
from tests.host.owned.stand_in import StandIn
import orchestrator_tui.host.owned.live as live

live.drives = lambda: {"stand": StandIn()}

async def main() -> None:
    place = Place(Path(sys.argv[1]))
    host = await place.host()
    await host.owned.adopt_all()
    channel = host.owned.channel(sys.argv[2])
    number = int(sys.argv[3])
    while True:
        number += 1
        await channel.say(f"ping {number}" if number % 3 else f"{number} " + "x" * (number * 7919 % 300_000))
        print(number, flush=True)
        await channel.say(f"ask {number}")

asyncio.run(main())
"""


async def test_hosts_killed_at_any_instant_say_and_store_nothing_twice(place: Place, tmp_path: Path) -> None:
    host = await place.host()
    session = await host.owned.start("stand", Task("x", str(place.work)))
    await place.leave(host)
    rng, last, acked = random.Random(7), 0, []
    for _ in range(6):
        process = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-c", TALKING, str(tmp_path), session, str(last)],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        # From its first word on, at any time.
        first = await asyncio.to_thread(process.stdout.readline)
        await asyncio.sleep(rng.uniform(0, 0.4))
        os.killpg(process.pid, signal.SIGKILL)
        rest = process.stdout.read()
        process.wait()
        process.stdout.close()
        heard = [int(word) for word in (first + rest).split()]
        acked += heard
        # What was under way may have been taken: the next host does not know, and does not say it again.
        last = heard[-1] + 2
    again = await place.host()
    await again.owned.adopt_all()
    channel = again.owned.channel(session)
    assert channel is not None
    await channel.say("999999 ")
    await until(lambda: {one["ping"] for one in place.said() if "ping" in one}
                == {one["text"] for one in place.said() if one.get("did") == "pong"})  # fmt: skip
    said = place.said()
    taken = [one["text"].split()[0] for one in said if one.get("did") == "say"]
    pings = [one["ping"] for one in said if "ping" in one]
    pongs = [one["text"] for one in said if one.get("did") == "pong"]
    assert len(taken) == len(set(taken)) and len(pings) == len(set(pings)) and sorted(pings) == sorted(pongs)
    assert {str(number) for number in acked} <= {*taken, *pings}
    asked = [name for name, kind in kinds(again, session) if kind == "asked"]
    assert sorted(asked) == sorted(one["ask"] for one in said if "ask" in one) and len(asked) == len(set(asked)) > 6
    assert not any(one.get("eof") for one in said)


def kinds(host: Host, session: str) -> list[Any]:
    bodies = [event.body for event in host.reader.of_session(session)]
    return [
        (body.request_id, getattr(body, "decision", "asked")) for body in bodies if "Permission" in type(body).__name__
    ]


async def test_a_killed_host_leaves_the_client_to_the_next_one(place: Place, tmp_path: Path) -> None:
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    session = (await asyncio.to_thread(process.stdout.readline)).decode().strip()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert session.startswith("stand:s")
    shim = place.run().shim()
    assert shim is not None and place.run().has_client(table())
    host = await place.host()
    assert host.owned.channel(session) is None
    await host.owned.adopt_all()
    channel = host.owned.channel(session)
    assert isinstance(channel, LineChannel)
    asks = host.fleet.sessions[session].steering.asks
    assert list(asks) == ["two"]
    await channel.say("still there?")
    await channel.answer("two", False, "")
    said = place.said()
    assert [one["text"] for one in said if one.get("did") in ("say", "pong")] == ["a", "still there?"]
    assert [(one["request"], one["allow"]) for one in said if "allow" in one] == [("one", True), ("two", False)]
    assert kinds(host, session) == [("one", "asked"), ("two", "asked"), ("one", "allowed"), ("two", "denied")]
    adopted = [event for event in host.reader.of_session(session) if isinstance(event.body, Adopted)]
    assert len(adopted) == 1
    (claim,) = host.owned.claims()
    assert claim.pid == shim.child
    # Twice is once.
    await host.owned.adopt_all()
    assert len(host.owned.live) == 1 and host.owned.channel(session) is channel
    assert not any("eof" in one for one in place.said())


async def test_what_was_asked_and_ended_while_no_host_looked(place: Place) -> None:
    host = await place.host()
    stays = await host.owned.start("stand", Task("stays", str(place.work)))
    ends = await host.owned.start("stand", Task("ends", str(place.work)))
    for session in (stays, ends):
        channel = host.owned.channel(session)
        assert channel is not None
        await channel.say("ask before")
        await until(lambda session=session: host.fleet.sessions[session].steering.asks)
    one, two = (host.owned.live[run.name] for run in place.runs())
    if one.session != stays:
        one, two = two, one
    await place.leave(host)
    # Without a host: one asks again and takes the first question back, the other is killed.
    Mail(one.run).post([b'{"do": "say", "text": "ask meanwhile", "id": "1"}'], "k")
    wait_for(lambda: any(said.get("ask") == "meanwhile" for said in place.said(one.run)))
    os.kill(two.shim.child, signal.SIGKILL)
    wait_for(two.run.exit)
    again = await place.host()
    await again.owned.adopt_all()
    assert list(again.fleet.sessions[stays].steering.asks) == ["before", "meanwhile"]
    assert again.fleet.sessions[ends].steering.asks == {}
    assert again.owned.channel(ends) is None and again.owned.channel(stays) is not None
    assert kinds(again, ends) == [("before", "asked"), ("before", "gone")]
    # And a third one has nothing to add.
    await place.leave(again)
    third = await place.host()
    before = third.reader.last_seq()
    await third.owned.adopt_all()
    assert third.reader.last_seq() == before


async def test_a_session_that_was_not_named_yet_is_named_by_the_next_host(place: Place) -> None:
    host = await place.host()
    session = await host.owned.start("stand", Task("x", str(place.work)), title="mine")
    run, (live,) = place.run(), host.owned.live.values()
    await place.leave(host)
    # As if it had been killed before it heard the first line.
    run.save(replace(live.record, session=None))
    again = await place.host()
    await again.owned.adopt_all()
    await until(lambda: again.owned.channel(session) is not None)
    assert len([one for one in place.said() if "session" in one]) == 1
    channel = again.owned.channel(session)
    assert channel is not None
    await channel.say("hello")


async def test_a_killed_shim_is_replaced_and_the_client_notices_nothing(place: Place) -> None:
    host = await place.host()
    session = await host.owned.start("stand", Task("x", str(place.work)))
    channel = host.owned.channel(session)
    run, first = place.run(), place.run().shim()
    assert channel is not None and first is not None
    os.kill(first.pid, signal.SIGKILL)
    await until(lambda: run.shim() != first)
    await channel.say("hello")
    adopted = host.fleet.sessions[session].steering.run
    shim = run.shim()
    assert adopted is not None and shim is not None and adopted.shim.pid == shim.pid and shim.child == first.child
    # Also when no host was there to see it.
    await place.leave(host)
    os.kill(shim.pid, signal.SIGKILL)
    wait_for(lambda: not run.has_shim())
    again = await place.host()
    await again.owned.adopt_all()
    channel = again.owned.channel(session)
    assert channel is not None
    await channel.say("hello again")
    assert [one["text"] for one in place.said() if one.get("did") == "say"] == ["hello", "hello again"]


async def test_shim_and_client_killed_together_is_an_end(place: Place) -> None:
    host = await place.host()
    session = await host.owned.start("stand", Task("x", str(place.work)))
    channel, shim = host.owned.channel(session), place.run().shim()
    assert channel is not None and shim is not None
    os.kill(shim.pid, signal.SIGKILL)
    os.kill(shim.child, signal.SIGKILL)
    await until(lambda: host.owned.channel(session) is None)
    with pytest.raises(Failed, match="has ended"):
        await channel.say("hello?")
    await place.leave(host)
    again = await place.host()
    await again.owned.adopt_all()
    assert again.owned.live == {}


async def test_a_boot_ends_every_run(place: Place) -> None:
    host = await place.host()
    await host.owned.start("stand", Task("x", str(place.work)))
    run = place.run()
    await place.leave(host)
    told = (run.path / "shim.json").read_text()
    (run.path / "shim.json").write_text(told.replace(boot_id(), "another-boot"))
    assert not run.has_client(table())
    again = await place.host()
    again.owned.live.clear()
    os.kill(int(told.split('"pid": ')[1].split(",")[0]), signal.SIGKILL)
    wait_for(lambda: not run.has_shim())
    await again.owned.adopt_all()
    assert again.owned.live == {}
