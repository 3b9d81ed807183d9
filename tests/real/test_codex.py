"""Codex itself, from npm, as a host sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Orc, wait_for
from tests.real.conftest import Start, Tmux

pytestmark = pytest.mark.clients


def only(orc: Orc) -> dict[str, Any]:
    sessions = list(orc.sessions().values())
    return sessions[0] if len(sessions) == 1 else {}


def command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")


def test_an_exec_session_runs_in_the_native_process_not_in_its_wrapper(orc: Orc, codex: Start) -> None:
    host = orc.start_host()
    wrapper = codex("exec", "--json", "--skip-git-repo-check", "-s", "danger-full-access", "long sleep")
    seen = wait_for(lambda: only(orc) if only(orc).get("pid") and only(orc)["status"] == "tool_running" else None, 40)
    assert (seen["client"], seen["model"], seen["project"]) == ("codex", "gpt-5.1-codex", "web")
    assert seen["pid"] != wrapper.pid
    assert Path(command(seen["pid"])[0]).name == "codex"
    assert seen["requests"] == 1
    assert seen["context_window"]
    # The wrapper's end is not the session's.
    wrapper.kill()
    wrapper.wait()
    assert only(orc)["pid"] == seen["pid"]
    import os

    os.kill(seen["pid"], 9)
    wait_for(lambda: only(orc).get("status") == "dead")
    host.terminate()
    host.wait(20)


def test_a_turn_is_counted_exactly(orc: Orc, codex: Start) -> None:
    host = orc.start_host()
    done = codex("exec", "--json", "--skip-git-repo-check", "-s", "danger-full-access", "think about the plan")
    assert done.wait(60) == 0
    seen = wait_for(lambda: only(orc) if only(orc).get("status") == "finished" else None)
    assert seen["requests"] == 2
    assert seen["tokens"]["reasoning"] == 40
    assert seen["tokens"]["input"] + seen["tokens"]["cache_read"] + seen["tokens"]["cache_write"] > 30_000
    host.terminate()
    host.wait(20)


def test_a_session_in_the_shared_daemon_has_no_process_of_its_own(orc: Orc, codex_in_tmux: Tmux) -> None:
    host = orc.start_host()
    codex_in_tmux.open("›")
    codex_in_tmux.type("think about the plan")
    seen = wait_for(lambda: only(orc) if only(orc).get("requests") == 2 else None, 40)
    assert seen["pid"] is None
    assert seen["status"] == "finished"
    host.terminate()
    host.wait(20)
