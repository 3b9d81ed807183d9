"""What Gemini's tools did; and what must not break the parser of its chats."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients.gemini.content import tool_output
from tests.clients.chats import (
    CHATS,
    FILE,
    GEMINI,
    SESSION,
    call,
    gemini,
    header,
    notice,
    read,
    story,
    user,
)
from tests.clients.feeding import as_line, drafts_of, feed, lines_of, of, parser_for

# --- tools ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, response, text, ok",
    [
        ("run_shell_command", {"output": "<untrusted_context>\nOutput: a\nb\nProcess Group PGID: 12\n</untrusted_context>"}, "a\nb", True),
        ("run_shell_command", {"output": "Output: a\nBackground PIDs: 7, 8\nProcess Group PGID: 12"}, "a", True),
        ("run_shell_command", {"output": "Output: (empty)\nExit Code: 2\nProcess Group PGID: 12"}, "(empty)\nExit Code: 2", False),
        ("run_shell_command", {"output": "Output: x\nError: spawn\nSignal: 9"}, "x\nError: spawn\nSignal: 9", False),
        ("run_shell_command", {"output": "Command moved to background (PID: 77). Output hidden."}, "Command moved to background", True),
        ("read_file", {"output": "x\nExit Code: 2"}, "x\nExit Code: 2", True),
        ("read_file", {"error": "no such file"}, "no such file", False),
        ("mcp_x", {"b": 1, "a": [2]}, '{"a":[2],"b":1}', True),
    ],
)  # fmt: skip
def test_what_a_tool_answered(name: str, response: dict[str, Any], text: str, ok: bool) -> None:
    answer = [{"functionResponse": {"name": name, "response": response}}]
    assert tool_output(call(name, result=answer)) == (text, ok)


def test_equal_answers_have_equal_digests() -> None:
    lines = [
        gemini(n, "", toolCalls=[call(id=f"c{n}", output=f"Output: pending\nProcess Group PGID: {n}")])
        for n in range(3)
    ]
    assert len({result.output.digest for result in of(read(header(), *lines), ev.ToolResult)}) == 1


def test_a_file_changed_and_a_plan_tells_what_changed_of_it() -> None:
    shown = {"filePath": "/w/web/a", "fileName": "a", "newContent": "x", "fileDiff": "+x"}
    todos = [{"description": "A", "status": "in_progress"}, {"description": "B", "status": "pending"}]
    drafts = read(
        header(),
        gemini(1, "", toolCalls=[call("write_file", resultDisplay=shown)]),
        gemini(2, "", toolCalls=[call("write_file", status="error", resultDisplay=shown)]),
        gemini(3, "", toolCalls=[call("write_todos", args={"todos": todos})]),
        gemini(4, "", toolCalls=[call("write_todos", args={"todos": [{**todos[0], "status": "completed"}]})]),
        gemini(5, "", toolCalls=[call("write_todos", args={"todos": 7})]),
    )
    assert [change.path for change in of(drafts, ev.FileChanged)] == ["/w/web/a"]
    told = [(task.task_id, task.subject, task.status) for task in of(drafts, ev.TaskUpdated)]
    assert told == [("1", "A", "in_progress"), ("2", "B", "pending"), ("1", "A", "completed"), ("2", "", "deleted")]


# --- hostile and unknown --------------------------------------------------------------------------------------


def test_what_is_new_is_kept_and_what_is_noise_is_not() -> None:
    drafts = read(
        header(), {"$push": 1}, {**user(1), "type": "thought"}, {"$rewindTo": "x"}, {"$set": {"kind": "main"}}
    )
    assert [record.kind for record in of(drafts, ev.UnknownRecord)] == ["$push", "thought"]


@pytest.mark.parametrize("raw", [b"{", b"[]", b"7", b"\xff\xfe", b"[" * 5000])
def test_what_cannot_be_read_is_one_event_and_the_rest_goes_on(raw: bytes) -> None:
    drafts = read(header(), raw, user(1, "hi"))
    assert len(of(drafts, ev.Unparsed)) == 1 and story(drafts)[-1] == "user"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["user", SESSION]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.data())
def test_no_value_in_any_place_breaks_the_parser(data: st.DataObject) -> None:
    """Each line of a recording, with one value somewhere in it replaced."""
    path = data.draw(st.sampled_from(CHATS))
    lines = lines_of(GEMINI / path)
    value = json.loads(data.draw(st.sampled_from(lines)))
    node = value
    while True:
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.booleans()):
            node[key] = data.draw(json_values)
            break
        node = node[key]
    drafts = feed(parser_for("gemini", path), [as_line(value), *lines])
    assert all(draft.session.startswith("gemini:") for draft in drafts)


MUCH = "\U0001f600" * 200_000


def test_whatever_is_written_events_and_checkpoint_stay_small() -> None:
    parser = parser_for("gemini", FILE)
    wide = [{"description": MUCH, "status": MUCH}] * 300
    lines = [
        header(projectHash=MUCH, directories=[MUCH], summary=MUCH, kind=MUCH),
        {**user(1, MUCH), "id": MUCH},
        {**gemini(2, MUCH, model=MUCH), "id": MUCH + "x", "thoughts": [{"subject": MUCH}] * 3},
        gemini(3, "", toolCalls=[call(MUCH, MUCH, MUCH, id=MUCH, agentId=MUCH)]),
        gemini(4, "", toolCalls=[call("write_todos", args={"todos": wide}, resultDisplay={"filePath": MUCH, "newContent": MUCH})]),
        notice(5, "error", "[API Error: " + MUCH),
        *(gemini(n, "x", tokens={**gemini(n)["tokens"], "input": n}) for n in range(100, 900)),
    ]  # fmt: skip
    for line in lines:
        for draft in drafts_of(parser, [as_line(line)]):
            assert len(ev.encode(draft.body)) < 20_000, draft.body
    assert len(msgspec.msgpack.encode(parser.state)) < 65_536
