"""Claude Code's channel: what is said, what is heard, and that nothing it writes can raise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator_tui.clients.claude.dialogue import ClaudeDialogue
from orchestrator_tui.clients.driving import OPEN, Heard, Sent, Task, Unsupported
from orchestrator_tui.events import PermissionAnswered, PermissionAsked
from tests.conftest import CLAUDE


def dialogue(prompt: str = "") -> ClaudeDialogue:
    return ClaudeDialogue(Task(prompt, "/work"))


def line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def said(sent: Sent) -> list[dict[str, Any]]:
    """Each a whole line in ASCII: some readers take a line separator for the end of the line."""
    for text in sent.lines:
        assert text.endswith(b"\n") and text.count(b"\n") == 1 and text.isascii() and b"\\u0000" not in text
    return [json.loads(text) for text in sent.lines]


def ask(name: str = "r-1", tool: str = "Bash", given: object = None, **more: object) -> bytes:
    request = {"subtype": "can_use_tool", "tool_name": tool, "input": {"command": "ls"} if given is None else given}
    return line({"type": "control_request", "request_id": name, "request": request | more})


def echo(sent: Sent) -> bytes:
    """An answer as the client repeats it."""
    return line(said(sent)[0])


def success(name: str | None, **more: object) -> bytes:
    return line({"type": "control_response", "response": {"subtype": "success", "request_id": name, **more}})


def test_the_recorded_dialogue() -> None:
    records = (CLAUDE / "control-stream-json" / "dialogue.jsonl").read_text().splitlines()
    lines = [json.loads(text) for text in records]
    there = dialogue()
    heard = [there.heard(line(record["msg"])) for record in lines if record["dir"] == "out"]
    events = [body for each in heard for body in each.events]
    assert [type(body) for body in events] == [PermissionAsked, PermissionAnswered] * 2
    first, settled = events[0], events[1]
    assert isinstance(first, PermissionAsked) and isinstance(settled, PermissionAnswered)
    assert (first.tool, first.via, first.words, first.until) == ("Write", "channel", "NOTES.md", None)
    assert json.loads(first.what.text) == {
        "file_path": "/tmp/demo/webapp/NOTES.md",
        "content": "# Notes\n\n- mock note\n",
    }
    assert (settled.request_id, settled.decision) == (first.request_id, "allowed")
    assert {each.session for each in heard if each.session} == {"7fc879bd-d39a-48bb-91b9-29f8f6c96a28"}
    assert "claude-sonnet-4-5" in {each.model for each in heard}
    assert sum(each.idle for each in heard) == sum(record["msg"]["type"] == "result" for record in lines)
    assert not any(each.replies for each in heard)


def test_it_opens_and_says_when_it_is_there() -> None:
    there = dialogue("fix it\n--help")
    hello, prompt = (json.loads(text) for text in there.opening())
    assert hello["request"] == {"subtype": "initialize"}
    assert prompt["message"] == {"role": "user", "content": "fix it\n--help"}
    heard = there.heard(success(OPEN, response={"pid": 1}))
    assert (heard.ready, heard.answered) == (True, {OPEN: ""})
    assert len(dialogue(" \n\0").opening()) == 1
    # The same uuid would be taken for the same message, for ever.
    assert json.loads(dialogue("x").opening()[1])["uuid"] != json.loads(dialogue("x").opening()[1])["uuid"]


def test_a_session_that_is_not_found() -> None:
    there = dialogue("go on")
    there.opening()
    error = {
        "type": "result",
        "subtype": "error_during_execution",
        "is_error": True,
        "errors": ["No conversation \x1b[31mfound"],
    }
    heard = there.heard(line(error | {"session_id": "7fc879bd-d39a-48bb-91b9-29f8f6c96a28"}))
    assert (heard.answered, heard.ready, heard.session) == ({OPEN: "No conversation found"}, False, None)


@pytest.mark.parametrize("allow", [True, False])
def test_an_answer_is_given_once_and_repeated_by_the_client(allow: bool) -> None:
    there = dialogue()
    asked = there.heard(ask()).events
    assert [body.request_id for body in asked if isinstance(body, PermissionAsked)] == ["r-1"]
    assert there.heard(ask()).events == []
    sent = there.answer("r-1", allow, "no\0pe \u2028\ud800")
    answer = said(sent)[0]["response"]
    assert answer["request_id"] == sent.awaits == "r-1"
    assert answer["response"] == (
        {"behavior": "allow", "updatedInput": {"command": "ls"}}
        if allow
        else {"behavior": "deny", "message": "no�pe \u2028?"}
    )
    assert there.answer("r-1", allow, "again").lines == sent.lines
    with pytest.raises(Unsupported, match="just been"):
        there.answer("r-1", not allow, "")
    heard = there.heard(echo(sent))
    decision = "allowed" if allow else "denied"
    assert heard.events == [PermissionAnswered(request_id="r-1", decision=decision)]  # type: ignore[arg-type]
    assert heard.answered == {"r-1": ""}
    assert there.heard(echo(sent)) == Heard()
    with pytest.raises(Unsupported, match="not asked"):
        there.answer("r-1", allow, "")


def test_a_denial_always_says_why() -> None:
    there = dialogue()
    there.heard(ask())
    assert "said no" in said(there.answer("r-1", False, "\0 "))[0]["response"]["response"]["message"]


def test_what_is_withdrawn_is_gone() -> None:
    there = dialogue()
    there.heard(ask("a"))
    there.heard(ask("b"))
    there.answer("b", True, "")
    for name in ("a", "b"):
        heard = there.heard(line({"type": "control_cancel_request", "request_id": name}))
        assert heard.events == [PermissionAnswered(request_id=name, decision="gone")]
        assert heard.answered == ({"b": "it was withdrawn before the answer came"} if name == "b" else {})
    assert there.heard(line({"type": "control_cancel_request", "request_id": "a"})) == Heard()


@pytest.mark.parametrize(
    "given",
    [
        '{"command":"ls","timeout":1e400,"n":123456789012345678901234567890,"x":1.10}',
        '{"command":"ls","command":"rm -rf /"}',
        '{"a":"\u2028é\\ud83d\U0001f600","b":"\\u0000"}',
        "{ }",
    ],
)
def test_what_is_allowed_is_what_was_asked_to_the_byte(given: str) -> None:
    there = dialogue()
    text = f'{{"type":"control_request","request_id":"r","request":{{"subtype":"can_use_tool","tool_name":"T","input":{given}}}}}\n'
    asked = there.heard(text.encode()).events
    assert isinstance(asked[0], PermissionAsked)
    shown = asked[0].what.text
    assert shown == given or ("ud83d" in given and shown.isascii())
    answer = there.answer("r", True, "").lines[0]
    assert answer.isascii()
    inner = answer.decode().partition('"updatedInput":')[2].removesuffix("}}}\n")
    assert json.loads(inner) == json.loads(given) == json.loads(shown)
    assert inner == given or not given.isascii()


def test_a_long_input_keeps_its_length_and_its_end() -> None:
    there = dialogue()
    asked = there.heard(ask(given={"command": "x" * 100_000 + "; rm -rf /"})).events[0]
    assert isinstance(asked, PermissionAsked)
    assert asked.what.length == 100_000 + len('{"command": "; rm -rf /"}') and not asked.what.whole
    assert len(asked.what.text) + len(asked.what.tail) == 8192 and asked.what.tail.endswith('; rm -rf /"}')
    assert len(said(there.answer("r-1", True, ""))[0]["response"]["response"]["updatedInput"]["command"]) > 100_000


def test_questions() -> None:
    two = {"questions": [
        {"question": "Which database?", "options": [{"label": "sqlite"}, {"label": "postgres"}]},
        {"question": "When?", "options": []},
    ]}  # fmt: skip
    there = dialogue()
    there.heard(ask("two", "AskUserQuestion", two))
    there.heard(ask("one", "AskUserQuestion", {"questions": two["questions"][:1]}))
    there.heard(ask("none", "AskUserQuestion", {"questions": [7, {"question": None, "options": 5}]}))
    for name, words in (("two", ""), ("two", "sqlite"), ("one", " \n"), ("none", "")):
        with pytest.raises(Unsupported, match="one line each"):
            there.answer(name, True, words)
    answer = said(there.answer("two", True, "postgres\n\n now "))[0]["response"]["response"]
    assert answer["updatedInput"] == two | {"answers": {"Which database?": "postgres", "When?": "now"}}
    answer = said(there.answer("one", True, "a\nb"))[0]["response"]["response"]
    assert answer["updatedInput"]["answers"] == {"Which database?": "a b"}


def test_messages() -> None:
    there = dialogue()
    with pytest.raises(Unsupported, match="empty"):
        there.say(" \0\n")
    first, second = there.say("--help\n$(id)\0\ud800"), there.say("two")
    message, ack = said(first)
    assert message["message"]["content"] == "--help\n$(id)�?"
    assert ack["request_id"] == first.awaits != second.awaits
    # Whatever it answers: what went before has been read.
    error = {"type": "control_response", "response": {"subtype": "error", "request_id": first.awaits, "error": "?"}}
    assert there.heard(line(error)).answered == {first.awaits: ""}
    taken = line({"type": "user", "isReplay": True, "uuid": said(second)[0]["uuid"], "message": {}})
    assert there.heard(taken).answered == {second.awaits: ""}
    assert there.heard(success(second.awaits)) == Heard()
    # At its end only what it has not taken up is withdrawn.
    ends = said(there.end())
    assert [each["request"]["subtype"] for each in ends] == ["cancel_async_message", "end_session"]
    assert ends[0]["request"]["message_uuid"] == message["uuid"]


def test_models_and_efforts() -> None:
    there = dialogue()
    sent = there.use("claude-opus-4-8[1m]", "max")
    model, effort = said(sent)
    assert model["request"] == {"subtype": "set_model", "model": "claude-opus-4-8[1m]"}
    assert effort["request"] == {"subtype": "apply_flag_settings", "settings": {"effortLevel": "max"}}
    assert there.heard(success(model["request_id"])).answered == {}
    assert there.heard(success(effort["request_id"])).answered == {sent.awaits: ""}
    sent = there.use("haiku", "low")
    model, effort = said(sent)
    error = {"subtype": "error", "request_id": model["request_id"], "error": "no such\nmodel"}
    there.heard(line({"type": "control_response", "response": error}))
    assert there.heard(success(effort["request_id"])).answered == {sent.awaits: "no such ⏎ model"}
    for bad in ("--help", "a\nb", "a b", "$(id)", "", "a\0", "é", "x" * 200, "a[1m]]"):
        with pytest.raises(Unsupported, match="no model"):
            there.use(bad, None)
    for bad in ("", "--max", "ultra", "low\n"):
        with pytest.raises(Unsupported, match="no effort"):
            there.use(None, bad)
    with pytest.raises(Unsupported, match="neither"):
        there.use(None, None)


def test_what_nobody_can_answer_is_refused_at_once() -> None:
    there = dialogue()
    bad: list[bytes] = [
        line({"type": "control_request", "request_id": "h", "request": {"subtype": "hook_callback"}}),
        line({"type": "control_request", "request_id": "h", "request": 7}),
        ask("h", given=[1]),
        ask("h", tool=""),
    ]
    for each in bad:
        heard = there.heard(each)
        assert json.loads(heard.replies[0])["response"]["subtype"] == "error"
        assert heard.events == []
    many = [there.heard(ask(f"r{number}")) for number in range(300)]
    assert sum(len(each.events) for each in many) == 256
    assert all(each.replies for each in many[256:])


WRONG: list[object] = [None, True, 7, -1, 2**70, "", "x", "\ud800", [], {}, [[]], {"a": []}]


def test_nothing_that_it_writes_raises() -> None:
    there = dialogue("x")
    there.opening()
    there.heard(ask("r-1"))
    for raw in (
        b"",
        b"\n",
        b"garbage",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b"[]",
        b"7",
        b'{"type":',
        b"\0",
    ):
        assert there.heard(raw) == Heard()
    for kind in ("control_request", "control_response", "control_cancel_request", "system", "user", "result", "x", 7):
        for wrong in WRONG:
            for key in ("request_id", "request", "response", "subtype", "session_id", "uuid", "errors", "model"):
                there.heard(line({"type": kind, "isReplay": True, "is_error": True, key: wrong}))
            there.heard(line({"type": kind, "subtype": "init", "session_id": wrong, "model": wrong, "isReplay": True}))
            there.heard(
                line({"type": kind, "request_id": wrong, "request": {"subtype": "can_use_tool", "input": wrong}})
            )
            there.heard(ask("q", given=wrong, tool_name=wrong, description=wrong))
            for inner in ("request_id", "subtype", "error", "response"):
                there.heard(line({"type": kind, "response": {"request_id": "r-2", inner: wrong}}))
    huge = there.heard(ask("huge", given={"x": "y" * (20 << 20)}))
    assert isinstance(huge.events[0], PermissionAsked) and len(huge.events[0].what.text) < 8193
