"""Codex's rollouts as recorded from 0.169.0: what is counted, who belongs to whom, what went wrong, who runs it."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients.base import Draft, Listing, response_key
from orchestrator_tui.clients.codex import Codex
from orchestrator_tui.clients.codex.content import tool_output
from orchestrator_tui.clients.codex.locks import AGAIN, is_child
from orchestrator_tui.clients.codex.state import RolloutState
from tests.clients.feeding import as_line, feed, lines_of, of, parser_for, read_home, resumed
from tests.conftest import DATA, Orc

CODEX = DATA / "clients" / "codex-0.169.0"
SCENARIOS = sorted(path.parent.name for path in CODEX.glob("*/truth.json"))
ROLLOUTS = sorted(str(path.relative_to(CODEX)) for path in CODEX.glob("*/home/.codex/sessions/**/*.jsonl"))
THREAD = "01a1fb2c-288e-7311-a562-e3babfeed4fe"
OTHER = "01a1fb35-7777-7bf3-8512-5dba2e906d4f"
FILE = f"/c/sessions/2026/11/20/rollout-2026-11-20T22-55-37-{THREAD}.jsonl"
KINDS = ("requests", "input", "cache_read", "cache_write", "output")


def scenario(name: str) -> dict[str, list[Draft]]:
    """Thread -> drafts of a recording."""
    return {Path(path).stem[-36:]: drafts for path, drafts in read_home("codex", CODEX / name / "home/.codex").items()}


def only(name: str) -> list[Draft]:
    """The drafts of a recording with one rollout."""
    (drafts,) = scenario(name).values()
    return drafts


def said(drafts: list[Draft], field: str) -> list[object]:
    """What was said of a session, in order."""
    return [getattr(body, field) for body in of(drafts, ev.SessionUpdated) if getattr(body, field) is not None]


def line(kind: str, **payload: Any) -> bytes:
    """A line of a rollout."""
    line.at = getattr(line, "at", 0) + 1  # type: ignore[attr-defined]
    stamp = f"2026-11-20T10:00:{line.at % 60:02d}.000Z"  # type: ignore[attr-defined]
    return as_line({"timestamp": stamp, "ordinal": line.at, "type": kind, "payload": payload})  # type: ignore[attr-defined]


def event(what: str, **payload: Any) -> bytes:
    """A line with an event."""
    return line("event_msg", type=what, **payload)


def item(what: str, **payload: Any) -> bytes:
    """A line with one of the model's items."""
    return line("response_item", type=what, **payload)


def counts(n: int, cached: int = 0, out: int = 10) -> dict[str, int]:
    """A usage as Codex writes it."""
    return {"input_tokens": n, "cached_input_tokens": cached, "output_tokens": out, "total_tokens": n + out}


def counted(total: object, last: object) -> bytes:
    """A `token_count`."""
    return event("token_count", info={"total_token_usage": total, "last_token_usage": last}, rate_limits=None)


def recorded(response: object, usage: object, total: object) -> bytes:
    """A `token_usage_record`."""
    return line("token_usage_record", response_id=response, usage=usage, thread_token_usage=total)


def read(*lines: bytes) -> list[Draft]:
    """The drafts of a rollout of these lines."""
    return feed(parser_for("codex", FILE), lines)


def prompts(drafts: list[Draft]) -> list[int]:
    """Input tokens of each response counted."""
    return [usage.tokens.prompt for usage in of(drafts, ev.Usage)]


