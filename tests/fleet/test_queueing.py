"""The queue: what begins now, what never will, hours over midnight and where the clock is changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui.errors import UsageError
from orchestrator_tui.fleet.queueing import (
    Skip,
    Standing,
    Start,
    Waiting,
    checked,
    cycle,
    in_window,
    opens_at,
    ready,
    standing,
    waits_for,
)

SECOND = 1_000_000_000
BERLIN, YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NOON = int(datetime(2026, 11, 20, 12, tzinfo=BERLIN).timestamp()) * SECOND


def at(text: str, zone: Any = BERLIN, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()) * SECOND


def decided(specs: list[Waiting], states: dict[str, Standing] | None = None, now: int = NOON) -> dict[str, str]:
    return {one.id: "start" if isinstance(one, Start) else one.why for one in ready(specs, states or {}, now, BERLIN)}


@pytest.mark.parametrize(
    ("spec", "states", "what"),
    [
        (Waiting("a"), {}, "start"),
        (Waiting("a", ("b",)), {"b": "running"}, None),
        (Waiting("a", ("b",)), {"b": "waiting"}, None),
        (Waiting("a", ("b",)), {"b": "succeeded"}, "start"),
        (Waiting("a", ("b", "c")), {"b": "succeeded", "c": "running"}, None),
        (Waiting("a", ("b", "c")), {"b": "running", "c": "failed"}, "loop c, which it waits for, did not succeed"),
        (Waiting("a", ("b",)), {"b": "skipped"}, "loop b, which it waits for, was skipped"),
        (Waiting("a", ("b",)), {}, "loop b, which it waits for, is not there"),
        (Waiting("a", ("a",)), {}, "it waits for itself: a -> a"),
        (Waiting("a", at=NOON), {}, "start"),
        (Waiting("a", at=NOON + 1), {}, None),
        (Waiting("a", window="11:00-13:00"), {}, "start"),
        (Waiting("a", window="22:00-06:00"), {}, None),
        (Waiting("a", window="soon"), {}, "'soon' is no part of a day"),
        (Waiting("a", max_parallel=1), {"x": "running"}, None),
        (Waiting("a", max_parallel=2), {"x": "running"}, "start"),
        (Waiting("a"), {"a": "running"}, None),
        (Waiting("a"), {"a": "failed"}, None),
    ],
)
def test_one_loop(spec: Waiting, states: dict[str, Standing], what: str | None) -> None:
    assert decided([spec], states).get("a") == what


def test_what_is_skipped_has_all_below_it_skipped_at_once() -> None:
    specs = [Waiting("d", ("c",)), Waiting("c", ("b",)), Waiting("b", ("a",)), Waiting("x")]
    found = decided(specs, {"a": "failed"})
    assert list(found) == ["d", "c", "b", "x"]
    assert (
        found["b"].endswith("did not succeed") and found["c"].endswith("was skipped") and found["d"].endswith("skipped")
    )
    assert found["x"] == "start"


def test_one_that_waits_for_its_turn_holds_up_no_other() -> None:
    specs = [Waiting("a", max_parallel=1), Waiting("b", max_parallel=1), Waiting("c", max_parallel=2), Waiting("d")]
    assert decided(specs) == {"a": "start", "c": "start", "d": "start"}


def test_cycles_are_refused_with_their_names() -> None:
    specs = [Waiting("a", ("b",)), Waiting("b", ("c",))]
    assert cycle(specs, Waiting("c", ("x",))) == ()
    with pytest.raises(UsageError, match="loop c would wait for itself: c -> a -> b -> c"):
        checked(specs, Waiting("c", ("x", "a")))
    ring = [Waiting(f"l{n}", (f"l{(n + 1) % 20}",)) for n in range(20)]
    with pytest.raises(UsageError, match=r"l0 -> l1 -> .* -> \.\.\. -> l0"):
        checked(ring[1:], ring[0])
    # On disk all the same: they never begin, and say why.
    assert decided(ring[:3] + ring[3:])["l3"].startswith("it waits for itself: l3 -> l4")


@pytest.mark.parametrize(
    "window", ["22:00", "22:00-22:00", "24:00-06:00", "2:00-06:00", "22:00-06:60", "22:00 - 06:00"]
)
def test_wrong_windows_are_refused(window: str) -> None:
    with pytest.raises(UsageError, match="no part of a day"):
        checked([], Waiting("a", window=window))


def test_wrong_limits_are_refused() -> None:
    with pytest.raises(UsageError, match="from 1"):
        checked([], Waiting("a", max_parallel=0))
    assert checked([], Waiting("a", ("b",), 5, "22:00-06:00", 3)).id == "a"


@pytest.mark.parametrize(
    ("window", "when", "inside"),
    [
        ("22:00-06:00", "2026-11-20T21:59:59", False),
        ("22:00-06:00", "2026-11-20T22:00:00", True),
        ("22:00-06:00", "2026-11-21T00:00:00", True),
        ("22:00-06:00", "2026-11-21T05:59:59", True),
        ("22:00-06:00", "2026-11-21T06:00:00", False),
        ("00:00-00:01", "2026-11-20T00:00:30", True),
        ("09:00-17:00", "2026-11-20T12:00:00", True),
        ("09:00-17:00", "2026-11-20T08:59:00", False),
        # The night of 29 March 2026 has no time from 2 to 3.
        ("01:00-05:00", "2026-03-29T03:30:00", True),
        ("02:15-02:45", "2026-03-29T03:20:00", True),
        ("02:15-02:45", "2026-03-29T01:59:00", False),
        ("02:15-02:45", "2026-03-29T03:45:00", False),
        ("22:00-02:30", "2026-03-29T03:29:00", True),
        # That of 25 October has it twice.
        ("02:00-03:00", "2026-10-25T02:30:00", True),
        ("22:00-06:00", "2026-10-25T02:30:00", True),
        ("22:00-06:00", "2026-10-25T06:00:00", False),
        ("nonsense", "2026-11-20T12:00:00", False),
    ],
)
def test_hours(window: str, when: str, inside: bool) -> None:
    assert in_window(window, at(when), BERLIN) is inside


def test_an_hour_that_comes_twice_opens_once() -> None:
    assert in_window("02:15-02:45", at("2026-10-25T02:20", fold=0), BERLIN)
    assert not in_window("02:15-02:45", at("2026-10-25T02:20", fold=1), BERLIN)


def test_when_it_opens() -> None:
    assert opens_at("22:00-06:00", at("2026-11-20T12:00"), BERLIN) == at("2026-11-20T22:00")
    assert opens_at("22:00-06:00", at("2026-11-20T23:00"), BERLIN) == at("2026-11-20T23:00")
    assert opens_at("01:00-02:00", at("2026-11-20T03:00"), BERLIN) == at("2026-11-21T01:00")
    assert opens_at("02:15-02:45", at("2026-03-29T01:00"), BERLIN) == at("2026-03-29T03:15")
    assert opens_at("x", 0) is None


def test_the_machine_s_own_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        for when in ("2026-03-08T03:30", "2026-11-01T01:30", "2026-07-01T23:00"):
            for window in ("02:15-03:45", "01:00-02:00", "22:00-06:00"):
                assert in_window(window, at(when, YORK)) is in_window(window, at(when, YORK), YORK)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_it_waits_for_is_said() -> None:
    states: dict[str, Standing] = {"b": "running"}
    assert waits_for(Waiting("a", ("b",)), states, NOON, BERLIN) == "for loop b"
    assert waits_for(Waiting("a", at=NOON + 60 * SECOND), states, NOON, BERLIN) == "1m for its time"
    assert waits_for(Waiting("a", window="22:00-06:00"), states, NOON, BERLIN) == "for 22:00-06:00, in 10h"
    assert waits_for(Waiting("a", max_parallel=1), states, NOON, BERLIN) == "until fewer than 1 loops run"
    assert waits_for(Waiting("a"), states, NOON, BERLIN) == ""


def test_how_a_loop_stands() -> None:
    found = [
        standing(*one) for one in ((None, False), (None, True), ("passed", True), ("budget", True), ("skipped", False))
    ]
    assert found == ["waiting", "running", "succeeded", "failed", "skipped"]


ids = st.sampled_from("abcdef")
specs_of = st.lists(
    st.builds(
        Waiting, id=ids, after=st.lists(ids, max_size=3).map(tuple), at=st.none() | st.just(NOON + 1),
        window=st.sampled_from(["", "11:00-13:00", "22:00-06:00"]), max_parallel=st.none() | st.integers(1, 3),
    ),
    max_size=6, unique_by=lambda spec: spec.id,
)  # fmt: skip
stands = st.sampled_from(["waiting", "running", "succeeded", "failed", "skipped"])


@settings(deadline=None)
@given(specs_of, st.dictionaries(ids, stands, max_size=6))
def test_a_queue_comes_to_its_end(specs: list[Waiting], states: Any) -> None:
    """Whatever it holds: one start each, never before what it waits for, and nothing waits for ever."""
    known: dict[str, Standing] = {spec.id: "waiting" for spec in specs} | states
    begun = {name for name, state in known.items() if state != "waiting"}
    # Noon, and eleven at night, for a week.
    for now in [NOON + (24 * day + hour) * 3600 * SECOND for day in range(7) for hour in (0, 11)]:
        for _ in range(8):
            for one in ready(specs, known, now, BERLIN):
                assert one.id not in begun
                begun.add(one.id)
                spec = next(spec for spec in specs if spec.id == one.id)
                if isinstance(one, Skip):
                    known[one.id] = "skipped"
                    continue
                assert all(known[name] == "succeeded" for name in spec.after)
                known[one.id] = "running"
                running = sum(state == "running" for state in known.values())
                assert spec.max_parallel is None or running <= spec.max_parallel
            known |= {name: "succeeded" for name, state in known.items() if state == "running"}
    left = [spec.id for spec in specs if known[spec.id] == "waiting"]
    stuck = {name for name, state in known.items() if state == "waiting"}
    assert all(set(spec.after) & stuck for spec in specs if spec.id in left)


@given(specs_of, st.builds(Waiting, id=ids, after=st.lists(ids, max_size=3).map(tuple)))
def test_what_is_added_is_never_part_of_a_ring(specs: list[Waiting], new: Waiting) -> None:
    added: list[Waiting] = []
    for spec in [*specs, new]:
        try:
            added = [*(one for one in added if one.id != spec.id), checked(added, spec)]
        except UsageError:
            continue
    assert all(not cycle(added, spec) for spec in added)
