"""Loops and the built-in agent: their logs, whose they are, which process writes them, and the agent's channel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clients.base import Draft, FileRef
from orchestrator_tui.clients.listing import Listing
from orchestrator_tui.clients.loop import Loop, is_log
from orchestrator_tui.clock import SECOND
from orchestrator_tui.loops.agent.oneself import identity
from tests.clients.feeding import LATER, as_line, of, records
from tests.conftest import wait_for

ROOT = "/state/loops"
HEAD = {"kind": "session", "schema": "orc.log/1", "session": "l1", "t": "2026-11-21T00:00:00Z"}
STEP = {"kind": "usage", "id": "r1", "model": "m", "input": 5, "t": "2026-11-21T00:00:05Z"}


def read(*lines: object, path: str = "l1/loop.jsonl", cut: int | None = None) -> list[Draft]:
    """The drafts of a log; with `cut`, by a parser that was restarted after so many lines."""
    file = FileRef("loop", f"{ROOT}/{path}", "lines", ROOT)
    parser = Loop().parser(file, None, 7 * SECOND)
    drafts: list[Draft] = []
    for number, record in enumerate(records([as_line(line) for line in lines])):
        if number == cut:
            parser = Loop().parser(file, msgspec.msgpack.encode(parser.state), 99 * SECOND)
        drafts += parser.feed(record)
    msgspec.msgpack.encode(drafts)
    return drafts


def test_only_the_logs_of_sessions_are_found(tmp_path: Path) -> None:
    wanted = ["l1/loop.jsonl", "l1/iterations/1.jsonl", "l1/iterations/12.jsonl", "agents/a1.jsonl"]
    others = [
        "l1/spec.json",
        "l1/checks/1.jsonl",
        "x.jsonl",
        "l1/other.jsonl",
        "l1/iterations/deep/1.jsonl",
        "agents/.t.jsonl",
    ]
    for name in [*wanted, *others]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "l1/iterations/2.jsonl").symlink_to("/etc/passwd")
    found = [ref.path for ref in Loop().discover(tmp_path, Listing(), LATER)]
    assert sorted(found) == sorted(str(tmp_path / name) for name in wanted)
    assert Loop().roots({}) == [] and not is_log(())


def test_a_loop_its_iterations_and_their_agents() -> None:
    loop = read(HEAD | {"title": "fix it", "owned": True, "agent": "claude", "iterations": 20}, STEP)
    assert {draft.session for draft in loop} == {"loop:l1"}
    (header,) = of(loop, ev.SessionUpdated)
    assert (header.client, header.title, header.owned, header.parent) == ("loop", "fix it", True, None)
    assert header.iterations == 20
    one = read(HEAD | {"session": "l1/3", "parent": "l1", "relation": "iteration"}, STEP, {"kind": "user", "agent": "h", "text": "x"},
               path="l1/iterations/3.jsonl")  # fmt: skip
    assert [draft.session for draft in one] == ["loop:l1/3"] * 2 + ["loop:l1/3/h"] * 2
    links = of(one, ev.SessionUpdated)
    assert [(link.client, link.parent, link.relation) for link in links] == [
        ("loop", "loop:l1", "iteration"), ("loop", "loop:l1/3", "subagent"),
    ]  # fmt: skip
    # One id in two logs is two responses; and none of the open log's.
    assert len({draft.response for draft in [*loop, *one] if draft.response}) == 2


def test_an_iteration_that_another_client_runs_belongs_to_the_loop() -> None:
    line = {
        "kind": "iteration",
        "n": 2,
        "session": "claude:0b8d3c4e-0000-4000-8000-000000000001",
        "t": "2026-11-21T00:01:00Z",
    }
    header, told = read(HEAD, line | {"title": "it 2"})
    assert told.session == line["session"] and told.source_at == (header.source_at or 0) + 60 * SECOND
    assert told.body == ev.SessionUpdated(
        client="claude", title="it 2", title_rank=2, parent="loop:l1", relation="iteration", owned=True
    )


@pytest.mark.parametrize(
    "session",
    [
        None,
        7,
        "",
        "claude:",
        "nobody:1",
        "claude:../x",
        "claude:a/../b",
        "claude:a\x1b",
        "x" * 500,
        ["claude:1"],
        "loop:a/b/c",
    ],
)
def test_an_iteration_line_that_names_no_session_is_kept_as_it_was(session: object) -> None:
    _, kept = read(HEAD, {"kind": "iteration", "n": 1, "session": session})
    assert kept.session == "loop:l1" and isinstance(kept.body, ev.UnknownRecord)


@pytest.mark.parametrize(
    ("said", "parent", "relation"),
    [
        ({"parent": "l9", "relation": "iteration"}, "loop:l9", "iteration"),
        ({"parent": "claude:abc", "relation": "split"}, "claude:abc", "split"),
        ({"parent": "l9", "relation": "owner"}, "loop:l9", None),
        ({"parent": "l9", "relation": ["fork"]}, "loop:l9", None),
        ({"relation": "iteration"}, None, None),
        ({"parent": 7, "relation": "fork"}, None, None),
    ],
)
def test_what_a_header_says_of_its_parent(said: dict[str, Any], parent: str | None, relation: str | None) -> None:
    try:
        (header,) = of(read(HEAD | said), ev.SessionUpdated)
    except TypeError:
        pytest.fail("a header may hold anything")
    assert (header.parent, header.relation) == (parent, relation)


def test_a_hostile_parent_or_id_is_hashed() -> None:
    (header,) = read(HEAD | {"session": "../../x", "parent": "\x1b]0;x"})
    assert header.session.startswith("loop:x") and header.session[5:].isalnum()
    assert isinstance(header.body, ev.SessionUpdated) and (header.body.parent or "")[5:].isalnum()
    assert {d.session for d in read(STEP, path="l7/iterations/4.jsonl")} == {"loop:l7/4"}
    assert {d.session for d in read(STEP, path="l7/loop.jsonl")} == {"loop:l7"}
    assert {d.session for d in read(b"garbage", path="agents/a-1.jsonl")} == {"loop:a-1"}


def test_a_restart_anywhere_changes_nothing() -> None:
    lines: list[object] = [HEAD | {"session": "l1/2", "parent": "l1", "relation": "iteration"}, STEP, {"kind": "tool_call", "id": "1", "tool": "T", "agent": "h"},
             {"kind": "tool_result", "id": "1", "text": "x"}, b"garbage", HEAD, {"kind": "iteration", "session": "codex:1"}]  # fmt: skip
    whole = read(*lines)
    assert all(read(*lines, cut=cut) == whole for cut in range(len(lines)))
    assert len({draft.key for draft in whole}) == len(whole)


@given(st.dictionaries(st.sampled_from(["kind", "session", "parent", "relation", "owned", "title", "t", "pid"]),
                       st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.lists(st.integers()), st.sampled_from(["session", "iteration", "claude:1"]))))  # fmt: skip
def test_no_line_breaks_it(line: dict[str, Any]) -> None:
    read(line, HEAD, line)


# --- processes ------------------------------------------------------------------------------------------------

WRITER = """
import json, sys, time
from orchestrator_tui.loops.agent.oneself import identity
print(json.dumps({"kind": "session", "schema": "orc.log/1", "session": "a1", "cwd": "/", **identity()}), flush=True)
time.sleep(600)
"""


def test_a_process_is_named_by_its_own_log_and_by_no_other(tmp_path: Path) -> None:
    root = tmp_path / "loops"
    (root / "agents").mkdir(parents=True, mode=0o700)
    root.chmod(0o700)
    log = root / "agents" / "a1.jsonl"
    log.touch(0o600)
    loop = Loop()

    def claims() -> list[Any]:
        return loop.claims(root, Listing(), LATER)

    # As the agent would be started, but for what it runs.
    writer = subprocess.Popen([sys.executable, "-c", WRITER, "orchestrator_tui.loops.agent"], stdout=log.open("ab"))
    try:
        (claim,) = wait_for(claims)
        assert (claim.session, claim.pid, claim.cwd, claim.proof) == (
            "loop:a1",
            writer.pid,
            "/",
            "its own log names it",
        )
        assert claims() == [claim]
        root.chmod(0o755)
        assert claims() == []
        root.chmod(0o700)
        # Another process than the one that began then, another program, another boot: no claim.
        true = json.loads(log.read_text())
        mine = {"session": "s", "kind": "session", **identity()}
        for number, head in enumerate(
            (
                true | {"started": true["started"] + 1},
                true | {"boot": "x"},
                mine,
                true | {"pid": 1},
                {},
                true | {"started": None},
            )
        ):
            (root / "agents" / f"b{number}.jsonl").write_text(json.dumps(head) + "\n")
        (root / "agents" / "half.jsonl").write_text(json.dumps(true)[:-1])
        assert claims() == [claim]
    finally:
        writer.kill()
        writer.wait()
    assert claims() == []


def test_the_process_that_runs_here_is_named_exactly() -> None:
    found = identity()
    assert found["pid"] == os.getpid()
    if Path("/proc/self/stat").exists():
        stat = Path(f"/proc/{os.getpid()}/stat").read_text()
        assert found["started"] == int(stat.rpartition(")")[2].split()[19])