# --- recordings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_response_is_counted_once_and_the_sums_are_the_server_s(name: str) -> None:
    truth = msgspec.json.decode((CODEX / name / "truth.json").read_bytes())["models"]
    drafts = [draft for file in scenario(name).values() for draft in file if isinstance(draft.body, ev.Usage)]
    assert len({draft.response for draft in drafts}) == len(drafts), "no response is even handed over twice"
    sums: dict[str, Counter[str]] = {}
    for draft in drafts:
        usage = draft.body
        assert isinstance(usage, ev.Usage)
        assert draft.response == response_key("codex", str(usage.response_id))
        kinds = Counter(requests=1, input=usage.tokens.input, cache_read=usage.tokens.cache_read)
        kinds.update(cache_write=usage.tokens.cache_write, output=usage.tokens.output)
        sums.setdefault(str(usage.model), Counter()).update(kinds)
    assert {model: dict(found) for model, found in sums.items()} == truth


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_sums_come_from_token_counts_alone_as_older_versions_wrote(name: str) -> None:
    """But for a response whose `token_count` was never written: the process was killed at its tool."""
    truth = msgspec.json.decode((CODEX / name / "truth.json").read_bytes())["models"]
    requests = 0
    for path in (path for path in ROLLOUTS if path.startswith(f"{name}/")):
        lines = [raw for raw in lines_of(CODEX / path) if b'"type":"token_usage_record"' not in raw]
        drafts = feed(parser_for("codex", path), lines)
        requests += len(of(drafts, ev.Usage))
        assert len({draft.response for draft in drafts if draft.response}) == len(of(drafts, ev.Usage))
    # A fork's first count cannot be told from what it inherited, and is left out.
    missing = {"sigkill-midtool": 1, "resume-fork": 1}.get(name, 0)
    assert requests == sum(model["requests"] for model in truth.values()) - missing


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_in_a_recording_is_unknown_or_without_a_place_in_time(name: str) -> None:
    for file, drafts in scenario(name).items():
        assert not of(drafts, ev.Unparsed) and not of(drafts, ev.UnknownRecord), file
        assert all(draft.source_at is not None for draft in drafts)
        assert {draft.session for draft in drafts} == {f"codex:{file}"}
        keys = [draft.key for draft in drafts]
        assert len(set(keys)) == len(keys), "each event of a file has a key of its own"
        assert all(0 <= key < 1 << 63 for key in keys)


@pytest.mark.parametrize("path", ROLLOUTS)
def test_a_restart_anywhere_changes_nothing(path: str) -> None:
    lines = lines_of(CODEX / path)
    whole = feed(parser_for("codex", path), lines)

    @settings(max_examples=min(len(lines), 12), deadline=None)
    @given(st.integers(0, len(lines)))
    def check(cut: int) -> None:
        assert resumed("codex", path, lines, cut) == whole

    check()


@pytest.mark.parametrize("name", ["resume-fork", "subagent", "app-server", "sigkill-midtool"])
def test_the_whole_program_counts_the_same(name: str, orc: Orc) -> None:
    truth = msgspec.json.decode((CODEX / name / "truth.json").read_bytes())["models"]
    orc.env["HOME"] = str(CODEX / name / "home")
    orc.run("ingest", "--all")
    found: Counter[str] = Counter()
    for session in orc.sessions().values():
        found.update({"requests": session["requests"], **{kind: session["tokens"][kind] for kind in KINDS[1:]}})
    assert {kind: found[kind] for kind in KINDS} == {kind: sum(m[kind] for m in truth.values()) for kind in KINDS}


# --- whose it is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resume-fork", "app-server"])
def test_a_fork_has_a_parent_and_nothing_of_what_it_inherited(name: str) -> None:
    parent, child = sorted(scenario(name).items())
    assert said(child[1], "parent") == [f"codex:{parent[0]}"] and said(child[1], "relation") == ["fork"]
    assert not said(parent[1], "parent")
    fresh = [usage.tokens.total for usage in of(child[1], ev.Usage)]
    assert fresh == ([51_408, 55_926] if name == "resume-fork" else [])


def test_a_resume_goes_on_in_the_same_session_with_another_model() -> None:
    parent = min(scenario("resume-fork").items())[1]
    assert said(parent, "model") == ["gpt-5.1-codex", "gpt-5.2", "gpt-5.1-codex"]
    assert [usage.model for usage in of(parent, ev.Usage)].count("gpt-5.2") == 1
    assert len(of(parent, ev.TurnStarted)) == 4 == len(of(parent, ev.TurnEnded))


def test_a_sub_agent_is_a_session_of_its_own() -> None:
    (main, parent), (thread, child) = sorted(scenario("subagent").items())
    assert said(child, "parent") == [f"codex:{main}"] and said(child, "relation") == ["subagent"]
    assert said(child, "title") == ["Hooke"] and said(child, "interactive") == [False]
    first = of(child, ev.UserMessage)[0]
    assert first.synthetic and first.text.text == "As the helper: inspect repo and report."
    assert not said(parent, "relation") and thread != main
    assert (len(of(parent, ev.Usage)), len(of(child, ev.Usage))) == (2, 1)
    assert of(child, ev.UserMessage)[-1].interrupt and not of(child, ev.TurnEnded)
    assert [result.ok for result in of(child, ev.ToolResult)] == [False], "aborted by user"


