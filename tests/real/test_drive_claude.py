"""Claude Code itself, started and spoken to as its drive and its dialogue say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from orchestrator_tui.clients.claude.drive import ClaudeDrive
from orchestrator_tui.clients.driving import OPEN, Dialogue, Drive, Sent, Task
from orchestrator_tui.events import KnownBody, PermissionAnswered, PermissionAsked
from tests.conftest import Orc, wait_for
from tests.real.conftest import Claude, end_all

pytestmark = pytest.mark.clients
HOSTILE = "--dangerously-skip-permissions\n$(touch pwned) `touch pwned`; touch pwned \"' \u2028 \0 é say hello"


class Program(Protocol):
    """A client, ready to be started."""

    binary: Path
    project: Path
    env: dict[str, str]


class Talk:
    """A client on two pipes, and our end of its channel."""

    def __init__(self, drive: Drive, client: Program, task: Task) -> None:
        launch = drive.launch(str(client.binary), task)
        self.session, self.idle, self.ready = launch.session, 0, False
        self.models: list[str] = []
        self.events: list[KnownBody] = []
        self.answered: dict[str, str] = {}
        self.lines: list[bytes] = []
        self.dialogue: Dialogue = drive.dialogue(task)
        env = {k: v for k, v in client.env.items() if k not in launch.without} | dict(launch.environ)
        self.process = subprocess.Popen(
            launch.argv,
            cwd=launch.cwd,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._hearing = threading.Lock()
        self._thread = threading.Thread(target=self._hear)
        self._thread.start()
        self._write(*self.dialogue.opening())

    def _hear(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            with self._hearing:
                heard = self.dialogue.heard(text)
                self.lines.append(text)
                self._write(*heard.replies)
                self.session = heard.session or self.session
                self.idle += heard.idle
                self.ready = self.ready or heard.ready
                self.models += [heard.model] if heard.model else []
                self.events += heard.events
                self.answered |= heard.answered

    def _write(self, *lines: bytes) -> None:
        assert self.process.stdin is not None
        try:
            for text in lines:
                self.process.stdin.write(text)
                self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            assert self.process.poll() is not None

    def do(self, make: Callable[[], Sent], seconds: float = 15) -> str:
        """Say it, and return what the client answered."""
        with self._hearing:
            sent = make()
            if sent.awaits:
                self.answered.pop(sent.awaits, None)
            self._write(*sent.lines)
        if sent.awaits is None:
            return ""
        wait_for(lambda: sent.awaits in self.answered or self.process.poll() is not None, seconds)
        return self.answered.get(sent.awaits, "ended")

    def say(self, text: str) -> None:
        assert self.do(lambda: self.dialogue.say(text)) == ""

    def asked(self, number: int = 1) -> PermissionAsked:
        """The permission that was asked for as the `number`th."""

        def all_asked() -> list[PermissionAsked]:
            return [body for body in self.events if isinstance(body, PermissionAsked)]

        wait_for(lambda: len(all_asked()) >= number, 30)
        return all_asked()[number - 1]

    def decided(self) -> list[str]:
        return [body.decision for body in self.events if isinstance(body, PermissionAnswered)]

    def turns(self, number: int) -> None:
        """Wait until so many turns have ended."""
        wait_for(lambda: self.idle >= number, 30)

    def close(self) -> None:
        # The wrapper from npm and the client: either holds the pipe.
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._thread.join(10)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue


def requests(tmp_path: Path) -> list[dict[str, Any]]:
    """The bodies of the requests for a model's answer, so far."""
    log = tmp_path / "requests.jsonl"
    records = [json.loads(text) for text in log.read_text().splitlines()] if log.exists() else []
    return [r["body"] for r in records if r["kind"] in ("anthropic", "responses") and not r.get("side")]


def words(body: dict[str, Any]) -> str:
    return json.dumps(body.get("messages") or body.get("input"))


