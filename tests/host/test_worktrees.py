"""When git is asked: after something was done, seldom, one checkout at a time, and once for all who share it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt, output
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.host import worktrees as room
from orchestrator_tui.host.changes import Look
from orchestrator_tui.host.git import Git
from orchestrator_tui.host.worktrees import Worktrees
from orchestrator_tui.store.reader import Reader
from tests.conftest import Orc, wait_for
from tests.host.repos import BEGAN, Repo
from tests.host.transcripts import write

SECOND = 10**9
MACHINE = "here"


class World:
    """A fleet, its host's worktrees, and a clock."""

    def __init__(self, git: Git | None) -> None:
        self.fleet, self.now, self.seq = Fleet(), (BEGAN + 90) * SECOND, 0
        self.worktrees = Worktrees(git, MACHINE)
        self.told: list[tuple[str | None, ev.WorktreeSeen]] = []

    def event(self, name: str, *bodies: ev.KnownBody) -> None:
        for body in bodies:
            self.seq += 1
            event = ev.Event(self.seq, self.now, self.now, self.now, name, body)
            self.fleet.apply(event)
            self.worktrees.heed([event])

    def session(self, name: str, cwd: Path | str, pid: int | None = 7, **facts: object) -> str:
        self.event(name, ev.SessionUpdated(cwd=str(cwd), **facts))  # type: ignore[arg-type]
        if pid is not None:
            self.event(name, ev.ProcessObserved(pid=pid, started=1))
        return name

    def edit(self, name: str, path: str, call: str = "c") -> None:
        self.event(name, ev.ToolCall(call_id=call, tool="Edit", arguments=excerpt(f'{{"file_path":"{path}"}}')),
                   ev.ToolResult(call_id=call, ok=True, output=output("updated")))  # fmt: skip

    async def after(self, seconds: float, steps: int = 3) -> list[str]:
        """Let time pass; returns of whom something was told."""
        self.now += int(seconds * SECOND)
        told: list[str] = []
        for _ in range(steps):
            for name, body in self.worktrees.step(self.fleet.sessions, self.now):
                assert name is not None
                told.append(name)
                self.told.append((name, body))
                self.event(name, body)
            if self.worktrees._task is not None:
                await asyncio.wait([self.worktrees._task])
        return told


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(Git.find())
    yield world
    await world.worktrees.close()


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "repo")
    repo.commit(a_txt="one\n")
    return repo


async def test_first_sight_then_only_after_something_was_done(world: World, repo: Repo) -> None:
    name = world.session("log:a", repo.root)
    assert await world.after(1) == [name]
    looks = world.worktrees.looks
    for _ in range(20):
        assert await world.after(30) == []
    assert world.worktrees.looks == looks
    repo.write("a.txt", "two\n")
    assert await world.after(30) == []
    world.edit(name, str(repo.root / "a.txt"))
    assert await world.after(30) == [name]
    assert world.told[-1][1].files == (("a.txt", 1, 1),)
    world.edit(name, str(repo.root / "a.txt"), "c2")
    assert await world.after(30) == []
    assert world.worktrees.looks == looks + 2


async def test_at_most_every_ten_seconds(world: World, repo: Repo) -> None:
    name = world.session("log:a", repo.root)
    looks = 0
    for number in range(100):
        world.edit(name, f"/x/{number}", f"c{number}")
        await world.after(1)
    looks = world.worktrees.looks
    assert 2 <= looks <= 11


async def test_sessions_in_one_checkout_share_a_look(world: World, repo: Repo) -> None:
    repo.write("deep/x.txt", "")
    first, second = world.session("log:a", repo.root), world.session("log:b", repo.root / "deep", pid=8)
    assert sorted(await world.after(1, 6) + await world.after(30, 6)) == [first, second]
    looks = world.worktrees.looks
    assert looks == 2, "that both are in one checkout is known after the first sight"
    repo.write("a.txt", "two\n")
    world.edit(first, "a.txt")
    world.edit(second, "../a.txt")
    assert sorted(await world.after(30)) == [first, second]
    assert world.worktrees.looks == looks + 1


@pytest.mark.parametrize(
    "facts",
    [{"pid": None, "host": "elsewhere"}, {"relation": "subagent", "parent": "log:p"}, {"cwd": "relative"}, {"cwd": ""}],
    ids=["machine", "subagent", "relative", "nothing"],
)
async def test_who_is_not_looked_after(world: World, repo: Repo, facts: dict[str, object]) -> None:
    world.session("log:a", **{"cwd": repo.root, **facts})  # type: ignore[arg-type]
    assert await world.after(1) == []
    assert world.told == []


