"""The built-in agent with somebody on its channel: the program, and the other end as the host has it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clients.driving import Heard, Sent, Task
from orchestrator_tui.clients.loop.drive import BuiltinDrive
from tests.conftest import wait_for
from tests.loops.agent.serving import Server, call, done, environ, lines, of, serving, stop, text, usage

SLOW = 90


class Owned:
    """The agent under its channel, as a host starts it."""

    def __init__(self, tmp_path: Path, server: Server, prompt: str = "do it") -> None:
        (tmp_path / "work").mkdir(exist_ok=True)
        drive, task = BuiltinDrive(), Task(prompt, str(tmp_path / "work"), "openai/m")
        launch = drive.launch(sys.executable, task)
        more = {"ORC_LOOPS": str(tmp_path / "loops"), "ORC_API_BASE": server.base, "ORC_SESSION": "run-1"}
        self.process = subprocess.Popen(
            launch.argv, cwd=launch.cwd, env=environ(**more), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self.dialogue = drive.dialogue(task)
        self.session, self.heard = launch.session, list[Heard]()
        self.log = tmp_path / "loops" / "agents" / f"{launch.session}.jsonl"
        for line in self.dialogue.opening():
            self.write(line)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            json.loads(line)
            self.heard.append(self.dialogue.heard(line))

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def do(self, sent: Sent) -> str:
        """Say it, and what it was answered."""
        for line in sent.lines:
            self.write(line)
        name = sent.awaits or ""
        return wait_for(lambda: [h for h in self.heard if name in h.answered], SLOW)[0].answered[name]  # type: ignore[no-any-return]

    def idle(self, times: int) -> None:
        """Wait until so many turns have ended."""
        wait_for(lambda: sum(h.idle for h in self.heard) >= times, SLOW)

    def events(self, kind: type) -> list[Any]:
        return [body for h in self.heard for body in h.events if isinstance(body, kind)]

    def end(self) -> int:
        """How it ended."""
        status = self.process.wait(SLOW)
        self.thread.join(10)
        return status


@pytest.fixture
def owned(tmp_path: Path) -> Iterator[Callable[..., Owned]]:
    """Starts the agent; what is left of it is ended afterwards."""
    started: list[Owned] = []

    def start(server: Server, prompt: str = "do it") -> Owned:
        started.append(Owned(tmp_path, server, prompt))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        for pipe in (one.process.stdin, one.process.stdout):
            if pipe is not None:
                pipe.close()


def test_a_person_asks_answers_steers_and_ends(tmp_path: Path, owned: Callable[..., Owned]) -> None:
    ask = [call("ask_user", {"question": "Which database?"}), stop("tool_calls"), usage()]
    steps = [
        ask,
        [call("bash", {"command": "env | grep ^ORC_SESSION; touch here; sleep 2"}), usage()],
        [text("Made it."), stop(), usage()],
        [text("Bigger now."), stop(), usage()],
    ]
    with serving(*steps) as server:
        agent = owned(server)
        (asked,) = wait_for(lambda: agent.events(ev.PermissionAsked), SLOW)
        assert (asked.tool, asked.words) == ("ask_user", "Which database?")
        assert lines(agent.log)[-1]["kind"] == "hook"
        assert agent.do(agent.dialogue.answer(asked.request_id, True, "sqlite")) == ""
        wait_for(lambda: (tmp_path / "work" / "here").exists(), SLOW)
        # Between two requests of the same turn.
        assert agent.do(agent.dialogue.say("and be quick")) == ""
        agent.write(b'garbage\n[1]\n{"id":"x"}\n{"say":7,"id":"y"}\n\xff\n')
        agent.idle(1)
        assert agent.events(ev.PermissionAnswered) == [
            ev.PermissionAnswered(request_id=asked.request_id, decision="allowed")
        ]
        assert [m["content"] for m in server.requests[1]["messages"] if m["role"] == "tool"] == ["sqlite"]
        assert server.requests[2]["messages"][-1]["content"] == "and be quick"
        assert agent.do(agent.dialogue.use("openai/larger", "high")) == ""
        assert "knows no model" in agent.do(agent.dialogue.use("nobody/x", None))
        assert agent.do(agent.dialogue.say("go on")) == ""
        agent.idle(2)
        assert (server.requests[3]["model"], server.requests[2]["model"]) == ("larger", "m")
        agent.do(agent.dialogue.end())
        assert agent.end() == 0
    log = lines(agent.log)
    assert [line["text"] for line in of(log, "user")] == ["do it", "and be quick", "go on"]
    assert [u["model"] for u in of(log, "usage")] == ["openai/m"] * 3 + ["openai/larger"]
    assert [line["stop_reason"] for line in of(log, "assistant_text")] == ["end_turn", "end_turn"]
    assert any("ORC_SESSION=run-1" in line["text"] for line in of(log, "tool_result"))
    assert log[-1]["subtype"] == "ended" and log[-1]["is_error"] is False
    assert agent.heard[0].session == agent.session


def test_an_interrupted_turn_goes_on_with_the_next_word(tmp_path: Path, owned: Callable[..., Owned]) -> None:
    with serving([call("bash", {"command": "echo $$ > pid; sleep 300"}), usage()], [600.0], done("made")) as server:
        agent = owned(server)
        pid = tmp_path / "work" / "pid"
        wait_for(lambda: pid.exists() and pid.read_text().strip(), SLOW)
        assert agent.do(agent.dialogue.interrupt()) == ""
        agent.idle(1)
        assert not Path(f"/proc/{pid.read_text().strip()}").exists()
        agent.do(agent.dialogue.say("what now"))
        wait_for(lambda: len(server.requests) == 2, SLOW)
        # The turn, not the session: Ctrl-C in somebody's terminal.
        os.kill(agent.process.pid, signal.SIGINT)
        agent.idle(2)
        agent.do(agent.dialogue.say("finish"))
        agent.idle(3)
        os.kill(agent.process.pid, signal.SIGINT)
        assert agent.end() == 130
    log = lines(agent.log)
    assert [line.get("interrupt", False) for line in of(log, "user")] == [False, True, False, True, False]
    assert of(log, "assistant_text")[-1]["text"] == "made" and log[-1]["subtype"] == "interrupted"


def test_interrupted_while_it_loads_and_let_go_of(owned: Callable[..., Owned]) -> None:
    with serving(done("second")) as server:
        agent = owned(server, "first")
        assert agent.do(agent.dialogue.interrupt()) == ""
        agent.idle(1)
        assert server.requests == []
        agent.do(agent.dialogue.say("again"))
        agent.idle(2)
        assert [m["content"] for m in server.requests[0]["messages"] if m["role"] == "user"] == ["first", "again"]
        assert agent.process.stdin is not None
        agent.process.stdin.close()
        assert agent.end() == 0
    assert lines(agent.log)[-1]["subtype"] == "success"


def test_nobody_is_left_to_answer(owned: Callable[..., Owned]) -> None:
    with serving([call("ask_user", {"question": "Which?"}), usage()], done("chose")) as server:
        agent = owned(server)
        wait_for(lambda: agent.events(ev.PermissionAsked), SLOW)
        assert agent.process.stdin is not None
        agent.process.stdin.close()
        assert agent.end() == 0
        assert "Decide yourself" in server.requests[1]["messages"][-1]["content"]


def test_a_session_that_cannot_begin_says_why(tmp_path: Path, owned: Callable[..., Owned]) -> None:
    with serving() as server:
        (tmp_path / "loops").write_text("in the way")
        agent = owned(server)
        assert agent.end() == 2
    (heard,) = agent.heard
    assert list(heard.answered) == ["orc-open"] and "cannot make the log" in heard.answered["orc-open"]