def test_a_role_and_a_nickname_name_a_sub_agent_and_nobody_is_his_own_parent() -> None:
    spawn = {"parent_thread_id": OTHER, "agent_nickname": "Hooke", "agent_role": "explorer"}
    drafts = read(line("session_meta", id=THREAD, source={"subagent": {"thread_spawn": spawn}}))
    assert said(drafts, "title") == ["Hooke · explorer"] and said(drafts, "parent") == [f"codex:{OTHER}"]
    assert said(read(line("session_meta", id=THREAD, forked_from_id=THREAD)), "parent") == []


def test_the_session_is_the_file_s_whatever_the_file_says() -> None:
    drafts = read(line("session_meta", id=OTHER, session_id="../../x", cwd="/w/shop", parent_thread_id="../../etc"))
    assert {draft.session for draft in drafts} == {f"codex:{THREAD}"}
    (parent,) = said(drafts, "parent")
    assert str(parent).startswith("codex:x") and "/" not in str(parent), "an id that is a path is hashed"


@pytest.mark.parametrize(("name", "interactive"), [("interactive-tmux", [True]), ("text", [False]), ("loop", [False])])
def test_whether_a_person_sits_at_it(name: str, interactive: list[bool]) -> None:
    assert said(only(name), "interactive") == interactive
    assert {message.headless for message in of(only(name), ev.UserMessage)} == {not interactive[0]}


def test_facts_are_said_once_and_again_only_when_they_change() -> None:
    drafts = max(scenario("app-server").values(), key=len)
    assert said(drafts, "client") == ["codex"] and said(drafts, "client_version") == ["0.169.0"]
    assert said(drafts, "project") == ["webapp"] and said(drafts, "cwd") == ["/tmp/demo/webapp"]
    assert said(drafts, "branch") == ["feature/login"] and said(drafts, "context_window") == [258_400]
    assert said(drafts, "model") == ["gpt-5.1-codex", "gpt-5.2"] and said(drafts, "effort") == ["high"]
    assert said(drafts, "permission_mode") == ["untrusted/read-only"]
    assert said(drafts, "title") == ["deploy now"]


def test_facts_from_before_the_first_timestamp_wait_for_it() -> None:
    meta = as_line({"type": "session_meta", "payload": {"id": THREAD, "cwd": "/w/shop"}})
    started = event("task_started", turn_id="t")
    parser = parser_for("codex", FILE)
    assert feed(parser, [meta]) == []
    (facts, begun) = feed(parser, [started])
    assert isinstance(facts.body, ev.SessionUpdated) and facts.body.project == "shop" and facts.body.client == "codex"
    assert facts.source_at == begun.source_at == parser.first_at


# --- counting -------------------------------------------------------------------------------------------------


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


# --- what happened --------------------------------------------------------------------------------------------


def test_a_person_s_message_is_told_once_and_what_codex_puts_in_is_not() -> None:
    drafts = max(scenario("app-server").values(), key=len)
    assert [message.text.text for message in of(drafts, ev.UserMessage)] == [
        "deploy now", "stream slowly", "say hello (steered)",
    ]  # fmt: skip
    queued = min(scenario("resume-fork").items())[1]
    assert "say hello from the queue" in [message.text.text for message in of(queued, ev.UserMessage)]


def test_messages_of_older_versions_are_told_once() -> None:
    content = [{"type": "input_text", "text": "hi there"}]
    told = read(item("message", role="user", content=content), event("user_message", message="hi there"))
    assert [message.text.text for message in of(told, ev.UserMessage)] == ["hi there"]
    answer = [{"type": "output_text", "text": "hello"}]
    told = read(event("agent_message", message="hello"), item("message", role="assistant", content=answer))
    assert [message.text.text for message in of(told, ev.AssistantMessage)] == ["hello"]


