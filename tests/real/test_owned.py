"""Sessions under orc's own hand, from the command line, on each real client."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Orc, wait_for
from tests.real.conftest import Claude, Codex, Gemini, OpenCode, clients, end_all

pytestmark = pytest.mark.clients
CLIENTS: dict[str, Callable[..., Any]] = {"claude": Claude, "codex": Codex, "gemini": Gemini, "opencode": OpenCode}
PERMISSION = "deploy now"
"""The scripted model then runs a command that wants leave."""


class Mine:
    """`orc` whose host finds one client, pointed at the scripted model."""

    def __init__(self, orc: Orc, name: str, model: str, tmp_path: Path, tools: Path | None = None) -> None:
        self.orc, self.name, self.requests = orc, name, tmp_path / "requests.jsonl"
        client = CLIENTS[name](orc, model, tmp_path / "web")
        self.project: Path = client.project
        if name == "opencode":
            config = orc.home / ".config" / "opencode" / "opencode.json"
            config.write_text(json.dumps({**json.loads(config.read_text()), "permission": {"bash": "ask"}}))
        orc.env.update(client.env)
        orc.env["PATH"] = f"{tools}:{clients()}:{os.environ['PATH']}" if tools else f"{clients()}:{os.environ['PATH']}"
        self.host = orc.start_host()

    def command(self, *args: str, check: bool = True) -> dict[str, Any]:
        done = self.orc.run(*args, "--json", check=False)
        answer = json.loads(done.stdout or "{}")
        assert not check or answer.get("outcome") == "done", (done.stdout, done.stderr)
        return dict(answer)

    def run(self, prompt: str, *args: str) -> str:
        answer = self.command("run", "--agent", self.name, "--dir", str(self.project), *args, prompt)
        return str(answer["session"])

    def session(self, name: str) -> dict[str, Any]:
        return self.orc.sessions().get(name, {})

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.requests.read_text().splitlines()] if self.requests.exists() else []


@pytest.fixture(params=sorted(CLIENTS))
def mine(request: pytest.FixtureRequest, orc: Orc, model: str, tmp_path: Path) -> Iterator[Mine]:
    made = Mine(orc, request.param, model, tmp_path)
    yield made
    made.host.terminate()
    made.host.wait(20)
    end_all(orc.home)


def test_a_session_is_started_counted_and_spoken_to_again(mine: Mine) -> None:
    name = mine.run("say hello", "--name", "mine", "--budget", "5", "--why", "to see it")
    seen = wait_for(lambda: s if (s := mine.session(name)).get("requests") else None, 60)
    assert (seen["owned"], seen["title"], seen["project"]) == (True, "mine", "web")
    assert wait_for(lambda: mine.session(name)["pid"])
    before = seen["turns"]
    answer = mine.command("message", name, "say hello; touch pwned $(touch pwned)\n--dangerously-skip-permissions")
    assert answer["receipt"].get("landed") in (True, "yes"), answer
    assert wait_for(lambda: mine.session(name)["turns"] > before, 60)
    assert not (mine.project / "pwned").exists()
    ledger = mine.orc.json("ledger")["decisions"]
    assert [(d["command"], d["outcome"], d["why"]) for d in ledger][:1] == [("run", "done", "to see it")]


def state_of(pid: int) -> str:
    """The letter that the kernel has for it; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def test_it_survives_the_host_and_is_ended_by_the_next_one(mine: Mine) -> None:
    name = mine.run("say hello")
    wait_for(lambda: mine.session(name).get("requests"), 60)
    mine.host.kill()
    mine.host.wait()
    mine.host = mine.orc.start_host()
    answer = mine.command("message", name, "think about the plan")
    assert answer["outcome"] == "done", answer
    pid = wait_for(lambda: mine.session(name)["pid"])
    ended = mine.command("kill", name, "--now", "--why", "done with it")
    assert ended["receipt"]["survived"] in ([], None), ended
    # Whom nobody has waited for yet is dead all the same.
    assert state_of(pid) in ("", "Z"), (pid, state_of(pid), ended)
    assert wait_for(lambda: mine.session(name)["pid"] is None)


@pytest.mark.parametrize("allow", [True, False])
def test_what_it_asks_is_shown_and_answered(mine: Mine, allow: bool) -> None:
    name = mine.run(PERMISSION)
    waiting = wait_for(lambda: s if (s := mine.session(name)).get("status") == "waiting" else None, 60)
    assert (waiting["severity"], waiting["needs_you"]) == ("red", True)
    assert "touch" in waiting["evidence"] or "deploy" in waiting["evidence"], waiting
    answer = mine.command("approve" if allow else "deny", name)
    assert answer["receipt"]["decision"] == ("allowed" if allow else "denied")
    wait_for(lambda: mine.session(name)["status"] != "waiting", 60)
    again = mine.command("approve", name, check=False)
    assert again["outcome"] == "refused", again


def test_an_agent_s_own_shell_may_not_approve(mine: Mine) -> None:
    name = mine.run(PERMISSION)
    wait_for(lambda: mine.session(name).get("status") == "waiting", 60)
    refused = mine.orc.run("approve", name, "--json", check=False, CLAUDECODE="1")
    assert json.loads(refused.stdout)["outcome"] == "refused"
    assert mine.session(name)["status"] == "waiting"
    last = mine.orc.json("ledger")["decisions"][-1]
    assert (last["command"], last["outcome"], "agents may look" in last["text"]) == ("approve", "refused", True)


def test_what_an_agent_s_tool_commands_is_refused(orc: Orc, model: str, tmp_path: Path) -> None:
    """The scripted model has it run `touch`; the one that it finds first asks orc to kill the session."""
    tools, said = tmp_path / "tools", tmp_path / "said.json"
    tools.mkdir()
    touch = tools / "touch"
    touch.write_text(
        f'#!/bin/sh\n{sys.executable} -m orchestrator_tui kill "claude:$CLAUDE_CODE_SESSION_ID" --json > {said}\n'
    )
    touch.chmod(0o755)
    mine = Mine(orc, "claude", model, tmp_path, tools)
    try:
        name = mine.run(PERMISSION)
        wait_for(lambda: mine.session(name).get("status") == "waiting", 60)
        mine.command("approve", name)
        answer = wait_for(lambda: json.loads(said.read_text()) if said.exists() and said.read_text() else None, 60)
        assert (answer["outcome"], "agents may look, not rule" in answer["text"]) == ("refused", True)
        assert mine.session(name)["pid"] is not None
        assert mine.orc.json("ledger")["decisions"][-1]["outcome"] == "refused"
    finally:
        mine.host.terminate()
        mine.host.wait(20)
        end_all(orc.home)
