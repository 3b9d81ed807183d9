"""Claude Code's transcripts as they must not be: no line raises, changes a total, or hides the line after it (T8, T9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients.base import Draft
from orchestrator_tui.clients.values import session_id
from orchestrator_tui.excerpt import ARGUMENTS
from tests.clients.feeding import as_line, drafts_of, feed, lines_of, of, parser_for, resumed
from tests.conftest import CLAUDE

PATH = "/p/projects/-tmp/main.jsonl"
TIME = "2026-11-20T10:00:00.000Z"
GOOD_USAGE = {"input_tokens": 1, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 3, "output_tokens": 4}


def assistant(usage: object = None, content: object = "hi", **message: object) -> dict[str, Any]:
    """An assistant's line."""
    body = {"id": "m1", "model": "claude-x", "content": content, **message}
    return {"type": "assistant", "timestamp": TIME, "message": body | ({} if usage is None else {"usage": usage})}


def user(content: object, **more: object) -> dict[str, Any]:
    """A user's line."""
    return {"type": "user", "timestamp": TIME, "message": {"role": "user", "content": content}, **more}


def read(*lines: object) -> list[Draft]:
    """The drafts of a transcript made of these lines."""
    return feed(parser_for("claude", PATH), [as_line(line) for line in lines])


def literal(usage: str) -> bytes:
    """An assistant's line with a usage that Python would not write."""
    return as_line(assistant({"?": 0})).replace(b'{"?": 0}', usage.encode()).rstrip()


NEXT = user("the next line")

WRONG_COUNTS = ["-1", "1e400", "-1e400", str(2**70), str(2**63), str(1 << 41), '"12"', "true", "1.5", "[1]", "{}"]
COUNTS = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("count", WRONG_COUNTS)
def test_a_number_that_is_no_count_makes_no_usage(name: str, count: str) -> None:
    line = json.dumps(GOOD_USAGE | {name: "?"}).replace('"?"', count)
    drafts = read(literal(line), NEXT)
    assert not of(drafts, ev.Usage) and len(of(drafts, ev.Unparsed)) == 1
    assert of(drafts, ev.UserMessage)[-1].text.text == "the next line"


@pytest.mark.parametrize("usage", [None, [], "5", 5, True])
def test_a_usage_that_is_no_object_is_none(usage: object) -> None:
    drafts = read({**assistant(), "message": {"id": "m1", "content": "hi", "usage": usage}}, NEXT)
    assert not of(drafts, ev.Usage)
    assert len(of(drafts, ev.UserMessage)) == 1


def test_a_usage_without_any_id_cannot_be_counted_once_and_is_refused() -> None:
    drafts = read(assistant(GOOD_USAGE, id=None))
    assert not of(drafts, ev.Usage) and len(of(drafts, ev.Unparsed)) == 1


def test_parts_never_exceed_their_wholes() -> None:
    parts = {"cache_creation": {"ephemeral_1h_input_tokens": 99}, "output_tokens_details": {"thinking_tokens": 99}}
    (usage,) = of(read(assistant(GOOD_USAGE | parts)), ev.Usage)
    assert usage.tokens == ev.Tokens(1, 2, 3, 4, 3, 4)


def test_the_lines_of_one_message_count_once_and_a_better_one_has_the_same_key() -> None:
    lines = [assistant(GOOD_USAGE | {"output_tokens": out}) for out in (1, 1, 70, 70)]
    drafts = read(*lines)
    assert [usage.tokens.output for usage in of(drafts, ev.Usage)] == [1, 70]
    assert len({draft.response for draft in drafts if isinstance(draft.body, ev.Usage)}) == 1


@pytest.mark.parametrize("error", ["rate_limit", "server_error", "authentication_failed", None, 5, []])
@pytest.mark.parametrize(
    ("status", "text", "known"),
    [
        (429, "API Error", 429),
        (None, "API Error: 529 overloaded", 529),
        (None, "API Error: Request rejected (401)", 401),
        ("429", "no status here", None),
        (None, "it took 999 tries", None),
    ],
)
def test_the_error_that_ended_a_turn(error: object, status: object, text: str, known: int | None) -> None:
    line = assistant(GOOD_USAGE, text, model="<synthetic>") | {"isApiErrorMessage": True, "error": error}
    drafts = read(line | {"apiErrorStatus": status})
    (found,) = of(drafts, ev.ApiError)
    assert (found.status, found.final, found.text) == (known, True, text)
    assert found.kind == (error if isinstance(error, str) else None)
    assert not of(drafts, ev.Usage), "a synthetic message carries no spend"