def test_reasoning_calls_and_outputs_of_one_response_are_one_step() -> None:
    drafts = only("thinking-parallel")
    thoughts, calls, results = of(drafts, ev.AssistantThinking), of(drafts, ev.ToolCall), of(drafts, ev.ToolResult)
    assert [thought.text.text for thought in thoughts] == [
        "The user wants a plan. Let me check two things at once.", "Both fine.",
    ]  # fmt: skip
    assert len({call.message_id for call in calls} | {thoughts[0].message_id}) == 1
    assert thoughts[1].message_id != thoughts[0].message_id
    assert [call.arguments.text for call in calls] == ['{"cmd":"echo one"}', '{"cmd":"echo two"}']
    assert {result.call_id: (result.ok, result.output.text) for result in results} == {
        calls[0].call_id: (True, "one\n"), calls[1].call_id: (True, "two\n"),
    }  # fmt: skip


def test_the_same_output_eight_times_is_the_same() -> None:
    """In front of each stand another chunk id and another duration."""
    results = of(only("loop"), ev.ToolResult)
    assert len(results) == 8 and {result.output.digest for result in results} == {results[0].output.digest}


@pytest.mark.parametrize(
    ("output", "text", "ok"),
    [
        ("Chunk ID: a1\nWall time: 0.1 seconds\nProcess exited with code 0\nOriginal token count: 1\nOutput:\nx\n", "x\n", True),
        ("Chunk ID: a1\nWall time: 0.1 seconds\nProcess exited with code 127\nOutput:\nno\n", "no\n", False),
        ("Chunk ID: a\nWall time: 1 seconds\nProcess running with session ID 9\nOutput:\n", "Process running\n", None),
        ("Wall time: 0.1 seconds\nOutput:\nExit code: 1\nWall time: 0 seconds\nOutput:\nbad\n", "bad\n", False),
        ("Exit code: 2\nWall time: 0 seconds\nTotal output lines: 9\nOutput:\nx", "x", False),
        ("Wall time: 0.1 seconds\naborted by user", "aborted by user", False),
        ('{"output":"x","metadata":{"exit_code":1,"duration_seconds":0.1}}', "x", False),
        ([{"type": "input_text", "text": "x"}, {"type": "input_image"}], "x\n[input_image]", None),
        ({"content": "x", "success": False}, "x", False),
        ("unsupported call: update_plan", "unsupported call: update_plan", False),
        ("Output:\nExit code: 1\nmine", "Output:\nExit code: 1\nmine", None),
        (None, "", None),
        (7, "", None),
    ],
)  # fmt: skip
def test_what_a_tool_answered(output: object, text: str, ok: bool | None) -> None:
    assert tool_output(output) == (text, ok)


def test_every_kind_of_call_has_its_arguments_and_its_end() -> None:
    drafts = read(
        item("function_call", name="shell", call_id="1", arguments='{"b":1,"a":2}'),
        event("item_completed", item={"type": "CommandExecution", "id": "1", "status": "failed", "exit_code": 3}),
        item("function_call_output", call_id="1", output="anything"),
        item("custom_tool_call", name="apply_patch", call_id="2", input="*** Begin Patch"),
        event("patch_apply_end", call_id="2", success=True, changes={"/w/a": {"add": {"content": "x"}}}),
        item("custom_tool_call_output", call_id="2", output="Done"),
        item("local_shell_call", call_id="3", action={"type": "exec", "command": ["ls"]}),
        item("function_call", name="read", namespace="mcp__files", call_id="4", arguments="not json"),
        item("web_search_call", id="ws_1", action={"type": "search", "query": "x"}, status="completed"),
    )
    calls = {call.call_id: (call.tool, call.arguments.text) for call in of(drafts, ev.ToolCall)}
    assert calls == {
        "1": ("shell", '{"a":2,"b":1}'),
        "2": ("apply_patch", '"*** Begin Patch"'),
        "3": ("local_shell", '{"command":["ls"],"type":"exec"}'),
        "4": ("mcp__files__read", '"not json"'),
        "ws_1": ("web_search", '{"query":"x","type":"search"}'),
    }
    assert {result.call_id: result.ok for result in of(drafts, ev.ToolResult)} == {"1": False, "2": True, "ws_1": True}
    assert [change.path for change in of(drafts, ev.FileChanged)] == ["/w/a"]


