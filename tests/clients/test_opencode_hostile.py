"""Whatever stands in an OpenCode database: nothing crashes, nothing is told twice, and no total changes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients.opencode import rows
from tests.clients.feeding import of
from tests.clients.opencode_db import BEGIN, Following, Made, drafts_of

GOOD = ev.Tokens(input=10, cache_read=100, output=5)


def made_with_a_turn(path: Path) -> Made:
    """A database with one good turn, and a second one begun."""
    made = Made(path / "opencode.db")
    session = made.session()
    made.turn(session, 10)
    return made


def total(path: Path) -> ev.Tokens:
    """What is counted, each response once; a second look must have nothing to say."""
    follow = Following(path)
    drafts = follow.news()
    assert follow.news() == [] and not follow.restarted
    found = {draft.response: draft.body.tokens for draft in drafts if isinstance(draft.body, ev.Usage)}
    assert None not in found
    keys = [(draft.session, draft.key) for draft in drafts]
    assert len(set(keys)) == len(keys)
    sums = [sum(getattr(tokens, name) for tokens in found.values()) for name in ("input", "cache_read", "output")]
    return ev.Tokens(input=sums[0], cache_read=sums[1], output=sums[2])


VALUES: list[Any] = [None, "", "x", "{", "[]", "null", "7", '"x"', '{"role":', b"\xff\xfe", b"", 7, -1, 1.5, 2**62, "\ud800".encode("utf-8", "surrogatepass")]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_rows_that_hold_no_json_object(value: Any, tmp_path: Path) -> None:
    made = made_with_a_turn(tmp_path)
    if value is not None:
        made.db.execute("INSERT INTO message VALUES('msg_x', 'ses_00000000000000000000000001', 1, 1, ?)", (value,))
        made.db.execute(
            "INSERT INTO part VALUES('prt_x', 'msg_x', 'ses_00000000000000000000000001', 1, 1, ?)", (value,)
        )
    answer = made.begin("ses_00000000000000000000000001", 50, "nobody")
    if value is not None:
        made.part(answer, 60, value)
    assert total(made.path) == GOOD


TOKENS = [
    -1, 2**70, 10**400, 1.5, "7", [], {}, True, None, float("nan"), float("inf"), -(2**70), 2**40,
]  # fmt: skip


@pytest.mark.parametrize("value", TOKENS, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("name", ["input", "output", "reasoning", "read", "write", "tokens", "cache"])
def test_counts_that_are_none(name: str, value: Any, tmp_path: Path) -> None:
    made = made_with_a_turn(tmp_path)
    session = "ses_00000000000000000000000001"
    answer = made.begin(session, 50, made.ask(session, 40))
    cache = {"read": 0, "write": 0, name: value} if name in ("read", "write") else {"read": 0, "write": 0}
    tokens: Any = {"input": 0, "output": 0, "reasoning": 0, "cache": cache}
    if name in tokens:
        tokens[name] = value
    tokens = value if name == "tokens" else tokens
    made.part(answer, 60, {"type": "step-finish", "tokens": tokens})
    made.change(
        "message", answer, 61, tokens=tokens, finish="stop", time={"created": BEGIN + 50, "completed": BEGIN + 61}
    )
    assert total(made.path) == GOOD


@pytest.mark.parametrize("value", [-1, 0, 2**70, 10**400, 1e300, "x", None, [], {}, True, float("nan"), 2**62], ids=lambda v: repr(v)[:20])  # fmt: skip
def test_times_that_are_none(value: Any, tmp_path: Path) -> None:
    made = made_with_a_turn(tmp_path)
    session = made.session(100)
    answer = made.begin(session, 150, made.ask(session, 140))
    made.part(answer, 160, {"type": "text", "text": "x", "time": {"start": value, "end": value}})
    made.part(
        answer, 160, {"type": "tool", "callID": "c", "tool": "t", "state": {"status": "completed", "time": value}}
    )
    made.part(answer, 160, {"type": "retry", "attempt": value, "error": value, "time": {"created": value}})
    made.finish(answer, 150, 170)
    made.change("message", answer, 170, time={"created": value, "completed": value})
    if not isinstance(value, dict | list) and not (isinstance(value, int) and abs(value) >= 2**63):
        for table in ("session", "message", "part"):
            made.db.execute(f"UPDATE {table} SET time_updated = coalesce(?, 'x') WHERE rowid > 1", (value,))
            made.db.execute(f"UPDATE {table} SET time_created = coalesce(?, 'x') WHERE rowid > 2", (value,))
    assert total(made.path).input == 20
    assert all(draft.source_at is None or 0 < draft.source_at < 1 << 63 for draft in drafts_of(made.path))


def test_ids_that_are_no_ids(tmp_path: Path) -> None:
    made = made_with_a_turn(tmp_path)
    data = json.dumps({"role": "assistant", "modelID": "m", "tokens": {"input": 1}, "time": {"completed": BEGIN}})
    for identity in (None, b"\xff", 7, "", "x" * 5000, "../../etc/passwd", "a\0b"):
        for session in (None, b"\xff", 7, "", "x" * 5000, "../../etc/passwd", "a\0b"):
            if session is not None:
                made.db.execute("INSERT OR IGNORE INTO message VALUES(?, ?, 1, 1, ?)", (identity, session, data))
        made.db.execute("INSERT OR IGNORE INTO part VALUES(?, ?, 'x', 1, 1, ?)", (identity, identity or "x", "{}"))
        made.db.execute(
            "INSERT OR IGNORE INTO session(id, project_id, slug, directory, title, version, parent_id, time_created, time_updated) "
            "VALUES(?, 'p', 's', '/w', 't', 'v', ?, 1, 1)", (identity, identity),
        )  # fmt: skip
    follow = Following(made.path)
    drafts = follow.news()
    assert follow.news() == [] and not follow.restarted
    assert all("/" not in draft.session and len(draft.session) < 160 for draft in drafts)
    assert GOOD in [usage.tokens for usage in of(drafts, ev.Usage)]


def test_a_session_is_nobody_s_child_because_a_tool_says_so(tmp_path: Path) -> None:
    made = made_with_a_turn(tmp_path)
    one, other = made.session(100), made.session(110)
    answer = made.begin(one, 150, made.ask(one, 140))
    for child in (other, one, "nobody", 7, None):
        state = {"status": "running", "input": {}, "metadata": {"sessionId": child}}
        made.part(answer, 160, {"type": "tool", "tool": "task", "callID": "c", "state": state})
    made.db.execute("UPDATE session SET parent_id = id WHERE id = ?", (one,))
    assert not [fact for fact in of(drafts_of(made.path), ev.SessionUpdated) if fact.parent is not None]


def test_rows_that_are_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_ROW", 100_000)
    monkeypatch.setattr(rows, "_JSON", rows._JSON.replace(str(16 << 20), "100000"))
    made = made_with_a_turn(tmp_path)
    session = "ses_00000000000000000000000001"
    answer = made.begin(session, 50, made.ask(session, 40, "ä" * 60_000))
    made.part(answer, 60, {"type": "tool", "tool": "read", "state": {"status": "completed", "output": "x" * 200_000}})
    made.finish(answer, 50, 70)
    drafts = drafts_of(made.path)
    assert total(made.path).input == 20
    assert len(of(drafts, ev.Unparsed)) == 1 and "200" in of(drafts, ev.Unparsed)[0].reason
    assert max(len(ev.encode(draft.body)) for draft in drafts) < 16_384


def test_a_kind_that_this_version_does_not_know_is_kept(tmp_path: Path) -> None:
    made = made_with_a_turn(tmp_path)
    session = "ses_00000000000000000000000001"
    answer = made.begin(session, 50, made.ask(session, 40))
    made.part(answer, 60, {"type": "hologram", "x": 1})
    made.message(session, 70, {"role": "narrator"})
    drafts = drafts_of(made.path)
    assert [unknown.kind for unknown in of(drafts, ev.UnknownRecord)] == ["part/hologram"]
    assert ["narrator" in what.reason for what in of(drafts, ev.Unparsed)] == [True]


@pytest.mark.parametrize("kind", [[], ["text"], {}, {"type": "text"}, None, 7, True, ""])
def test_a_part_whose_type_is_no_word_is_kept(kind: object, tmp_path: Path) -> None:
    made = made_with_a_turn(tmp_path)
    session = "ses_00000000000000000000000001"
    made.part(made.begin(session, 50, made.ask(session, 40)), 60, {"type": kind, "text": "x"})
    drafts = drafts_of(made.path)
    assert [unknown.kind for unknown in of(drafts, ev.UnknownRecord)] == [f"part/{kind}"]
    assert total(made.path) == GOOD


def test_to_do_lists_and_titles_of_any_shape(tmp_path: Path) -> None:
    made = made_with_a_turn(tmp_path)
    session = made.session(
        100, title="\n\x1b[31m  \n line two", directory=b"\xff", model="[1]", permission="{", agent=7
    )
    answer = made.begin(session, 150, made.ask(session, 140))
    for todos in (None, [], [None], {"a": 1}, [{"content": 7, "status": []}] * 5000, "x"):
        state = {"status": "completed", "input": {"todos": todos}}
        made.part(answer, 160, {"type": "tool", "tool": "todowrite", "callID": "c", "state": state})
    assert len(of(drafts_of(made.path), ev.TaskUpdated)) < 1000
    assert total(made.path) == GOOD


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
    | st.sampled_from(["running", "completed", "error", "tool", "text", "user", "assistant", "step-finish", "compaction"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["type", "role", "state", "status", "time", "start", "end", "created", "completed", "tokens", "input", "cache", "read",
         "error", "data", "text", "metadata", "sessionId", "callID", "tool", "parentID", "modelID", "providerID", "todos"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(anything, min_size=1, max_size=4), st.lists(anything, min_size=1, max_size=6))
def test_any_json(messages: list[Any], parts: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        made = made_with_a_turn(Path(scratch))
        session = made.session(100)
        made.begin(session, 110, made.ask(session, 105))
        for number, value in enumerate(messages):
            native = made.message(session, 120 + number, {})
            made.db.execute("UPDATE message SET data = ? WHERE id = ?", (json.dumps(value), native))
            for part in parts:
                made.part(native, 130 + number, json.dumps(part))
        follow = Following(made.path)
        follow.news()
        assert follow.news() == [] and not follow.restarted
        made.turn(session, 500)
        usages = of(follow.news(), ev.Usage)
        assert [usage.tokens for usage in usages] == [GOOD]
        made.db.close()
