"""What is announced: by severity, once per cause, together, never in quiet hours, and never with a hostile character."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.notices import Notice, Notices, Wishes, is_quiet, notice_of

T0 = 1_790_000_000 * SECOND
NOON = 12 * 60
BOTH = frozenset({"red", "waiting"})
ALL = frozenset({"red", "waiting", "amber", "finished"})


def raised(status: str = "waiting", severity: str = "red", cause: str = "c", since: int = 0) -> ev.AlertRaised:
    return ev.AlertRaised(cause=cause, status=status, severity=severity, evidence="why", since=T0 + since * SECOND)  # type: ignore[arg-type]


def worse(status: str = "looping", severity: str = "red", cause: str = "c") -> ev.AlertEscalated:
    return ev.AlertEscalated(cause=cause, status=status, severity=severity, evidence="why")  # type: ignore[arg-type]


class World:
    """A fleet, and somebody who announces what happens in it from second 0 on."""

    def __init__(self, *before: ev.KnownBody, wishes: Wishes | None = None) -> None:
        self.fleet, self.seq, self.now = Fleet(), 0, T0
        for body in before:
            self.event(-600, body)
        self.notices = Notices(wishes or Wishes(), self.fleet, T0)

    def event(self, second: float, body: ev.KnownBody, session: str = "log:a", seen: float | None = None) -> ev.Event:
        self.seq += 1
        at = T0 + int(second * SECOND)
        event = ev.Event(self.seq, at, at if seen is None else T0 + int(seen * SECOND), None, session, body)
        self.fleet.apply(event)
        return event

    def at(self, second: float, *bodies: ev.KnownBody, session: str = "log:a", minute: int = NOON) -> list[Notice]:
        """What is announced once these happened, and others like them would have come."""
        events = [self.event(second, body, session) for body in bodies]
        return self.see(second, events, minute)

    def see(self, second: float, events: Sequence[ev.Event], minute: int = NOON) -> list[Notice]:
        self.now = T0 + int(second * SECOND)
        self.notices.see(self.fleet, events, self.now, minute)
        return self.notices.due(self.now + 2 * SECOND)


# --- one event -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "status", "severity", "told"),
    [
        (BOTH, "waiting", "red", True), (BOTH, "waiting", "amber", True), (BOTH, "looping", "red", True),
        (BOTH, "looping", "amber", False), (BOTH, "rate_limited", "amber", False), (BOTH, "working", "red", True),
        ({"red"}, "waiting", "amber", False), ({"waiting"}, "dead", "red", False),
        ({"waiting"}, "waiting", "red", True), ({"amber"}, "looping", "amber", True), ((), "dead", "red", False),
        ({"finished"}, "dead", "red", False),
    ],
)  # fmt: skip
def test_which_severities(on: frozenset[str], status: str, severity: str, told: bool) -> None:
    world = World(ev.SessionUpdated(title="t"))
    wishes = Wishes(frozenset(on))
    event = world.event(1, raised(status, severity, since=1))
    assert (notice_of(world.fleet, event, wishes, NOON) is not None) == told
    world = World(ev.SessionUpdated(title="t"), wishes=wishes)
    assert bool(world.at(1, raised(status, severity, since=1))) == told


def test_the_words() -> None:
    about = ev.SessionUpdated(title="drop the tables", project="api")
    world = World(about, ev.SeatTaken(region="api", number=7))
    (notice,) = world.at(1, raised("waiting", "amber", since=1))
    assert (notice.title, notice.body) == ("api/7 waits for you, probably", "drop the tables: why")
    assert (notice.session, notice.severity, notice.cause, notice.count) == ("log:a", "amber", "c", 1)


@pytest.mark.parametrize(
    ("quiet", "minute", "silent"),
    [
        (None, 0, False),
        ((22 * 60, 7 * 60), 22 * 60, True), ((22 * 60, 7 * 60), 23 * 60 + 59, True), ((22 * 60, 7 * 60), 0, True),
        ((22 * 60, 7 * 60), 7 * 60 - 1, True), ((22 * 60, 7 * 60), 7 * 60, False),
        ((22 * 60, 7 * 60), 22 * 60 - 1, False), ((22 * 60, 7 * 60), NOON, False),
        ((12 * 60, 13 * 60), 12 * 60, True), ((12 * 60, 13 * 60), 13 * 60, False), ((12 * 60, 13 * 60), 0, False),
        ((22 * 60, 0), 23 * 60, True), ((22 * 60, 0), 0, False), ((0, 7 * 60), 0, True),
    ],
)  # fmt: skip
def test_quiet_hours(quiet: tuple[int, int] | None, minute: int, silent: bool) -> None:
    assert is_quiet(quiet, minute) == silent
    world = World(wishes=Wishes(quiet=quiet))
    assert bool(world.at(1, raised(since=1), minute=minute)) != silent


def test_what_was_kept_quiet_is_not_told_later() -> None:
    world = World(wishes=Wishes(quiet=(22 * 60, 7 * 60)))
    assert not world.at(1, raised("looping", since=1), minute=6 * 60)
    assert not world.at(100, worse("stalled"), minute=NOON)
    assert world.at(200, worse("stalled"), minute=NOON), "its cost doubled by day"


@pytest.mark.parametrize(
    ("began", "asks", "interactive", "told"),
    [(0, 5, None, False), (0, 19.9, True, False), (0, 20, True, True), (0, 5, False, True), (None, 5, True, True)],
)
def test_a_turn_that_has_only_begun(began: int | None, asks: float, interactive: bool | None, told: bool) -> None:
    world = World(ev.SessionUpdated(interactive=interactive), wishes=Wishes(min_turn=20 * SECOND))
    if began is not None:
        world.event(began, ev.UserMessage(text=excerpt("go")))
    assert bool(world.at(asks, raised(since=1))) == told


def test_snoozed_and_muted_and_found_late() -> None:
    world = World(ev.Snoozed(until=T0 + 60 * SECOND))
    assert not world.at(1, raised(since=1))
    assert world.at(61, raised(since=61, cause="d"))
    world = World(ev.Acknowledged(cause="c"))
    assert not world.at(1, raised(since=1))
    world = World()
    late = [world.event(-300, raised(), seen=1)]
    assert not world.see(1, late), "found later than it happened"
    old = [world.event(2, raised(cause="d", since=2))]
    assert not world.see(120, old), "the terminal was suspended meanwhile"
    assert not World().at(1, ev.UserMessage(text=excerpt("x")), ev.Beat())


DONE = ev.AssistantMessage(text=excerpt("Done."), stop_reason="end_turn")


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([DONE], True), ([ev.TurnEnded()], True), ([DONE, ev.TurnEnded()], True), ([ev.SessionEnded()], True),
        ([ev.SessionEnded(is_error=True)], False), ([ev.AssistantMessage(text=excerpt("on it"))], False),
        ([ev.UserMessage(text=excerpt(""), interrupt=True), ev.TurnEnded()], False),
        ([ev.ApiError(status=401, final=True), ev.TurnEnded()], False),
        ([ev.SessionUpdated(relation="subagent", parent="log:p"), DONE], False),
        ([ev.AssistantMessage(text=excerpt("Shall I drop the tables? I cannot go on without your answer."), stop_reason="end_turn")], None),
    ],
)  # fmt: skip
def test_finished(steps: list[ev.KnownBody], told: bool | None) -> None:
    world = World(ev.SessionUpdated(title="t"), wishes=Wishes(ALL))
    world.event(0, ev.UserMessage(text=excerpt("go")))
    found = world.at(60, *steps)
    question = world.fleet.sessions["log:a"].trace.talk.question
    if told is None:
        told = question is None or not question.blocking
    assert [notice.severity for notice in found] == ["ok"] * told
    assert not World(wishes=Wishes()).at(60, ev.UserMessage(text=excerpt("go")), *steps)


# --- once ----------------------------------------------------------------------------------------------------


def test_once_per_cause_again_when_worse_and_when_it_doubled() -> None:
    world = World(wishes=Wishes(ALL))
    assert world.at(1, raised("looping", "amber", since=1))
    assert world.at(60, worse("looping", "red")), "amber to red"
    assert world.at(120, worse("looping", "red")), "the cost doubled"
    assert not world.at(180, worse("stalled", "red")), "the same trouble under another name"
    assert not world.at(190, worse("looping", "red"))
    assert world.at(240, raised("looping", "amber", cause="d", since=240)), "another cause"


def test_a_full_context_does_not_ring_at_every_tool_call() -> None:
    world = World()
    assert world.at(1, raised("working", "red", "context", 1))
    for second in range(20, 400, 20):
        status = "tool_running" if second % 40 else "working"
        assert not world.at(second, worse(status, "red", "context"))


def test_a_cause_that_trembles_is_told_once() -> None:
    world = World()
    assert world.at(1, raised("stalled", since=1))
    for second in range(20, 300, 20):
        assert not world.at(second, ev.AlertCleared(cause="c"))
        assert not world.at(second + 5, raised("stalled", since=second))
    world.at(300, ev.AlertCleared(cause="c"))
    assert world.at(300 + 10 * 60, raised("stalled", since=900))


def test_what_was_answered_at_once_rings_nothing() -> None:
    for end in (ev.AlertCleared(cause="c"), ev.Acknowledged(cause="c"), ev.Snoozed(until=T0 + 60 * SECOND)):
        world = World()
        events = [world.event(1, raised(since=1)), world.event(1.2, end)]
        assert not world.see(1.2, events)
    world = World()
    assert not world.see(1, [world.event(1, raised(since=1)), world.event(1, ev.AlertCleared(cause="c"))])
    assert world.at(9, raised(since=9)), "nobody had heard of it"


def test_what_was_there_before_is_no_news() -> None:
    world = World(raised("looping", "red"))
    assert not world.at(1, worse("stalled", "red"))
    assert not world.at(2, raised("dead", "red", cause="old", since=-300)), "a host began after the dashboard"
    assert world.at(40, worse("stalled", "red")), "its cost doubled"
    assert world.at(50, raised("looping", "red", cause="slow", since=-100)), "found by a rule that takes its time"


# --- together ------------------------------------------------------------------------------------------------


def test_twelve_sessions_at_one_limit_are_one_notice() -> None:
    world = World()
    events = []
    for number in range(12):
        about = ev.SessionUpdated(title=f"job {number}", project="api")
        world.event(-9, about, f"log:{number}")
        world.event(-8, ev.SeatTaken(region="api", number=number), f"log:{number}")
        events.append(world.event(1, raised("rate_limited", "red", f"limit {number}", 1), f"log:{number}"))
    events.append(world.event(1, raised("dead", since=1), "log:other"))
    limit, dead = world.see(1, events)
    assert (limit.title, limit.count) == ("12 sessions are held by a limit", 12)
    assert limit.body == "api/0, api/1, api/2 and 9 more: job 0: why"
    assert (dead.title, dead.count) == ("log died", 1)


def test_those_that_follow_are_told_together() -> None:
    world = World()
    assert len(world.at(1, raised("rate_limited", since=1), session="log:0")) == 1
    told = [world.at(1 + n, raised("rate_limited", since=1), session=f"log:{n}") for n in range(1, 12)]
    assert [len(found) for found in told].count(1) == 1
    assert [found[0].count for found in told if found] == [10]


def test_a_notice_waits_a_second_and_a_clock_set_back_keeps_none() -> None:
    world = World()
    world.notices.see(world.fleet, [world.event(1, raised(since=1))], T0 + SECOND, NOON)
    assert not world.notices.due(T0 + SECOND)
    assert not world.notices.due(T0 + SECOND * 3 // 2)
    assert world.notices.due(T0 - 60 * MINUTE)
    assert not world.notices.due(T0 + 60 * MINUTE)


def test_two_causes_of_one_session_are_one_session() -> None:
    world = World()
    (notice,) = world.at(1, raised(since=1), raised(cause="d", since=1))
    assert (notice.count, notice.title) == (1, "log waits for you")


# --- hostile text --------------------------------------------------------------------------------------------

hostile = st.lists(
    st.sampled_from(
        ["\x1b]52;c;QQ==\x07", "\x1b]9;", "\x9d", "\x9c", "\r\n", "\n\n", "\x00", "\x07", "\u202e", "\u2028", "\ud83d", "--help",
         "<b>", "&", ";", "\x1bPtmux;\x1b\x1b", "\\", "e" + "\u0301" * 9, "\U000e0041", "词", "\x85"]
    ) | st.text(max_size=9), max_size=12,
).map("".join)  # fmt: skip
BAD = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(hostile, hostile, hostile, hostile, hostile, st.sampled_from(["red", "amber"]))
@example("\x1b]0;a\x07", "\x07", "\x00", "a\nb", "\x9b2J", "red")
def test_no_text_of_a_notice_has_a_control_character(
    title: str, project: str, evidence: str, cause: str, session: str, severity: str
) -> None:
    world = World(wishes=Wishes(ALL))
    events = []
    for name in ("log:" + session, "log:x" + session):
        about = ev.SessionUpdated(title=title, project=project, client=cause)
        world.event(0, about, name)
        alert = ev.AlertRaised(cause=cause, status="waiting", severity=severity, evidence=evidence, since=T0 + SECOND)  # type: ignore[arg-type]
        events.append(world.event(1, alert, name))
        own = notice_of(world.fleet, events[-1], world.notices.wishes, NOON)
        assert own is not None and own.body == own.body.replace("\n", "")
        check(own)
    (notice,) = world.see(1, events)
    assert notice.count == 2
    check(notice)


def check(notice: Notice) -> None:
    for text in (notice.title, notice.body, notice.session, notice.cause, notice.name, notice.status):
        assert not [char for char in text if unicodedata.category(char) in BAD]
        assert len(text) <= 240
        text.encode()