def test_a_patch_changes_files_when_it_was_applied() -> None:
    changes = {
        "/w/new.txt": {"type": "add", "content": "hello\n"},
        "/w/README.md": {"type": "update", "unified_diff": "@@ -1 +1 @@\n-a\n+b\n", "move_path": None},
        "/w/old.txt": {"type": "update", "unified_diff": "", "move_path": "/w/moved.txt"},
        "/w/gone.txt": {"type": "delete", "content": ""},
        "/w/odd": 7,
    }
    end = {"type": "FileChange", "id": "1", "changes": changes}
    found = of(read(event("item_completed", item={**end, "status": "completed"})), ev.FileChanged)
    assert [change.path for change in found] == ["/w/new.txt", "/w/README.md", "/w/moved.txt", "/w/gone.txt"]
    assert len({change.hash for change in found}) == 4
    assert not of(read(event("item_completed", item={**end, "status": "declined"})), ev.FileChanged)


def test_a_plan_tells_what_changed_of_it() -> None:
    def plan(*steps: tuple[str, str]) -> bytes:
        items = [{"step": step, "status": status} for step, status in steps]
        return item("function_call", name="update_plan", call_id="1", arguments=json.dumps({"plan": items}))

    drafts = read(
        plan(("A", "in_progress"), ("B", "pending")),
        plan(("A", "completed"), ("B", "pending")),
        plan(("A", "completed")),
    )
    assert [(task.task_id, task.subject, task.status) for task in of(drafts, ev.TaskUpdated)] == [
        ("1", "A", "in_progress"), ("2", "B", "pending"), ("1", "A", "completed"), ("2", "", "deleted"),
    ]  # fmt: skip


def test_a_compaction_is_one_event_with_both_sizes() -> None:
    drafts = max(scenario("app-server").values(), key=len)
    assert of(drafts, ev.CompactEnded) == [ev.CompactEnded(pre_tokens=34_717, post_tokens=6076)]
    older = read(line("compacted", message="m"), line("turn_context", model="m"), event("context_compacted"))
    assert of(older, ev.CompactEnded) == [ev.CompactEnded()]


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("usage-limit-429", [(429, "usage_limit_exceeded", True)]),
        ("err529-forever", [(529, "server_overloaded", True)]),
        ("err429-recover", []),
    ],
)
def test_an_api_error_is_known_once_the_client_has_given_up(name: str, errors: list[tuple[int, str, bool]]) -> None:
    drafts = only(name)
    found = of(drafts, ev.ApiError)
    assert [(error.status, error.kind, error.final) for error in found] == errors
    assert len(of(drafts, ev.TurnEnded)) == 1 and isinstance(drafts[-1].body, ev.TurnEnded)
    assert name != "usage-limit-429" or "try again at 11:56 PM" in found[0].text


@pytest.mark.parametrize(
    ("info", "message", "status"),
    [
        ({"http_connection_failed": {"http_status_code": 401}}, "no", 401),
        ({"response_too_many_failed_attempts": {"http_status_code": None}}, "last status: 503 x", 503),
        ("context_window_exceeded", "no", 400),
        ("other", "unexpected status 404 Not Found", 404),
        ("other", "no", None),
        ({"a": {"http_status_code": 1 << 80}}, "no", None),
        (None, "no", None),
        ([], "no", None),
    ],
)
def test_the_status_of_an_error(info: object, message: str, status: int | None) -> None:
    error = {"message": message, "codex_error_info": info}
    (found,) = of(read(event("task_complete", error=error)), ev.ApiError)
    assert found.status == status


def test_the_quota_is_kept_and_names_the_reset_time_that_the_error_does_not() -> None:
    limits = {"limit_id": "codex", "primary": {"used_percent": 100, "window_minutes": 300, "resets_at": 1_795_218_937}}
    error = {"message": "You've hit your usage limit.", "codex_error_info": "usage_limit_reached"}
    parser = parser_for("codex", FILE)
    drafts = feed(
        parser,
        [
            event("token_count", info=None, rate_limits=limits),
            event("token_count", info=None, rate_limits={"primary": None, "secondary": None}),
            event("task_complete", error=error),
        ],
    )
    assert of(drafts, ev.ApiError)[0].text.endswith("The quota resets at 2026-11-20T23:55:37.000Z.")
    assert isinstance(parser.state, RolloutState) and parser.state.quota is not None
    assert parser.state.quota.primary is not None and parser.state.quota.primary.used_percent == 100
    assert parser.state.quota.secondary is None


