"""A message typed into the real clients: `orc message` says it landed, and the session's own record has it."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import msgspec
import pytest

from tests.conftest import Orc, wait_for
from tests.real.conftest import Tmux, clients

pytestmark = pytest.mark.clients
READY = {
    "claude": "? for shortcuts",
    "codex": "Ask Codex to do anything",
    "gemini": "Type your message",
    "opencode": "Ask anything",
}
LINES = "\n".join(f"line {n} of a long text" for n in range(80)) + "\nsay hello"


def only(orc: Orc) -> dict[str, Any]:
    sessions = [s for s in orc.sessions().values() if s["relation"] != "subagent"]
    return sessions[0] if len(sessions) == 1 else {}


def message(orc: Orc, session: str, text: str) -> dict[str, Any]:
    """What `orc message` answers."""
    done: subprocess.CompletedProcess[str] = orc.run("message", session, text, "--yes", "--json", check=False)
    answer: dict[str, Any] = msgspec.json.decode(done.stdout)
    return answer


def told(orc: Orc, session: str) -> list[str]:
    """What a person said in it, as it is on record."""
    events = orc.json("events", session)["events"]
    return [e["body"]["text"]["text"] for e in events if e["type"] == "user.message" and not e["body"].get("synthetic")]


@pytest.mark.parametrize("client", sorted(READY))
def test_a_message_lands_in_a_client_in_tmux(orc: Orc, client: str, request: pytest.FixtureRequest) -> None:
    tmux: Tmux = request.getfixturevalue(f"{client}_in_tmux")
    host = orc.start_host(PATH=f"{clients()}:{os.environ['PATH']}")
    tmux.wait_for_text(READY[client])
    tmux.type("say hello")
    session = wait_for(lambda: only(orc).get("status") == "finished" and only(orc), 60)["id"]
    if client == "opencode":
        # By its name: another's server on this machine would leave open which process has the session.
        tmux("respawn-pane", "-k", "-t", "t", "--", str(clients() / client), "-s", session.partition(":")[2])
        tmux.wait_for_text("How can I help")
    if client != "codex":
        wait_for(lambda: only(orc)["pid"])
    for text in ("say hello", "two lines\nsay hello", LINES):
        answer = message(orc, session, text)
        assert answer["outcome"] == "done", str(answer)
        assert answer["receipt"]["landed"], str(answer)
        assert answer["receipt"]["way"].startswith("codex queue" if client == "codex" else "tmux %"), answer
        wait_for(lambda: only(orc).get("status") == "finished", 60)
    assert any("line 0 of a long text" in text for text in told(orc, session))
    answer = message(orc, session, "!touch ran")
    if client != "codex":
        assert (answer["outcome"], "shell command" in answer["text"]) == ("failed", True)
    host.terminate()
    host.wait(20)


def test_a_message_in_the_middle_of_a_turn_is_queued(orc: Orc, claude_in_tmux: Tmux) -> None:
    host = orc.start_host()
    claude_in_tmux.wait_for_text(READY["claude"])
    claude_in_tmux.type("stream slowly")
    session = wait_for(lambda: only(orc).get("requests") is not None and only(orc).get("pid") and only(orc), 30)["id"]
    claude_in_tmux.wait_for_text("word3")
    answer = message(orc, session, "say hello afterwards")
    assert answer["outcome"] == "done", str(answer)
    assert (answer["receipt"]["landed"], answer["receipt"]["queued"]) == (False, True), str(answer)
    wait_for(lambda: "say hello afterwards" in told(orc, session), 60)
    host.terminate()
    host.wait(20)
