"""Claude Code's transcripts as recorded from 2.1.197: what is counted, who belongs to whom, what went wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients.base import Draft
from tests.clients.feeding import LATER, feed, lines_of, of, parser_for, read_home, resumed
from tests.conftest import CLAUDE

SCENARIOS = sorted(path.parent.name for path in CLAUDE.glob("*/truth.json"))
TRANSCRIPTS = sorted(str(path.relative_to(CLAUDE)) for path in CLAUDE.glob("*/home/.claude/projects/**/*.jsonl"))
FORKS = ("11111111-2222-4333-8444-555555555555", "c0c4233e-82ef-43c5-95dd-48010e253dde")
ORIGINAL = "6717d69e-40fc-46a8-aadf-91afb16995e8"


def scenario(name: str) -> dict[str, list[Draft]]:
    """File name -> drafts of a recording."""
    return {Path(path).name: drafts for path, drafts in read_home("claude", CLAUDE / name / "home/.claude").items()}


def only(name: str) -> list[Draft]:
    """The drafts of a recording with one transcript."""
    (drafts,) = (drafts for file, drafts in scenario(name).items() if file.endswith(".jsonl"))
    return drafts


def said(drafts: list[Draft], field: str) -> list[Any]:
    """What was said of a session, in order."""
    return [getattr(body, field) for body in of(drafts, ev.SessionUpdated) if getattr(body, field) is not None]


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_response_is_counted_once_and_the_sums_are_the_server_s(name: str) -> None:
    truth = msgspec.json.decode((CLAUDE / name / "truth.json").read_bytes())["models"]
    once: dict[bytes, ev.Usage] = {}
    for draft in (draft for file in scenario(name).values() for draft in file):
        if isinstance(draft.body, ev.Usage):
            assert draft.response is not None
            once[draft.response] = draft.body
    sums: dict[str, Counter[str]] = {}
    for usage in once.values():
        kinds = Counter(requests=1, input=usage.tokens.input, cache_read=usage.tokens.cache_read)
        kinds.update(cache_write=usage.tokens.cache_write, output=usage.tokens.output)
        sums.setdefault(str(usage.model), Counter()).update(kinds)
    assert {model: dict(counts) for model, counts in sums.items()} == truth


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_in_a_recording_is_unknown_or_without_a_place_in_time(name: str) -> None:
    for file, drafts in scenario(name).items():
        assert not of(drafts, ev.Unparsed) and not of(drafts, ev.UnknownRecord), file
        if file.endswith(".jsonl"):
            assert all(draft.source_at is not None for draft in drafts if not isinstance(draft.body, ev.SessionUpdated))
        keys = [draft.key for draft in drafts]
        assert len(set(keys)) == len(keys), "each event of a file has a key of its own"
        assert all(0 <= key < 1 << 63 for key in keys)


@pytest.mark.parametrize("path", TRANSCRIPTS)
def test_a_restart_anywhere_changes_nothing(path: str) -> None:
    lines = lines_of(CLAUDE / path)
    whole = feed(parser_for("claude", path), lines)

    @settings(max_examples=min(len(lines), 12))
    @given(st.integers(0, len(lines)))
    def check(cut: int) -> None:
        assert resumed("claude", path, lines, cut) == whole

    check()


@pytest.mark.parametrize("path", TRANSCRIPTS)
def test_a_transcript_read_again_gives_the_same_drafts(path: str) -> None:
    lines = lines_of(CLAUDE / path)
    assert feed(parser_for("claude", path, now=0), lines) == feed(parser_for("claude", path, now=LATER), lines)


# --- whose it is ----------------------------------------------------------------------------------------------


def test_the_lines_that_a_fork_copied_are_replayed_and_its_own_are_not() -> None:
    files = scenario("resume-chain")
    flagged = {
        session: [draft.body.replayed for draft in files[f"{session}.jsonl"] if hasattr(draft.body, "replayed")]
        for session in (*FORKS, ORIGINAL)
    }
    assert set(flagged[ORIGINAL]) == {False}
    for fork in FORKS:
        assert set(flagged[fork]) == {True, False}
        assert flagged[fork] == sorted(flagged[fork], reverse=True), "copies come first"


def test_a_fork_copies_the_responses_of_its_parent_under_the_same_keys() -> None:
    files = scenario("resume-chain")
    keys = {
        session: {draft.response for draft in files[f"{session}.jsonl"] if draft.response}
        for session in (*FORKS, ORIGINAL)
    }
    for fork in FORKS:
        assert keys[fork] & keys[ORIGINAL] and keys[fork] - keys[ORIGINAL]


def test_a_fork_s_file_begins_when_it_was_forked_not_with_the_copied_lines() -> None:
    first = {}
    for session in (FORKS[0], ORIGINAL):
        path = next(path for path in TRANSCRIPTS if session in path)
        parser = parser_for("claude", path)
        drafts = feed(parser, lines_of(CLAUDE / path))
        copied = [draft.source_at for draft in drafts if getattr(draft.body, "replayed", False)]
        assert parser.first_at is not None and all(at is not None and at < parser.first_at for at in copied)
        first[session] = parser.first_at
    assert first[ORIGINAL] < first[FORKS[0]]


@pytest.mark.parametrize("name", ["subagent", "control-stream-json"])
def test_a_sub_agent_is_a_session_of_its_own_linked_to_the_call_that_made_it(name: str) -> None:
    files = scenario(name)
    (own,) = (file for file in files if file.startswith("agent-") and file.endswith(".jsonl"))
    (main,) = (file for file in files if file.endswith(".jsonl") and file != own)
    agent, parent = (f"claude:{file.removesuffix('.jsonl').removeprefix('agent-')}" for file in (own, main))
    meta = files[own.replace(".jsonl", ".meta.json")]
    assert {draft.session for draft in (*files[own], *meta)} == {agent}
    assert {draft.session for draft in files[main]} == {parent}
    for drafts in (files[own], meta):
        assert said(drafts, "parent") == [parent] and said(drafts, "relation") == ["subagent"]
    calls = {call.call_id: call.tool for call in of(files[main], ev.ToolCall)}
    assert [calls[call] for call in said(meta, "parent_call")] == ["Agent"]
    assert said(meta, "title") == ["Explore the repo"]
    assert said(files[own], "interactive") == [False], "nobody sits at a sub-agent"


def test_a_sub_agent_inside_its_parent_s_file_is_linked_once() -> None:
    """Older versions wrote side chains into the main transcript."""
    envelope = {"type": "assistant", "timestamp": "2026-11-20T10:00:00Z", "isSidechain": True, "agentId": "abc"}
    lines = [
        msgspec.json.encode({**envelope, "uuid": str(n), "message": {"id": str(n), "content": "hi", "usage": {}}})
        for n in range(2)
    ]
    drafts = feed(parser_for("claude", "/p/main.jsonl"), lines)
    assert {draft.session for draft in drafts} == {"claude:abc"}
    assert said(drafts, "parent") == ["claude:main"] and said(drafts, "relation") == ["subagent"]


@pytest.mark.parametrize(
    ("name", "interactive"),
    [("interactive-tmux", True), ("permission-hook-interactive", True), ("text", False), ("background-agent", True)],
)
def test_whether_a_person_sits_at_it(name: str, interactive: bool) -> None:
    assert said(only(name), "interactive") == [interactive]


def test_facts_are_said_once_and_again_only_when_they_change() -> None:
    drafts = only("interactive-tmux")
    assert said(drafts, "client") == ["claude"]
    assert said(drafts, "project") == ["webapp"] and said(drafts, "cwd") == ["/tmp/demo/webapp"]
    assert said(drafts, "branch") == ["feature/login"] and said(drafts, "client_version") == ["2.1.197"]
    assert said(drafts, "model") == ["claude-opus-4-8", "claude-sonnet-4-5"]


@pytest.mark.parametrize(
    ("name", "title", "rank"),
    [
        ("text", "say hello", 0),
        ("interactive-tmux", "Mock session title", 1),
        ("background-agent", "worker1", 3),
    ],
)
def test_the_best_title_wins(name: str, title: str, rank: int) -> None:
    drafts = only(name)
    assert said(drafts, "title")[-1] == title
    assert [body.title_rank for body in of(drafts, ev.SessionUpdated) if body.title][-1] == rank


# --- what happened --------------------------------------------------------------------------------------------


def test_a_compaction_is_one_event_and_its_summary_is_no_person_s_message() -> None:
    drafts = scenario("resume-chain")[f"{ORIGINAL}.jsonl"]
    assert of(drafts, ev.CompactEnded) == [ev.CompactEnded(trigger="manual", pre_tokens=30324, post_tokens=590)]
    at = next(index for index, draft in enumerate(drafts) if isinstance(draft.body, ev.CompactEnded))
    summary = next(draft.body for draft in drafts[at:] if isinstance(draft.body, ev.UserMessage))
    assert summary.synthetic and summary.local


@pytest.mark.parametrize("name", ["interactive-tmux", "sigint-midtool-dfl"])
def test_an_interrupt_is_seen(name: str) -> None:
    messages = of(only(name), ev.UserMessage)
    assert [message.interrupt for message in messages].count(True) >= 1
    assert not messages[0].interrupt


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("usage-limit-429", [(429, "rate_limit", True)]),
        ("err529-forever", [(529, "server_error", True)]),
        ("err429-recover", []),
        ("err401", []),
    ],
)
def test_an_api_error_is_known_once_the_client_has_given_up(name: str, errors: list[tuple[int, str, bool]]) -> None:
    """Retries are in no line: a session that still retries, or recovered, shows none."""
    drafts = only(name)
    assert [(error.status, error.kind, error.final) for error in of(drafts, ev.ApiError)] == errors
    assert not errors or not of(drafts, ev.Usage), "a synthetic message carries no spend"


def test_calls_and_results_belong_together() -> None:
    drafts = only("thinking-parallel")
    calls, results = of(drafts, ev.ToolCall), of(drafts, ev.ToolResult)
    assert len(calls) == 2 and {call.call_id for call in calls} == {result.call_id for result in results}
    assert len({call.message_id for call in calls}) == 1, "two calls of one message are one step"
    assert all(result.ok for result in results)


def test_a_killed_session_ends_with_its_open_call() -> None:
    drafts = only("sigkill-midtool")
    assert isinstance(drafts[-1].body, ev.ToolCall | ev.Usage)
    assert not of(drafts, ev.ToolResult)


def test_a_written_file_is_a_change_and_an_interrupted_call_a_failure() -> None:
    (change,) = of(only("write"), ev.FileChanged)
    assert change.path == "/tmp/demo/webapp/NOTES.md" and len(change.hash) == 16
    interrupted = only("sigint-midtool-dfl")
    assert [result.ok for result in of(interrupted, ev.ToolResult)] == [False]
    assert not of(interrupted, ev.FileChanged)


def test_a_to_do_item_is_its_session_s() -> None:
    files = scenario("todos")
    assert of(files["1.json"], ev.TaskUpdated) == [ev.TaskUpdated(task_id="1", subject="Do A", status="pending")]
    assert {draft.session for drafts in files.values() for draft in drafts} == {
        "claude:4184bb59-be69-4558-8f90-04c208f7fee3"
    }


def test_interactive_turns_end_when_the_client_says_so() -> None:
    durations = [turn.duration_ms for turn in of(only("interactive-tmux"), ev.TurnEnded)]
    assert len(durations) == 3 and all(duration and duration > 0 for duration in durations)


# --- what a price depends on ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "terms", "searches"),
    [
        ({"service_tier": "standard", "speed": "standard", "inference_geo": ""}, None, 0),
        ({"service_tier": "priority", "speed": "fast", "inference_geo": "us"}, "priority fast us", 0),
        ({"service_tier": "batch", "server_tool_use": {"web_search_requests": 3}}, "batch", 3),
        ({"service_tier": 7, "speed": None, "server_tool_use": {"web_search_requests": -1}}, None, 0),
        ({"service_tier": "x" * 99, "server_tool_use": {"web_search_requests": 2**70}}, "x" * 16, 0),
        ({"server_tool_use": [1]}, None, 0),
    ],
)
def test_the_terms_of_a_response_are_told(said: dict[str, object], terms: str | None, searches: int) -> None:
    from orchestrator_tui.clients.claude.messages import searches_of, terms_of

    assert (terms_of(said), searches_of(said)) == (terms, searches)


@pytest.mark.parametrize(
    ("meta", "window"),
    [
        ({"trigger": "auto", "preTokens": 167_000}, 200_000),
        ({"trigger": "auto", "preTokens": 961_000}, 1_000_000),
        ({"trigger": "manual", "preTokens": 20_000}, None),
        ({"trigger": "auto", "preTokens": -5}, None),
        ({"trigger": "auto", "preTokens": "many"}, None),
    ],
)
def test_a_window_that_was_full_names_its_size(meta: dict[str, object], window: int | None) -> None:
    from orchestrator_tui.clients.claude.messages import system_record

    bodies = system_record({"subtype": "compact_boundary", "compactMetadata": meta}) or []
    told = [body.context_window for body in bodies if isinstance(body, ev.SessionUpdated)]
    assert told == ([] if window is None else [window])