def test_an_interruption_is_a_person_s_and_a_replaced_turn_is_not() -> None:
    (stop,) = of(read(event("turn_aborted", reason="interrupted")), ev.UserMessage)
    assert stop.interrupt
    replaced = read(event("turn_aborted", reason="replaced", duration_ms=7))
    assert of(replaced, ev.TurnEnded) == [ev.TurnEnded(duration_ms=7)] and not of(replaced, ev.UserMessage)


# --- hostile and unknown --------------------------------------------------------------------------------------


def test_what_is_new_is_kept_and_what_is_noise_is_not() -> None:
    drafts = read(
        line("world_state", full=True),
        line("session_meta", id=OTHER),
        line("brand_new", x=1),
        event("brand_new"),
        item("brand_new"),
        event("item_completed", item={"type": "BrandNew"}),
        event("collab_agent_spawn_end"),
    )
    kinds = [record.kind for record in of(drafts, ev.UnknownRecord)]
    assert kinds == ["brand_new", "event_msg/brand_new", "response_item/brand_new", "event_msg/item_completed"]


@pytest.mark.parametrize(
    "raw",
    [
        b"{", b"[]", b"7", b"\xff\xfe", b'{"type":"event_msg"}', b'{"type":"event_msg","payload":[]}',
        b'{"type":"event_msg","payload":{"type":"item_completed"}}',
        b'{"type":"event_msg","payload":{"type":"item_completed","item":7}}',
        b'{"type":"token_usage_record","payload":{}}',
        b'{"type":"token_usage_record","payload":{"response_id":7,"usage":[]}}',
        b"[" * 5000,
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_event_and_the_rest_goes_on(raw: bytes) -> None:
    drafts = read(line("session_meta", id=THREAD), raw + b"\n", event("task_started", turn_id="t"))
    assert len(of(drafts, ev.Unparsed)) == 1 and len(of(drafts, ev.TurnStarted)) == 1
    assert not of(drafts, ev.Usage)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["exec", THREAD]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.data())
def test_no_value_in_any_place_breaks_the_parser(data: st.DataObject) -> None:
    """Each line of a recording, with one value somewhere in it replaced."""
    path = data.draw(st.sampled_from(ROLLOUTS))
    lines = lines_of(CODEX / path)
    at = data.draw(st.integers(0, len(lines) - 1))
    value = json.loads(lines[at])
    node, steps = value, 0
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        steps += 1
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.booleans()):
            node[key] = data.draw(json_values)
            break
        node = node[key]
    assert all(
        draft.session.startswith("codex:") for draft in feed(parser_for("codex", path), [as_line(value), *lines])
    )


def test_the_state_stays_small() -> None:
    lines = [
        *(recorded(f"r{n}", counts(n + 1), counts(n * 1000 + 1)) for n in range(300)),
        *(event("exec_command_end", call_id=f"c{n}", exit_code=1) for n in range(300)),
    ]
    parser = parser_for("codex", FILE)
    feed(parser, lines)
    assert len(msgspec.msgpack.encode(parser.state)) < 8192


# --- where its files are --------------------------------------------------------------------------------------


def test_roots_and_files(tmp_path: Path) -> None:
    codex, day = Codex(), tmp_path / ".codex/sessions/2026/11/20"
    day.mkdir(parents=True)
    for name in (Path(FILE).name, "rollout-x.jsonl", f"other-{THREAD}.jsonl", Path(FILE).name + ".tmp"):
        (day / name).write_text("")
    root = (tmp_path / ".codex").resolve()
    assert codex.roots({"HOME": str(tmp_path)}) == [root]
    assert codex.roots({"HOME": "/none", "CODEX_HOME": str(tmp_path / ".codex")}) == [root]
    assert codex.roots({"HOME": "/none"}) == []
    (found,) = codex.discover(root, Listing(), time.time_ns())
    assert Path(found.path).name == Path(FILE).name and found.kind == "lines"
    assert codex.parser(found, None, 0).session == f"codex:{THREAD}"


# --- who runs it ----------------------------------------------------------------------------------------------

