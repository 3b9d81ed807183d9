"""What the lines of Gemini's chats say: facts, turns, history written again, cancellations, errors."""

from __future__ import annotations

from hashlib import sha256

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clients.gemini.content import error_of
from tests.clients.chats import (
    AGENT,
    CHILD,
    CONTEXT,
    FILE,
    HASH,
    answered,
    call,
    gemini,
    header,
    history,
    message_id,
    notice,
    read,
    said,
    story,
    user,
)
from tests.clients.feeding import of

# --- facts ----------------------------------------------------------------------------------------------------


def test_the_directory_is_the_one_that_the_header_s_hash_proves() -> None:
    opening = {"id": "c" * 32, "type": "user", "content": [{"text": CONTEXT}]}
    drafts = read(header(), history(1, opening), user(2, "hi"))
    assert said(drafts, "cwd") == ["/w/web"] and said(drafts, "project") == ["web"]
    worktree = "/w/web/.gemini/worktrees/fix"
    moved = header(projectHash=sha256(worktree.encode()).hexdigest(), directories=["/w", worktree])
    assert (said(read(moved), "cwd"), said(read(moved), "project")) == ([worktree], ["web"])
    assert said(read(header(directories=["/w/other", 7, None])), "cwd") == []


@pytest.mark.parametrize("folder, project", [("web", ["web"]), (HASH, [])])
def test_without_its_directory_a_project_has_its_folder_s_name_unless_that_is_a_hash(
    folder: str, project: list[str]
) -> None:
    path = FILE.replace("/web/", f"/{folder}/")
    assert said(read(header(), user(1, "hi"), gemini(2), path=path), "project") == project


def test_the_title_is_the_first_prompt_until_the_client_has_one() -> None:
    drafts = read(header(), user(1, "Fix it\nplease"), gemini(2), user(3, "more"), {"$set": {"summary": "Mending"}})
    assert said(drafts, "title") == ["Fix it", "Mending"]
    child = read(header(sessionId=AGENT), user(1, "Look"), {"$set": {"summary": "a report"}}, path=CHILD)
    assert said(child, "title") == ["Look"], "a sub-agent's summary is its report"


def test_what_was_typed_is_told_not_what_was_sent() -> None:
    (asked,) = of(read(user(1, "read @a", "long file", displayContent=[{"text": "read @a"}])), ev.UserMessage)
    assert asked.text.text == "read @a"


@pytest.mark.parametrize(
    "text, flags",
    [
        (CONTEXT, None),
        ("<hook_context>x</hook_context>", None),
        ("Here is the user's editor context as a JSON object. This is", None),
        ("I ran the following shell command:\n```sh\nls\n```", "user local"),
        ("Please continue.", "user synthetic"),
        ("System: Potential loop detected. Details: x", "user synthetic"),
        ("[System: You successfully executed a tool", "user synthetic"),
        ("go on", "user"),
    ],
)
def test_who_said_it(text: str, flags: str | None) -> None:
    assert story(read(header(), user(1, text))) == ([flags] if flags else [])


# --- turns ----------------------------------------------------------------------------------------------------


def test_a_message_is_told_once_and_its_tools_when_they_are_done() -> None:
    first, again = gemini(2, "Looking."), gemini(2, "Looking.", toolCalls=[call()])
    drafts = read(header(), user(1, "hi"), first, again, again, answered(3), gemini(4))
    assert story(drafts) == ["user", "text stop", "tool.call", "result True", "text stop"]
    assert len(of(drafts, ev.Usage)) == 2
    (made,) = of(drafts, ev.ToolCall)
    assert made.message_id == message_id(2) and made.tool == "run_shell_command" and not made.background


def test_a_message_that_comes_with_its_tools_ends_nothing() -> None:
    drafts = read(header(), user(1, "hi"), gemini(2, "Looking.", toolCalls=[call()]))
    assert story(drafts) == ["user", "text ...", "tool.call", "result True"]


