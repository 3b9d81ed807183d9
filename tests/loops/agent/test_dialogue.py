"""How the built-in agent is started, and the other end of its channel: pure."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients.driving import OPEN, Task, Unsupported
from orchestrator_tui.clients.loop.dialogue import BuiltinDialogue
from orchestrator_tui.clients.loop.drive import BuiltinDrive
from orchestrator_tui.loops.agent.task import checked, decode_task
from tests.clients.feeding import as_line

TASK = Task("fix it\n\x1b]0;x\x07 \ud83d", "/work", "embedded/small", "high", title="a\nb")


def test_the_task_is_said_and_nothing_of_it_is_an_argument() -> None:
    launch = BuiltinDrive().launch("/usr/bin/python3", TASK)
    assert launch.argv[:6] == ("/usr/bin/python3", "-P", "-X", "utf8", "-m", "orchestrator_tui.loops.agent")
    assert launch.argv[-1] == f"--session={launch.session}" and launch.session is not None
    (line,) = BuiltinDrive().dialogue(TASK).opening()
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    said = decode_task(line)
    assert (said.prompt, said.cwd, said.model, said.effort, said.title) == (
        "fix it\n\x1b]0;x\x07 ?",
        "/work",
        "embedded/small",
        "high",
        "a ⏎ b",
    )
    whole = checked(
        msgspec.structs.replace(said, session=launch.session, cwd="/"), {"ORC_LOOPS": "/l", "ORC_API_BASE": "http://x"}
    )
    assert (whole.log, whole.api_base) == (f"/l/agents/{launch.session}.jsonl", "http://x")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": None}, "no model of its own"),
        ({"model": "-x"}, "no model's name"),
        ({"effort": "huge"}, "no effort"),
        ({"resume": "loop-1/2"}, "belongs to its loop"),
        ({"fork": True}, "cannot copy"),
        ({"session": "../x"}, "no id"),
        ({"session": "a/1"}, "no id"),
        ({"cwd": "here"}, "absolute"),
        ({"prompt": "x" * (17 << 20)}, "takes"),
    ],
)
def test_what_it_cannot_be_started_with_is_found_before(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        BuiltinDrive().launch("python3", msgspec.structs.replace(TASK, **fields))


def dialogue() -> BuiltinDialogue:
    found = BuiltinDialogue(b"{}\n")
    heard = found.heard(b'{"session":"a1"}')
    assert (heard.session, heard.answered) == ("a1", {OPEN: ""})
    return found


def test_what_is_said_is_answered_by_its_name() -> None:
    channel = dialogue()
    for sent in (
        channel.say("x\0\ud83d"),
        channel.interrupt(),
        channel.use("a/b", None),
        channel.use(None, "low"),
        channel.end(),
    ):
        (line,) = sent.lines
        name = json.loads(line)["id"]
        assert name == sent.awaits and line.isascii()
        assert channel.heard(as_line({"answered": name, "words": ""})).answered == {name: ""}
        assert channel.heard(as_line({"answered": name, "words": "no"})).answered == {}
    sent = channel.say("y")
    assert channel.heard(as_line({"answered": sent.awaits, "words": "no\nroom"})).answered == {sent.awaits: "no ⏎ room"}
    for wrong in (
        lambda: channel.say(" \0"),
        lambda: channel.use(None, None),
        lambda: channel.use("-m", None),
        lambda: channel.use(None, "x"),
        lambda: channel.answer("c1", True, ""),
    ):
        with pytest.raises(Unsupported):
            wrong()


def test_a_question_is_asked_once_and_answered_once() -> None:
    channel = dialogue()
    asked = as_line({"asked": "c1", "tool": "ask_user", "what": {"question": "Which?\x1b"}, "words": "Which?"})
    (event,) = channel.heard(asked).events
    assert isinstance(event, ev.PermissionAsked) and (event.request_id, event.tool, event.via, event.words) == (
        "c1",
        "ask_user",
        "channel",
        "Which?",
    )
    assert channel.heard(asked).events == []
    sent = channel.answer("c1", True, "sqlite")
    assert json.loads(sent.lines[0]) == {"answer": "c1", "allow": True, "words": "sqlite", "id": sent.awaits}
    with pytest.raises(Unsupported, match="has just been allowed"):
        channel.answer("c1", False, "")
    assert channel.heard(as_line({"settled": "c1", "decision": "allowed"})).events == [
        ev.PermissionAnswered(request_id="c1", decision="allowed")
    ]
    assert channel.heard(as_line({"settled": "c1", "decision": "allowed"})).events == []
    channel.heard(as_line({"asked": "c2", "what": None}))
    refused = channel.answer("c2", False, "")
    channel.heard(as_line({"answered": refused.awaits, "words": "that is not asked any more"}))
    assert channel.answer("c2", True, "").awaits != refused.awaits


def test_a_session_that_does_not_begin_says_why() -> None:
    heard = BuiltinDialogue(b"{}\n").heard(as_line({"failed": "there is no directory\n'/x'"}))
    assert heard.answered == {OPEN: "there is no directory ⏎ '/x'"} and heard.session is None
    assert dialogue().heard(as_line({"failed": "late"})).answered == {}


@given(st.one_of(st.binary(max_size=60), st.dictionaries(
    st.sampled_from(["session", "failed", "asked", "settled", "answered", "ready", "idle", "model", "what", "words", "decision", "tool"]),
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=9), st.lists(st.text(max_size=3), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2))).map(lambda v: json.dumps(v).encode())))  # fmt: skip
def test_no_line_of_the_agent_breaks_the_dialogue(line: bytes) -> None:
    channel = BuiltinDialogue(b"{}\n")
    channel.heard(line)
    channel.heard(b'{"session":"a1"}')
    msgspec.msgpack.encode(channel.heard(line).events)
