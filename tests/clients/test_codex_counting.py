"""Counting Codex's responses once each: both records, forks, older versions, hostile numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients.values import response_key
from tests.clients.feeding import feed, of, parser_for
from tests.clients.rollouts import (
    FILE,
    OTHER,
    THREAD,
    counted,
    counts,
    line,
    only,
    prompts,
    read,
    recorded,
)


def test_input_holds_the_cache_and_output_the_reasoning() -> None:
    usage = {
        "input_tokens": 1000, "cached_input_tokens": 600, "cache_write_input_tokens": 100, "output_tokens": 50,
        "reasoning_output_tokens": 20, "total_tokens": 1050,
    }  # fmt: skip
    (found,) = of(read(recorded("r", usage, usage)), ev.Usage)
    assert found.tokens == ev.Tokens(300, 600, 100, 50, 0, 20) and found.tokens.total == 1050


def test_both_records_of_a_response_count_once_in_either_order() -> None:
    one, two, both = counts(100), counts(200), counts(300, out=20)
    records = [recorded("a", one, one), recorded("b", two, both)]
    repeats = [counted(one, one), counted(both, two)]
    for order in (
        [records[0], repeats[0], records[1], repeats[1]],
        [repeats[0], records[0], repeats[1], records[1]],
        [records[0], records[1], repeats[0], repeats[1], *records, *repeats],
    ):
        assert prompts(read(*order)) == [100, 200]


def test_a_token_count_without_a_record_counts_by_its_thread_and_cumulative_count() -> None:
    one, two, both = counts(100), counts(200), counts(300, out=20)
    drafts = read(counted(one, one), counted(one, one), counted(both, two), counted(both, two))
    assert prompts(drafts) == [100, 200]
    keys = [draft.response for draft in drafts if draft.response]
    assert len(set(keys)) == 2
    assert keys[0] == response_key("codex", THREAD, "100/0/0/10/0/110")


def test_a_record_without_a_cumulative_count_is_the_token_count_that_repeats_it() -> None:
    drafts = read(recorded("a", counts(100), None), counted(counts(100), counts(100)))
    assert prompts(drafts) == [100]


def test_an_inherited_cumulative_count_is_nobody_s_response() -> None:
    meta = line("session_meta", id=THREAD, forked_from_id=OTHER, history_base={"thread_id": OTHER})
    inherited, own, total = counts(5000, out=500), counts(200), counts(5200, out=510)
    assert prompts(read(meta, counted(inherited, counts(900)))) == [], "only the limits were news"
    assert prompts(read(meta, counted(inherited, counts(900)), counted(total, own))) == [200]
    assert prompts(read(meta, recorded("r", own, total), counted(total, own))) == [200]


def test_a_fork_of_a_thread_in_the_middle_of_a_tool_counts_each_response_once() -> None:
    """Its records go on from the parent's cumulative count, its token counts begin at nothing (seen on 0.169)."""
    meta = line("session_meta", id=THREAD, forked_from_id=OTHER, history_base={"thread_id": OTHER})
    one, two, both = counts(200), counts(300), counts(500, out=20)
    drafts = read(
        meta, recorded("a", one, counts(5200)), counted(one, one), recorded("b", two, counts(5500)), counted(both, two)
    )
    assert prompts(drafts) == [200, 300]


def test_a_thread_that_is_resumed_after_a_kill_counts_each_response_once() -> None:
    """The first response's token count was lost with the process: from then on that count lacks it (seen on 0.169)."""
    one, two, three = counts(100), counts(200), counts(300)
    drafts = read(
        recorded("a", one, one),
        recorded("b", two, counts(300, out=20)), counted(two, two),
        recorded("c", three, counts(600, out=30)), counted(two, two), counted(counts(500, out=20), three),
    )  # fmt: skip
    assert prompts(drafts) == [100, 200, 300]


def test_history_that_an_older_fork_copied_has_the_keys_of_its_parent() -> None:
    one, two, both = counts(100), counts(200), counts(300, out=20)
    path = FILE.replace(THREAD, OTHER)
    original = feed(parser_for("codex", path), [line("session_meta", id=OTHER), counted(one, one)])
    fork = read(
        line("session_meta", id=THREAD, forked_from_id=OTHER),
        line("session_meta", id=OTHER),
        counted(one, one),
        counted(both, two),
    )
    mine, theirs = ([draft.response for draft in drafts if draft.response] for drafts in (fork, original))
    assert mine[0] == theirs[0] and len(set(mine)) == 2


def test_a_killed_session_has_its_response_and_its_open_call() -> None:
    drafts = only("sigkill-midtool")
    assert isinstance(drafts[-1].body, ev.Usage) and isinstance(drafts[-2].body, ev.ToolCall)
    assert not of(drafts, ev.ToolResult) and not of(drafts, ev.TurnEnded)


def test_an_estimate_of_the_context_is_no_response() -> None:
    """Codex writes this when the prompt does not fit."""
    full = {"input_tokens": 0, "cached_input_tokens": 0, "output_tokens": 0, "total_tokens": 258_400}
    assert not of(read(counted(full, full)), ev.Usage)


BAD = (-1, 1 << 70, 1.5, True, "7", [7], {"n": 7}, 1e300)


@given(
    st.sampled_from(BAD),
    st.sampled_from(["input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens"]),
)
def test_hostile_numbers_change_no_total(bad: object, name: str) -> None:
    good, total = counts(100), counts(200)
    usage = {**counts(100), name: bad}
    drafts = read(recorded("a", good, good), recorded("b", usage, total), counted(total, usage), counted(usage, good))
    assert prompts(drafts) == [100] and len(of(drafts, ev.Unparsed)) == 3


@pytest.mark.parametrize("bad", [None, float("inf"), float("nan")])
def test_a_usage_without_its_input_is_none(bad: float | None) -> None:
    """Python's JSON writes what no JSON is: that decodes as nothing."""
    usage = {**counts(100), "input_tokens": bad}
    drafts = read(recorded("a", usage, usage), counted(usage, usage), counted(usage, counts(100)))
    assert prompts(drafts) == []


def test_a_part_above_its_whole_is_no_count() -> None:
    usage = counts(100, cached=101)
    assert prompts(read(recorded("a", usage, usage), counted(usage, usage))) == []
