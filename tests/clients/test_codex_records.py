"""What Codex's records say: messages, tools, plans, errors; and what must not break the parser."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients.codex.content import tool_output
from tests.clients.feeding import as_line, feed, lines_of, of, parser_for
from tests.clients.rollouts import (
    CODEX,
    FILE,
    OTHER,
    ROLLOUTS,
    THREAD,
    counts,
    event,
    item,
    line,
    only,
    read,
    recorded,
    scenario,
)

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


@pytest.mark.parametrize(("took", "told"), [(7, 7), (0, 0), (True, None), (-1, None), (7.5, None), (1 << 40, None)])
def test_how_long_a_turn_took(took: object, told: int | None) -> None:
    assert of(read(event("task_complete", duration_ms=took)), ev.TurnEnded) == [ev.TurnEnded(duration_ms=told)]


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
    (told,) = of(drafts, ev.QuotaUpdated)
    assert told == ev.QuotaUpdated(limits=(ev.Limit(100.0, 300, 1_795_218_937 * 10**9),), name="codex")


@pytest.mark.parametrize("wrong", [True, "62", -1, 1e400, None, [], 2**70])
def test_a_hostile_quota_is_not_told(wrong: object) -> None:
    assert not of(
        read(event("token_count", info=None, rate_limits={"primary": {"used_percent": wrong}})), ev.QuotaUpdated
    )


def test_a_quota_is_told_when_it_changes_the_shortest_window_first() -> None:
    def limits(used: float) -> dict[str, object]:
        week = {"used_percent": 4.5, "window_minutes": 10_080, "resets_at": 2**70}
        return {"primary": week, "secondary": {"used_percent": used, "window_minutes": 300}, "plan_type": "pro"}

    drafts = read(*(event("token_count", info=None, rate_limits=limits(used)) for used in (1, 1, 2)))
    first, second = of(drafts, ev.QuotaUpdated)
    assert [limit.used_percent for limit in first.limits] == [1.0, 4.5]
    assert (second.limits[0].used_percent, second.limits[1].resets_at, second.plan) == (2.0, None, "pro")


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
