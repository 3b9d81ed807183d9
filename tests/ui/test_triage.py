"""Twelve stuck sessions, a real host, real processes: handled by keys alone, and every command came true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from textual.pilot import Pilot

from orchestrator_tui.clock import SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.events import Event
from orchestrator_tui.fleet.ledger import Decision, decisions
from orchestrator_tui.host.lock import holder_of
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.widgets.askbar import AskBar
from tests.conftest import Orc
from tests.ui.fleets import text
from tests.ui.stuck import CAST, Stuck

MOST = 60.0
"""Seconds for all keys."""
READING = 0.6
"""Seconds that a person looks at a request; a key that comes sooner does not answer it."""
KEYS: dict[str, tuple[str, ...]] = {
    "push": ("y", "?", "y"),
    "wipe": ("n", *"not the build", "enter"),
    "plan": ("n", *"smaller steps", "enter"),
    "loop": ("x", "y"),
    "watch": ("p", "y"),
    "stall": ("X", "y"),
    "login": ("a",),
    "limit": ("z",),
    "lost": ("x", "y"),
    "dead": ("a",),
}
"""Session -> what a person presses at it; `?` is the time to read. The pair is marked and ended together."""
PAIR = ("pair1", "pair2")
DONE = {
    "push": "approve", "wipe": "deny", "plan": "deny", "loop": "kill", "watch": "pause", "stall": "kill",
    "login": "ack", "limit": "snooze", "lost": "kill", "dead": "ack", "pair1": "kill", "pair2": "kill",
}  # fmt: skip
"""Session -> the command that is in the ledger for it."""


@pytest.fixture
async def stuck(orc: Orc, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stuck]:
    """The fleet, with a host that looks at it and a dashboard that ticks."""
    monkeypatch.setattr("orchestrator_tui.ui.app.TICK", 0.1)
    monkeypatch.setattr("orchestrator_tui.ui.source.holder_of", holder_of)
    made = Stuck(orc)
    host = None
    try:
        made.spawn()
        await made.fill()
        host = await asyncio.to_thread(orc.start_host)
        await asyncio.to_thread(made.ask)
        yield made
    finally:
        if host is not None:
            host.terminate()
            host.wait(20)
            assert host.stderr is not None
            host.stderr.close()
        made.close()


async def becomes(condition: Callable[[], bool], why: Callable[[], object], seconds: float = 30.0) -> None:
    """Let the dashboard run until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, why()
        await asyncio.sleep(0.05)


def seen_of(app: OrcApp) -> str:
    """What is said of those that are not in the queue."""
    queued = {cell.id for cell in app.drawn.queue}
    cells = [cell for region in app.drawn.regions for cell in region.cells if cell.id not in queued]
    return "\n".join(f"{cell.id} {cell.status.status}: {cell.status.evidence}" for cell in cells)


class Hands:
    """A person at the keyboard: sees what is selected, and presses keys."""

    def __init__(self, app: OrcApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot, self.pressed = app, pilot, 0

    async def press(self, *keys: str) -> None:
        for key in keys:
            if key == "?":
                await asyncio.sleep(READING)
                continue
            await self.pilot.press({" ": "space"}.get(key, key))
            self.pressed += 1

    @property
    def at(self) -> str:
        """The session that the queue shows as the selected one."""
        name = (self.app.selected or "").partition(":")[2]
        row = next((row for row in text(self.app) if f"the {name}" in row), "")
        return name if row else ""

    async def next(self, wanted: Callable[[str], bool]) -> str:
        """Go on through the queue to one that is wanted."""
        for _ in range(3 * len(CAST)):
            if wanted(self.at):
                return self.at
            await self.press("full_stop")
        raise AssertionError((self.at, [cell.seat for cell in self.app.drawn.queue]))


def ledger(orc: Orc) -> dict[str, Decision]:
    """Session -> the last decision on it."""
    with Reader(orc.paths.database) as reader:
        events: list[Event] = list(reader.commands(0, reader.last_seq()))
    return {(one.session or "").partition(":")[2]: one for one in decisions(events)}


async def test_twelve_stuck_sessions_in_a_minute(orc: Orc, stuck: Stuck) -> None:
    app = OrcApp(orc.paths, Config(), SystemClock())
    async with app.run_test(size=(200, 55)) as pilot:

        def waiting() -> set[str]:
            return {cell.id.partition(":")[2] for cell in app.drawn.queue}

        await becomes(lambda: waiting() == set(CAST), lambda: seen_of(app))
        found = {cell.id.partition(":")[2]: cell.status.status for cell in app.drawn.queue}
        assert found == {
            "push": "waiting", "wipe": "waiting", "plan": "waiting", "loop": "looping", "watch": "looping",
            "pair1": "looping", "pair2": "looping", "stall": "stalled", "login": "errored", "limit": "rate_limited",
            "lost": "orphaned", "dead": "dead",
        }  # fmt: skip
        hands = Hands(app, pilot)
        begun = time.monotonic()
        todo = dict(KEYS)
        while todo:
            name = await hands.next(lambda name: name in todo)
            await hands.press(*todo.pop(name))
            await becomes(lambda: not app.screen.query_one(AskBar).opened, lambda: "\n".join(text(app)))
        for name in PAIR:
            await hands.next(lambda at, name=name: at == name)  # type: ignore[misc]
            await hands.press("v")
        await hands.press("x", "y", "V")
        took = time.monotonic() - begun
        assert took < MOST, f"{hands.pressed} keys took {took:.1f} s"
        await becomes(
            lambda: (
                all(ledger(orc)[name].outcome for name in DONE if name in ledger(orc)) and set(DONE) <= set(ledger(orc))
            ),
            lambda: {name: (one.verb, one.outcome, one.text) for name, one in ledger(orc).items()},
        )
        told = {name: (one.verb, one.outcome) for name, one in ledger(orc).items() if name in DONE}
        assert told == {name: (verb, "done") for name, verb in DONE.items()}
        ended = [name for name, verb in DONE.items() if verb == "kill"]
        await becomes(lambda: not any(map(stuck.state, ended)), lambda: {name: stuck.state(name) for name in ended})
        assert stuck.state("watch") == "T"
        assert all(stuck.state(name) in ("S", "R") for name in ("push", "wipe", "plan", "login", "limit"))
        # What was ended within a turn may be brought back; nothing else calls for anybody any more.
        await becomes(lambda: waiting() <= set(ended), waiting)
    answers = stuck.answers()
    assert answers["push"] == {"behavior": "allow"}
    assert answers["wipe"] == {"behavior": "deny", "message": "not the build"}
    assert answers["plan"] == {"behavior": "deny", "message": "smaller steps"}