async def test_the_dead_and_the_long_silent_are_left_alone(world: World, repo: Repo) -> None:
    gone, quiet = world.session("log:a", repo.root), world.session("log:b", repo.root, pid=None)
    world.event(gone, ev.ProcessGone(pid=7))
    assert await world.after(601) == []
    assert world.worktrees.looks == 0
    world.event(quiet, ev.UserMessage(text=excerpt("go")))
    assert await world.after(1) == [quiet]


async def test_where_there_is_no_checkout_one_looks_seldom(world: World, tmp_path: Path) -> None:
    name = world.session("log:a", tmp_path)
    for number in range(60):
        world.edit(name, "x", f"c{number}")
        assert await world.after(1) == []
    assert world.worktrees.looks <= 2


async def test_without_git_nothing_is_said(repo: Repo) -> None:
    world = World(None)
    world.session("log:a", repo.root)
    assert await world.after(1) == []
    await world.worktrees.close()


async def test_a_slow_checkout_is_looked_at_seldom_and_others_go_on(
    world: World, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, calls = str(repo.root), []

    def look(git: Git, cwd: str, wanted: list[room.Wanted]) -> Look:
        calls.append(cwd)
        return Look(None, {}, 2.0 if cwd == slow else 0.01, tuple(w.session for w in wanted) if cwd == slow else ())

    monkeypatch.setattr(room, "look", look)
    one, two = world.session("log:a", slow), world.session("log:b", tmp_path / "other", pid=8)
    for number in range(180):
        world.edit(one, "x", f"a{number}")
        world.edit(two, "x", f"b{number}")
        await world.after(1)
    assert calls.count(slow) == 1
    assert calls.count(str(tmp_path / "other")) >= 2
    await world.after(60)
    assert calls.count(slow) == 2


async def test_a_step_never_waits_for_git(world: World, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(git: Git, cwd: str, wanted: object) -> Look:
        time.sleep(0.5)
        return Look(None, {}, 0.5)

    monkeypatch.setattr(room, "look", look)
    world.session("log:a", repo.root)
    began = time.monotonic()
    for _ in range(50):
        assert world.worktrees.step(world.fleet.sessions, world.now) == []
    assert time.monotonic() - began < 0.3


async def test_a_new_host_goes_on_with_the_base_and_tells_only_news(world: World, repo: Repo) -> None:
    name = world.session("log:a", repo.root)
    await world.after(1)
    first = world.told[0][1]
    repo.commit(a_txt="three\n")
    again = World(Git.find())
    again.fleet.load(world.fleet.dump())
    assert await again.after(1) == [name]
    assert (again.told[0][1].base, again.told[0][1].commits_since) == (first.base, 1)
    third = World(Git.find())
    third.fleet.load(again.fleet.dump())
    assert await third.after(1) == []
    for one in (again, third):
        await one.worktrees.close()


async def test_what_is_remembered_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_KEPT", 5)
    monkeypatch.setattr(room, "look", lambda git, cwd, wanted: Look(cwd, {}, 0.0))
    for number in range(40):
        world.session(f"log:{number}", f"/nowhere/{number}", pid=100 + number)
        await world.after(1)
    kept = (world.worktrees._roots, world.worktrees._due, world.worktrees._seen)
    assert [len(one) for one in kept] == [5, 5, 5]
    assert not world.worktrees._pending


def test_a_running_host_tells_what_changed(orc: Orc, tmp_path: Path) -> None:
    """From a transcript to the store: the checkout that the transcript's lines were written in."""
    repo = Repo(tmp_path / "checkout")
    repo.commit(a_txt="one\n")
    repo.write("a.txt", "one\ntwo\n")
    path = write(orc.home, "s", 1, time.time() - 20)
    path.write_bytes(path.read_bytes().replace(b'"/tmp/demo/web"', f'"{repo.root}"'.encode()))
    process = orc.start_host()

    def told() -> list[ev.AnyBody]:
        with Reader(orc.paths.database) as reader:
            return [e.body for e in reader.of_session("claude:s") if isinstance(e.body, ev.WorktreeSeen)]

    try:
        (seen,) = wait_for(told)
    finally:
        process.terminate()
        assert process.wait(20) == 0
    assert (seen.root, seen.files, seen.dirty) == (str(repo.root), (("a.txt", 1, 0),), True)
    shown = orc.json("show", "claude:s")["session"]
    assert shown["worktree"]["files"] == [{"path": "a.txt", "added": 1, "removed": 0}]
    assert (shown["worktree"]["added"], shown["worktree"]["base"]) == (1, seen.base)
    assert shown["trust"] == {
        "last_check": None, "last_check_at": None, "last_check_ok": None, "last_edit_at": None, "stale": False,
        "words": None, "claim": None,
    }  # fmt: skip
    assert "changes  1 file +1 -0, not committed" in orc.run("show", "claude:s").stdout
