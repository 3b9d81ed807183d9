"""Work of real clients that is all right, however it looks: builds, polls, paging, empty searches, spacers, servers.

Ten pieces of work, each by each of the four clients, watched live: nobody is called, and at the end all is `finished`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Orc, wait_for
from tests.real.conftest import Start, serving

pytestmark = pytest.mark.clients
WORK = (
    "build for a while", "watch the pipeline", "read it page by page", "look for it everywhere", "make it green",
    "wait in between", "start a server", "three at once", "sleep as announced", "use a subagent",
)  # fmt: skip
CALLS: dict[str, tuple[str, ...]] = {
    "claude": ("--allowedTools", "Bash", "-p"),
    "codex": ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"),
    "gemini": ("-m", "gemini-2.5-flash", "-y", "-p"),
    "opencode": ("run", "--auto"),
}
"""How each client is given a task that nobody sits at."""
CALLS_MADE = 44
"""Tool calls of all the work together, at least."""


@pytest.fixture
def model(tmp_path: Path) -> Iterator[str]:
    """The address of the server whose model does its work well."""
    yield from serving("quiet_model.py", tmp_path)


@pytest.mark.parametrize("client", sorted(CALLS))
def test_good_work_raises_no_alarm(orc: Orc, client: str, request: pytest.FixtureRequest) -> None:
    start: Start = request.getfixturevalue(client)
    host = orc.start_host()
    # Gemini's sub-agent is nudged to say what it has said: the scripted model says it in the same words.
    work = [task for task in WORK if client != "gemini" or task != "use a subagent"]
    for task in work:
        assert start(*CALLS[client], task).wait(120) == 0, task
    ended = wait_for(lambda: orc.sessions() if len(roots(orc)) == len(work) and all_finished(orc) else None, 60)
    assert [s["evidence"] for s in ended.values() if s["severity"] != "ok"] == []
    events = orc.json("events", "--since", "1h")["events"]
    # Half a patience may pass on a slow machine: what calls for a person may not.
    told = [event["body"] for event in events if event["type"] in ("alert.raised", "alert.escalated")]
    assert [body for body in told if body["severity"] == "red" or body["status"] == "waiting"] == []
    calls = sum(event.get("type") == "tool.call" for event in events)
    assert calls >= CALLS_MADE, "the work was done"
    host.terminate()
    host.wait(20)


def roots(orc: Orc) -> list[str]:
    """Sessions that are nobody's sub-agent and did something."""
    return [name for name, s in orc.sessions().items() if s["relation"] != "subagent" and s["requests"]]


def all_finished(orc: Orc) -> bool:
    return all(s["status"] == "finished" for s in orc.sessions().values())
