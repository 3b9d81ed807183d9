"""Splitting real sessions: each child knows what the parent knew, works in its own worktree, and is counted apart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.conftest import Orc, wait_for
from tests.host.repos import Repo
from tests.real.conftest import Claude, Codex, OpenCode, Program, end_all

pytestmark = pytest.mark.clients
SECOND = "the second thing; touch x $(touch x) `touch x` --dangerously-skip-permissions"


class World:
    """A host, one client in a repository, and what the model server was asked."""

    def __init__(self, orc: Orc, name: str, program: Program, log: Path) -> None:
        self.orc, self.name, self.program, self.log = orc, name, program, log
        self.repo = Repo(program.project)
        self.repo.commit(a_txt="one\n")
        self.client: subprocess.Popen[bytes] | None = None
        self.host = orc.start_host(**{**program.env, "PATH": f"{program.binary.parent}:{os.environ['PATH']}"})

    def start(self, prompt: str, **where: Path) -> subprocess.Popen[bytes]:
        """The client as a person starts it, without orc."""
        words = {
            "claude": ["-p", "--allowedTools", "Bash", "--", prompt],
            "codex": ["exec", "--json", "--skip-git-repo-check", "-s", "danger-full-access", "--", prompt],
            "opencode": ["run", prompt],
        }[self.name]
        self.client = subprocess.Popen(
            [str(self.program.binary), *words],
            env=self.program.env,
            cwd=where.get("cwd", self.program.project),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            # A test run in the background must not hand on that it ignores this.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        return self.client

    def sees(self, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Wait until one session is so."""
        found: dict[str, Any] = wait_for(
            lambda: next((s for s in self.orc.sessions().values() if condition(s)), None), 60
        )
        return found

    def asked(self, *words: str) -> dict[str, Any]:
        """A command's answer."""
        done = self.orc.run(*words, "--yes", "--json", check=False)
        answer: dict[str, Any] = {**msgspec.json.decode(done.stdout), "words": done.stderr}
        return answer

    def requests(self, session: str) -> list[str]:
        """What the model was asked by a session, each as one text."""
        native, found = session.partition(":")[2], []
        for text in self.log.read_text().splitlines():
            record = json.loads(text)
            if native in str(record["headers"]) and "count_tokens" not in record["path"]:
                found.append(json.dumps(record["body"]))
        return found


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.fixture(params=["claude", "codex"])
def world(request: pytest.FixtureRequest, orc: Orc, model: str, tmp_path: Path) -> Iterator[World]:
    yield from world_of(request.param, orc, model, tmp_path)


def world_of(name: str, orc: Orc, model: str, tmp_path: Path) -> Iterator[World]:
    program: Program = {"claude": Claude, "codex": Codex, "opencode": OpenCode}[name](orc, model, tmp_path / "web")
    world = World(orc, name, program, tmp_path / "requests.jsonl")
    yield world
    world.host.terminate()
    world.host.wait(20)
    if world.host.stderr is not None:
        print(world.host.stderr.read().decode())
        world.host.stderr.close()
    if world.client is not None:
        world.client.kill()
        world.client.wait()
    end_all(orc.home)


def test_children_know_what_the_parent_knew_and_work_in_their_worktrees(world: World, tmp_path: Path) -> None:
    # A copy of a Codex thread that never asks does not ask either, and may do without what the thread might.
    part, made = ("deploy now", "deployed.txt") if world.name == "claude" else ("write notes", "NOTES.md")
    world.start("long sleep after ORIGIN-OF-ALL")
    parent = world.sees(lambda s: s["pid"] and s["status"] == "tool_running")
    world.asked("budget", parent["id"], "10")
    answer = world.asked("split", parent["id"], "--part", part, "--part", SECOND)
    assert answer["outcome"] == "done", json.dumps(answer)
    receipt, split = answer["receipt"], answer["command_id"]
    assert (receipt["parent_paused"], receipt["why_not_paused"], receipt["context"]) == (True, "", "forked")
    assert is_stopped(parent["pid"])
    kids, trees = receipt["children"], [Path(tree) for tree in receipt["worktrees"]]
    assert 4 < receipt["budget_each_usd"] <= 5
    for kid in kids if world.name == "claude" else ():
        world.sees(lambda s, kid=kid: s["id"] == kid and s["status"] == "waiting")
        assert world.asked("approve", kid)["outcome"] == "done"
    wait_for(lambda: all((tree / made).exists() for tree in trees), 30)
    assert not (world.program.project / made).exists()
    for kid, title in zip(kids, (part, SECOND), strict=True):
        seen = world.sees(lambda s, kid=kid: s["id"] == kid and s["status"] == "finished" and s["requests"] >= 2)
        assert (seen["parent"], seen["relation"], seen["owned"]) == (parent["id"], "split", True), seen
        assert (seen["requests"], seen["title"][:50]) == (2, title[:50])
        assert "ORIGIN-OF-ALL" in world.requests(kid)[0]
    after = world.orc.sessions()[parent["id"]]
    assert (after["status"], after["requests"], after["tokens"]) == ("paused", parent["requests"], parent["tokens"])
    assert not [path for path in tmp_path.rglob("x") if path.parent != tmp_path]
    back = world.asked("undo", split)
    assert (back["outcome"], f"'{part}': files were changed" in back["text"]) == ("refused", True), json.dumps(back)
    assert all((tree / made).exists() for tree in trees)


def test_a_split_is_taken_back_while_nothing_was_done(world: World) -> None:
    world.start("long sleep")
    parent = world.sees(lambda s: s["pid"] and s["status"] == "tool_running")
    answer = world.asked("split", parent["id"], "--part", "say hello", "--part", "nothing at all")
    assert answer["outcome"] == "done", json.dumps(answer)
    pids = [world.sees(lambda s, kid=kid: s["id"] == kid and s["pid"])["pid"] for kid in answer["receipt"]["children"]]
    assert is_stopped(parent["pid"])
    back = world.asked("undo", answer["command_id"])
    assert (back["outcome"], back["receipt"].get("parent_resumed")) == ("done", True), json.dumps(back)
    assert not is_stopped(parent["pid"])
    assert world.repo.git("branch", "--format=%(refname:short)") == "main"
    assert len(world.repo.git("worktree", "list").splitlines()) == 1
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_a_session_in_a_subdirectory_is_forked_there(world: World) -> None:
    world.repo.write("pkg/a.txt", "a\n")
    world.repo.commit()
    done = world.start("think about it ORIGIN-OF-ALL", cwd=world.program.project / "pkg")
    assert done.wait(60) == 0
    parent = world.sees(lambda s: s["status"] == "finished" and s["requests"] == 2 and not s["pid"])
    answer = world.asked("split", parent["id"], "--part", "say hello", "--part", "nothing")
    assert answer["outcome"] == "done", json.dumps(answer)
    assert "between turns" in answer["receipt"]["why_not_paused"]
    for kid in answer["receipt"]["children"]:
        world.sees(lambda s, kid=kid: s["id"] == kid and s["status"] == "finished" and s["requests"] == 1)
        assert "ORIGIN-OF-ALL" in world.requests(kid)[0]
