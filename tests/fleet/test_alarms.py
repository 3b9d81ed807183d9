"""What is told of a finding: once, again when it is worse, and that it has gone; never of what is old news."""

from __future__ import annotations

from orchestrator_tui import events as ev
from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.alarms import news
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.judging import Judge
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Severity, Status, StatusName

T0 = 1_000_000 * SECOND
DOLLAR = 1_000_000_000


class World:
    """A fleet of one session, told what comes out."""

    def __init__(self) -> None:
        self.fleet = Fleet()
        self.now = T0
        self.happens(ev.TurnStarted())

    def happens(self, *bodies: ev.KnownBody, session: str | None = "log:a") -> None:
        for body in bodies:
            self.fleet.apply(ev.Event(self.fleet.seq + 1, self.now, self.now, None, session, body))

    @property
    def session(self) -> Session:
        return self.fleet.sessions["log:a"]

    def judged(self, name: StatusName, severity: Severity, cause: str = "", first_look: int = T0) -> list[str]:
        self.now += SECOND
        told = news(self.session, Status(name, severity, T0, "proof", cause=cause), first_look)
        self.happens(*told)
        return [type(body).__name__.removeprefix("Alert").lower() for body in told]


def test_raised_once_escalated_when_worse_cleared_when_gone() -> None:
    world = World()
    assert world.judged("working", "ok") == []
    assert world.judged("looping", "amber", "c1") == ["raised"]
    assert world.judged("looping", "amber", "c1") == []
    assert world.judged("looping", "red", "c1") == ["escalated"]
    assert world.judged("looping", "amber", "c1") == []
    assert world.judged("looping", "red", "c2") == ["cleared", "raised"]
    assert world.judged("working", "ok") == ["cleared"]
    assert world.session.alerts.open == {}


def test_told_again_when_the_cost_doubles() -> None:
    world = World()
    world.judged("looping", "red", "c")
    told = []
    for _ in range(9):
        world.happens(ev.Usage(tokens=ev.Tokens(output=1), cost=DOLLAR))
        told.append(world.judged("looping", "red", "c"))
    assert [n + 1 for n, what in enumerate(told) if what] == [1, 2, 4, 8]


def test_what_is_old_when_a_host_first_looks_is_not_told() -> None:
    world = World()
    later = T0 + 3600 * SECOND
    assert world.judged("errored", "red", "c", first_look=later) == []
    world.now = later + SECOND
    world.happens(ev.TurnStarted())
    assert world.judged("errored", "red", "c", first_look=later) == ["raised"]


def test_a_death_that_was_watched_is_told_of_an_old_session_too() -> None:
    world = World()
    later = T0 + 3600 * SECOND
    world.now = later + SECOND
    world.happens(ev.ProcessGone(pid=7))
    assert world.judged("dead", "red", "c", first_look=later) == ["raised"]


def test_only_what_can_have_changed_is_judged_again() -> None:
    world = World()
    judge = Judge()
    world.happens(ev.TurnStarted(), session="log:b")
    link = ev.SessionUpdated(parent="log:a", relation="subagent")
    world.happens(link, session="log:k")
    world.happens(ev.HostStarted(host_id="h", boot_id="b", pid=1, version="0"), session=None)
    tree = world.fleet.children()
    assert judge.update(world.fleet, world.now, (), tree) == {"log:a", "log:b", "log:k"}
    assert judge.update(world.fleet, world.now, (), tree) == set()
    assert judge.update(world.fleet, world.now, ["log:b"], tree) == {"log:b"}
    # A sub-agent rests on its parent's process.
    assert judge.update(world.fleet, world.now, ["log:a"], tree) == {"log:a", "log:k"}
    assert judge.update(world.fleet, world.now + 3600 * SECOND, (), tree) == {"log:a", "log:b", "log:k"}
    del world.fleet.sessions["log:b"]
    judge.update(world.fleet, world.now + 3600 * SECOND, (), tree)
    assert "log:b" not in judge.statuses
