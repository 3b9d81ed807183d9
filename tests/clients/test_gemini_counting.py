"""Counting Gemini's responses once each: rewritten messages, copies, what is inside what, hostile numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clients.base import Draft, FileRef, Record
from orchestrator_tui.clients.gemini import Gemini
from orchestrator_tui.clients.gemini.usage import response_of, tokens_in
from tests.clients.chats import AGENT, SESSION, TOKENS, gemini, header, history, message_id, read, user
from tests.clients.feeding import as_line, of


def usages(drafts: list[Draft]) -> list[tuple[bytes | None, int]]:
    """(response, output) of each."""
    return [(draft.response, draft.body.tokens.output) for draft in drafts if isinstance(draft.body, ev.Usage)]


def test_input_holds_the_cache_and_thoughts_stand_beside_the_output() -> None:
    assert tokens_in(TOKENS) == ev.Tokens(input=40, cache_read=60, output=25, reasoning=5)


@pytest.mark.parametrize(
    "total, prompt, output",
    [
        (135, 110, 25),  # the sum of all four: both stand apart
        (125, 100, 25),  # the service counted its own tools' part as input already
        (130, 110, 20),  # and thoughts as output
        (120, 100, 20),
        (None, 110, 25),
        (7, 110, 25),
        ("135", 110, 25),
        (float("nan"), 110, 25),
    ],
)
def test_total_tells_what_is_inside_what(total: object, prompt: int, output: int) -> None:
    tokens = tokens_in({**TOKENS, "tool": 10, "total": total})
    assert (tokens.prompt, tokens.output, tokens.reasoning, tokens.cache_read) == (prompt, output, 5, 60)


def test_a_message_counts_once_however_often_it_is_written() -> None:
    first, late = gemini(1, tokens=None, toolCalls=[{"id": "c"}]), gemini(1)
    drafts = read(header(), first, late, late, history(2, late), history(3, late))
    assert usages(drafts) == [(response_of(f"gemini:{SESSION}", message_id(1)), 25)]


def test_a_better_record_is_handed_over_under_the_same_key() -> None:
    more = gemini(1, tokens={**TOKENS, "output": 30, "total": 135})
    (first, _), (second, output) = usages(read(header(), gemini(1), more, gemini(1)))
    assert first == second and output == 35


def test_usage_that_only_a_patch_has_counts() -> None:
    assert len(usages(read(header(), history(1, user(1, "hi"), gemini(2), gemini(3))))) == 2


def test_a_random_id_is_the_same_response_in_every_chat_and_any_other_is_its_own_chat_s() -> None:
    for name, same in ((message_id(1), True), ("d04923d38bb0f6017037e74183378ef4", False), ("7", False)):
        assert (response_of(f"gemini:{SESSION}", name) == response_of(f"gemini:{AGENT}", name)) is same
    line = {**gemini(1), "id": ""}
    nameless = usages(read(header(), line, {**line, "content": "other"}))
    assert len({key for key, _ in nameless}) == 2


BAD: tuple[Any, ...] = (
    "-1",
    "NaN",
    "1e400",
    "1" + "0" * 400,
    str(2**70),
    str(1 << 41),
    '"7"',
    "true",
    "1.5",
    "[1]",
    "{}",
)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", ["input", "output", "cached", "thoughts", "tool"])
def test_hostile_numbers_change_no_total(bad: str, name: str) -> None:
    raw = json.dumps(gemini(1, "said", tokens={**TOKENS, name: "?"})).replace('"?"', bad).encode()
    drafts = read(header(), raw, raw, gemini(2))
    assert usages(drafts) == [(response_of("", message_id(2)), 25)]
    assert len(of(drafts, ev.Unparsed)) == 1 and len(of(drafts, ev.AssistantMessage)) == 2


@pytest.mark.parametrize(
    "tokens", [{}, {"input": 5}, {"output": 5}, [], 7, "x", {**TOKENS, "cached": 101}, {**TOKENS, "input": None}]
)
def test_what_is_no_usage_is_none(tokens: object) -> None:
    assert usages(read(header(), gemini(1, tokens=tokens))) == []


def test_missing_parts_are_none() -> None:
    assert tokens_in({"input": 5, "output": 2}) == ev.Tokens(input=5, output=2)


# --- documents of older versions ------------------------------------------------------------------------------


def document(value: object) -> list[Draft]:
    """The drafts of a document."""
    path = "/g/tmp/web/chats/session-2026-11-20T22-57-daa8a532.json"
    data = as_line(value)
    return list(Gemini().parser(FileRef("gemini", path, "document", "/g"), None, 0).feed(Record(0, len(data), data)))


def test_a_document_has_the_same_responses_as_the_lines_that_take_it_over() -> None:
    chat = header(messages=[user(1, "/help"), user(2, "Fix it"), gemini(3), gemini(4, tokens=None), gemini(5)])
    drafts = document(chat)
    assert usages(drafts) == usages(read(header(), gemini(3), gemini(5)))
    (facts,) = of(drafts, ev.SessionUpdated)
    assert (facts.title, facts.title_rank, facts.project) == ("Fix it", 0, "web")
    assert {draft.session for draft in drafts} == {f"gemini:{SESSION}"}
    (named,) = of(document({**chat, "summary": "Mending"}), ev.SessionUpdated)
    assert (named.title, named.title_rank) == ("Mending", 1)


@pytest.mark.parametrize("value", [b"{", [], {}, {"sessionId": 7}, {"sessionId": ""}])
def test_a_document_that_is_none_says_nothing(value: object) -> None:
    assert document(value) == []


def test_a_document_of_odd_values_is_survived() -> None:
    odd = [
        7,
        None,
        {},
        {"type": "gemini"},
        {"id": 7, "type": "gemini"},
        {"id": "m", "type": "gemini", "tokens": {"input": -1}},
    ]
    assert len(document(header(messages=odd))) == 1
    assert len(document(header(messages=7, startTime=[], lastUpdated={}))) == 1
