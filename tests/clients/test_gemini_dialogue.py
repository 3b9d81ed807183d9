"""Gemini CLI's control channel, line by line."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from orchestrator_tui.clients.driving import Dialogue, Heard, Sent, Task, Unsupported
from orchestrator_tui.clients.gemini.dialogue import GeminiDialogue
from orchestrator_tui.events import PermissionAnswered, PermissionAsked

ID = "1f7a3b49-8c4e-46bd-81be-8dbee49918dd"
CALL = {
    "toolCallId": "run_shell_command__run_shell_command_1795243509364_0",
    "title": "touch deployed.txt",
    "content": [{"type": "content", "content": {"type": "text", "text": "[current working directory /w] (Deploy)"}}],
    "kind": "execute",
}
OPTIONS = [
    {"optionId": "proceed_always", "kind": "allow_always"},
    {"optionId": "proceed_once", "kind": "allow_once"},
    {"optionId": "cancel", "kind": "reject_once"},
]


class Agent:
    """The client's side: what it was told, and how it answers; its output can be heard again."""

    def __init__(self, prompt: str = "first words") -> None:
        self.task = Task(prompt, "/w")
        self.dialogue = GeminiDialogue(self.task)
        self.output: list[bytes] = []
        self.told: list[Any] = []
        self.take(self.dialogue.opening())

    def take(self, lines: Any) -> None:
        for line in lines:
            assert line.endswith(b"\n") and line.count(b"\n") == 1
            self.told.append(json.loads(line))

    def says(self, message: Any) -> Heard:
        line = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.output.append(line)
        heard = self.dialogue.heard(line)
        self.take(heard.replies)
        return heard

    def begin(self) -> Heard:
        self.says({"id": "orc.hello", "result": {"protocolVersion": 1}})
        return self.says({"id": "orc.new", "result": {"sessionId": ID, "models": {"currentModelId": "auto"}}})

    def hears(self, sent: Sent) -> Heard:
        """It says to what it does not know that it does not."""
        self.take(sent.lines)
        whole = Heard()
        for line in sent.lines:
            message = json.loads(line)
            if message.get("method", "").startswith("_orc/"):
                error = {"code": -32601, "message": "no", "data": {"method": message["method"]}}
                heard = self.says({"id": message["id"], "error": error})
                whole.events += heard.events
                whole.replies += heard.replies
                whole.answered |= heard.answered
        return whole

    def asks(self, number: int = 0, call: Any = CALL, options: Any = OPTIONS) -> Heard:
        params = {"sessionId": ID, "options": options, "toolCall": call}
        return self.says({"id": number, "method": "session/request_permission", "params": params})

    def prompts(self) -> list[str]:
        return [m["params"]["prompt"][0]["text"] for m in self.told if m.get("method") == "session/prompt"]

    def ends(self, **answer: Any) -> Heard:
        last = [m["id"] for m in self.told if m.get("method") == "session/prompt"][-1]
        return self.says({"id": last, **(answer or {"result": {"stopReason": "end_turn"}})})

    def again(self) -> Agent:
        """The same client, as a new host hears it; replies were given already."""
        other = Agent(self.task.prompt)
        for line in self.output:
            other.take(other.dialogue.heard(line).replies)
        other.output = list(self.output)
        return other


def test_a_session_begins_and_is_given_its_prompt() -> None:
    dialogue: Dialogue = GeminiDialogue(Task("x", "/w"))
    assert len(dialogue.opening()) == 1
    agent = Agent()
    heard = agent.begin()
    assert (heard.session, heard.ready, heard.idle, heard.model) == (ID, True, False, "auto")
    assert agent.prompts() == ["first words"]
    assert agent.ends().idle
    silent = Agent("")
    assert silent.begin().idle and not silent.prompts()


def test_messages_wait_for_the_turn_and_go_in_together() -> None:
    agent = Agent()
    agent.begin()
    sent = agent.dialogue.say("one\n`id`")
    assert sent.awaits is not None and agent.hears(sent).answered == {sent.awaits: ""}
    agent.hears(agent.dialogue.say("two"))
    assert agent.prompts() == ["first words"]
    assert not agent.ends().idle, "the next turn has begun"
    assert agent.prompts()[1:] == ["one\n`id`\n\ntwo"]
    assert agent.ends(error={"code": -32603, "message": "x"}).idle
    agent.hears(agent.dialogue.say("three"))
    assert agent.prompts()[2:] == ["three"]