def test_a_synthetic_message_that_is_no_error_says_nothing() -> None:
    assert not [
        d for d in read(assistant(GOOD_USAGE, model="<synthetic>")) if not isinstance(d.body, ev.SessionUpdated)
    ]


NO_OBJECTS = [
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 100_000,
    b'{"type":"user","message":' + b'{"content":' * 100_000 + b"1" + b"}" * 100_001,
    b"[1, 2, 3]",
    b"7",
    b'"text"',
    b"null",
    b"{",
    b"{'type': 'user'}",
    b"\x00\x00\x00",
    b"\xff\xfe\xff",
    b'{"type":"user"} {"type":"user"}',
    b'{"n":' + b"9" * 10_000 + b"}",
]


@pytest.mark.parametrize("line", NO_OBJECTS, ids=range(len(NO_OBJECTS)))
def test_a_line_that_is_no_object_is_one_unparsed_and_the_next_is_read(line: bytes) -> None:
    drafts = read(NEXT, line, NEXT)
    (refused,) = of(drafts, ev.Unparsed)
    assert len(refused.head) <= 256
    assert len(of(drafts, ev.UserMessage)) == 2


SURVIVORS = [
    (b'\xef\xbb\xbf{"type":"user","message":{"content":"hi"}}', "hi"),
    (b'{"type":"user","message":{"content":"hi \\ud83d"}}', "hi ?"),
    (b'{"type":"user","message":{"content":"\\udc00hi"}}', "?hi"),
    (b'{"type":"user","message":{"content":"hi \xff\xfe"}}', "hi ��"),
    (b'{"type":"user","\\ud83d":"\\ud83d","message":{"content":"hi"}}', "hi"),
    (b'{"type":"user","message":{"content":"hi"}}\r', "hi"),
    (b'{"type":"user","message":{"content":"a\\u0000b\xe2\x80\xa8c"}}', "a\x00b\u2028c"),
    (b'{"type":"user","n":NaN,"m":-Infinity,"message":{"content":"hi"}}', "hi"),
]


@pytest.mark.parametrize(("line", "text"), SURVIVORS)
def test_a_damaged_line_is_read_as_far_as_it_can_be(line: bytes, text: str) -> None:
    drafts = read(line)
    assert [message.text.text for message in of(drafts, ev.UserMessage)] == [text]
    assert not of(drafts, ev.Unparsed)


WRONG_SHAPES: list[object] = [
    {"type": "assistant"},
    {"type": "assistant", "message": None},
    {"type": "assistant", "message": {"content": [None]}},
    {"type": "assistant", "message": {"content": ["text"]}},
    {"type": "user"},
    {"type": "user", "message": "hi"},
    {"type": "user", "message": {"content": [1]}},
    {"type": ["user"]},
    {"type": {"a": 1}},
    {"type": "system", "subtype": ["turn_duration"]},
]


@pytest.mark.parametrize("line", WRONG_SHAPES)
def test_a_known_record_of_another_shape_is_one_unparsed(line: dict[str, Any]) -> None:
    drafts = read(NEXT, line | {"timestamp": TIME}, NEXT)
    assert len(of(drafts, ev.Unparsed)) + len(of(drafts, ev.UnknownRecord)) == 1
    assert len(of(drafts, ev.UserMessage)) == 2


@pytest.mark.parametrize("line", [{"type": "hologram", "x": 1}, {"type": "system", "subtype": "aura"}, {"x": 1}, {}])
def test_a_record_of_an_unknown_kind_is_kept_as_it_was(line: dict[str, Any]) -> None:
    (kept,) = of(read({**line, "timestamp": TIME}), ev.UnknownRecord)
    assert json.loads(kept.record.text) == {**line, "timestamp": TIME}


def test_blank_lines_are_nothing() -> None:
    assert read(b"", b"   ", b"\t\r") == []