linux = pytest.mark.skipif(sys.platform != "linux", reason="locks are seen through /proc")
HOLD = """
import fcntl, sys
files = [open(path, "r+") for path in sys.argv[sys.argv.index("--") + 1:]]
for file in files: fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True); sys.stdin.read()
"""


class Home:
    """A Codex home with threads, and processes that have them open."""

    def __init__(self, path: Path) -> None:
        self.path, self.listing, self.codex = path, Listing(), Codex()
        self.day, self.locks = path / "sessions/2026/11/20", path / "thread-writer-locks"
        self.day.mkdir(parents=True)
        self.locks.mkdir()
        self.processes: list[subprocess.Popen[str]] = []

    def thread(self, thread: str, **meta: object) -> Path:
        """A rollout and its lock's file."""
        head = line("session_meta", id=thread, **meta, base_instructions={"text": "x" * 100_000})
        (self.day / f"rollout-2026-11-20T22-55-37-{thread}.jsonl").write_bytes(head)
        lock = self.locks / f"{thread}.lock"
        lock.write_text("")
        return lock

    def hold(self, *locks: Path, command: str = "exec") -> subprocess.Popen[str]:
        """A process that locks them, with `command` in its command line as the native Codex has it."""
        arguments = [sys.executable, "-c", HOLD, command, "--", *map(str, locks)]
        process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        return process

    def claims(self, later: int = 0) -> dict[str, int]:
        """Session -> pid."""
        now = time.time_ns() + later
        claims = self.codex.claims(self.path, self.listing, now)
        assert all(claim.written_at == now and claim.status is None for claim in claims)
        return {claim.session: claim.pid for claim in claims}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A Codex home."""
    made = Home(tmp_path / ".codex")
    yield made
    for process in made.processes:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@linux
def test_who_holds_a_thread_s_lock_runs_it(home: Home) -> None:
    lock, free = home.thread(THREAD), home.thread(OTHER)
    assert free.exists() and home.claims() == {}
    process = home.hold(lock)
    assert home.claims() == {f"codex:{THREAD}": process.pid}
    (claim,) = home.codex.claims(home.path, home.listing, time.time_ns())
    stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    assert claim.started == int(stat[19])
    process.kill()
    process.wait()
    assert home.claims() == {}, "the file is left behind, the lock is not"


@linux
def test_a_thread_that_was_left_behind_and_resumed_is_found(home: Home) -> None:
    lock = home.thread(THREAD)
    assert home.claims() == {} and home.claims(later=AGAIN) == {}
    process = home.hold(lock)
    assert home.claims(later=AGAIN + 1) == {}, "looked at a moment ago"
    assert home.claims(later=2 * AGAIN) == {f"codex:{THREAD}": process.pid}


@linux
def test_a_server_of_many_is_no_session_s_process(home: Home) -> None:
    home.hold(home.thread(THREAD), command="app-server")
    assert home.claims() == {}


@linux
def test_a_sub_agent_s_process_is_its_root_s(home: Home) -> None:
    locks = [home.thread(THREAD), home.thread(OTHER, parent_thread_id=THREAD)]
    process = home.hold(*locks)
    assert home.claims() == {f"codex:{THREAD}": process.pid}


@linux
def test_a_shared_lock_and_a_foreign_file_claim_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = home.thread(THREAD)
    (home.locks / "notes.lock").write_text("")
    home.hold(home.locks / "notes.lock")
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert home.claims() == {}
    home.hold(lock)
    monkeypatch.setenv("ORC_PORTABLE", "1")
    assert home.claims() == {}


def test_where_proc_is_missing_there_are_no_claims(home: Home) -> None:
    home.thread(THREAD)
    assert home.claims() == {}
    next(iter(home.codex._locks.values())).proc = str(home.path / "none")
    assert home.claims() == {}


def test_whether_a_rollout_is_a_sub_agent_s_shows_in_its_first_bytes() -> None:
    meta = line("session_meta", id=OTHER, parent_thread_id=THREAD, base_instructions="x" * 1000)
    compact = msgspec.json.encode(json.loads(meta))
    assert is_child(meta) and is_child(compact[:300]) and not is_child(line("session_meta", id=OTHER))
    assert not is_child(b"") and not is_child(b"\xff")
