"""The guard of capped escalations: by money, by progress, at most once, and never on what is not at work."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.host.control.models.caps import WELL, Caps
from tests.fleet.generated import SECOND, START

NAME = "claude:s"
SONNET, OPUS = "claude-sonnet-4-6", "claude-opus-4-8"


class World:
    def __init__(self) -> None:
        self.fleet, self.now, self.seq = Fleet(), START, 0
        self.fleet.watch.always = True
        self.tell(
            ev.SessionUpdated(client="claude", owned=True), ev.TurnStarted(), ev.ProcessObserved(pid=9, started=1)
        )
        self.usage(SONNET, 10**9)

    def tell(self, *bodies: Any, name: str = NAME) -> None:
        for body in bodies:
            self.seq += 1
            self.now += SECOND
            self.fleet.apply(ev.Event(self.seq, self.now, self.now, self.now, name, body))

    def usage(self, model: str, cost: int) -> None:
        self.tell(ev.Usage(model=model, tokens=ev.Tokens(input=10, output=10), cost=cost))

    def escalated(self, cap: float | None = 0.5, direction: str = "up", answered: str | None = OPUS) -> World:
        self.tell(ev.ModelRequested(OPUS, SONNET, direction=direction, cap_usd=cap))  # type: ignore[arg-type]
        if answered is not None:
            self.usage(answered, 10**8)
        return self

    def progress(self) -> None:
        self.tell(ev.FileChanged(path=f"src/{self.seq}.py", hash=f"{self.seq:x}"))
        session = self.fleet.sessions[NAME]
        assert session.progress_at == self.now

    def due(self, caps: Caps, later: float = 0) -> list[str]:
        return [due.why for due in caps.due(self.fleet, self.now + int(later * SECOND))]


def test_the_money_is_used_up() -> None:
    world, caps = World().escalated(0.5), Caps()
    assert world.due(caps) == []
    world.usage(OPUS, 399_999_999)
    assert world.due(caps) == []
    world.usage(OPUS, 1)
    assert world.due(caps) == ["$0.50 since the escalation, its cap was $0.50"]


def test_progress_is_back_for_two_minutes() -> None:
    world, caps = World().escalated(5.0), Caps()
    world.progress()
    assert world.due(caps) == []
    assert world.due(caps, 119) == []
    assert world.due(caps, 120) == ["progress is back for 2 minutes, $0.10 of the cap of $5.00 spent"]


def test_a_new_loop_in_between_starts_the_clock_again() -> None:
    world, caps = World().escalated(5.0), Caps()
    world.progress()
    assert world.due(caps) == []
    for n in range(4):
        world.tell(ev.ToolCall(f"c{n}", "Bash", ev_text('{"command":"pytest -q"}'), message_id=f"m{n}"))
        world.tell(ev.ToolResult(f"c{n}", False, ev_text("boom")))
    assert world.due(caps, WELL / SECOND + 10) == []
    world.progress()
    assert world.due(caps) == []
    assert len(world.due(caps, WELL / SECOND)) == 1


def ev_text(text: str) -> Any:
    from orchestrator_tui.excerpt import excerpt

    return excerpt(text)


@pytest.mark.parametrize(
    ("cap", "direction", "answered", "due"),
    [
        (0.05, "up", OPUS, True),
        (0.05, "up", "claude-opus-4-9", True),  # the client's own name for it
        (None, "up", OPUS, False), (0.05, "to", OPUS, False), (0.05, "down", OPUS, False),
        (0.05, "up", None, False),  # nothing has answered yet
        (0.05, "up", SONNET, False),  # it never got there
    ],
)  # fmt: skip
def test_only_a_capped_escalation_that_came_about(
    cap: float | None, direction: str, answered: str | None, due: bool
) -> None:
    assert bool(World().escalated(cap, direction, answered).due(Caps())) is due


def test_what_is_not_at_work_is_left_alone() -> None:
    world, caps = World().escalated(0.05), Caps()
    world.tell(ev.TurnEnded())
    # In its own terminal: it would have to be stopped for it.
    assert world.due(caps) == []
    world.tell(ev.Adopted("r", ev.ProcessRef(8, 1), "stream-json"))
    assert len(world.due(caps)) == 1
    world.tell(ev.ProcessGone(pid=9, started=1))
    assert world.due(caps) == []


class Desk:
    """Writes down what the guard decides."""

    def __init__(self) -> None:
        self.decided: list[tuple[str, str, str]] = []

    async def decide(self, verb: str, session: str, arguments: ev.Facts, why: str) -> None:
        self.decided.append((verb, session, why))


class StandIn:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.commands = fleet, Desk()

    def start(self, work: Any) -> None:
        with suppress(StopIteration):
            work.send(None)


def test_it_decides_once_for_each_escalation() -> None:
    world = World().escalated(0.05)
    host = StandIn(world.fleet)
    caps = Caps(host)  # type: ignore[arg-type]
    world.fleet.orders.open["k"] = _order("k")
    caps.step(world.now)
    assert host.commands.decided == []  # a person is at it
    world.fleet.orders.open.clear()
    for _ in range(5):
        caps.step(world.now)
    assert [one[:2] for one in host.commands.decided] == [("stepdown", NAME)]
    world.tell(ev.ModelRequested(SONNET, OPUS, direction="down"))
    world.usage(SONNET, 10**9)
    caps.step(world.now)
    assert len(host.commands.decided) == 1
    world.escalated(0.05)
    caps.step(world.now)
    assert len(host.commands.decided) == 2


def _order(name: str) -> Any:
    from orchestrator_tui.fleet.orders import Order

    return Order(name, 0, "kill", NAME)