@pytest.mark.parametrize("text", ["/extensions install x", " \n/about", "$(id)", "\ufeff/x"])
def test_a_message_is_no_command_of_the_client(text: str) -> None:
    for agent in (Agent(text), Agent("")):
        agent.begin()
        if not agent.prompts():
            agent.hears(agent.dialogue.say(text))
        assert agent.prompts() == [f"Message: {text}"]


def test_hostile_texts_are_one_line_of_json() -> None:
    agent = Agent("")
    agent.begin()
    for text in ("--help", "a\r\nb\u2028c", '"},"id":"orc.new"', "a\0b\ud800", "x" * 1_000_000):
        agent.hears(agent.dialogue.say(text))
        assert agent.prompts()[-1] == text.replace("\0", "").replace("\ud800", "?")
        agent.ends()
    for text in ("", " \n", "\0"):
        with pytest.raises(Unsupported):
            agent.dialogue.say(text)


def test_a_permission_is_answered_once() -> None:
    agent = Agent()
    agent.begin()
    (ask,) = agent.asks(7).events
    assert isinstance(ask, PermissionAsked)
    assert (ask.tool, ask.what.text, ask.via) == ("run_shell_command", "touch deployed.txt", "channel")
    assert "(Deploy)" in ask.words
    heard = agent.hears(agent.dialogue.answer(ask.request_id, True, "ignored"))
    assert agent.told[-2] == {
        "jsonrpc": "2.0",
        "id": 7,
        "result": {"outcome": {"outcome": "selected", "optionId": "proceed_once"}},
    }
    assert heard.events == [PermissionAnswered(request_id=ask.request_id, decision="allowed")]
    with pytest.raises(Unsupported):
        agent.dialogue.answer(ask.request_id, True, "")


def test_a_denial_with_words_is_followed_by_them() -> None:
    agent = Agent()
    agent.begin()
    (ask,) = agent.asks().events
    assert isinstance(ask, PermissionAsked)
    heard = agent.hears(agent.dialogue.answer(ask.request_id, False, "say hello"))
    assert heard.events == [PermissionAnswered(request_id=ask.request_id, decision="denied")]
    assert len(agent.prompts()) == 1
    agent.ends()
    assert agent.prompts()[1:] == ["say hello"]


def test_an_interrupt_withdraws_what_is_asked() -> None:
    agent = Agent()
    with pytest.raises(Unsupported):
        agent.dialogue.interrupt()
    agent.begin()
    (ask,) = agent.asks(3).events
    assert isinstance(ask, PermissionAsked)
    sent = agent.dialogue.interrupt()
    messages = [json.loads(line) for line in sent.lines]
    assert messages[0]["id"] == 3 and messages[0]["result"] == {"outcome": {"outcome": "cancelled"}}
    assert (messages[1]["method"], messages[1]["params"]) == ("session/cancel", {"sessionId": ID})
    assert sent.awaits in agent.hears(sent).answered
    heard = agent.ends(result={"stopReason": "cancelled"})
    assert heard.idle and heard.events == [PermissionAnswered(request_id=ask.request_id, decision="gone")]


def test_only_an_offer_to_allow_once_is_taken() -> None:
    agent = Agent()
    agent.begin()
    offers: list[Any] = [OPTIONS[:1], [], None, [{"optionId": 1, "kind": "allow_once"}], [{"kind": []}]]
    for number, options in enumerate(offers):
        (ask,) = agent.asks(number, options=options).events
        assert isinstance(ask, PermissionAsked)
        with pytest.raises(Unsupported):
            agent.dialogue.answer(ask.request_id, True, "")
        denied = json.loads(agent.dialogue.answer(ask.request_id, False, "").lines[0])
        assert denied["result"] == {"outcome": {"outcome": "cancelled"}}


def test_what_would_be_written_is_shown() -> None:
    agent = Agent()
    agent.begin()
    change = {"type": "diff", "path": "/w/a.py", "oldText": "one\ntwo\n", "newText": "one\nthree\n"}
    (ask,) = agent.asks(1, {"title": "Writing to a.py", "kind": "edit", "content": [change]}).events
    assert isinstance(ask, PermissionAsked)
    assert "Writing to a.py" in ask.what.text and "-two\n+three" in ask.what.text and ask.tool == "edit"
    huge = {**change, "oldText": "x\n" * 500_000, "newText": "y\n" * 500_000}
    (ask,) = agent.asks(2, {"content": [huge]}).events
    assert isinstance(ask, PermissionAsked) and len(ask.what.text) + len(ask.what.tail) <= 8192
    for number, call in enumerate([None, 1, {}, {"toolCallId": "../x\n", "title": 1, "content": [1, {"content": {}}]}]):
        (ask,) = agent.asks(10 + number, call).events
        assert isinstance(ask, PermissionAsked) and ask.what.text and "\n" not in ask.request_id


