"""Codex itself, started and spoken to as its drive and its dialogue say; and its daemon, as a TUI uses it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator_tui.clients.codex import daemon
from orchestrator_tui.clients.codex.dialogue import CodexDialogue
from orchestrator_tui.clients.codex.drive import CodexDrive
from orchestrator_tui.clients.driving import OPEN, Sent, Task
from orchestrator_tui.events import KnownBody, PermissionAnswered, PermissionAsked
from tests.conftest import Orc, wait_for
from tests.real.conftest import Codex, Tmux, end_all, in_tmux
from tests.real.test_drive_claude import HOSTILE, Start, Talk, repository, requests, words

pytestmark = pytest.mark.clients


@pytest.fixture
def client(orc: Orc, model: str, tmp_path: Path) -> Iterator[Codex]:
    yield Codex(orc, model, tmp_path / "web")
    end_all(orc.home)


@pytest.fixture
def talk(client: Codex) -> Iterator[Start]:
    talks: list[Talk] = []

    def start(task: Task) -> Talk:
        talks.append(Talk(CodexDrive(), client, task))
        return talks[-1]

    yield start
    for each in talks:
        each.close()


def rollout(client: Codex, thread: str | None) -> Path:
    return next((Path(client.env["HOME"]) / ".codex" / "sessions").glob(f"*/*/*/*{thread}.jsonl"))


def test_a_permission_is_shown_denied_and_allowed(client: Codex, talk: Start, tmp_path: Path) -> None:
    there = talk(Task("deploy now", str(client.project), title="--help"))
    asked = there.asked()
    shown = json.loads(asked.what.text)
    assert shown == {"command": "/bin/bash -lc 'touch deployed.txt'", "cwd": str(client.project)}
    assert (asked.tool, asked.via, asked.words) == ("command", "channel", "Deploy needs write access")
    assert there.do(lambda: there.dialogue.answer(asked.request_id, False, "say hello\nand not this")) == ""
    there.turns(1)
    assert not (client.project / "deployed.txt").exists()
    assert "say hello\\nand not this" in words(requests(tmp_path)[-1])
    there.say("deploy now")
    second = there.asked(2)
    assert second.request_id != asked.request_id
    assert there.do(lambda: there.dialogue.answer(second.request_id, True, "")) == ""
    there.turns(2)
    assert (client.project / "deployed.txt").exists()
    assert there.decided() == ["denied", "allowed"]
    assert there.answered[OPEN] == ""
    # A host that starts now hears it all again: nothing is open, and it knows the thread.
    again = CodexDialogue(Task("deploy now", str(client.project)))
    again.opening()
    heard = [again.heard(text) for text in there.lines]
    assert sum(len(each.events) for each in heard) == 4
    assert next(each.session for each in heard if each.session) == there.session
    with there._hearing:
        there.dialogue = again
    there.say("say hello")
    there.turns(3)


def test_messages_interrupts_and_models(client: Codex, talk: Start, tmp_path: Path) -> None:
    there = talk(Task("", str(client.project), model="gpt-5.2", effort="low"))
    wait_for(lambda: there.ready)
    assert there.models == ["gpt-5.2"] and there.session is not None
    assert requests(tmp_path) == []
    there.say(HOSTILE)
    there.turns(1)
    assert "--dangerously-skip-permissions\\n$(touch pwned)" in words(requests(tmp_path)[-1])
    assert (requests(tmp_path)[-1]["model"], requests(tmp_path)[-1]["reasoning"]["effort"]) == ("gpt-5.2", "low")
    assert not (client.project / "pwned").exists()
    there.say("stream slowly")
    wait_for(lambda: "stream slowly" in words(requests(tmp_path)[-1]))
    # Within the turn: it is steered. The model goes for the next one.
    assert there.do(lambda: there.dialogue.use("gpt-5.9", "high")) == ""
    there.say("think about it, steered")
    there.turns(2)
    assert "think about it, steered" in words(requests(tmp_path)[-1])
    assert requests(tmp_path)[-1]["model"] == "gpt-5.2"
    there.say("stream slowly")
    wait_for(lambda: requests(tmp_path)[-1]["model"] == "gpt-5.9")
    assert requests(tmp_path)[-1]["reasoning"]["effort"] == "high"
    assert "gpt-5.9" in there.models
    assert there.do(there.dialogue.interrupt) == ""
    there.turns(3)
    assert there.do(there.dialogue.interrupt) == ""
    there.say("deploy now")
    there.asked()
    assert there.do(there.dialogue.interrupt) == ""
    there.turns(4)
    assert there.decided() == ["gone"]
    # It has no word for its end: SIGTERM to the program itself closes what is open.
    there.say("long sleep")
    wait_for(lambda: "long sleep" in words(requests(tmp_path)[-1]))
    wrapped = subprocess.run(["pgrep", "-P", str(there.process.pid)], capture_output=True, text=True).stdout.split()
    os.kill(int(wrapped[0]) if wrapped else there.process.pid, signal.SIGTERM)
    assert wait_for(lambda: there.process.poll() is not None) and there.process.returncode == 0
    assert not (client.project / "deployed.txt").exists()
    aborted = b'"type":"turn_aborted"'
    wait_for(lambda: rollout(client, there.session).read_bytes().count(aborted) == 3)


def test_a_copy_works_in_a_worktree_while_the_parent_runs(client: Codex, talk: Start, tmp_path: Path) -> None:
    worktree = tmp_path / "part 0"
    repository(client.project, client.env, worktree)
    parent = talk(Task("list the files", str(client.project)))
    parent.turns(1)
    parent.say("stream slowly")
    wait_for(lambda: "stream slowly" in words(requests(tmp_path)[-1]))
    task = Task("think about your part", str(worktree), "gpt-5.9", "high", resume=parent.session, fork=True)
    child = talk(task)
    child.turns(1)
    body = requests(tmp_path)[-1]
    assert "list the files" in words(body) and "think about your part" in words(body)
    assert (body["model"], body["reasoning"]["effort"]) == ("gpt-5.9", "high")
    assert child.session not in (None, parent.session)
    first = json.loads(rollout(client, child.session).read_text().splitlines()[0])
    assert (first["payload"]["cwd"], first["payload"]["forked_from_id"]) == (str(worktree), parent.session)
    # The thread itself has a writer: it is not resumed, and the channel says so.
    second = talk(Task("say hello", str(worktree), resume=parent.session))
    assert "already has an active writer" in wait_for(lambda: second.answered.get(OPEN))
    assert second.session is None and not second.ready
    parent.close()
    third = talk(Task("say hello", str(client.project), resume=parent.session))
    third.turns(1)
    assert third.session == parent.session
    assert "list the files" in words(requests(tmp_path)[-1])


class Joined:
    """A thread in the daemon, joined through `codex app-server proxy`."""

    def __init__(self, client: Codex, thread: str) -> None:
        self.dialogue = daemon.joining(thread)
        self.frames = daemon.Frames()
        self.events: list[KnownBody] = []
        self.answered: dict[str, str] = {}
        argv = daemon.proxy(str(client.binary))
        self.process = subprocess.Popen(
            argv, env=client.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._write(self.frames.hello())
        wait_for(lambda: self.hear() or self.frames.open)
        for text in self.dialogue.opening():
            self._write(self.frames.wrap(text))
        wait_for(lambda: self.hear() or OPEN in self.answered)

    def _write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def hear(self) -> None:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], 0)[0]:
            return
        lines, back = self.frames.fed(os.read(self.process.stdout.fileno(), 65536))
        for text in lines:
            heard = self.dialogue.heard(text)
            back += [self.frames.wrap(reply) for reply in heard.replies]
            self.events += heard.events
            self.answered |= heard.answered
        for data in back:
            self._write(data)

    def do(self, sent: Sent) -> str:
        for text in sent.lines:
            self._write(self.frames.wrap(text))
        wait_for(lambda: self.hear() or sent.awaits in self.answered)
        return self.answered[sent.awaits or ""]

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        self.process.stdout.close()


@pytest.fixture
def window(client: Codex, orc: Orc, tmp_path: Path) -> Iterator[Tmux]:
    yield from in_tmux(client, tmp_path / "tmux", orc.home)


def test_a_thread_of_the_daemon_is_commanded(
    client: Codex, window: Tmux, tmp_path: Path, talk: Callable[..., object]
) -> None:
    window.wait_for_text("Ask Codex")

    def typed(text: str) -> None:
        # While it starts it drops what is typed.
        def shown() -> bool:
            if text not in window("capture-pane", "-p", "-t", "t"):
                window("send-keys", "-t", "t", "C-u")
                window("send-keys", "-t", "t", "-l", text)
            try:
                return bool(wait_for(lambda: text in window("capture-pane", "-p", "-t", "t"), 2))
            except AssertionError:
                return False

        wait_for(shown, 40)
        window("send-keys", "-t", "t", "Enter")

    typed("stream slowly")
    wait_for(lambda: requests(tmp_path), 30)
    sessions = Path(client.env["HOME"]) / ".codex" / "sessions"
    file = wait_for(lambda: next((f for f in sessions.glob("*/*/*/*.jsonl") if "stream slowly" in f.read_text()), None))
    thread = file.stem[-36:]
    joined = Joined(client, thread)
    assert joined.answered[OPEN] == ""
    assert joined.do(joined.dialogue.interrupt()) == ""
    wait_for(lambda: '"turn_aborted"' in file.read_text())
    window.wait_for_text("Conversation interrupted")
    assert joined.do(joined.dialogue.use("gpt-5.9", "high")) == ""
    assert joined.do(joined.dialogue.say("list the files")) == ""
    window.wait_for_text("The project has the files")
    assert (requests(tmp_path)[-1]["model"], requests(tmp_path)[-1]["reasoning"]["effort"]) == ("gpt-5.9", "high")
    # What was asked before anybody joined is asked again, and either side may answer it.
    joined.close()
    typed("deploy now")
    window.wait_for_text("touch deployed.txt")
    joined = Joined(client, thread)
    asked = wait_for(lambda: joined.hear() or [e for e in joined.events if isinstance(e, PermissionAsked)])[0]
    assert joined.do(joined.dialogue.answer(asked.request_id, True, "")) == ""
    wait_for((client.project / "deployed.txt").exists)
    assert [e.decision for e in joined.events if isinstance(e, PermissionAnswered)] == ["allowed"]
    joined.close()
    argv = daemon.queueing(str(client.binary), thread, "--help $(touch pwned)\nthink about it")
    done = subprocess.run(argv, env=client.env, cwd=client.project, capture_output=True, text=True, timeout=30)
    assert daemon.queued(done.stdout, thread), done.stderr
    wait_for(lambda: "--help $(touch pwned)\\nthink about it" in file.read_text())
    assert not (client.project / "pwned").exists()
    nobody = "01a1fb36-9ffd-77f3-897d-d01f2ccacc42"
    argv = daemon.queueing(str(client.binary), nobody, "hello")
    lost = subprocess.run(argv, env=client.env, cwd=client.project, capture_output=True, text=True, timeout=30)
    assert (lost.returncode, daemon.queued(lost.stdout, nobody)) == (1, None)
    other = Joined(client, nobody)
    assert "does not have that thread" in other.answered[OPEN]
    other.close()
