"""What one line, and all lines of a file, may leave behind: events and checkpoints are small whatever is written."""

from __future__ import annotations

import json

import msgspec
import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clients.base import Parser
from orchestrator_tui.clients.claude import transcript
from orchestrator_tui.clients.log import parser as log
from orchestrator_tui.clients.values import remember
from tests.clients.feeding import as_line, drafts_of, feed, of, parser_for

TIME = "2026-11-20T10:00:00.000Z"
MUCH = "\U0001f600" * 300_000
CHECKPOINT = 65_536


def size(parser: Parser) -> int:
    """Bytes of the checkpoint's state."""
    return len(msgspec.msgpack.encode(parser.state))


def test_every_text_of_a_transcript_is_bounded() -> None:
    message = {"id": MUCH, "model": MUCH, "stop_reason": MUCH, "content": "hi", "usage": {"input_tokens": 1}}
    error = {"isApiErrorMessage": True, "error": MUCH, "message": {"model": "<synthetic>", "content": MUCH}}
    lines = [
        {"type": "assistant", "timestamp": TIME, "message": message},
        {"type": "assistant", "timestamp": TIME, **error},
        {"type": "system", "timestamp": TIME, "subtype": "compact_boundary", "compactMetadata": {"trigger": MUCH}},
    ]
    for draft in feed(parser_for("claude", "/p/projects/-p/f.jsonl"), map(as_line, lines)):
        assert len(ev.encode(draft.body)) < 10_000, draft.body


def test_a_sub_agent_s_call_is_bounded_as_the_call_is() -> None:
    parser = parser_for("claude", "/p/projects/-p/f.jsonl")
    call = {"type": "tool_use", "id": MUCH, "name": "Task", "input": {}}
    message = {"id": "m", "content": [call]}
    (made,) = of(drafts_of(parser, [as_line({"type": "assistant", "message": message})]), ev.ToolCall)
    lines = [{"kind": "tool_call", "id": MUCH}, {"kind": "subagent", "agent": "a", "parent_call": MUCH}]
    drafts = feed(parser_for("log", "/i/f.jsonl"), map(as_line, lines))
    links = [body.parent_call for body in of(drafts, ev.SessionUpdated) if body.parent_call]
    assert links == [made.call_id] == [call.call_id for call in of(drafts, ev.ToolCall)]


def test_a_transcript_of_ever_new_agents_and_facts_keeps_a_small_checkpoint() -> None:
    facts = {"cwd": "/" + MUCH, "gitBranch": MUCH, "version": MUCH, "permissionMode": MUCH, "sessionId": MUCH}
    first = {"type": "assistant", "message": {"id": "m", "model": MUCH, "content": "x"}, **facts}
    for start in ({}, {"timestamp": TIME}):
        parser = parser_for("claude", "/p/projects/-p/f.jsonl")
        drafts_of(parser, [as_line(first | start)])
        for n in range(3 * transcript.MAX_AGENTS):
            agent = f"{n:0128d}"
            drafts_of(parser, [as_line({"type": "user", "isSidechain": True, "agentId": agent, "message": {}} | start)])
        assert size(parser) < CHECKPOINT


@pytest.mark.parametrize(
    "name", ["x" * 1_000_000 + "{}", "{:0128d}", MUCH[:2000] + "{}"], ids=["long", "plain", "wide"]
)
def test_a_log_of_ever_new_agents_and_calls_keeps_a_small_checkpoint(name: str) -> None:
    parser = parser_for("log", "/i/" + "é" * 120 + ".jsonl")
    drafts_of(parser, [as_line({"kind": "session", "session": name.format(0), "pid": 2**31 - 1})])
    for n in range(3 if len(name) > 10_000 else 2 * log.MAX_CALLS):
        line = {"kind": "tool_call", "agent": name.format(n), "id": name.format(n), "tool": "T"}
        drafts_of(parser, [json.dumps(line).encode() + b"\n"])
    assert size(parser) < CHECKPOINT


def test_the_newest_are_remembered() -> None:
    seen: list[str] = []
    assert [remember(seen, item, 2) for item in "aabcbac"] == [True, False, True, True, False, True, False]
    assert seen == ["c", "a"]


def test_an_agent_that_was_forgotten_is_linked_again() -> None:
    agents = [f"a{n}" for n in range(log.MAX_AGENTS + 1)]
    head, *lines = [{"kind": "session"}, *({"kind": "turn_started", "agent": agent} for agent in [*agents, "a0", "a0"])]
    drafts = feed(parser_for("log", "/i/f.jsonl"), map(as_line, (head, *lines)))
    links = [body.title for body in of(drafts, ev.SessionUpdated) if body.parent]
    assert links == [*agents, "a0"]


def test_the_results_of_the_newest_calls_are_their_agents() -> None:
    calls = [{"kind": "tool_call", "agent": "a", "id": str(n), "tool": "T"} for n in range(log.MAX_CALLS + 1)]
    results = [{"kind": "tool_result", "id": str(n)} for n in (0, 1, log.MAX_CALLS)]
    drafts = feed(parser_for("log", "/i/f.jsonl"), map(as_line, [{"kind": "session"}, *calls, *results]))
    told = [draft.session for draft in drafts if isinstance(draft.body, ev.ToolResult)]
    assert told == ["log:f", "log:f/a", "log:f/a"]


@pytest.mark.parametrize("depth", [100, 500, 900, 1500])
@pytest.mark.parametrize("client", ["claude", "gemini", "log"])
def test_a_deep_value_where_a_word_belongs_is_survived(client: str, depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    for line in (
        b'{"kind":"tool_call","id":?}', b'{"kind":"tool_result","id":?}', b'{"kind":"usage","inp":?}', b'{"kind":?}',
        b'{"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":?}],"usage":{"input_tokens":?}}}',
        b'{"type":"user","message":{"content":[{"type":"tool_result","content":[{"type":?}]}]}}', b'{"type":?}',
        b'{"id":"m","type":"gemini","model":?,"tokens":{"input":?}}', b'{"id":"m","type":"user","content":[{?:?}]}',
        b'{"id":"m","type":"gemini","toolCalls":[{"id":?,"args":?,"result":?,"status":?}]}',
    ):  # fmt: skip
        drafts = feed(parser_for(client, "/p/f.jsonl"), [line.replace(b"?", deep) + b"\n"])
        assert drafts and all(len(ev.encode(draft.body)) < 10_000 for draft in drafts)
