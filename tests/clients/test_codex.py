"""Codex's rollouts as recorded from 0.169.0: what is counted, who belongs to whom, where the files are."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients.codex import Codex
from orchestrator_tui.clients.listing import Listing
from orchestrator_tui.clients.values import response_key
from tests.clients.feeding import as_line, feed, lines_of, of, parser_for, resumed
from tests.clients.rollouts import (
    CODEX,
    FILE,
    KINDS,
    OTHER,
    ROLLOUTS,
    SCENARIOS,
    THREAD,
    event,
    line,
    only,
    read,
    said,
    scenario,
)
from tests.conftest import Orc

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
