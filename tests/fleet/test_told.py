"""Ages that are said as they are at another time, and times that are due: nothing is looked at before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui.fleet.timers import Timers
from orchestrator_tui.fleet.told import again, said
from orchestrator_tui.text import age
from tests.fleet.generated import SECOND, START


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 50), st.booleans()), max_size=200))
def test_timers_tell_what_a_look_at_all_would(sets: list[tuple[str, int, bool]]) -> None:
    timers, known, now = Timers(), dict[str, int](), 0
    for name, ahead, look in sets:
        timers.set(name, now + ahead)
        known[name] = now + ahead
        if look:
            now += 7
            due = sorted(name for name, at in known.items() if at <= now)
            assert sorted(timers.due(now)) == due
            for one in due:
                del known[one]
        assert len(timers) == len(known)
    assert len(timers._queue) <= 64 + 4 * 5


@given(st.integers(-10, 200_000), st.booleans(), st.integers(0, 999_999_999))
def test_a_sentence_says_its_ages_as_they_are(old: int, ahead: bool, part: int) -> None:
    now = START * 2
    at = now - old * SECOND - part
    sign = -1 if ahead else 1
    at = now + old * SECOND + part if ahead else at
    told = said(now, "for ", sign * at, " or so")
    assert told == f"for {age((at - now) if ahead else (now - at))} or so"
    later = now + 61 * SECOND
    left = max(0, at - later) if ahead else later - at
    assert again(told.parts, later) == f"for {age(left)} or so"


def test_a_sentence_in_a_sentence_keeps_its_ages() -> None:
    inner = said(START, "gone ", START - 5 * SECOND, " ago")
    outer = said(START, "last known: ", inner, " {x} %s")
    assert outer == "last known: gone 5s ago {x} %s"
    assert again(outer.parts, START + SECOND) == "last known: gone 6s ago {x} %s"
    assert type(str(outer)) is str
