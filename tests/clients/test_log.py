"""The open session log (docs/contract.md §3): what any agent may write, and what nobody may break with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients import BY_NAME
from orchestrator_tui.clients.base import Draft
from orchestrator_tui.clients.listing import Listing
from orchestrator_tui.clock import SECOND, parse_iso
from tests.clients.feeding import LATER, as_line, drafts_of, feed, lines_of, of, parser_for, resumed
from tests.conftest import CASES

NOW = 1_795_176_000 * SECOND
PATH = "/inbox/the-file.jsonl"
HEAD = {"kind": "session", "schema": "orc.log/1", "session": "s1", "t": 0}
LOGS = sorted(path.name for path in CASES.glob("*.jsonl"))


def read(*lines: object) -> list[Draft]:
    """The drafts of a log made of these lines."""
    return feed(parser_for("log", PATH, now=NOW), [as_line(line) for line in lines])


def bodies(*lines: object) -> list[ev.KnownBody]:
    """What the lines after a header became."""
    return [draft.body for draft in read(HEAD, *lines)][1:]


def times(*lines: object) -> list[int | None]:
    """When each draft happened, in seconds after the host first looked."""
    return [None if draft.source_at is None else (draft.source_at - NOW) // SECOND for draft in read(*lines)]


@pytest.mark.parametrize("name", LOGS)
def test_every_recorded_case_is_read_whole(name: str) -> None:
    lines = lines_of(CASES / name)
    drafts = feed(parser_for("log", name, now=NOW), lines)
    assert not of(drafts, ev.Unparsed) and not of(drafts, ev.UnknownRecord)
    assert {draft.session.partition("/")[0] for draft in drafts} == {f"log:{json.loads(lines[0])['session']}"}
    assert len(drafts) >= len([line for line in lines if line.strip()])


@pytest.mark.parametrize("name", LOGS[:: max(1, len(LOGS) // 12)])
def test_a_restart_anywhere_changes_nothing(name: str) -> None:
    lines = lines_of(CASES / name)
    whole = drafts_of(parser_for("log", name, now=NOW), lines)

    @settings(max_examples=8)
    @given(st.integers(0, len(lines)))
    def check(cut: int) -> None:
        assert resumed("log", name, lines, cut, NOW) == whole

    check()


# --- header and time ------------------------------------------------------------------------------------------


def test_the_header_says_what_is_known_of_the_session() -> None:
    facts = {
        "title": "fix it", "model": "m", "permission_mode": "auto", "context_window": 200_000, "auto_compact": True,
        "interactive": False, "effort": "max", "branch": "main",
    }  # fmt: skip
    (draft,) = read(HEAD | facts | {"project": "/home/a/api/", "pid": 77})
    body = draft.body
    assert draft.session == "log:s1"
    assert isinstance(body, ev.SessionUpdated)
    assert {name: getattr(body, name) for name in facts} == facts
    assert (body.client, body.project, body.cwd, body.pid) == ("log", "api", "/home/a/api/", 77)


@pytest.mark.parametrize("header", [{"kind": "session"}, {"kind": "session", "session": ""}, {"kind": "user", "t": 1}])
def test_without_an_id_the_file_s_name_is_the_session(header: dict[str, Any]) -> None:
    drafts = read(header)
    assert {draft.session for draft in drafts} == {"log:the-file"}
    assert of(drafts, ev.SessionUpdated)[0].client == "log"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pid", "77"),
        ("pid", -1),
        ("pid", 0),
        ("pid", 1 << 40),
        ("context_window", -1),
        ("context_window", "big"),
        ("context_window", 1 << 70),
        ("auto_compact", "yes"),
        ("interactive", 1),
        ("title", ["x"]),
        ("model", {}),
        ("title", ""),
    ],
)
def test_a_wrong_fact_is_unknown_and_spoils_only_itself(field: str, value: object) -> None:
    (body,) = of(read(HEAD | {"branch": "main", field: value}), ev.SessionUpdated)
    assert getattr(body, field) is None
    assert body.branch == "main"


def test_a_second_header_is_no_new_session() -> None:
    drafts = read(HEAD, HEAD | {"session": "s2"}, {"kind": "turn_started"})
    assert {draft.session for draft in drafts} == {"log:s1"}
    assert [record.kind for record in of(drafts, ev.UnknownRecord)] == ["session"]


U = {"kind": "user", "text": "x"}


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ([HEAD, U | {"t": 5}, U | {"t": 7.5}], [0, 5, 7]),
        ([HEAD | {"t": 100}, U | {"t": 105}], [0, 5]),
        ([HEAD | {"epoch": NOW // SECOND + 50}, U | {"t": 5}], [50, 55]),
        ([HEAD | {"epoch": 0}, U | {"t": NOW // SECOND + 9}], [-NOW // SECOND, 9]),
        ([HEAD | {"t": "2026-11-20T12:00:00Z"}, U | {"t": "2026-11-20T12:00:03+00:00"}], [0, 3]),
        ([HEAD, U | {"t": 5}, U, U | {"t": "soon"}, U | {"t": None}], [0, 5, 5, 5, 5]),
        ([HEAD, U | {"t": 5}, U | {"t": 3}], [0, 5, 3]),
        ([HEAD, U | {"t": -1e30}, U | {"t": 1e30}, U | {"t": 2**70}, U | {"t": True}], [0, 0, 0, 0, 0]),
        ([U, U | {"t": 4}], [None, None, 4]),
    ],
)
def test_times_count_from_the_writer_s_origin(lines: list[object], seconds: list[int | None]) -> None:
    assert times(*lines) == seconds


def test_the_origin_is_when_the_first_line_was_seen_even_after_a_restart() -> None:
    lines = [as_line(line) for line in (HEAD, U | {"t": 5})]
    assert [draft.source_at for draft in resumed("log", PATH, lines, 1, NOW)] == [NOW, NOW + 5 * SECOND]
    assert parse_iso("2026-11-20T12:00:00Z") == NOW


# --- events ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ({"kind": "turn_started"}, ev.TurnStarted()),
        ({"kind": "compact_start"}, ev.CompactStarted()),
        ({"kind": "compact", "pre_tokens": 9, "post_tokens": "x"}, ev.CompactEnded(pre_tokens=9)),
        ({"kind": "check", "name": "tests", "ok": True, "score": 0.5}, ev.Check(name="tests", ok=True, score=0.5)),
        ({"kind": "hook", "name": "n", "type": "t"}, ev.Hook(name="n", kind="t")),
        ({"kind": "file_change", "path": "a.py", "hash": "h"}, ev.FileChanged(path="a.py", hash="h")),
        ({"kind": "result", "is_error": True, "subtype": "max"}, ev.SessionEnded(is_error=True, reason="max")),
        ({"kind": "assistant_text", "text": "e", "api_error": True, "status": 529},
         ev.ApiError(status=529, text="e", final=True)),
        ({"kind": "api_error", "status": 429, "type": "rate", "retry_in": 2, "attempt": 1, "max_attempts": 9},
         ev.ApiError(status=429, kind="rate", retry_in=2.0, attempt=1, max_attempts=9)),
        ({"kind": "api_error", "synthetic_message": True}, ev.ApiError(final=True)),
        ({"kind": "proc", "alive": False}, ev.ProcessGone(pid=0, reason="the log says so")),
        ({"kind": "usage", "stream": True, "out": 50}, ev.StreamProgress(output=50)),
    ],
)  # fmt: skip
def test_each_kind_becomes_its_event(line: dict[str, Any], body: ev.KnownBody) -> None:
    assert bodies(line) == [body]


def test_calls_with_equal_arguments_have_equal_digests_whatever_the_order_of_keys() -> None:
    calls = [
        call
        for args in ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}, {"a": 1})
        for call in of(read(HEAD, {"kind": "tool_call", "id": "1", "tool": "T", "args": args}), ev.ToolCall)
    ]
    assert calls[0].arguments == calls[1].arguments != calls[2].arguments


@pytest.mark.parametrize("line", [{"kind": "aura", "x": 1}, {"kind": None}, {"kind": ["a"]}, {"text": "x"}, {}])
def test_a_line_of_an_unknown_kind_is_kept_as_it_was(line: dict[str, Any]) -> None:
    (kept,) = bodies(line)
    assert isinstance(kept, ev.UnknownRecord)
    assert json.loads(kept.record.text) == line


@pytest.mark.parametrize(
    "line",
    [b"[" * 100_000, b"[1]", b"null", b"{", b"\xff\xfe", b"text", {"kind": "tool_call"}, {"kind": "file_change"}],
    ids=lambda line: str(line)[:20],
)
def test_a_line_that_does_not_parse_is_one_unparsed_and_stops_nothing(line: object) -> None:
    refused, after = bodies(line, {"kind": "turn_started"})
    assert isinstance(refused, ev.Unparsed) and len(refused.head) <= 256
    assert after == ev.TurnStarted()


def test_a_line_that_does_not_parse_before_the_header_leaves_the_header_its_meaning() -> None:
    assert [draft.session for draft in read(b"garbage", HEAD)] == ["log:the-file", "log:s1"]


def test_blank_lines_are_nothing() -> None:
    assert bodies(b"", b"  \t", b"\r") == []


# --- agents ---------------------------------------------------------------------------------------------------


def test_what_an_agent_did_is_a_child_session_s_linked_once() -> None:
    call = {"kind": "tool_call", "agent": "helper", "id": "c1", "tool": "Bash", "args": {}}
    result = {"kind": "tool_result", "id": "c1", "ok": True, "text": "fine"}
    drafts = read(HEAD, call, result, result, {"kind": "user", "text": "me"})
    assert [draft.session for draft in drafts[1:]] == ["log:s1/helper"] * 3 + ["log:s1"] * 2
    (link,) = [body for body in of(drafts, ev.SessionUpdated) if body.parent]
    assert (link.parent, link.relation, link.title) == ("log:s1", "subagent", "helper")


def test_a_sub_agent_says_which_call_it_answers_and_when_it_is_done() -> None:
    start = {"kind": "subagent", "agent": "a1", "event": "start", "parent_call": "c9"}
    drafts = read(HEAD, start, start | {"event": "end"})
    assert [draft.session for draft in drafts[1:]] == ["log:s1/a1"] * 3
    assert [body.parent_call for body in of(drafts, ev.SessionUpdated)] == [None, None, "c9"]
    assert isinstance(drafts[-1].body, ev.TurnEnded)


@pytest.mark.parametrize("hostile", ["../../etc/x", "a/b", "x\n", "x" * 300, "\x1b]0;x", "é"])
def test_a_hostile_id_is_hashed(hostile: str) -> None:
    drafts = read(HEAD | {"session": hostile}, U | {"agent": hostile})
    for draft in drafts:
        session, _, agent = draft.session.partition("/")
        assert session.startswith("log:x") and session.partition(":")[2].isalnum() and len(session) < 40
        assert agent == "" or (agent.startswith("x") and agent.isalnum())


# --- counting -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "tokens", "cost"),
    [
        ({"inp": 10, "out": 2}, ev.Tokens(input=10, output=2), None),
        ({"inp": 10, "out": 2, "cost": 0.25}, ev.Tokens(input=10, output=2), 250_000_000),
        ({"inp": 1, "cost": 0}, ev.Tokens(input=1), 0),
        ({"input": 1, "cache_read": 2, "cache_write": 3, "cache_write_1h": 3, "output": 4, "reasoning": 1},
         ev.Tokens(1, 2, 3, 4, 3, 1), None),
        ({"input": 1, "cache_write": 3, "cache_write_1h": 9, "output": 4, "reasoning": 9}, ev.Tokens(1, 0, 3, 4, 3, 4), None),
    ],
)  # fmt: skip
def test_usage_fine_and_coarse(line: dict[str, Any], tokens: ev.Tokens, cost: int | None) -> None:
    (usage,) = of(read(HEAD, {"kind": "usage", "model": "m"} | line), ev.Usage)
    assert (usage.tokens, usage.cost, usage.model) == (tokens, cost, "m")


@pytest.mark.parametrize("field", ["inp", "out", "input", "output", "cache_read", "cache_write", "reasoning", "cost"])
@pytest.mark.parametrize("wrong", [b"-1", b"1e400", b"-1e400", b'"1"', b"true", b"[]", str(2**70).encode()])
def test_a_number_that_is_no_count_or_no_cost_counts_nothing(field: str, wrong: bytes) -> None:
    line = b'{"kind":"usage","id":"r1","' + field.encode() + b'":' + wrong + b"}"
    drafts = read(HEAD, line, {"kind": "usage", "inp": 7})
    assert len(of(drafts, ev.Unparsed)) == 1
    assert [usage.tokens for usage in of(drafts, ev.Usage)] == [ev.Tokens(input=7)]


@pytest.mark.parametrize("cost", [1_000_001, 1e18, 1e300])
def test_a_response_that_costs_more_than_a_million_dollars_is_none(cost: float) -> None:
    assert isinstance(bodies({"kind": "usage", "inp": 1, "cost": cost})[0], ev.Unparsed)


def test_a_response_is_known_by_its_id_within_its_session() -> None:
    line = {"kind": "usage", "id": "r1", "inp": 1}
    one = [draft.response for draft in read(HEAD, line, line | {"agent": "a"}, line | {"inp": 2}) if draft.response]
    other = [draft.response for draft in read(HEAD | {"session": "s2"}, line) if draft.response]
    assert len(one) == 3 and len(set(one)) == 1
    assert set(one).isdisjoint(other)


def test_without_an_id_every_line_is_a_response_and_is_known_again() -> None:
    line = {"kind": "usage", "inp": 1}
    one, again = ([d.response for d in read(HEAD, line, line) if d.response] for _ in range(2))
    assert len(set(one)) == 2
    assert one == again


def test_a_coarse_count_is_an_estimate_unless_its_writer_says_the_cost() -> None:
    told = [{"inp": 9}, {"inp": 9, "cost": 0.5}, {"input": 9}]
    usages = [body for line in told for body in bodies({"kind": "usage", "model": "m"} | line)]
    assert [usage.estimated for usage in usages if isinstance(usage, ev.Usage)] == [True, False, False]


# --- files ----------------------------------------------------------------------------------------------------


def test_the_inbox_holds_one_log_per_file(tmp_path: Path) -> None:
    (tmp_path / "inbox/deep").mkdir(parents=True)
    for name in ("a.jsonl", "deep/b.jsonl", ".c.jsonl", "d.json", "e.jsonl.tmp"):
        (tmp_path / "inbox" / name).write_text("")
    (tmp_path / "inbox/link.jsonl").symlink_to("/etc/passwd")
    log = BY_NAME["log"]
    (root,) = log.roots({"ORC_HOME": str(tmp_path)})
    assert sorted(Path(ref.path).name for ref in log.discover(root, Listing(), LATER)) == ["a.jsonl", "b.jsonl"]
    assert log.roots({}) == [] and log.claims(root, Listing(), LATER) == []