def test_a_message_without_text_has_asked_for_a_tool_but_an_empty_answer_ends_the_turn() -> None:
    assert story(read(header(), user(1, "hi"), gemini(2, ""))) == ["user"]
    empty = {**gemini(2, ""), "content": [{"text": ""}], "model": None}
    assert story(read(header(), user(1, "hi"), empty)) == ["user", "turn.ended"]


def test_a_call_is_open_until_its_status_is_final() -> None:
    running = gemini(2, "", toolCalls=[call(status="executing", result=None)])
    done = gemini(2, "", toolCalls=[call(status="error", args={"command": "x", "is_background": True}), call(id="c2")])
    drafts = read(header(), running, done)
    assert story(drafts) == ["tool.call", "tool.call", "result False", "result True"]


def test_what_a_person_says_while_tools_run_is_told() -> None:
    hint = "User steering update:\n<user_input>\nskip the tests\n</user_input>\nInternal instruction: x"
    (steered,) = of(read(header(), answered(2, hint)), ev.UserMessage)
    assert steered.text.text == "skip the tests" and not steered.synthetic
    assert story(read(header(), answered(2, "other"))) == []


def test_a_sub_agent_is_done_with_complete_task() -> None:
    task = gemini(2, "", toolCalls=[call("complete_task")])
    assert story(read(header(sessionId=AGENT), user(1, "go"), task, path=CHILD)) == [
        "user synthetic", "tool.call", "result True", "turn.ended",
    ]  # fmt: skip
    assert story(read(header(), user(1, "go"), task))[-1] == "result True"


# --- history that is written again ----------------------------------------------------------------------------


def test_history_under_new_ids_is_not_said_again() -> None:
    """As after a declined tool: the whole conversation follows, its first prompt beside the preamble."""
    copy = {"type": "gemini", "content": [{"text": "Done."}], "thoughts": [], "tokens": None}
    copies = [
        user(10, CONTEXT, "hi"), {"id": message_id(11), **copy}, user(12, "again"), {"id": message_id(13), **copy}, answered(14),
    ]  # fmt: skip
    before = [header(), user(1, "hi"), gemini(2), user(3, "again"), gemini(4)]
    drafts = read(*before, *copies, history(15, *copies), user(16, "third"), gemini(17))
    assert story(drafts) == ["user", "text stop"] * 3
    alone = [user(10, CONTEXT), user(11, "hi"), *copies[1:]]
    assert story(read(*before, *alone, history(15), user(16, "third"))) == [*["user", "text stop"] * 2, "user"]


def test_a_preamble_that_opens_a_chat_as_a_line_hides_no_prompt() -> None:
    assert story(read(header(), user(1, CONTEXT), user(2, "hi"), gemini(3))) == ["user", "text stop"]


def test_an_imported_chat_s_lines_are_history_and_its_own_are_not() -> None:
    old = {**user(1, "hi"), "timestamp": "2026-11-19T10:00:00Z"}, {**gemini(2), "timestamp": "2026-11-19T10:00:05Z"}
    assert story(read(header(), *old, user(3, "more"))) == ["user replayed", "text stop replayed", "user"]
    earlier = header(startTime="2026-11-19T10:00:00Z")
    assert story(read(header(), earlier, *old)) == ["user", "text stop"], "taken over from an older version's document"
    foreign = header(sessionId=AGENT, startTime="2026-11-19T10:00:00Z")
    assert story(read(header(), foreign, *old))[0] == "user replayed"


def test_a_compression_is_told_once_where_it_happened() -> None:
    summary = [
        user(10, "<state_snapshot>all</state_snapshot>"),
        gemini(11, "Got it. Thanks for the additional context!"),
    ]
    summary[1] |= {"tokens": None, "model": None}
    own = [header(), user(1, "hi"), gemini(2)]
    drafts = read(*own, history(3, *summary), history(4, *summary), user(5, "more"))
    assert of(drafts, ev.CompactEnded) == [ev.CompactEnded(pre_tokens=100)]
    assert not of(read(header(), history(1, *summary), *own[1:]), ev.CompactEnded), "it was another chat's"


