"""The fold's laws: where it is cut, and in which order sessions arrive, makes no difference."""

from __future__ import annotations

import random
from itertools import groupby
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.burn import Burn
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.status import status_of
from tests.fleet.generated import SECOND, START, arrivals, placed


def fold(events: list[ev.Event]) -> Fleet:
    fleet = Fleet()
    fleet.apply_all(events)
    return fleet


def state(fleet: Fleet) -> Any:
    sessions = {name: msgspec.to_builtins(session) for name, session in fleet.sessions.items()}
    whole = msgspec.to_builtins(fleet.watch), msgspec.to_builtins(fleet.orders), fleet.groups
    return sessions, whole, fleet.seq, fleet.at


@given(arrivals, st.data())
def test_fold_of_all_is_the_fold_from_any_snapshot(sequence: Any, data: Any) -> None:
    events = placed(sequence)
    cut = data.draw(st.integers(0, len(events)))
    half = fold(events[:cut])
    restored = Fleet()
    restored.load(half.dump())
    restored.apply_all(events[cut:])
    assert state(restored) == state(fold(events))


@given(arrivals, st.data())
def test_a_full_snapshot_and_a_delta_are_the_fold(sequence: Any, data: Any) -> None:
    events = placed(sequence)
    first, second = sorted(data.draw(st.tuples(st.integers(0, len(events)), st.integers(0, len(events)))))
    fleet = fold(events[:first])
    full = fleet.dump()
    fleet.forget_changes()
    fleet.apply_all(events[first:second])
    restored = Fleet()
    restored.load(full)
    restored.load(fleet.dump(fleet.changed))
    restored.apply_all(events[second:])
    assert state(restored) == state(fold(events))


@given(arrivals, st.randoms(use_true_random=False))
def test_any_arrival_that_keeps_each_sessions_order_gives_the_same_fleet(sequence: Any, rng: random.Random) -> None:
    events = placed(sequence)
    queues = {
        name: list(part)
        for name, part in groupby(sorted(events, key=lambda e: (e.session or "", e.seq)), key=lambda e: e.session)
    }
    shuffled = []
    while queues:
        name = rng.choice(sorted(queues, key=str))
        shuffled.append(queues[name].pop(0))
        if not queues[name]:
            del queues[name]
    assert state(fold(shuffled)) == state(fold(events))
    assert state(fold(sorted(events, key=lambda e: (e.at, e.seq)))) == state(fold(events))


@given(arrivals, st.integers(0, 10_000))
def test_status_is_a_function_of_events_and_time_and_touches_nothing(sequence: Any, later: int) -> None:
    events = placed(sequence)
    fleet = fold(events)
    before = state(fleet)
    now = fleet.at + later * SECOND
    told = {name: status_of(fleet, session, now) for name, session in fleet.sessions.items()}
    again = fold(events)
    assert {name: status_of(again, session, now) for name, session in again.sessions.items()} == told
    assert state(fleet) == before
    for status in told.values():
        assert status.evidence
        assert status.since <= now


def test_a_ring_of_parents_ends() -> None:
    ring = [("log:a", "log:b"), ("log:b", "log:a"), ("log:c", "log:c")]
    events = [
        ev.Event(n, START, START, None, name, ev.SessionUpdated(parent=parent, relation="subagent"))
        for n, (name, parent) in enumerate(ring, 1)
    ]
    fleet = fold(events)
    tree = fleet.children()
    assert [s.id for s in fleet.descendants(fleet.sessions["log:a"], tree)] == ["log:b"]
    assert {status_of(fleet, s, START).status for s in fleet.sessions.values()} == {"fog"}


def test_eviction_takes_whole_silent_trees_only() -> None:
    hour = 3600 * SECOND
    events = [
        ev.Event(1, START, START, None, "log:p", ev.SessionUpdated(title="parent")),
        ev.Event(2, START, START, None, "log:k", ev.SessionUpdated(parent="log:p", relation="subagent")),
        ev.Event(3, START, START, None, "log:old", ev.SessionUpdated(title="old")),
        ev.Event(4, START, START, None, "log:alive", ev.ProcessObserved(pid=7)),
        ev.Event(5, START + hour, START + hour, None, "log:p", ev.TurnEnded()),
    ]
    fleet = fold(events)
    assert [s.id for s in fleet.evict(START + hour)] == ["log:old"]
    assert sorted(fleet.sessions) == ["log:alive", "log:k", "log:p"]


def test_burn_forgets_after_five_minutes_and_is_bounded() -> None:
    burn = Burn()
    for second in range(1000):
        burn.add(None, START + second * SECOND, ev.Tokens(output=60), 1_000_000_000)
    assert len(burn.stretches) == 300
    now = START + 999 * SECOND
    assert burn.rate(now, 60).usd_per_minute == 60
    assert burn.rate(now, 10).output_per_second == 60
    assert burn.rate(now + 301 * SECOND, 300).cost == 0