@pytest.mark.parametrize("native", ["../../../etc/x", "a/b", "", "x" * 300, "x\n", ".", "..", "-rf", "a\x1b]0;b", "é"])
def test_a_session_id_that_is_no_plain_name_is_hashed(native: str) -> None:
    made = session_id("claude", native)
    assert made.startswith("claude:x") and made.partition(":")[2].isalnum() and len(made) < 40
    drafts = read({**user("hi"), "isSidechain": True, "agentId": native or "a/b", "sessionId": native})
    assert all("/" not in draft.session and draft.session.isprintable() for draft in drafts)


def test_what_one_line_may_leave_behind_is_bounded() -> None:
    much = "x" * 300_000
    call = {"type": "tool_use", "id": much, "name": much, "input": {"a": much}}
    result = {"type": "tool_result", "tool_use_id": much, "content": much}
    edit = {"filePath": "/" + much, "content": much}
    lines = [
        assistant(content=[{"type": "text", "text": much}, {"type": "thinking", "thinking": much}, call]),
        user([result], toolUseResult=edit, cwd="/" + much, gitBranch=much, version=much, permissionMode=much),
        {"type": "custom-title", "customTitle": much, "timestamp": TIME},
        {"type": much, "timestamp": TIME},
    ]
    for draft in read(*lines):
        assert len(ev.encode(draft.body)) < 8 * ARGUMENTS


def test_a_rejected_edit_changes_no_file() -> None:
    result = {"type": "tool_result", "tool_use_id": "c", "content": "no", "is_error": True}
    assert not of(read(user([result], toolUseResult={"filePath": "/x", "content": "y"})), ev.FileChanged)
    assert not of(read(user([result | {"is_error": False}], toolUseResult="Error: rejected")), ev.FileChanged)


@pytest.mark.parametrize(("every", "after"), [(False, "one two two"), (True, "one one one")])
def test_an_edit_s_hash_is_that_of_the_whole_new_file(every: bool, after: str) -> None:
    edit = {"filePath": "/x", "originalFile": "two two two", "oldString": "two", "newString": "one"}
    result = {"type": "tool_result", "tool_use_id": "c", "content": "ok"}
    (edited,) = of(read(user([result], toolUseResult=edit | {"replaceAll": every})), ev.FileChanged)
    (written,) = of(read(user([result], toolUseResult={"filePath": "/x", "content": after})), ev.FileChanged)
    assert edited == written


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 60), 1 << 60) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    "type",
    "message",
    "timestamp",
    "uuid",
    "sessionId",
    "isSidechain",
    "agentId",
    "subtype",
    "cwd",
    "toolUseResult",
    "snapshot",
    "compactMetadata",
    "origin",
    "content",
    "error",
    "aiTitle",
    "requestId",
    "entrypoint",
    "version",
    "id",
    "model",
    "stop_reason",
    "usage",
    "isMeta",
]
SEEDS = [
    json.loads(line) for path in sorted(CLAUDE.glob("resume-chain/home/**/6717*.jsonl")) for line in lines_of(path)
]


@settings(max_examples=150)
@given(st.sampled_from(SEEDS), st.sampled_from(PLACES), json_values, st.sampled_from([(), ("message",)]))
def test_any_value_in_any_place_of_a_real_line_is_survived(
    seed: dict[str, Any], place: str, value: object, inside: tuple[str, ...]
) -> None:
    line = json.loads(json.dumps(seed))
    target = line.get(inside[0]) if inside and isinstance(line.get(inside[0]), dict) else line
    target[place] = value
    lines = [as_line(line), as_line(NEXT)]
    whole = drafts_of(parser_for("claude", PATH), lines)
    assert "the next line" in [message.text.text for message in of(whole, ev.UserMessage)]
    assert resumed("claude", PATH, lines, 1) == whole


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data: bytes) -> None:
    read(data.replace(b"\n", b""), NEXT)


def test_a_parser_reads_no_file(tmp_path: Path) -> None:
    """A path in the data is a word: nothing is opened, nothing is made."""
    before = sorted(tmp_path.rglob("*"))
    lines = [user("hi", cwd=str(tmp_path), sessionId=str(tmp_path / "x"))]
    feed(parser_for("claude", str(tmp_path / "none.jsonl")), [as_line(line) for line in lines])
    assert sorted(tmp_path.rglob("*")) == before
