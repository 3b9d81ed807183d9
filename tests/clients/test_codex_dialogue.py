"""Codex's channel: what is said, what is heard, and that nothing it writes can raise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator_tui.clients.codex.daemon import joining
from orchestrator_tui.clients.codex.dialogue import INITIALIZE, LOADED, CodexDialogue
from orchestrator_tui.clients.driving import OPEN, Heard, Sent, Task, Unsupported
from orchestrator_tui.events import PermissionAnswered, PermissionAsked
from tests.conftest import DATA

THREAD = "01a1fb36-9ffd-77f3-897d-d01f2ccacc42"
TURN = "01a1fb36-a019-70c1-ac3a-6637f1d108c3"
COMMAND = "item/commandExecution/requestApproval"


def line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def said(*lines: bytes) -> list[dict[str, Any]]:
    for text in lines:
        assert text.endswith(b"\n") and text.count(b"\n") == 1 and text.isascii() and b"\\u0000" not in text
    return [json.loads(text) for text in lines]


def opened(task: Task | None = None) -> tuple[CodexDialogue, Heard]:
    there = CodexDialogue(task or Task("", "/w"))
    there.opening()
    return there, there.heard(line({"id": OPEN, "result": {"thread": {"id": THREAD}, "model": "gpt-5"}}))


def request(number: object, method: str = COMMAND, **params: object) -> bytes:
    return line(
        {"id": number, "method": method, "params": {"threadId": THREAD, "turnId": TURN, "itemId": "i", **params}}
    )


def news(method: str, **params: object) -> bytes:
    return line({"method": method, "params": {"threadId": THREAD, **params}})


def answered(there: CodexDialogue, sent: Sent, **result: object) -> dict[str, str]:
    return there.heard(line({"id": sent.awaits, **(result or {"result": {}})})).answered


def test_the_recorded_dialogue() -> None:
    records = (DATA / "clients" / "codex-0.169.0" / "app-server" / "dialogue.jsonl").read_text().splitlines()
    lines = [json.loads(text) for text in records]
    there = CodexDialogue(Task("", "/tmp/demo/webapp"))
    there.opening()
    names = {1: INITIALIZE, 2: OPEN}
    heard = []
    for record in lines:
        message = record["msg"]
        if record["dir"] == "out":
            ours = "method" not in message
            heard.append(there.heard(line({**message, "id": names.get(message["id"], "x")} if ours else message)))
    events = [body for each in heard for body in each.events]
    asked, settled = events
    assert isinstance(asked, PermissionAsked)
    assert json.loads(asked.what.text) == {"command": "/bin/bash -lc 'touch deployed.txt'", "cwd": "/tmp/demo/webapp"}
    assert settled == PermissionAnswered(request_id=asked.request_id, decision="gone")
    assert [each.session for each in heard if each.session] == [THREAD]
    assert [each.model for each in heard if each.model] == ["gpt-5.1-codex", "gpt-5.2"]
    assert sum(each.idle for each in heard) == 3
    assert not any(each.replies for each in heard)


@pytest.mark.parametrize(
    ("task", "method", "params"),
    [
        (Task("", "/w"), "thread/start", {"cwd": "/w"}),
        (Task("", "/w", "gpt-5", "high"), "thread/start", {"cwd": "/w", "model": "gpt-5"}),
        (Task("", "/w", resume=THREAD), "thread/resume", {"cwd": "/w", "threadId": THREAD, "excludeTurns": True}),
        (
            Task("", "/w", resume=THREAD, fork=True),
            "thread/fork",
            {"cwd": "/w", "threadId": THREAD, "excludeTurns": True},
        ),
    ],
)
def test_it_opens(task: Task, method: str, params: dict[str, object]) -> None:
    hello, initialized, begin = said(*CodexDialogue(task).opening())
    assert (hello["method"], initialized) == ("initialize", {"method": "initialized"})
    assert (begin["id"], begin["method"], begin["params"]) == (OPEN, method, params)


def test_the_prompt_follows_the_thread() -> None:
    there, heard = opened(Task("--help\n\0 \u2028", "/w", "gpt-5.2", "low", title=" --x\n"))
    assert (heard.session, heard.ready, heard.model, heard.answered) == (THREAD, True, "gpt-5", {OPEN: ""})
    title, prompt = said(*heard.replies)
    assert (title["method"], title["params"]["name"]) == ("thread/name/set", "--x")
    assert prompt["params"]["input"] == [{"type": "text", "text": "--help\n� \u2028"}]
    assert (prompt["params"]["model"], prompt["params"]["effort"]) == ("gpt-5.2", "low")
    assert there.heard(line({"id": prompt["id"], "result": {}})).answered == {prompt["id"]: ""}
    # What was set once is not set again: a person may have chosen otherwise since.
    assert "model" not in said(*there.say("x").lines)[0]["params"]
    assert opened()[1].replies == []


@pytest.mark.parametrize(
    "answer", [{"error": {"code": 1, "message": "no\nrollout"}}, {"result": {}}, {"result": {"thread": {"id": "--x"}}}]
)
def test_a_thread_that_cannot_be_had(answer: dict[str, object]) -> None:
    there = CodexDialogue(Task("x", "/w", resume=THREAD))
    there.opening()
    heard = there.heard(line({"id": OPEN, **answer}))
    assert heard.answered[OPEN] in ("no ⏎ rollout", "it named no thread")
    assert (heard.session, heard.ready, heard.replies) == (None, False, [])
    for act in (lambda: there.say("x"), there.interrupt, lambda: there.use("a", None)):
        with pytest.raises(Unsupported, match="not begun"):
            act()
    there = CodexDialogue(Task("x", "/w"))
    assert there.heard(line({"id": INITIALIZE, "error": {"message": "too old"}})).answered == {OPEN: "too old"}


@pytest.mark.parametrize("number", [0, 7, "abc"])
@pytest.mark.parametrize("allow", [True, False])
def test_an_answer(number: int | str, allow: bool) -> None:
    there, _ = opened()
    there.heard(news("turn/started", turn={"id": TURN}))
    asked = there.heard(request(number, command="rm x", cwd="/w", reason="why", availableDecisions=["accept"])).events[
        0
    ]
    assert isinstance(asked, PermissionAsked)
    assert (asked.request_id, asked.tool, asked.words) == (f"{TURN}/{number}", "command", "why")
    assert json.loads(asked.what.text) == {"command": "rm x", "cwd": "/w"}
    assert there.heard(request(number, command="rm x")).events == []
    sent = there.answer(asked.request_id, allow, "rather\0 not" if not allow else "")
    answer, *more = said(*sent.lines)
    assert answer == {"id": number, "result": {"decision": "accept" if allow else "decline"}}
    assert [each["params"]["input"][0]["text"] for each in more] == ([] if allow else ["rather� not"])
    assert there.answer(asked.request_id, allow, "").awaits == asked.request_id
    with pytest.raises(Unsupported, match="just been"):
        there.answer(asked.request_id, not allow, "")
    assert there.heard(news("serverRequest/resolved", requestId=str(number) + "?")) == Heard()
    heard = there.heard(news("serverRequest/resolved", requestId=number))
    assert heard.events == [PermissionAnswered(request_id=asked.request_id, decision="allowed" if allow else "denied")]
    assert heard.answered == {asked.request_id: ""}
    with pytest.raises(Unsupported, match="not asked"):
        there.answer(asked.request_id, allow, "")


def test_a_file_change_is_shown_whole() -> None:
    there, _ = opened()
    change = [{"path": "a.py", "kind": {"type": "update"}, "diff": "-x\n+y\n"}]
    there.heard(news("item/started", item={"type": "fileChange", "id": "i", "changes": change}))
    asked = there.heard(request(1, "item/fileChange/requestApproval")).events[0]
    assert isinstance(asked, PermissionAsked)
    assert (json.loads(asked.what.text), asked.words) == ({"changes": change}, "")
    there.heard(news("item/fileChange/patchUpdated", itemId="i", changes=[]))
    asked = there.heard(request(2, "item/fileChange/requestApproval")).events[0]
    assert isinstance(asked, PermissionAsked) and asked.words == "it did not say which files"


def test_other_things_that_are_asked() -> None:
    there, _ = opened()
    wanted = {"network": {"enabled": True}}
    there.heard(request(1, "item/permissions/requestApproval", permissions=wanted))
    result = said(*there.answer(f"{TURN}/1", True, "").lines)[0]["result"]
    assert result == {"permissions": wanted, "scope": "turn"}
    questions = [{"id": "db", "question": "Which?"}, {"id": "t", "question": "When?"}]
    there.heard(request(2, "item/tool/requestUserInput", questions=questions))
    for words in ("", "one"):
        with pytest.raises(Unsupported, match=r"Which\?; When\?"):
            there.answer(f"{TURN}/2", True, words)
    result = said(*there.answer(f"{TURN}/2", True, "a\nb").lines)[0]["result"]
    assert result == {"answers": {"db": {"answers": ["a"]}, "t": {"answers": ["b"]}}}
    form = {"mode": "form", "message": "m", "requestedSchema": {"type": "object", "properties": {"a": {}}}}
    there.heard(request(3, "mcpServer/elicitation/request", turnId=None, **form))
    with pytest.raises(Unsupported, match="form"):
        there.answer("-/3", True, "")
    assert said(*there.answer("-/3", False, "").lines)[0]["result"] == {"action": "decline"}
    there.heard(request(4, "mcpServer/elicitation/request", requestedSchema={"properties": {}}))
    assert said(*there.answer(f"{TURN}/4", True, "").lines)[0]["result"] == {"action": "accept", "content": {}}
    for method in ("account/chatgptAuthTokens/refresh", "item/tool/call", "execCommandApproval", "x\x1b[31m"):
        heard = there.heard(request("q", method))
        assert said(*heard.replies)[0]["error"]["code"] == -32601 and not heard.events


def test_messages_and_interrupts() -> None:
    there, _ = opened()
    with pytest.raises(Unsupported, match="empty"):
        there.say("\n\0")
    sent = there.say("--help\0")
    start = said(*sent.lines)[0]
    assert (start["method"], start["params"]["input"][0]["text"]) == ("turn/start", "--help�")
    assert answered(there, sent) == {sent.awaits: ""}
    assert answered(there, sent) == {}
    assert said(*there.interrupt().lines)[0]["params"] == {"threadId": THREAD, "turnId": ""}
    there.heard(news("turn/started", turn={"id": TURN}))
    there.heard(line({"method": "turn/started", "params": {"threadId": "another", "turn": {"id": "sub"}}}))
    sent = there.interrupt()
    assert said(*sent.lines)[0]["params"]["turnId"] == TURN
    assert answered(there, sent, error={"code": -32600, "message": "no active turn to interrupt"}) == {sent.awaits: ""}
    sent = there.interrupt()
    assert answered(there, sent, error={"message": "expected active turn id"}) == {
        sent.awaits: "expected active turn id"
    }
    assert there.heard(line({"method": "turn/completed", "params": {"threadId": "another"}})).idle is False
    assert there.heard(news("turn/completed")).idle is True
    with pytest.raises(Unsupported, match="SIGTERM"):
        there.end()


def test_models() -> None:
    there, _ = opened()
    sent = there.use("gpt-5.9", "high")
    assert said(*sent.lines)[0]["params"] == {"threadId": THREAD, "model": "gpt-5.9", "effort": "high"}
    assert answered(there, sent) == {sent.awaits: ""}
    assert "model" not in said(*there.say("x").lines)[0]["params"]
    sent = there.use("gpt-6", None)
    assert answered(there, sent, error={"code": -32600, "message": "no such thread"}) == {sent.awaits: "no such thread"}
    # A server that cannot set it at once is told with the next turn; one that is steered takes no model.
    sent = there.use("gpt-6", "low")
    assert answered(there, sent, error={"code": -32601, "message": "?"}) == {sent.awaits: ""}
    there.heard(news("turn/started", turn={"id": TURN}))
    assert "model" not in said(*there.say("steered").lines)[0]["params"]
    there.heard(news("turn/completed"))
    sent = there.say("next")
    assert said(*sent.lines)[0]["params"]["model"] == "gpt-6"
    answered(there, sent)
    assert "model" not in said(*there.say("later").lines)[0]["params"]
    assert there.heard(news("thread/settings/updated", threadSettings={"model": "m"})).model == "m"
    assert there.heard(news("model/rerouted", toModel="n")).model == "n"
    for bad in ("--help", "a\nb", "$(id)", "", "é", "x" * 200):
        with pytest.raises(Unsupported, match="no model"):
            there.use(bad, None)
    for bad in ("", "--x", "HIGH", "low\n"):
        with pytest.raises(Unsupported, match="no effort"):
            there.use(None, bad)


WRONG: list[object] = [None, True, 7, -1, 2**70, 1.5, "", "x", "\ud800", [], {}, [[]], {"a": []}]


def test_nothing_that_it_writes_raises() -> None:
    for there in (opened(Task("x", "/w"))[0], CodexDialogue(Task("x", "/w")), joining(THREAD)):
        for raw in (b"", b"garbage", b"\xff", b"[" * 200_000, b'{"a":' * 50_000, b"[]", b"7", b'{"id":', b"\0"):
            assert there.heard(raw) == Heard()
        methods = [COMMAND, "item/fileChange/requestApproval", "item/permissions/requestApproval", "item/started"]
        methods += [
            "item/tool/requestUserInput",
            "mcpServer/elicitation/request",
            "serverRequest/resolved",
            "turn/started",
        ]
        methods += ["turn/completed", "thread/settings/updated", "model/rerouted", "item/fileChange/patchUpdated", "?"]
        keys = ("threadId", "turnId", "itemId", "item", "turn", "changes", "requestId", "questions", "permissions")
        for wrong in WRONG:
            for method in methods:
                for key in keys:
                    there.heard(line({"method": method, "params": {"threadId": THREAD, key: wrong}}))
                    there.heard(line({"id": wrong, "method": method, "params": {key: wrong}}))
                    there.heard(line({"id": 5, "method": method, "params": {"threadId": THREAD, key: wrong}}))
                there.heard(line({"id": 6, "method": method, "params": wrong}))
                there.heard(news(method, item={"type": "fileChange", "id": wrong, "changes": wrong}))
            for name in (OPEN, INITIALIZE, LOADED, "orc-prompt", wrong):
                there.heard(line({"id": name, "result": wrong, "error": None}))
                there.heard(line({"id": name, "result": {"thread": wrong, "data": wrong}}))
                there.heard(line({"id": name, "error": wrong}))
                there.heard(line({"id": name, "error": {"message": wrong, "code": wrong}}))
        for name in list(there._asked):
            for allow in (False, True):
                try:
                    there.answer(name, allow, "")
                except Unsupported:
                    continue
    there, _ = opened()
    many = [there.heard(request(number)) for number in range(300)]
    assert sum(len(each.events) for each in many) == 256 and all(each.replies for each in many[256:])
