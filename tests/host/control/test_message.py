"""`message`: who can be told something and how, and what is said when it did not land."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator_tui.events import CommandRequested, Event, Facts, ProcessObserved, UserMessage
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.fleet.session import Process, SelfReport, Session
from orchestrator_tui.host.control import message as messages
from orchestrator_tui.host.control.message import MAX_BYTES, message
from orchestrator_tui.host.control.order import Failed, Order, Refused
from orchestrator_tui.host.control.terminal.front import look
from orchestrator_tui.host.procfs import table
from tests.conftest import wait_for
from tests.host.control.terminal import Make, Terminal

NAME = "claude:11111111-2222-4333-8444-555555555555"


class World:
    """A host as far as the verb asks it, with one session."""

    def __init__(self, terminal: Terminal | None = None) -> None:
        self.session = Session(NAME, 0, 0, 0, client="claude", cwd="/tmp/x")
        self.terminal, self.channel, self.record = terminal, None, Path("/nonexistent")
        self.told: list[str] = []
        self.said: list[str] = []
        if terminal is not None:
            seen = table().stat(terminal.pid)
            assert seen is not None
            observed = ProcessObserved(pid=seen.pid, started=seen.started, tty=table().tty_name(seen))
            self.session.process = Process(observed, 0, 0)
        reader = SimpleNamespace(
            last_seq=lambda: 7,
            latest_of_session=self.events,
            source=lambda seq: SimpleNamespace(path=str(self.record)),
        )
        self.host: Any = SimpleNamespace(
            reader=reader,
            rung=asyncio.Event(),
            fleet=SimpleNamespace(sessions={NAME: self.session}),
            alarming=SimpleNamespace(judge=SimpleNamespace(statuses={})),
            owned=SimpleNamespace(channel=lambda session: self.channel),
            processes=SimpleNamespace(table=table()),
            note=self.note,
        )

    async def note(self, seen: list[Any]) -> None:
        self.told += [type(body).__name__ for _, body in seen]

    def events(self, session: str, limit: int) -> list[Event]:
        """What the stand-in was given, as a reader would have stored it; an old event comes before."""
        entered = self.said + (self.terminal.entered() if self.terminal is not None else [])
        said = [UserMessage(text=excerpt(text)) for text in entered]
        old = UserMessage(text=excerpt("go on"))
        return [Event(n, 0, 0, None, NAME, body) for n, body in enumerate([old, *said], 7)]

    def say(self, text: object) -> Facts:
        """Run the verb."""
        request = CommandRequested("c1", "message", {"session": NAME, "text": text})  # type: ignore[dict-item]
        return asyncio.run(message(Order(self.host, request, self.session)))


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "LANDING", 1.0)


@pytest.mark.parametrize("text", ["", " \n\t ", "\x1b\x03", 7, None, "x" * (MAX_BYTES + 1), "ä" * (MAX_BYTES // 2 + 1)])
def test_nothing_and_too_much_are_refused(text: object) -> None:
    world = World()
    with pytest.raises(Refused, match=r"empty message|more than 64 KiB"):
        world.say(text)
    assert world.told == []


def test_who_cannot_be_told_anything(make: Make) -> None:
    world = World()
    with pytest.raises(Refused, match=r"no process of it runs; this goes on with it: .*claude"):
        world.say("go on")
    world.session.relation, world.session.parent = "subagent", "claude:lead"
    with pytest.raises(Refused, match="listens to its lead only: tell claude:lead"):
        world.say("go on")
    # A ring of parents ends somewhere too.
    world.session.parent = NAME
    other = world.host.fleet.sessions["claude:b"] = Session("claude:b", 0, 0, 0, relation="subagent", parent=NAME)
    world.session.parent = other.id
    with pytest.raises(Refused, match="its lead only"):
        world.say("go on")
    world = World(make())
    world.session.report = SelfReport(0, "waiting", "permission prompt")
    with pytest.raises(Refused, match="question that waits"):
        world.say("go on")
    assert world.session.process is not None
    world.session.process.seen = ProcessObserved(pid=world.session.pid or 0, stopped=True)
    with pytest.raises(Refused, match="paused: resume it first"):
        world.say("go on")
    world.session.process.seen = ProcessObserved(pid=os.getpid(), started=1, tty="pts/0")
    with pytest.raises(Refused, match="is gone"):
        world.say("go on")
    assert world.told == []


def test_a_message_lands_in_its_pane(make: Make) -> None:
    world = World(make())
    receipt = world.say("go on")
    assert (receipt["way"], receipt["landed"], receipt["queued"]) == ("tmux %0", True, False)
    assert "note" not in receipt
    assert world.told == ["CommandStarted", "CommandCommitted"]
    assert world.terminal is not None
    assert world.terminal.entered() == ["go on"]
    # Somebody had typed half a line there.
    world.terminal("send-keys", "-t", "t", "-l", "and so ")
    wait_for(lambda: "and so" in world.terminal.screen())  # type: ignore[union-attr]
    assert world.say("go on with it")["note"] == "sent together with what stood in its input: andso"


def test_what_did_not_land_is_said(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(make())
    world.events = lambda session, limit: []  # type: ignore[method-assign]
    world.host.reader.latest_of_session = world.events
    with pytest.raises(Failed, match="did not land: typed, but not seen in its record"):
        world.say("go on")
    # In the middle of a turn Claude writes down that it keeps a text; another text is no proof.
    world.session.turn_open = True
    world.record = tmp_path / "transcript.jsonl"
    world.host.reader.latest_of_session = lambda session, limit: [Event(1, 0, 0, None, NAME, UserMessage(excerpt("x")))]
    kept = {"type": "queue-operation", "operation": "enqueue", "content": "later, please"}
    world.record.write_text(json.dumps(kept) + "\n")
    with pytest.raises(Failed, match="did not land"):
        world.say("later, please")  # written before it was said
    monkeypatch.setattr(messages, "_size", lambda path: 0)  # as if it was written after
    receipt = world.say("later, please")
    assert (receipt["landed"], receipt["queued"]) == (False, True)
    assert receipt["note"] == "queued: it takes it after this turn"
    with pytest.raises(Failed, match="did not land"):
        world.say("something else")


def test_a_client_that_ends_is_told_nothing(make: Make) -> None:
    terminal = make()
    world = World(terminal)
    os.kill(terminal.pid, signal.SIGTSTP)

    def stopped() -> bool:
        seat = asyncio.run(look(terminal.pid))
        return seat is not None and seat.stopped

    wait_for(stopped)
    with pytest.raises(Refused, match="it is stopped"):
        world.say("touch x")
    os.kill(terminal.pid, signal.SIGKILL)
    wait_for(lambda: table().stat(terminal.pid) is None)
    with pytest.raises(Refused, match="is gone"):
        world.say("touch x")
    assert not (terminal.place / "x").exists()
    assert world.told == []


def test_its_own_channel_comes_first(make: Make) -> None:
    world = World(make())

    class Channel:
        name = "stream-json"

        async def say(self, text: str) -> None:
            if text == "no":
                raise Failed("it has ended")
            if text != "later":
                world.said.append(text)

    world.channel = Channel()  # type: ignore[assignment]
    assert world.say("a\x1b[201~b")["way"] == "stream-json"
    assert world.said == ["a[201~b"]
    late = world.say("later")
    assert (late["landed"], late["queued"]) == (False, True)
    with pytest.raises(Failed, match="did not land: it has ended"):
        world.say("no")
    assert world.terminal is not None
    assert world.terminal.entered() == []