def repository(project: Path, env: dict[str, str], *worktrees: Path) -> None:
    def git(*args: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *args], cwd=project, env=env, check=True, capture_output=True)

    git("init", "-q")
    (project / "app.py").write_text("x = 1\n")
    git("add", ".")
    git("commit", "-qm", "first")
    for number, place in enumerate(worktrees):
        git("worktree", "add", "-q", "-b", f"part-{number}", str(place))


@pytest.fixture
def client(orc: Orc, model: str, tmp_path: Path) -> Iterator[Claude]:
    yield Claude(orc, model, tmp_path / "web")
    end_all(orc.home)


@pytest.fixture
def talk(client: Claude) -> Iterator[Callable[[Task], Talk]]:
    talks: list[Talk] = []

    def start(task: Task) -> Talk:
        talks.append(Talk(ClaudeDrive(), client, task))
        return talks[-1]

    yield start
    for each in talks:
        each.close()


Start = Callable[[Task], Talk]


def test_a_permission_is_shown_denied_and_allowed(client: Claude, talk: Start, tmp_path: Path) -> None:
    there = talk(Task("deploy now", str(client.project)))
    asked = there.asked()
    assert json.loads(asked.what.text)["command"] == "touch deployed.txt"
    assert (asked.tool, asked.via, asked.what.whole) == ("Bash", "channel", True)
    assert there.do(lambda: there.dialogue.answer(asked.request_id, False, "not\ntoday \u2028")) == ""
    there.turns(1)
    assert not (client.project / "deployed.txt").exists()
    assert "not\\ntoday" in words(requests(tmp_path)[-1])
    there.say("deploy now")
    second = there.asked(2)
    assert second.request_id != asked.request_id
    assert there.do(lambda: there.dialogue.answer(second.request_id, True, "")) == ""
    there.turns(2)
    assert (client.project / "deployed.txt").exists()
    assert there.decided() == ["denied", "allowed"]
    assert there.answered[OPEN] == ""
    # A host that starts now hears it all again, and nothing is open.
    again = ClaudeDrive().dialogue(Task("deploy now", str(client.project)))
    events = [body for text in there.lines for body in again.heard(text).events]
    assert [type(body).__name__ for body in events] == [
        "PermissionAsked", "PermissionAnswered", "PermissionAsked", "PermissionAnswered",
    ]  # fmt: skip


def test_messages_interrupts_and_models(client: Claude, talk: Start, tmp_path: Path) -> None:
    there = talk(Task("", str(client.project), effort="low"))
    wait_for(lambda: there.ready)
    assert requests(tmp_path) == []
    there.say(HOSTILE)
    there.turns(1)
    assert "--dangerously-skip-permissions\\n$(touch pwned)" in words(requests(tmp_path)[-1])
    assert requests(tmp_path)[-1]["output_config"] == {"effort": "low"}
    assert not (client.project / "pwned").exists()
    there.say("stream slowly")
    wait_for(lambda: "stream slowly" in words(requests(tmp_path)[-1]))
    # Within the turn: it is read at once, and stored as queued.
    there.say("say hello, queued")
    transcripts = list((Path(client.env["HOME"]) / ".claude" / "projects").glob(f"*/{there.session}.jsonl"))
    wait_for(lambda: '"content":"say hello, queued"' in transcripts[0].read_text())
    assert there.do(lambda: there.dialogue.use("claude-sonnet-4-5", None)) == ""
    assert there.do(there.dialogue.interrupt) == ""
    there.turns(3)
    assert "say hello, queued" in words(requests(tmp_path)[-1])
    assert requests(tmp_path)[-1]["model"] == "claude-sonnet-4-5"
    assert there.do(lambda: there.dialogue.use("claude-opus-4-8", "max")) == ""
    there.say("say hello")
    there.turns(4)
    assert requests(tmp_path)[-1]["model"] == "claude-opus-4-8"
    assert requests(tmp_path)[-1]["output_config"] == {"effort": "max"}
    assert there.models[-1].startswith("claude-opus-4-8")
    there.say("deploy now")
    asked = there.asked()
    assert there.do(there.dialogue.interrupt) == ""
    there.turns(5)
    assert there.decided() == ["gone"]
    assert asked.request_id and not (client.project / "deployed.txt").exists()


