"""Gemini's chats as recorded from 0.61.0: what is counted, who belongs to whom, where the files are."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients.base import FileRef
from orchestrator_tui.clients.gemini import Gemini
from orchestrator_tui.clients.listing import Listing
from orchestrator_tui.host.reading import Job
from orchestrator_tui.host.reading import read as read_step
from tests.clients.chats import AGENT, CHATS, CHILD, FILE, GEMINI, SCENARIOS, SESSION, read, said, scenario, story
from tests.clients.feeding import feed, lines_of, of, parser_for, resumed
from tests.conftest import Orc

KINDS = ("requests", "input", "cache_read", "cache_write", "output")

# --- recordings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_response_is_counted_once_and_the_sums_are_the_server_s(name: str) -> None:
    truth = msgspec.json.decode((GEMINI / name / "truth.json").read_bytes())["models"]
    counted: dict[bytes, ev.Usage] = {}
    for drafts in scenario(name).values():
        keys = [draft.response for draft in drafts if isinstance(draft.body, ev.Usage)]
        assert len(set(keys)) == len(keys), "no response of a file is even handed over twice"
        for draft in drafts:
            if isinstance(draft.body, ev.Usage):
                assert draft.response is not None and len(draft.response) == 16
                counted[draft.response] = draft.body
    sums: dict[str, Counter[str]] = {}
    for usage in counted.values():
        kinds = Counter(requests=1, input=usage.tokens.input, cache_read=usage.tokens.cache_read)
        kinds.update(cache_write=usage.tokens.cache_write, output=usage.tokens.output)
        sums.setdefault(str(usage.model), Counter()).update(kinds)
    assert {model: dict(found) for model, found in sums.items()} == truth


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_in_a_recording_is_unknown_or_without_a_place_in_time(name: str) -> None:
    for file, drafts in scenario(name).items():
        assert not of(drafts, ev.Unparsed) and not of(drafts, ev.UnknownRecord), file
        assert all(draft.source_at is not None for draft in drafts)
        keys = [(draft.session, draft.key) for draft in drafts]
        assert len(set(keys)) == len(keys), "each event of a file has a key of its own"


@pytest.mark.parametrize("path", CHATS)
def test_a_restart_anywhere_changes_nothing(path: str) -> None:
    lines = lines_of(GEMINI / path)
    whole = feed(parser_for("gemini", path), lines)

    @settings(max_examples=min(len(lines), 12), deadline=None)
    @given(st.integers(0, len(lines)))
    def check(cut: int) -> None:
        assert resumed("gemini", path, lines, cut) == whole

    check()


@pytest.mark.parametrize("name", ["tool", "resume", "interactive"])
def test_bytes_may_come_in_any_pieces(name: str, tmp_path: Path) -> None:
    (source,) = GEMINI.glob(f"{name}/home/.gemini/tmp/*/chats/*.jsonl")
    data, path = source.read_bytes(), tmp_path / "chats" / source.name
    path.parent.mkdir()
    file = FileRef("gemini", str(path), "lines", str(tmp_path))

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.integers(0, len(data)), max_size=4))
    def check(cuts: list[int]) -> None:
        path.unlink(missing_ok=True)
        drafts, before = [], None
        for cut in [*sorted(cuts), len(data)]:
            with path.open("ab") as out:
                out.write(data[path.stat().st_size : cut])
            step = read_step(Job(file, before, 0))
            assert step is not None
            drafts, before = drafts + step.drafts, step.after
        assert drafts == feed(parser_for("gemini", str(path)), data.splitlines(keepends=True))

    check()


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_whole_program_counts_the_same(name: str, orc: Orc) -> None:
    truth = msgspec.json.decode((GEMINI / name / "truth.json").read_bytes())["models"]
    orc.env["HOME"] = str(GEMINI / name / "home")
    orc.run("ingest", "--all")
    found: Counter[str] = Counter()
    for session in orc.sessions().values():
        found.update({"requests": session["requests"], **{kind: session["tokens"][kind] for kind in KINDS[1:]}})
    assert {kind: found[kind] for kind in KINDS} == {kind: sum(m[kind] for m in truth.values()) for kind in KINDS}
    assert {session["status"] for session in orc.sessions().values()} == {"finished"}


# --- whose it is ----------------------------------------------------------------------------------------------


def test_a_turn_with_a_tool_is_told_in_order_and_once() -> None:
    (drafts,) = scenario("tool").values()
    assert story(drafts) == ["user", "text stop", "tool.call", "result True", "text stop"]
    assert said(drafts, "title") == ["list the files"] and said(drafts, "project") == ["webapp"]
    assert said(drafts, "cwd") == ["/tmp/demo/webapp"] and said(drafts, "model") == ["gemini-2.5-flash"]
    (result,) = of(drafts, ev.ToolResult)
    assert result.output.text == "hello from the shell\nNOTES.md\nREADME.md\napp.py\nbuild.log"
    times = {type(draft.body): draft.source_at for draft in drafts}
    assert (times[ev.ToolResult] or 0) - (times[ev.ToolCall] or 0) == 101_000_000, "each at its own time"


def test_a_resume_goes_on_in_the_same_session_with_another_model() -> None:
    (drafts,) = scenario("resume").values()
    assert story(drafts) == ["user", "text stop"] * 2
    assert said(drafts, "model") == ["gemini-2.5-flash", "gemini-2.5-pro"]


def test_a_sub_agent_is_a_session_of_its_own_and_its_parent_s_call_is_known() -> None:
    main, child = (scenario("subagent")[name] for name in (Path(FILE).name, Path(CHILD).name))
    assert {draft.session for draft in child} == {f"gemini:{AGENT}"}
    assert said(child, "parent") == [f"gemini:{SESSION}"] and said(child, "relation") == ["subagent"]
    assert said(child, "cwd") == ["/tmp/demo/webapp"] and said(child, "interactive") == [False]
    assert all(message.synthetic for message in of(child, ev.UserMessage))
    (link,) = [draft for draft in main if draft.session != f"gemini:{SESSION}"]
    assert link.session == f"gemini:{AGENT}" and isinstance(link.body, ev.SessionUpdated)
    (made,) = of(main, ev.ToolCall)
    assert link.body.parent_call == made.call_id and link.body.title == "generalist"
    first = child[0].source_at
    assert link.source_at is not None and first is not None and link.source_at <= first, "it moves nothing in time"


def test_an_imported_chat_is_a_fork_that_counts_what_is_its_own(orc: Orc) -> None:
    orc.env["HOME"] = str(GEMINI / "import" / "home")
    orc.run("ingest", "--all")
    old, new = sorted(orc.sessions().values(), key=lambda session: session["requests"], reverse=True)
    assert (old["requests"], new["requests"]) == (2, 1)
    assert (new["parent"], new["relation"]) == (old["id"], "fork")
    assert (old["turns"], new["turns"]) == (1, 1), "what was said before is not said again"
    copies = next(drafts for drafts in scenario("import").values() if len(of(drafts, ev.Usage)) == 3)
    assert story(copies)[:5] == [
        "user replayed", "text ... replayed", "tool.call", "result True replayed", "text stop replayed",
    ]  # fmt: skip


def test_a_chat_of_an_older_version_goes_on_as_lines(orc: Orc) -> None:
    """0.30.1 wrote one document; 0.61.0 took it over."""
    orc.env["HOME"] = str(GEMINI / "older" / "home")
    orc.run("ingest", "--all")
    (session,) = orc.sessions().values()
    assert (session["requests"], session["turns"], session["model"]) == (3, 2, "gemini-2.5-pro")
    assert (session["title"], session["project"]) == ("think about the plan", "webapp")
    document = next(drafts for name, drafts in scenario("older").items() if name.endswith(".json"))
    assert [usage.tokens.reasoning for usage in of(document, ev.Usage)] == [20, 20]


def test_what_a_person_did_in_the_terminal() -> None:
    """Approved, declined, cancelled, failed, ran a command, compressed, rewound: and the history was written again."""
    (drafts,) = scenario("interactive").values()
    tool = ["user", "text stop", "tool.call", "result True", "text stop"]
    declined = ["user", "text stop", "tool.call", "result False", "user interrupt"]
    failed = ["user", "text stop", "tool.call", "result False", "text stop"]
    think = ["user", "assistant.thinking", "text stop", *["tool.call"] * 2, *["result True"] * 2]
    cancelled = ["user", "text stop", "user interrupt", "tool.call", "result False", "user interrupt"]
    assert story(drafts) == [
        *tool, *declined, "user", "user interrupt", "user", "text stop", "user", "api.error", "api.error", *failed,
        *think, "assistant.thinking", "text stop", "user local", *cancelled, "compact.ended", "user", "text stop", *tool,
    ]  # fmt: skip
    error = of(drafts, ev.ApiError)[-1]
    assert (error.status, error.kind, error.text, error.final) == (401, "UNAUTHENTICATED", "mock error 401", True)
    assert of(drafts, ev.CompactEnded) == [ev.CompactEnded(pre_tokens=37_719)]
    assert said(drafts, "interactive") == [True]


# --- where its files are --------------------------------------------------------------------------------------


def test_roots_and_files(tmp_path: Path) -> None:
    gemini, chats = Gemini(), tmp_path / ".gemini/tmp/web/chats"
    (chats / SESSION).mkdir(parents=True)
    name = Path(FILE).name
    for file in (name, f"{name}.tmp-7", f"{name}.unreadable-7", "session-old.json", "other.json", "notes.txt"):
        (chats / file).write_text("")
    (chats / SESSION / Path(CHILD).name).write_text("")
    (chats.parent / "logs.json").write_text("")
    (chats.parent / "tool-outputs").mkdir()
    (chats.parent / "tool-outputs" / "x.jsonl").write_text("")
    (tmp_path / ".gemini/tmp/elsewhere").symlink_to(chats.parent)
    root = (tmp_path / ".gemini").resolve()
    assert gemini.roots({"HOME": str(tmp_path)}) == [root]
    assert gemini.roots({"HOME": "/none", "GEMINI_CLI_HOME": str(tmp_path)}) == [root]
    assert gemini.roots({"HOME": "/none"}) == []
    found = list(gemini.discover(root, Listing(), time.time_ns()))
    assert [(Path(ref.path).name, ref.kind) for ref in found] == [
        (name, "lines"), (Path(CHILD).name, "lines"), ("session-old.json", "document"),
    ]  # fmt: skip
    assert gemini.parser(found[1], None, 0).session == f"gemini:{AGENT}"
    assert gemini.claims(root, Listing(), 0) == []


def test_a_chat_without_a_header_is_known_by_its_file() -> None:
    drafts = read({"id": "m", "type": "user", "content": "hi", "timestamp": "2026-11-20T10:00:00Z"})
    assert {draft.session for draft in drafts} == {f"gemini:{Path(FILE).stem}"}
