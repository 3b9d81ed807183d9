"""Claude Code itself, from npm, as a host sees it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.conftest import Orc, wait_for
from tests.real.conftest import Start, Tmux

pytestmark = pytest.mark.clients


def only(orc: Orc) -> dict[str, Any]:
    sessions = list(orc.sessions().values())
    return sessions[0] if len(sessions) == 1 else {}


def test_a_session_is_seen_dies_and_is_unknown_without_a_host(orc: Orc, claude: Start) -> None:
    host = orc.start_host()
    process = claude("-p", "long sleep", "--allowedTools", "Bash")
    wait_for(lambda: (orc.home / ".claude" / "sessions" / f"{process.pid}.json").exists())
    begun = time.monotonic()
    wait_for(lambda: only(orc).get("pid") == process.pid)
    assert time.monotonic() - begun < 3  # a second, and two commands on a busy machine
    seen = wait_for(lambda: only(orc) if only(orc).get("status") == "tool_running" else None)
    assert (seen["client"], seen["title"], seen["project"]) == ("claude", "long sleep", "web")
    assert seen["model"].startswith("claude-")
    assert (seen["requests"], seen["tokens"]["output"]) == (1, 70)
    assert "Bash sleep 45" in seen["evidence"]
    process.kill()
    killed = time.monotonic()
    wait_for(lambda: only(orc).get("status") == "dead", 8)
    assert time.monotonic() - killed < 6
    assert only(orc)["severity"] == "red"
    second = claude("-p", "long sleep", "--allowedTools", "Bash")
    wait_for(lambda: any(s["pid"] == second.pid and s["status"] == "tool_running" for s in orc.sessions().values()))
    host.kill()
    host.wait()
    states = {s["status"] for s in orc.sessions().values()}
    assert states == {"dead", "fog"}


def test_a_turn_runs_to_its_end_and_is_counted_exactly(orc: Orc, claude: Start) -> None:
    host = orc.start_host()
    process = claude("-p", "think about the plan", "--allowedTools", "Bash")
    assert process.wait(60) == 0
    seen = wait_for(lambda: only(orc) if only(orc).get("status") == "finished" and only(orc)["requests"] == 2 else None)
    assert seen["tokens"] == {
        "input": 14, "cache_read": 36100, "cache_write": 3300, "cache_write_1h": 0, "output": 150, "reasoning": 0,
    }  # fmt: skip
    wait_for(lambda: only(orc)["pid"] is None)
    resumed = claude("-p", "say hello", "--resume", seen["id"].split(":")[1], "--fork-session")
    assert resumed.wait(60) == 0
    sessions = wait_for(lambda: orc.sessions() if len(orc.sessions()) == 2 else None)
    fork = wait_for(lambda: next((s for s in orc.sessions().values() if s["relation"] == "fork"), None))
    assert fork["parent"] == seen["id"]
    assert sessions[seen["id"]]["requests"] == 2
    wait_for(lambda: orc.sessions()[fork["id"]]["requests"] == 1)
    host.terminate()
    host.wait(20)


def test_a_permission_wait_in_a_terminal_is_certain(orc: Orc, claude_in_tmux: Tmux) -> None:
    host = orc.start_host()
    claude_in_tmux.open("? for shortcuts")
    opened = wait_for(lambda: only(orc) if only(orc).get("pid") else None)
    assert (opened["status"], opened["evidence"]) == ("finished", "open, nothing asked yet")
    claude_in_tmux.type("deploy now")
    waiting = wait_for(lambda: only(orc) if only(orc).get("status") == "waiting" else None)
    assert (waiting["severity"], waiting["needs_you"]) == ("red", True)
    assert "permission prompt" in waiting["evidence"]
    assert "Bash touch deployed.txt" in waiting["evidence"]
    claude_in_tmux.type("1")
    wait_for(lambda: only(orc).get("status") == "finished")
    host.terminate()
    host.wait(20)
