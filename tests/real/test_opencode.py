"""OpenCode itself, from npm, as a host sees it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Orc, wait_for
from tests.real.conftest import Start, Tmux

pytestmark = pytest.mark.clients

PATIENCE = 90
"""Its first start takes long on a slow machine."""


def found(orc: Orc, what: Callable[[dict[str, Any]], object]) -> dict[str, Any] | None:
    """The first session of which this is true."""
    return next((session for session in orc.sessions().values() if what(session)), None)


def beside(orc: Orc) -> list[str]:
    """What lies where its database is."""
    directory = orc.home / ".local" / "share" / "opencode"
    return sorted(path.name for path in directory.iterdir() if path.name.startswith("opencode.db"))


def test_a_run_is_matched_and_a_kill_in_the_middle_of_a_tool_is_seen(orc: Orc, opencode: Start) -> None:
    host = orc.start_host()
    run = opencode("run", "long sleep")
    seen = wait_for(lambda: found(orc, lambda s: s["pid"] and s["status"] == "tool_running"), PATIENCE)
    assert (seen["client"], seen["model"], seen["project"], seen["pid"]) == (
        "opencode",
        "mock/mock-small",
        "web",
        run.pid,
    )
    os.kill(run.pid, 9)
    run.wait()
    wait_for(lambda: found(orc, lambda s: s["status"] == "dead"))
    host.terminate()
    host.wait(20)


def test_a_turn_and_a_fork_of_it_are_counted_exactly(orc: Orc, opencode: Start) -> None:
    host = orc.start_host()
    assert opencode("run", "think about the plan").wait(PATIENCE) == 0
    seen = wait_for(lambda: found(orc, lambda s: s["status"] == "finished" and s["requests"] == 2))
    assert seen["tokens"]["reasoning"] == 40
    native = seen["id"].partition(":")[2]
    assert opencode("run", "--session", native, "--fork", "say hello").wait(PATIENCE) == 0
    fork = wait_for(lambda: found(orc, lambda s: s["relation"] == "fork" and s["requests"] == 1))
    assert fork["parent"] == seen["id"] and fork["title"].endswith("(fork #1)")
    assert orc.sessions()[seen["id"]]["requests"] == 2
    before = beside(orc)
    host.terminate()
    host.wait(20)
    orc.run("ingest", "--all")
    assert beside(orc) == before and sum(s["requests"] for s in orc.sessions().values()) == 3


def test_sub_agents_and_a_to_do_list(orc: Orc, opencode: Start) -> None:
    host = orc.start_host()
    assert opencode("run", "use two subagents").wait(PATIENCE) == 0
    wait_for(
        lambda: len([s for s in orc.sessions().values() if s["relation"] == "subagent" and s["requests"] == 2]) == 2
    )
    parent = found(orc, lambda s: s["relation"] is None)
    assert parent is not None and parent["requests"] == 2
    assert opencode("run", "make todos").wait(PATIENCE) == 0
    wait_for(lambda: found(orc, lambda s: s["requests"] == 2 and s["relation"] is None and s["id"] != parent["id"]))
    tasks = [event for event in orc.json("events")["events"] if event["type"] == "task.updated"]
    assert [event["body"]["subject"] for event in tasks] == ["Do A"]
    host.terminate()
    host.wait(20)


def test_somebody_at_a_terminal(orc: Orc, opencode_in_tmux: Tmux) -> None:
    host = orc.start_host()
    opencode_in_tmux.open("Ask anything")
    opencode_in_tmux.type("say hello")
    seen = wait_for(lambda: found(orc, lambda s: s["requests"] == 1 and s["pid"]), PATIENCE)
    assert Path(f"/proc/{seen['pid']}/comm").read_text().strip() == "opencode"
    assert wait_for(lambda: found(orc, lambda s: s["status"] == "finished"))["pid"] == seen["pid"]
    host.terminate()
    host.wait(20)
