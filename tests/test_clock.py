"""Instants as people and clients write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui.clock import (
    DAY,
    HOUR,
    MAX_TIME,
    MILLISECOND,
    MINUTE,
    SECOND,
    SystemClock,
    iso,
    parse_duration,
    parse_iso,
    parse_time,
)
from orchestrator_tui.errors import UsageError

NOON = 1_795_176_000 * SECOND
"""2026-11-20T12:00:00Z"""


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-20T12:00:00Z", NOON),
        ("2026-11-20T12:00:00.123Z", NOON + 123 * MILLISECOND),
        ("2026-11-20T12:00:00.123456+00:00", NOON + 123_456_000),
        ("2026-11-20T13:30:00+01:30", NOON),
        ("2026-11-20T12:00:00", NOON),
        ("2026-11-20", NOON - 12 * HOUR),
        ("1969-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-02-30", None),
        ("\ud83d", None),
        ("now", None),
        ("", None),
    ],
)
def test_iso_times_are_read_or_refused(text: str, ns: int | None) -> None:
    assert parse_iso(text) == ns


@given(st.integers(0, MAX_TIME // MILLISECOND))
def test_what_iso_writes_is_read_back_to_the_millisecond(milliseconds: int) -> None:
    written = iso(milliseconds * MILLISECOND)
    assert len(written) == 24 and written.endswith("Z")
    assert parse_iso(written) == milliseconds * MILLISECOND


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_no_text_breaks_the_readers(text: str) -> None:
    at = parse_iso(text)
    assert at is None or 0 <= at <= MAX_TIME
    back = parse_duration(text)
    assert back is None or back >= 0


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("90s", 90 * SECOND),
        ("15m", 15 * MINUTE),
        ("2h", 2 * HOUR),
        ("3d", 3 * DAY),
        ("1w", 7 * DAY),
        ("250ms", 250 * MILLISECOND),
        ("1h30m", 90 * MINUTE),
        ("1.5h", 90 * MINUTE),
        ("0s", 0),
        ("", None),
        ("15", None),
        ("-5m", None),
        ("5 m", None),
        ("5m ", None),
        ("5m-", None),
        ("m", None),
        ("1y", None),
        ("1e9s", None),
        ("9999999999s", None),
    ],
)
def test_durations(text: str, ns: int | None) -> None:
    assert parse_duration(text) == ns


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("15m", NOON - 15 * MINUTE),
        (" 2h ", NOON - 2 * HOUR),
        ("999999d", 0),
        ("2026-11-20T11:00:00Z", NOON - HOUR),
        (" 2026-11-20 ", NOON - 12 * HOUR),
    ],
)
def test_a_time_is_an_instant_or_a_way_back_from_now(text: str, ns: int) -> None:
    assert parse_time(text, NOON) == ns


@pytest.mark.parametrize("text", ["", "yesterday", "-5m", "1969-01-01"])
def test_a_refused_time_names_both_forms(text: str) -> None:
    with pytest.raises(UsageError, match=r"2026-11-20T14:02:00Z.*15m") as refused:
        parse_time(text, NOON)
    assert repr(text) in str(refused.value)


def test_the_system_clock_counts_nanoseconds_and_never_back() -> None:
    clock = SystemClock()
    assert 1_600_000_000 * SECOND < clock.now() < MAX_TIME
    assert clock.monotonic() <= clock.monotonic()