def test_another_model_in_place_and_what_cannot_be_used() -> None:
    agent = Agent()
    with pytest.raises(Unsupported):
        agent.dialogue.use("gemini-2.5-pro", None)
    agent.begin()
    sent = agent.dialogue.use("gemini-2.5-pro", None)
    assert json.loads(sent.lines[0])["params"] == {"sessionId": ID, "modelId": "gemini-2.5-pro"}
    assert agent.says({"id": sent.awaits, "result": {}}).answered == {sent.awaits: ""}
    sent = agent.dialogue.use("none", None)
    heard = agent.says({"id": sent.awaits, "error": {"message": "x", "data": {"details": "no such\nmodel"}}})
    assert heard.answered == {sent.awaits: "no such ⏎ model"}
    for model, effort in (("--help", None), ("a b", None), ("", None), (None, "high"), ("m", "high"), (None, None)):
        with pytest.raises(Unsupported):
            agent.dialogue.use(model, effort)
    with pytest.raises(Unsupported):
        agent.dialogue.end()


def test_no_session_is_said_to_who_wants_something() -> None:
    agent = Agent()
    agent.says({"id": "orc.hello", "result": {}})
    agent.says({"id": "orc.new", "error": {"code": -32000, "message": "Authentication required."}})
    with pytest.raises(Unsupported, match="Authentication required"):
        agent.dialogue.say("x")
    odd = Agent()
    odd.says({"id": "orc.hello", "result": {}})
    assert not odd.says({"id": "orc.new", "result": {"sessionId": "../../x"}}).session
    with pytest.raises(Unsupported):
        odd.dialogue.interrupt()


def test_what_the_client_wants_of_us_is_declined() -> None:
    agent = Agent()
    agent.says({"id": 4, "method": "fs/read_text_file", "params": {"path": "/etc/passwd"}})
    assert agent.told[-1]["id"] == 4 and agent.told[-1]["error"]["code"] == -32601
    agent.says({"method": "session/update", "params": {}})
    assert agent.told[-1]["id"] == 4


def test_a_new_host_hears_the_same_whenever_the_old_one_died() -> None:
    agent = Agent()
    agent.begin()
    agent.hears(agent.dialogue.say("later"))
    (ask,) = agent.asks(1).events
    assert isinstance(ask, PermissionAsked)
    other = agent.again()
    assert other.told == [message for message in agent.told if not str(message.get("method")).startswith("_orc/")]
    heard = other.hears(other.dialogue.answer(ask.request_id, True, ""))
    assert heard.events == [PermissionAnswered(request_id=ask.request_id, decision="allowed")]
    other.ends()
    assert other.prompts() == ["first words", "later"]
    for cut in range(len(other.output)):
        partial = Agent()
        partial.output = other.output[:cut]
        later = partial.again()
        for line in other.output[cut:]:
            later.take(later.dialogue.heard(line).replies)
        assert later.prompts() == other.prompts()


def test_whatever_it_writes_nothing_is_raised() -> None:
    agent = Agent()
    agent.begin()
    agent.asks()
    lines = [
        b"", b"\xff\xfe", b"null", b"[]", b"1", b'"x"', b"{", b'{"id":null}', b'{"id":true,"method":1}', b"[" * 100_000,
        b'{"id":[],"method":"session/request_permission"}', b'{"id":"orc.turn.first","error":5}', b'{"id":"orc.new"}',
        b'{"id":"orc.note.x.y"}', b'{"id":"orc.note..."}', b'{"id":"orc."}', b'{"id":"orc.say.9","error":{"data":[]}}',
        b'{"id":"orc.hello","result":1}', b'{"id":"orc.model.x","error":{"message":"\\ud83d\\u0000"}}',
        b'{"id":1e400,"method":"x"}', b'{"id":3,"method":"session/request_permission","params":{"toolCall":{"x":1e999}}}',
    ]  # fmt: skip
    chance = random.Random(7)
    whole = [*agent.output, *lines]
    for _ in range(2000):
        line = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(4)):
            if line:
                line[chance.randrange(len(line))] = chance.randrange(256)
        assert isinstance(agent.dialogue.heard(bytes(line)), Heard)
    assert all(isinstance(agent.dialogue.heard(one), Heard) for one in lines)
