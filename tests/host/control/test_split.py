"""Splitting: every child in a worktree of its own with its share of the budget, and back again while nothing was done."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clock import SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.host.control import desk
from orchestrator_tui.host.control.splitting import fork_trees, split, unsplit
from orchestrator_tui.host.run import opened
from orchestrator_tui.host.service import Host
from orchestrator_tui.paths import Paths
from tests.conftest import wait_for
from tests.host.control.splitting import NAME, PARTS, Children, asked, runs, state_of
from tests.host.repos import Repo


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """These tests may themselves be run by an agent; git is asked as nobody in particular."""
    monkeypatch.setattr("orchestrator_tui.host.control.callers.MARKS", {"ORC_TEST_AGENT": "a test"})
    monkeypatch.setattr("orchestrator_tui.host.control.callers.PROGRAMS", frozenset())
    monkeypatch.setattr(desk, "UNDO", {"split": unsplit.undo_split})
    monkeypatch.setattr(unsplit, "ENDING", 0.2)
    monkeypatch.setattr(unsplit, "SEEN", 0.2)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "web")
    made.commit(a_txt="one\n")
    return made


@pytest.fixture
async def host(tmp_path: Path, repo: Repo) -> AsyncIterator[Host]:
    async with opened(Paths(tmp_path / "c", tmp_path / "s", tmp_path / "r"), Config(), SystemClock()) as made:
        made.commands._verbs["split"] = split.split
        made.owned = Children(made)  # type: ignore[assignment]
        facts = ev.SessionUpdated(
            client="claude", owned=True, project="web", cwd=str(repo.root), model="claude-opus-4-8", title="Parser"
        )
        await made.note([(None, ev.Beat()), (NAME, facts), (NAME, ev.UserMessage(text=excerpt("Write a parser")))])
        await made.note([(NAME, ev.TurnEnded())])
        yield made


@pytest.fixture
def parent(host: Host) -> Iterator[subprocess.Popen[bytes]]:
    process = runs(host)
    yield process
    process.kill()
    process.wait()


def children(host: Host) -> Children:
    assert isinstance(host.owned, Children)
    return host.owned


def nothing_left(host: Host, repo: Repo) -> None:
    assert repo.git("branch", "--format=%(refname:short)") == "main"
    assert len(repo.git("worktree", "list").splitlines()) == 1
    assert not host.paths.worktrees.exists() or list(host.paths.worktrees.iterdir()) == []
    assert children(host).live == {}


async def test_each_part_is_a_session_with_a_worktree_and_the_parent_as_its_parent(host: Host, repo: Repo) -> None:
    done = await asked(host, "split", parts=PARTS)
    assert (done.outcome, done.text) == ("done", "")
    receipt, tasks = done.receipt, children(host).tasks
    trees = [host.paths.worktrees.resolve() / f"web-0a1b2c3d-{n}" for n in (1, 2)]
    assert receipt["worktrees"] == [str(tree) for tree in trees] == [task.cwd for task in tasks]
    assert receipt["branches"] == ["orc/0a1b2c3d-1", "orc/0a1b2c3d-2"]
    assert (receipt["context"], receipt["parent_paused"]) == ("forked", False)
    assert "between turns" in str(receipt["why_not_paused"])
    assert all((tree / "a.txt").read_text() == "one\n" for tree in trees)
    for task, part, other in zip(tasks, PARTS, PARTS[::-1], strict=True):
        assert (task.resume, task.fork, task.model, task.title) == (
            NAME.partition(":")[2],
            True,
            "claude-opus-4-8",
            part,
        )
        assert task.prompt.index(f"> {part}") < task.prompt.index(f"> {other}")
    for child, part in zip(receipt["children"], PARTS, strict=True):  # type: ignore[arg-type]
        known = host.fleet.sessions[child]
        assert (known.parent, known.relation, known.title) == (NAME, "split", part)
        assert known.steering.budget_usd is None
    made = host.fleet.sessions[NAME].steering.split
    assert made is not None
    assert (made.children, made.worktrees) == (receipt["children"], receipt["worktrees"])


async def test_the_parent_stands_still_until_the_split_is_taken_back(
    host: Host, repo: Repo, parent: subprocess.Popen[bytes]
) -> None:
    await host.note([(NAME, ev.TurnStarted())])
    done = await asked(host, "split", parts=PARTS)
    assert (done.receipt["parent_paused"], done.receipt["why_not_paused"]) == (True, "")
    assert state_of(parent) == "T"
    back = await asked(host, "undo", command=done.command_id)
    assert (back.outcome, back.receipt["parent_resumed"], back.receipt["kept"]) == ("done", True, [])
    wait_for(lambda: state_of(parent) != "T")
    nothing_left(host, repo)
    split_made = host.fleet.sessions[NAME].steering.split
    assert split_made is not None
    assert split_made.children == []
    assert "nothing is left" in (await asked(host, "undo", command=done.command_id)).text


async def test_taking_back_is_refused_when_a_child_has_done_something(host: Host, repo: Repo) -> None:
    done = await asked(host, "split", parts=PARTS)
    tree = Path(done.receipt["worktrees"][1])  # type: ignore[index,arg-type]
    (tree / "new.py").write_text("work")
    back = await asked(host, "undo", command=done.command_id)
    assert back.outcome == "refused"
    assert "'Write the docs': files were changed" in back.text
    assert (tree / "new.py").read_text() == "work"
    assert len(children(host).live) == 2
    assert children(host).log == []
    (tree / "new.py").unlink()
    # What it edited elsewhere counts as well.
    await host.note([(done.receipt["children"][0], ev.FileChanged("/elsewhere/x", "1"))])  # type: ignore[index]
    back = await asked(host, "undo", command=done.command_id)
    assert "'Write the parser': it has changed files" in back.text


async def test_what_a_child_writes_while_it_ends_is_kept(
    host: Host, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = await asked(host, "split", parts=PARTS)
    tree = Path(done.receipt["worktrees"][0])  # type: ignore[index,arg-type]
    before = unsplit.end_children

    async def late(*given: Any) -> list[str]:
        (tree / "late").write_text("x")
        return await before(*given)

    monkeypatch.setattr(unsplit, "end_children", late)
    back = await asked(host, "undo", command=done.command_id)
    assert back.outcome == "failed"
    assert f"{tree} is kept: files were changed" in back.text
    assert (tree / "late").exists()
    assert [t.path for t in fork_trees.known(host.paths.worktrees)] == [str(tree)]


async def test_what_is_left_of_the_budget_is_divided(host: Host) -> None:
    # What was spent: a dollar of four; a sub-agent's counts, an older split's does not.
    usage = ev.Usage(tokens=ev.Tokens(input=1), cost=500_000_000)
    await host.note([(NAME, ev.BudgetSet(4.0)), (NAME, usage), ("claude:sub", usage), ("claude:old", usage)])
    await host.note([("claude:sub", ev.SessionUpdated(parent=NAME, relation="subagent"))])
    await host.note([("claude:old", ev.SessionUpdated(parent=NAME, relation="split"))])
    done = await asked(host, "split", parts=[*PARTS, "Third"])
    assert done.receipt["budget_each_usd"] == 1.0
    assert [host.fleet.sessions[c].steering.budget_usd for c in done.receipt["children"]] == [1.0] * 3  # type: ignore[union-attr]
    await host.note([(NAME, ev.BudgetSet(1.0))])
    assert "used up" in (await asked(host, "split", parts=PARTS)).text


async def test_parts_come_from_the_to_do_list_where_none_are_said(host: Host) -> None:
    assert "no to-do list" in (await asked(host, "split")).text
    await host.note([(NAME, ev.TaskUpdated("1", "Only", "in_progress"))])
    assert "this is 1, as its own to-do list has it" in (await asked(host, "split")).text
    await host.note([(NAME, ev.TaskUpdated("2", "Next", "pending"))])
    assert (await asked(host, "split")).receipt["parts"] == ["Only", "Next"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"parts": ["one"]}, "2 to 8 parts"),
        ({"parts": [str(n) for n in range(9)]}, "this is 9"),
        ({"parts": ["a", " "]}, "part 2 is empty"),
        ({"parts": ["a", "é" * 2049]}, "longer than 4096 bytes"),
        ({"parts": ["a", "a "]}, "the same"),
        ({"parts": PARTS, "dirty": "maybe"}, "carry or refuse"),
        ({"parts": PARTS, "model": "--help"}, "no name of a model"),
        ({"parts": PARTS, "model": "a b"}, "no name of a model"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_touched(
    host: Host, repo: Repo, arguments: dict[str, Any], words: str
) -> None:
    done = await asked(host, "split", **arguments)
    assert (done.outcome, children(host).tasks) == ("refused", [])
    assert words in done.text
    nothing_left(host, repo)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (ev.SessionUpdated(relation="subagent", parent="claude:y"), "sub-agent"),
        (ev.SessionUpdated(client="log"), "cannot start sessions of log"),
        (ev.SessionUpdated(host="another"), "another machine"),
        (ev.SessionUpdated(cwd="/nowhere/at\x1ball"), "is gone"),
        (ev.SessionUpdated(cwd="relative"), "is gone"),
    ],
)
async def test_what_cannot_be_split(host: Host, facts: ev.SessionUpdated, words: str) -> None:
    await host.note([(NAME, facts)])
    done = await asked(host, "split", parts=PARTS)
    assert done.outcome == "refused"
    assert words in done.text
    assert "\x1b" not in done.text


async def test_outside_a_repository_it_offers_the_shared_directory(host: Host, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    await host.note([(NAME, ev.SessionUpdated(cwd=str(plain)))])
    done = await asked(host, "split", parts=PARTS)
    assert "not in a git repository; with --shared" in done.text
    done = await asked(host, "split", parts=PARTS, shared=True)
    assert (done.outcome, done.receipt["worktrees"]) == ("done", [])
    assert [task.cwd for task in children(host).tasks] == [str(plain)] * 2
    assert "one directory" in children(host).tasks[0].prompt
    child = done.receipt["children"][0]  # type: ignore[index]
    await host.note([(child, ev.FileChanged("x.py", "1"))])
    assert "has changed files" in (await asked(host, "undo", command=done.command_id)).text


async def test_a_shared_split_is_taken_back(host: Host) -> None:
    done = await asked(host, "split", parts=PARTS, shared=True)
    back = await asked(host, "undo", command=done.command_id)
    assert (back.outcome, children(host).live) == ("done", {})


async def test_a_dirty_checkout_is_refused_or_carried(host: Host, repo: Repo) -> None:
    repo.write("a.txt", "mine\n")
    repo.write("new.txt", "new\n")
    done = await asked(host, "split", parts=PARTS)
    assert "2 files are not committed" in done.text
    assert "--carry" in done.text
    done = await asked(host, "split", parts=PARTS, dirty="carry")
    assert (done.outcome, done.receipt["carried_files"]) == ("done", 2)
    for tree in map(Path, done.receipt["worktrees"]):  # type: ignore[arg-type]
        assert [(tree / n).read_text() for n in ("a.txt", "new.txt")] == ["mine\n", "new\n"]
    assert (await asked(host, "undo", command=done.command_id)).outcome == "done"
    nothing_left(host, repo)
    assert (repo.root / "a.txt").read_text() == "mine\n"


@pytest.mark.parametrize("client", ["gemini", "claude", "opencode", "codex"])
async def test_a_fresh_child_is_told_what_went_before(host: Host, client: str) -> None:
    await host.note([(NAME, ev.SessionUpdated(client=client, effort="high"))])
    await host.note([(NAME, ev.AssistantMessage(text=excerpt("The lexer is done.\n> Forget it")))])
    done = await asked(host, "split", parts=PARTS, fresh=client != "gemini", model="m-1")
    assert done.receipt["context"] == "fresh with a summary"
    task = children(host).tasks[0]
    assert (task.resume, task.fork, task.model) == (None, False, "m-1")
    assert task.effort == ("high" if client in ("claude", "codex") else None)
    assert "> Asked for at first: Write a parser" in task.prompt
    assert "> - it: The lexer is done. ⏎ > Forget it" in task.prompt


async def test_a_child_that_does_not_start_takes_the_split_back(
    host: Host, repo: Repo, parent: subprocess.Popen[bytes]
) -> None:
    await host.note([(NAME, ev.TurnStarted())])
    children(host).fails_at = 1
    done = await asked(host, "split", parts=[*PARTS, "Third"])
    assert done.outcome == "failed"
    assert done.text == "claude ended before its session began: no; nothing is left of it"
    wait_for(lambda: state_of(parent) != "T")
    nothing_left(host, repo)
    assert host.fleet.sessions[NAME].steering.split is None


async def test_a_child_that_hangs_at_its_start_is_not_waited_for(
    host: Host, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any, **__: Any) -> str:
        await asyncio.Event().wait()
        return ""

    monkeypatch.setattr(split, "STARTING", 0.05)
    monkeypatch.setattr(children(host), "start", never)
    done = await asked(host, "split", parts=PARTS)
    assert (done.outcome, done.text) == ("failed", "part 1 did not start within 0 s; nothing is left of it")
    nothing_left(host, repo)


async def test_what_cannot_be_taken_back_is_said(host: Host, repo: Repo) -> None:
    def work(task: Any) -> None:
        (Path(task.cwd) / "work").write_text("x")

    children(host).also = work
    children(host).fails_at = 1
    done = await asked(host, "split", parts=PARTS)
    assert done.outcome == "failed"
    trees = fork_trees.known(host.paths.worktrees)
    assert len(trees) == 2
    assert all(f"{tree.path} (files were changed)" in done.text for tree in trees)


async def test_a_child_that_does_not_end_is_named(host: Host) -> None:
    done = await asked(host, "split", parts=PARTS)
    child = done.receipt["children"][0]  # type: ignore[index]
    children(host).deaf.add(child)
    back = await asked(host, "undo", command=done.command_id)
    assert back.outcome == "failed"
    assert f"{child} still runs" in back.text


async def test_a_child_that_has_no_word_for_its_end_is_ended_by_its_process(host: Host) -> None:
    done = await asked(host, "split", parts=PARTS)
    child = str(done.receipt["children"][0])  # type: ignore[index]
    children(host).deaf.add(child)
    process = runs(host, child)
    threading.Thread(target=lambda: (process.wait(), children(host).live.pop(child)), daemon=True).start()
    back = await asked(host, "undo", command=done.command_id)
    assert (back.outcome, process.returncode is not None) == ("done", True)


async def test_a_claude_session_is_forked_by_its_transcript_where_that_is_known(host: Host, tmp_path: Path) -> None:
    path = str(tmp_path / f"{NAME.partition(':')[2]}.jsonl")
    host.ingest.files[("claude", path)] = None  # type: ignore[assignment]
    await asked(host, "split", parts=PARTS)
    assert [task.resume for task in children(host).tasks] == [path, path]


async def test_a_worktree_that_cannot_be_made_leaves_nothing(
    host: Host, repo: Repo, parent: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    await host.note([(NAME, ev.TurnStarted())])
    made, before = [], fork_trees.make

    def second_fails(*given: Any) -> fork_trees.Tree:
        if made:
            raise fork_trees.GitTrouble("no room")
        made.append(before(*given))
        return made[0]

    monkeypatch.setattr(fork_trees, "make", second_fails)
    done = await asked(host, "split", parts=PARTS)
    assert (done.outcome, done.text) == ("failed", "no room; nothing is left of it")
    assert state_of(parent) != "T"
    nothing_left(host, repo)


HOSTILE = ["; touch {x}", "$(touch {x})", "`touch {x}`", "--dangerously-skip-permissions", "-", "a\n\n|| touch {x}\n"]


async def test_hostile_parts_are_only_ever_text(host: Host, tmp_path: Path) -> None:
    parts = [part.format(x=tmp_path / "x") for part in HOSTILE]
    await host.note([(NAME, ev.SessionUpdated(project="; touch x", branch="$(id)"))])
    done = await asked(host, "split", parts=parts)
    assert done.outcome == "done"
    assert not (tmp_path / "x").exists()
    assert not list(tmp_path.rglob("x"))
    for task in children(host).tasks:
        assert task.prompt.startswith("The work of this session was split")
    assert all(branch.startswith("orc/0a1b2c3d-") for branch in done.receipt["branches"])  # type: ignore[union-attr]


async def test_an_undo_of_something_else_is_refused(host: Host) -> None:
    failed = await asked(host, "split", parts=["one"])
    assert (await asked(host, "undo", command=failed.command_id)).outcome == "refused"
    assert (await asked(host, "undo", command="nobody")).outcome == "refused"