# --- what went wrong ------------------------------------------------------------------------------------------


def test_a_declined_tool_is_an_interruption_and_what_is_written_after_opens_no_turn() -> None:
    declined = gemini(2, "Deploying.", toolCalls=[call(status="cancelled")])
    end = [notice(3, "info", "Request cancelled."), answered(4)]
    drafts = read(header(), user(1, "go"), gemini(2, "Deploying."), declined, *end)
    assert story(drafts) == ["user", "text stop", "tool.call", "result False", "user interrupt"]
    late = read(header(), user(1, "go"), gemini(2, ""), end[0], gemini(5, "", toolCalls=[call()]), answered(6))
    assert story(late) == ["user", "user interrupt", "tool.call", "result True", "user interrupt"]
    partly = gemini(2, "", toolCalls=[call(status="cancelled"), call(id="c2")])
    assert story(read(header(), user(1, "go"), partly))[-1] == "result True"


def test_a_cancelled_stream_is_an_interruption_not_a_failure() -> None:
    drafts = read(header(), user(1, "go"), notice(2, "info", "Request cancelled."), history(3), user(4, "on"))
    assert story(drafts) == ["user", "user interrupt", "user"]
    assert said(drafts, "interactive") == [True]


def test_a_prompt_that_is_taken_back_has_failed() -> None:
    drafts = read(header(), user(1, "go"), history(2, user(0, "other")))
    assert story(drafts) == ["user", "api.error"]
    assert not of(read(header(), user(1, "go"), history(2, user(1, "go"))), ev.ApiError)
    assert not of(read(header(), user(1, "go"), gemini(2), history(3)), ev.ApiError)
    nudged = [header(), user(1, "go"), gemini(2, "", toolCalls=[call()]), user(3, "System: Potential loop detected. x")]
    assert story(read(*nudged, history(4, user(1, "go"))))[-1] == "turn.ended", "the client stopped a loop"
    assert story(read(*nudged[:3], answered(3), history(4)))[-1] == "turn.ended", "all of the turn is gone"


def test_a_notice_that_halts_ends_the_turn() -> None:
    text = "The session has reached the maximum number of turns: 3. Please update"
    asked = [header(), user(1, "go"), gemini(2, "", toolCalls=[call()])]
    assert story(read(*asked, notice(3, "info", text)))[-1] == "turn.ended"
    assert story(read(*asked, notice(3, "info", "Update available!")))[-1] == "result True"


def test_an_error_that_is_none_of_a_turn_is_not_told() -> None:
    assert story(read(header(), notice(1, "error", "Unknown command: /x"))) == []
    empty = read(header(), user(1, "go"), notice(2, "error", "The model returned an empty response"))
    (error,) = of(empty, ev.ApiError)
    assert error.final and error.status is None


@pytest.mark.parametrize(
    "text, status, word, message",
    [
        ('[API Error: {"error":{"code":401,"message":"no","status":"UNAUTHENTICATED"}}]', 401, "UNAUTHENTICATED", "no"),
        ("[API Error: slow down (Status: RESOURCE_EXHAUSTED)]", 429, "RESOURCE_EXHAUSTED", "slow down (Status: RESOURCE_EXHAUSTED)]"),
        ("[API Error: You have exhausted your daily quota on this model.]", 429, None, "You have exhausted your daily quota on this model.]"),
        ("[API Error: got status: 503 Service Unavailable]", 503, None, "got status: 503 Service Unavailable]"),
        ('[API Error: {"error":{"code":1e400,"status":[]}}]', None, None, '{"error":{"code":1e400,"status":[]}}]'),
        ("[API Error: fetch failed]", None, None, "fetch failed]"),
    ],
)  # fmt: skip
def test_the_status_of_an_error(text: str, status: int | None, word: str | None, message: str) -> None:
    assert error_of(text) == (status, word, message)
