"""The governor: whom it pauses first, what it lets go on, and what it never touches."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.governing import PACE
from orchestrator_tui.fleet.guard_rules import GOVERNOR, Governor
from orchestrator_tui.fleet.guarding import PERSONS
from orchestrator_tui.fleet.policy import told
from orchestrator_tui.fleet.troubles import Spent
from tests.fleet.generated import SECOND
from tests.fleet.guarded import World

A, B, C = "claude:a", "claude:b", "claude:c"


def three(**limits: Any) -> World:
    world = World(governor=Governor(**limits))
    for n, name in enumerate((A, B, C)):
        world.session(name, pid=20 + n)
    return world


def test_the_least_productive_is_paused_first() -> None:
    world = three(usd_per_minute=1.0)
    world.loops(A).usage(0.1, A)
    world.usage(0.9, B).usage(0.3, C)
    # What wastes comes before what only costs much without progress.
    assert world.run(1) == [f"pause {A}"]
    assert "for nothing" in world.deeds[0][1].why
    assert world.run(9) == []
    assert world.run(2) == [f"pause {B}"]
    assert "$1.20 a minute, at most $1.00" in world.deeds[1][1].why
    assert world.run(8) == []  # with those two stopped it is within the limit


def test_what_made_progress_goes_on() -> None:
    world = three(usd_per_minute=1.0)
    world.usage(0.6, A).usage(0.4, B).usage(0.2, C)
    world.tell(ev.FileChanged(path="x.py", hash="1"), name=A)
    assert world.run(1) == [f"pause {B}"]


def test_what_was_paused_goes_on_when_there_is_room_the_most_productive_first() -> None:
    world = three(usd_per_minute=1.0)
    world.loops(A).usage(0.5, A).usage(0.7, B).usage(0.4, C)
    assert world.run(15) == [f"pause {A}", f"pause {B}"]
    done = world.run(120)
    # C burns nothing any more after a minute: B was the better one of the two.
    assert done == [f"resume {B}", f"resume {A}"]
    assert world.hands.of(A).paused_by == ""


def test_it_does_not_swing() -> None:
    world = three(usd_per_minute=1.0)
    verbs = []
    for _ in range(120):
        for name in (A, B, C):
            process = world.fleet.sessions[name].process
            if process is not None and not process.seen.stopped:
                world.usage(0.1, name)  # 0.6 dollars a minute each
        verbs += world.run(10)
    # At least one always works, and what is let go on shows before the next is.
    assert sum(verb.startswith("resume") for verb in verbs) <= 20
    assert len(world.deeds) <= 45


def test_the_day_s_limit_stops_all_and_the_next_day_lets_them_go_on() -> None:
    world = three(usd_per_day=10.0)
    world.spent = Spent(1, int(10e9))
    assert sorted(world.run(40)) == [f"pause {A}", f"pause {B}", f"pause {C}"]
    world.spent = Spent(1, int(8e9))
    assert world.run(60) == []
    world.spent = Spent(2, int(7e9))
    assert len(world.run(60)) == 3


def test_only_so_many_work_at_once() -> None:
    world = three(max_parallel=2)
    assert len(world.run(60)) == 1
    world.tell(ev.TurnEnded(), name=next(n for n in (A, B, C) if not world.hands.of(n).paused_by))
    assert [verb.split()[0] for verb in world.run(60)] == ["resume"]


def test_without_limits_it_lets_go_on_what_it_had_paused() -> None:
    world = three(max_parallel=1)
    assert len(world.run(30)) == 2
    world.governor = Governor()
    world.restart()
    assert sorted(verb.split()[0] for verb in world.run(30)) == ["resume", "resume"]


def test_what_cannot_be_frozen_is_passed_over_and_remembered() -> None:
    world = three(usd_per_minute=1.0)
    world.usage(0.9, A).usage(0.3, B)
    world.outcome["pause"] = "failed"
    assert world.run(5) == [f"pause {A}"]
    world.outcome["pause"] = "done"
    world.restart()
    assert world.run(15) == [f"pause {B}"]
    world.usage(2, A).usage(0.1, C)
    assert world.run(20) == [f"pause {C}"]
    # Another process of it may be another story.
    world.tell(ev.ProcessGone(pid=20, started=1), ev.ProcessObserved(pid=50, started=2), name=A)
    assert world.run(10) == [f"pause {A}"]


def test_a_person_s_pause_is_never_let_go_on() -> None:
    world = three(max_parallel=9)
    world.command("pause", name=A)
    world.tell(ev.ProcessObserved(pid=21, started=1, stopped=True), name=B)  # by hand, past orc
    assert world.run(3600, 10) == []


def test_what_a_person_pauses_on_top_stays_so() -> None:
    world = three(max_parallel=2)
    (paused,) = world.run(5)
    name = paused.split()[1]
    world.command("pause", "refused", name=name)
    world.governor = Governor()
    world.restart()
    assert world.run(3600, 10) == []


def test_what_was_let_go_on_and_stopped_again_past_orc_is_a_person_s() -> None:
    world = three(max_parallel=2)
    (paused,) = world.run(5)
    name = paused.split()[1]
    pid = world.fleet.sessions[name].pid
    world.tell(ev.ProcessObserved(pid=pid or 0, started=1, stopped=False), name=name)
    # It is at work again, so one of the others is paused in its place.
    assert len(world.run(15)) == 1
    assert world.deeds[-1][1].session != name
    world.tell(ev.ProcessObserved(pid=pid or 0, started=1, stopped=True), name=name)
    world.governing.rule = Governor()
    assert name not in " ".join(world.run(600, 10))


def test_what_a_person_let_go_on_is_left_alone_today() -> None:
    world = three(max_parallel=2)
    (paused,) = world.run(5)
    name = paused.split()[1]
    world.command("resume", name=name)
    done = world.run(3 * PERSONS / SECOND, 10)
    assert done and all(name not in one for one in done)


def test_hands_off_and_what_was_just_commanded() -> None:
    world = World(governor=Governor(max_parallel=1), **dict([told(0, "prod", "hands_off", ["yes"])]))
    world.session(A, pid=20, project="prod").session(B, pid=21, project="web").command("message", name=B)
    assert world.run(590) == []
    assert world.run(30) == [f"pause {B}"]


def test_a_loop_is_stopped_by_its_iteration_or_as_a_whole() -> None:
    world = World(governor=Governor(usd_per_minute=1.0))
    world.session("loop:l", pid=7)
    world.session(A, pid=8, parent="loop:l", relation="iteration").usage(2, A)
    assert world.run(5) == [f"pause {A}"]
    world = World(governor=Governor(usd_per_minute=1.0))
    world.session("loop:l", pid=7)
    world.tell(
        ev.SessionUpdated(client="loop", parent="loop:l", relation="iteration"), ev.TurnStarted(), name="loop:l/1"
    )
    world.usage(2, "loop:l/1")
    assert world.run(5) == ["pause loop:l"]


def test_a_dry_run_tells_of_each_once_an_hour() -> None:
    world = three(max_parallel=1, dry_run=True)
    done = world.run(3000, 10)
    assert sorted(done) == sorted(f"would {name}" for name in (A, B, C))
    assert all(deed.arguments["would"] == "pause" for _, deed in world.deeds)


@pytest.mark.parametrize("limit", ["usd_per_minute", "usd_per_day", "max_parallel"])
def test_nothing_is_done_within_the_limits(limit: str) -> None:
    world = three(**{limit: 3})
    world.usage(0.9, A)
    assert world.run(60) == []


names = st.sampled_from([A, B, C])
happens = st.lists(
    st.tuples(
        st.sampled_from(
            ["pause", "resume", "message", "stop", "go", "spend", "restart", "turn", "fail", "work", "day"]
        ),
        names,
        st.sampled_from([1, 11, 65, 700]),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(happens, st.sampled_from([{"usd_per_minute": 0.5}, {"max_parallel": 1}, {"usd_per_day": 2.0}]))
def test_never_against_a_person_and_one_act_in_ten_seconds(what: list[Any], limits: Any) -> None:
    world = three(**limits)
    person_at = dict.fromkeys((A, B, C), -PERSONS)
    own: set[str] = set()
    for kind, name, seconds in what:
        begun = len(world.deeds)
        session = world.fleet.sessions[name]
        if kind in ("pause", "resume", "message"):
            stopped = session.process is not None and session.process.seen.stopped
            world.command(kind, "refused" if kind == "pause" and stopped else "done", name=name)
            if not (kind == "pause" and stopped):
                person_at[name] = world.now
            if kind != "message":
                own.discard(name)
        elif kind in ("stop", "go"):
            world.tell(ev.ProcessObserved(pid=session.pid or 0, started=1, stopped=kind == "stop"), name=name)
            if kind == "go":
                own.discard(name)
        elif kind == "spend":
            world.usage(0.7, name)
            world.spent = Spent(world.spent.day, world.spent.total + int(0.7e9))
        elif kind == "restart" and not any(world.hands.of(n).paused_by == GOVERNOR and n not in own for n in (A, B, C)):
            world.restart()
        elif kind == "turn":
            world.tell(ev.TurnEnded() if session.turn_open else ev.TurnStarted(), name=name)
        elif kind in ("fail", "work"):
            world.outcome["pause"] = "failed" if kind == "fail" else "done"
        elif kind == "day":
            world.spent = Spent(world.spent.day + 86_400 * SECOND)
        world.run(seconds, max(1, seconds / 30))
        for at, deed in world.deeds[begun:]:
            assert deed.verb in ("pause", "resume")
            assert at - person_at[deed.session] >= PERSONS
            if deed.verb == "resume":
                assert deed.session in own, "only what it paused itself, and nobody touched since"
                own.discard(deed.session)
            elif world.hands.of(deed.session).paused_by == GOVERNOR or world.outcome.get("pause") != "failed":
                own.add(deed.session)
    assert all(b - a >= PACE for (a, _), (b, _) in pairwise(world.deeds))
