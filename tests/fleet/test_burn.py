"""Rates and curves: what is written late is spread over the time in which it was made."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui.events import Tokens
from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.burn import MAX_STRETCHES, Burn

T0 = 1_000_200 * SECOND
DOLLAR = 1_000_000_000


def at(seconds: float) -> int:
    return T0 + int(seconds * SECOND)


def test_a_long_answer_is_no_spike_at_its_end() -> None:
    burn = Burn()
    burn.add(at(0), at(300), Tokens(output=3000), 10 * DOLLAR)
    assert burn.rate(at(300), 60).usd_per_minute == 2.0
    assert burn.rate(at(300), 10).output_per_second == 10.0
    assert burn.rate(at(300), 300).cost == 10 * DOLLAR
    # Half a minute later half of the last minute is empty.
    assert burn.rate(at(330), 60).usd_per_minute == 1.0
    assert burn.curve(at(299), 5) == (590, 600, 600, 600, 600)


def test_an_answer_that_took_twenty_minutes_is_not_pressed_into_five() -> None:
    burn = Burn()
    burn.add(at(0), at(1200), Tokens(output=1200), 20 * DOLLAR)
    assert burn.rate(at(1200), 60).usd_per_minute == 1.0


def test_without_a_price_the_rate_says_so() -> None:
    burn = Burn()
    burn.add(None, at(0), Tokens(output=10), None, 1)
    burn.add(None, at(20), Tokens(output=10), DOLLAR)
    assert burn.rate(at(30), 60).unpriced == 1
    assert burn.rate(at(70), 60).unpriced == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 30), st.integers(0, 10_000)), min_size=1, max_size=60
    )
)  # fmt: skip
def test_a_rate_holds_until_it_is_said_to_change(uses: list[tuple[int, int, int]]) -> None:
    burn, now = Burn(), 0
    for took, pause, output in uses:
        burn.add(at(now), at(now + took), Tokens(output=output), output)
        now += took + pause
    assert len(burn.stretches) <= MAX_STRETCHES
    for second in range(now, now + 400, 7):
        due = burn.settled(at(second))
        rate = burn.rate(at(second))
        assert due > at(second) // SECOND
        for later in range(second, min(due - T0 // SECOND, second + 30)):
            assert burn.rate(at(later)) == rate


def test_a_storm_of_answers_keeps_the_memory_bounded_and_the_sum() -> None:
    burn = Burn()
    for n in range(2000):
        burn.add(at(n / 10), at(n / 10 + 3 + n % 3), Tokens(output=1), 1)
    assert len(burn.stretches) <= MAX_STRETCHES
    assert sum(s.output for s in burn.stretches) == 2000
