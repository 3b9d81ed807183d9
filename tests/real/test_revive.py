"""A session whose process was killed is brought back by its client's own resume, under a shim."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Orc, wait_for
from tests.real.conftest import Claude, Codex, clients, started

pytestmark = pytest.mark.clients
CLIENTS: dict[str, Any] = {"claude": Claude, "codex": Codex}
LONG = {
    "claude": ("-p", "long sleep", "--allowedTools", "Bash"),
    "codex": ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "long sleep"),
}


def only(orc: Orc) -> dict[str, Any]:
    sessions = list(orc.sessions().values())
    return sessions[0] if len(sessions) == 1 else {}


@pytest.mark.parametrize("name", sorted(LONG))
def test_a_killed_session_goes_on_in_the_same_conversation(orc: Orc, model: str, tmp_path: Path, name: str) -> None:
    client = CLIENTS[name](orc, model, tmp_path / "web")
    orc.env.update(client.env)
    orc.env["PATH"] = f"{clients()}:{os.environ['PATH']}"
    host = orc.start_host()
    starting = started(client, orc.home)
    next(starting)(*LONG[name])
    running = wait_for(
        lambda: only(orc) if only(orc).get("status") == "tool_running" and only(orc)["pid"] else None, 60
    )
    early = json.loads(orc.run("revive", running["id"], "--json", check=False).stdout)
    assert (early["outcome"], "still has it" in early["text"]) == ("refused", True)
    os.kill(running["pid"], 9)
    wait_for(lambda: only(orc)["status"] == "dead", 20)
    answer = json.loads(orc.run("revive", running["id"], "--note", "say hello", "--json", check=False).stdout)
    assert (answer["outcome"], answer["receipt"].get("session")) == ("done", running["id"]), answer
    back = wait_for(lambda: only(orc) if only(orc)["owned"] and only(orc)["status"] == "finished" else None, 60)
    assert back["requests"] == running["requests"] + 1
    host.terminate()
    host.wait(20)
    next(starting, None)