def test_a_question_is_answered_in_words(client: Claude, talk: Start, tmp_path: Path) -> None:
    there = talk(Task("ask me", str(client.project)))
    asked = there.asked()
    assert asked.tool == "AskUserQuestion"
    assert there.do(lambda: there.dialogue.answer(asked.request_id, True, "postgres\n")) == ""
    there.turns(1)
    results = [block.get("content") for block in requests(tmp_path)[-1]["messages"][-1]["content"]]
    assert any('"Which database?"="postgres"' in str(text) for text in results)


def test_it_ends_although_messages_are_queued(client: Claude, talk: Start, tmp_path: Path) -> None:
    there = talk(Task("stream slowly", str(client.project), title="--help\n$(id) é"))
    wait_for(lambda: requests(tmp_path))
    there.say("stream slowly again")
    there.say("stream slowly once more")
    registry = Path(client.env["HOME"]) / ".claude" / "sessions"
    named = wait_for(lambda: [json.loads(file.read_text())["name"] for file in registry.glob("*.json")])
    assert named == ["--help ⏎ $(id) é"]
    assert there.do(there.dialogue.end) in ("", "ended")
    wait_for(lambda: there.process.poll() is not None, 5)
    assert not any("again" in words(body) for body in requests(tmp_path))
    after = talk(Task("say hello", str(client.project)))
    after.turns(1)
    assert after.do(after.dialogue.end) in ("", "ended")
    assert wait_for(lambda: after.process.poll() is not None, 5) is True
    assert after.process.returncode == 0


@pytest.mark.parametrize("below", [False, True])
def test_a_copy_works_in_another_worktree_with_the_parents_context(
    client: Claude, talk: Start, tmp_path: Path, below: bool
) -> None:
    worktrees = tmp_path / "part 0", tmp_path / "part 1"
    repository(client.project, client.env, *worktrees)
    home = client.project / "below" if below else client.project
    home.mkdir(exist_ok=True)
    parent = talk(Task("think about the plan", str(home)))
    wait_for(lambda: parent.idle or parent.events)
    for number in range(1, 3):
        if not parent.idle:
            asked = parent.asked(number)
            assert parent.do(lambda name=asked.request_id: parent.dialogue.answer(name, True, "")) == ""
    parent.turns(1)
    assert parent.session is not None
    transcript = next((Path(client.env["HOME"]) / ".claude" / "projects").glob(f"*/{parent.session}.jsonl"))
    before = transcript.read_bytes()
    # Of a session that began below the top, only the transcript's path is found from elsewhere.
    sources = [str(transcript)] if below else [parent.session, str(transcript)]
    for source, place in zip(sources, worktrees, strict=False):
        child = talk(Task("list the files", str(place), model="claude-sonnet-4-5", resume=source, fork=True))
        child.turns(1)
        body = requests(tmp_path)[-1]
        assert "think about the plan" in words(body) and "list the files" in words(body)
        assert body["model"] == "claude-sonnet-4-5"
        assert any(f'"cwd":{json.dumps(str(place))}'.encode() in text for text in child.lines)
        assert child.session not in (None, parent.session)
    if below:
        lost = talk(Task("list the files", str(worktrees[0]), resume=parent.session, fork=True))
        assert wait_for(lambda: lost.answered.get(OPEN), 20).startswith("No conversation found")
        assert wait_for(lambda: lost.process.poll(), 5) == 1
        assert not lost.ready
    assert transcript.read_bytes().startswith(before)
    assert child.session not in transcript.read_text()
    parent.say("say hello")
    parent.turns(2)
