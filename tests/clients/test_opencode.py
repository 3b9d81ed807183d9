"""OpenCode's database as recorded from 1.18.33: what is counted, who belongs to whom, what went wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clients.base import Draft
from orchestrator_tui.clients.listing import Listing
from orchestrator_tui.clients.opencode import OpenCode
from orchestrator_tui.clients.opencode.messages import model_of
from orchestrator_tui.host import reading
from tests.clients.feeding import of
from tests.clients.opencode_db import BEGIN, PLACE, RECORDED, SCENARIOS, Following, Made, drafts_of, recorded, steps
from tests.conftest import Orc

KINDS = ("requests", "input", "cache_read", "cache_write", "output")
DEPLOY, FORK, ZOMBIE, REJECTED = (
    f"opencode:ses_{name}"
    for name in (
        "e04c7e1a9ffeoWnUhvdsVM7J5r", "e04c7aa3fffehVYjwfkc1BUA8J", "e04cd23c5ffeOwWOD3MmUyzt41",
        "e04c4f7fdffewYBhZ6a5LVvqy9",
    )
)  # fmt: skip


def by_session(name: str) -> dict[str, list[Draft]]:
    """Session -> drafts of a recording."""
    found: dict[str, list[Draft]] = {}
    for draft in drafts_of(recorded(name)):
        found.setdefault(draft.session, []).append(draft)
    return found


def only(name: str) -> list[Draft]:
    """The drafts of a recording with one session."""
    (drafts,) = by_session(name).values()
    return drafts


def said(drafts: list[Draft], field: str) -> list[object]:
    """What was said of a session, in order."""
    return [getattr(body, field) for body in of(drafts, ev.SessionUpdated) if getattr(body, field) is not None]


def kinds(drafts: list[Draft]) -> list[str]:
    """The types, in order."""
    return [ev.type_of(draft.body) for draft in drafts]


# --- counting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_response_is_counted_once_and_the_sums_are_the_server_s(name: str) -> None:
    truth = msgspec.json.decode((RECORDED / name / "truth.json").read_bytes())["models"]
    responses = {draft.response: draft.body for draft in drafts_of(recorded(name)) if draft.response is not None}
    sums: dict[str, Counter[str]] = {}
    for usage in responses.values():
        assert isinstance(usage, ev.Usage)
        found = Counter(requests=1, **{kind: getattr(usage.tokens, kind) for kind in KINDS[1:]})
        sums.setdefault(str(usage.model).removeprefix("mock/"), Counter()).update(found)
    assert {model: {kind: found[kind] for kind in KINDS} for model, found in sums.items()} == truth


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_whole_program_counts_the_same_and_leaves_nothing_behind(name: str, orc: Orc) -> None:
    truth = msgspec.json.decode((RECORDED / name / "truth.json").read_bytes())["models"]
    database = orc.home / PLACE
    database.parent.mkdir(parents=True)
    database.write_bytes(recorded(name).read_bytes())
    orc.run("ingest", "--all")
    found: Counter[str] = Counter()
    for session in orc.sessions().values():
        found.update({"requests": session["requests"], **{kind: session["tokens"][kind] for kind in KINDS[1:]}})
    assert {kind: found[kind] for kind in KINDS} == {kind: sum(m[kind] for m in truth.values()) for kind in KINDS}
    assert [path.name for path in database.parent.iterdir()] == ["opencode.db"]
    before = orc.json("events")["events"]
    orc.run("ingest", "--all")
    assert [
        event for event in orc.json("events")["events"] if event["seq"] > before[-1]["seq"] and event["session"]
    ] == []


def test_reasoning_is_output_and_told_apart() -> None:
    usages = of(only("thinking-parallel"), ev.Usage)
    assert [(usage.tokens.output, usage.tokens.reasoning) for usage in usages] == [(90, 20), (105, 20)]
    assert all(usage.cost is None for usage in usages), "the client's own figure is 0 where it knows no price"


@pytest.mark.parametrize(
    ("provider", "model", "name"),
    [
        ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("openai", "gpt-5.1", "gpt-5.1"),
        ("ollama", "qwen3:8b", "ollama/qwen3:8b"),
        ("lmstudio", "qwen/qwen3", "lmstudio/qwen/qwen3"),
        ("openrouter", "anthropic/claude-sonnet-4", "openrouter/anthropic/claude-sonnet-4"),
        ("github-copilot", "gpt-5", "github-copilot/gpt-5"),
        (None, "m", "m"),
        ("anthropic", None, None),
        (7, ["m"], None),
    ],
)
def test_a_model_s_name_says_where_it_runs(provider: object, model: object, name: str | None) -> None:
    assert model_of(provider, model) == name


# --- what is told -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_in_a_recording_is_unknown_or_without_a_place_in_time(name: str) -> None:
    drafts = drafts_of(recorded(name))
    assert not of(drafts, ev.Unparsed) and not of(drafts, ev.UnknownRecord)
    assert all(draft.source_at is not None and draft.born is not None for draft in drafts)
    keys = [(draft.session, draft.key) for draft in drafts]
    assert len(set(keys)) == len(keys), "each event of a session has a key of its own"


def test_a_turn_is_told_in_its_order() -> None:
    assert kinds(only("tool")) == [
        "session.updated", "user.message", "session.updated", "assistant.message", "tool.call", "tool.result", "usage",
        "assistant.message", "usage", "turn.ended",
    ]  # fmt: skip
    facts, prompt = of(only("tool"), ev.SessionUpdated)
    assert (facts.title, facts.title_rank, facts.project, facts.cwd) == ("Mock title", 1, "webapp", "/tmp/demo/webapp")
    assert (facts.client_version, facts.model, facts.interactive) == ("1.18.33", "mock/mock-small", False)
    assert (prompt.title, prompt.title_rank) == ("list the files", 0), "`run` stores a prompt with its quotes"
    (call,), (result,) = of(only("tool"), ev.ToolCall), of(only("tool"), ev.ToolResult)
    assert call.tool == "bash" and '"command":"echo hello from the shell && ls"' in call.arguments.text
    assert call.call_id == result.call_id and result.ok and result.output.text.startswith("hello from the shell")
    assert [end.duration_ms for end in of(only("tool"), ev.TurnEnded)] == [1951]


def test_calls_side_by_side_are_one_step() -> None:
    calls = of(only("thinking-parallel"), ev.ToolCall)
    assert len(calls) == 2 and len({call.message_id for call in calls}) == 1
    assert [thought.text.text for thought in of(only("thinking-parallel"), ev.AssistantThinking)][1] == "Both fine."


def test_a_sub_agent_is_a_session_of_its_own() -> None:
    parent, child = by_session("subagent").values()
    (call,) = of(parent, ev.ToolCall)
    assert said(child, "parent")[0] == parent[0].session and said(child, "relation")[0] == "subagent"
    assert said(child, "parent_call") == [call.call_id] and call.tool == "task"
    assert said(child, "title")[0] == "Explore the repo (@general subagent)"
    assert of(child, ev.UserMessage)[0].synthetic and said(child, "interactive") == [False]
    assert (len(of(parent, ev.Usage)), len(of(child, ev.Usage))) == (2, 2)


def test_a_killed_session_leaves_its_call_open_and_costs_nothing() -> None:
    drafts = by_session("serve-api")[ZOMBIE]
    assert [call.tool for call in of(drafts, ev.ToolCall)] == ["bash"]
    assert not of(drafts, ev.ToolResult) and not of(drafts, ev.Usage) and not of(drafts, ev.TurnEnded)


def test_an_abort_is_an_interrupt_and_what_was_queued_behind_it_is_told_before() -> None:
    words = of(by_session("serve-api")[DEPLOY], ev.UserMessage)
    assert [(word.text.text, word.interrupt) for word in words] == [
        ("deploy now", False), ("stream slowly", False), ("say hello (sent while busy)", False),
        ("[turn interrupted]", True),
    ]  # fmt: skip
    assert len(of(by_session("serve-api")[DEPLOY], ev.TurnEnded)) == 1


def test_a_refused_permission_ends_the_turn() -> None:
    drafts = by_session("permission-ask-headless")[REJECTED]
    (result,) = of(drafts, ev.ToolResult)
    assert not result.ok and "rejected permission" in result.output.text
    assert len(of(drafts, ev.TurnEnded)) == 1


def test_a_fork_repeats_and_adds_what_is_its_own() -> None:
    sessions = by_session("serve-api")
    copied = [draft for draft in sessions[FORK] if getattr(draft.body, "replayed", False)]
    assert Counter(kinds(copied)) == {"user.message": 3, "assistant.message": 3, "tool.call": 1, "tool.result": 1}
    own = {draft.response for draft in sessions[DEPLOY] if draft.response}
    both = [draft.response in own for draft in sessions[FORK] if draft.response]
    assert both == [True, True, False]
    assert not any(word.interrupt for word in of(sessions[FORK], ev.UserMessage)), "nobody interrupted the fork"
    assert len(of(sessions[FORK], ev.TurnEnded)) == 1
    assert said(sessions[FORK], "title") == ["Mock title (fork #1)"] and not said(sessions[FORK], "parent")


def test_errors(tmp_path: Path) -> None:
    made = Made(tmp_path / "opencode.db")
    body = '{"error": {"message": "no", "type": "invalid_api_key", "code": "x"}}'
    errors = [
        {"name": "APIError", "data": {"message": "no", "statusCode": 401, "isRetryable": False, "responseBody": body}},
        {"name": "APIError", "data": {"message": "slow down", "statusCode": 429, "responseBody": "<html>"}},
        {"name": "ProviderAuthError", "data": {"providerID": "x", "message": "log in"}},
        {"name": "MessageOutputLengthError", "data": {}},
        {"name": 7, "data": 8},
        {},
    ]
    for number, error in enumerate(errors):
        session = made.session(number)
        message = made.begin(session, number + 1, made.ask(session, number))
        made.change("message", message, number, error=error)
    found = of(drafts_of(made.path), ev.ApiError)
    assert [(error.status, error.kind, error.text, error.final) for error in found] == [
        (401, "invalid_api_key", "no", True), (429, "APIError", "slow down", True),
        (None, "ProviderAuthError", "log in", True),
        (None, "MessageOutputLengthError", "MessageOutputLengthError", True), (None, None, "error", True),
        (None, None, "error", True),
    ]  # fmt: skip


def test_compaction_and_what_the_client_says_in_the_person_s_place(tmp_path: Path) -> None:
    made = Made(tmp_path / "opencode.db")
    session = made.session()
    made.turn(session, 0)
    for auto, at in ((True, 100), (False, 300)):
        asked = made.message(session, at, {"role": "user"})
        made.part(asked, at, {"type": "compaction", "auto": auto})
        summary = made.begin(session, at + 1, asked)
        made.change("message", summary, at, summary=True, mode="compaction", agent="compaction")
        made.finish(summary, at + 1, at + 20)
    nudge = made.message(session, 400, {"role": "user"})
    made.part(nudge, 401, {"type": "text", "text": "Continue if you have next steps", "synthetic": True})
    made.begin(session, 402, nudge)
    drafts = drafts_of(made.path)
    compacted = [kind for kind in kinds(drafts) if "compact" in kind or kind in ("usage", "turn.ended")]
    assert compacted == [
        "usage", "turn.ended", "compact.started", "usage", "compact.ended", "compact.started", "usage", "compact.ended",
        "turn.ended",
    ]  # fmt: skip
    assert [end.trigger for end in of(drafts, ev.CompactEnded)] == ["auto", "manual"]
    assert [word.synthetic for word in of(drafts, ev.UserMessage)] == [False, True]


def test_to_dos_files_and_a_tool_that_failed(tmp_path: Path) -> None:
    made = Made(tmp_path / "opencode.db")
    session = made.session()
    message = made.begin(session, 10, made.ask(session, 0))

    def tool(at: int, name: str, given: dict[str, object], status: str = "completed", **state: object) -> str:
        times = {"start": BEGIN + at, "end": BEGIN + at + 1}
        data = {"type": "tool", "tool": name, "callID": f"call_{at}",
                "state": {"status": status, "input": given, "time": times, "output": "", **state}}  # fmt: skip
        return made.part(message, at, data)

    follow = Following(made.path)
    tool(20, "todowrite", {"todos": [{"content": n, "status": "pending"} for n in ("A", "B", "C")]})
    first = of(follow.news(), ev.TaskUpdated)
    assert [(task.task_id, task.subject, task.status) for task in first] == [
        ("1", "A", "pending"), ("2", "B", "pending"), ("3", "C", "pending"),
    ]  # fmt: skip
    tool(30, "todowrite", {"todos": [{"content": "A", "status": "completed"}, 7]})
    assert [(task.task_id, task.status) for task in of(follow.news(), ev.TaskUpdated)] == [
        ("1", "completed"), ("2", "deleted"), ("3", "deleted"),
    ]  # fmt: skip
    tool(40, "write", {"filePath": "/w/web/a.py", "content": "print(1)\n"})
    tool(50, "edit", {"filePath": "/w/web/a.py"}, metadata={"filediff": {"after": "print(1)\n"}})
    tool(60, "bash", {"command": "false"}, metadata={"exit": 1})
    tool(70, "bash", {"command": "x"}, "error", error="Tool execution aborted")
    drafts = follow.news()
    changed = of(drafts, ev.FileChanged)
    assert [change.path for change in changed] == ["/w/web/a.py"] * 2 and changed[0].hash == changed[1].hash
    assert [result.ok for result in of(drafts, ev.ToolResult)] == [True, True, False, False]


# --- reading on ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("size", [1, 3])
def test_a_restart_after_every_step_changes_nothing(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drafts_of(recorded(name))
    monkeypatch.setattr(reading, "STEP_DRAFTS", size)
    found = list(steps(recorded(name)))
    # Between two steps nothing is sorted: the order across messages may differ, what is told may not.
    parts = [draft for step in found for draft in step.drafts]
    assert sorted(map(msgspec.json.encode, map(plain, parts))) == sorted(map(msgspec.json.encode, map(plain, whole)))
    assert max(len(step.after.state or b"") for step in found) < 16_384


def plain(draft: Draft) -> list[object]:
    """A draft without its bytes, for comparing."""
    return [draft.session, ev.encode(draft.body).decode(), draft.source_at, draft.key, (draft.response or b"").hex()]


def test_rows_that_change_are_told_as_far_as_they_go(tmp_path: Path) -> None:
    made = Made(tmp_path / "opencode.db")
    follow = Following(made.path)
    assert follow.news() == []
    session = made.session()
    assert kinds(follow.news()) == ["session.updated"]
    asked = made.ask(session, 10)
    assert kinds(follow.news()) == ["user.message", "session.updated"]
    message = made.begin(session, 20, asked)
    text = made.part(message, 30, {"type": "text", "text": "", "time": {"start": BEGIN + 30}})
    assert follow.news() == [], "a text that is being written says nothing"
    made.change("part", text, 40, text="Looking.", time={"start": BEGIN + 30, "end": BEGIN + 40})
    assert kinds(follow.news()) == ["assistant.message"]
    call = made.part(message, 50, {"type": "tool", "tool": "bash", "callID": "c", "state": {"status": "pending"}})
    assert follow.news() == [], "its arguments are being written"
    running = {"status": "running", "input": {"command": "ls"}, "time": {"start": BEGIN + 51}}
    made.change("part", call, 51, state=running)
    assert kinds(follow.news()) == ["tool.call"]
    made.change("part", call, 52, state={**running, "metadata": {"output": "a"}})
    assert follow.news() == []
    made.change("part", call, 60, state={**running, "status": "completed", "output": "a"})
    assert kinds(follow.news()) == ["tool.result"]
    made.finish(message, 20, 70, reason="tool-calls")
    assert kinds(follow.news()) == ["usage"]
    made.db.execute("UPDATE session SET title = 'A title', time_updated = ?", (BEGIN + 71,))
    (fact,) = of(follow.news(), ev.SessionUpdated)
    assert fact.title == "A title"
    made.change("message", message, 80, summary={"diffs": []})
    assert follow.news() == [] and follow.last is not None and not follow.restarted
    assert len(follow.last.after.state or b"") < 500


def test_parts_of_a_person_s_message_are_waited_for(tmp_path: Path) -> None:
    """They are written one by one, and the words may be the last of them."""
    made = Made(tmp_path / "opencode.db")
    follow = Following(made.path)
    session = made.session()
    message = made.message(session, 10, {"role": "user"})
    made.part(message, 11, {"type": "text", "synthetic": True, "text": "Called the Read tool"})
    now = (BEGIN + 12) * 1_000_000
    assert kinds(follow.news(now)) == ["session.updated"]
    made.part(message, 12, {"type": "text", "text": "look at this"})
    assert not follow.news(now)
    (word,) = of(follow.news(now + 1_000_000_000), ev.UserMessage)
    assert word.text.text == "look at this" and not word.synthetic


def test_a_long_message_is_read_in_pages_and_each_of_its_steps_is_counted(tmp_path: Path) -> None:
    """Older versions kept all steps of a turn in one message."""
    made = Made(tmp_path / "opencode.db")
    follow = Following(made.path)
    session = made.session()
    message = made.begin(session, 20, made.ask(session, 10))
    found: list[Draft] = []
    for number in range(300):
        at = 100 + number
        times = {"start": BEGIN + at, "end": BEGIN + at}
        made.part(message, at, {"type": "text", "text": f"{number}", "time": times})
        status = "running" if number == 250 else "completed"
        state = {"status": status, "input": {"n": number}, "output": "", "time": times}
        made.part(message, at, {"type": "tool", "tool": "bash", "callID": f"c{number}", "state": state})
        tokens = {"input": 1, "output": 1, "cache": {"read": number, "write": 0}}
        made.part(message, at, {"type": "step-finish", "tokens": tokens})
        if number % 97 == 0:
            found += follow.news()
    found += follow.news()
    assert follow.last is not None and len(follow.last.after.state or b"") < 16_384
    usages = of(found, ev.Usage)
    assert sorted(usage.tokens.cache_read for usage in usages) == list(range(300))
    assert len({draft.response for draft in found if draft.response}) == 300
    assert len(of(found, ev.AssistantMessage)) == len(of(found, ev.ToolCall)) == 300
    assert len(of(found, ev.ToolResult)) == 299


def test_the_state_is_small_however_many_sessions_there_are(tmp_path: Path) -> None:
    made = Made(tmp_path / "opencode.db")
    made.db.execute("BEGIN")
    for number in range(600):
        session = made.session(number * 100, title=f"Session {number} " + "long " * 50)
        asked = made.ask(session, number * 100 + 1)
        made.begin(session, number * 100 + 2, asked)
    made.db.execute("COMMIT")
    found = list(steps(made.path))
    assert len(found) > 3 and len(of([d for step in found for d in step.drafts], ev.UserMessage)) == 600
    assert max(len(step.after.state or b"") for step in found) < 16_384
    assert not [draft for step in steps(made.path, found[-1]) for draft in step.drafts]


def test_discovery(tmp_path: Path) -> None:
    data = tmp_path / "opencode"
    data.mkdir()
    for name in ("opencode.db", "opencode-dev.db", "opencode.db-wal", "other.db", "mine.sqlite"):
        (data / name).write_bytes(b"")
    (data / "opencode-link.db").symlink_to(data / "other.db")
    client = OpenCode()

    def found(**environ: str) -> list[str]:
        environ = {"HOME": str(tmp_path / "nobody"), "XDG_DATA_HOME": str(tmp_path), **environ}
        refs = [ref for root in client.roots(environ) for ref in client.discover(root, Listing(), 1 << 62)]
        assert all(ref.kind == "database" for ref in refs)
        return sorted(ref.path.rpartition("/")[2] for ref in refs)

    assert found() == ["opencode-dev.db", "opencode.db"]
    assert found(OPENCODE_DB="mine.sqlite") == ["mine.sqlite", "opencode-dev.db", "opencode.db"]
    assert found(OPENCODE_DB=":memory:") == ["opencode-dev.db", "opencode.db"]
    assert client.roots({"HOME": str(tmp_path / "nobody")}) == []
