"""The first rules of status, one row each: what happened, when one looks, what is said."""

from __future__ import annotations

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.status import status_of
from tests.fleet.generated import SECOND, START

ASK = ev.UserMessage(text=excerpt("go"))
CALL = ev.ToolCall(call_id="c", tool="Bash", arguments=excerpt('{"command":"pytest -q"}'))
RESULT = ev.ToolResult(call_id="c", ok=True, output=excerpt("ok"))
SAYS = ev.AssistantMessage(text=excerpt("working on it"))
DONE = ev.AssistantMessage(text=excerpt("done"), stop_reason="end_turn")
ALIVE = ev.ProcessObserved(pid=41, started=7)
AT_WORK = ev.ProcessObserved(pid=41, started=7, children=[ev.Child("pytest -q")])
GONE = ev.ProcessGone(pid=41, started=7)
QUESTION = ev.ToolCall(call_id="q", tool="AskUserQuestion", arguments=excerpt('{"question":"which db?"}'))
BACKGROUND = ev.ToolCall(call_id="b", tool="Bash", arguments=excerpt('{"command":"make"}'), background=True)


def judged(*bodies: ev.Body, later: int = 1, watched: bool = True) -> tuple[str, str, str]:
    fleet = Fleet()
    for seq, body in enumerate(bodies, 1):
        at = START + seq * SECOND
        fleet.apply(ev.Event(seq, at, at, at, "claude:s", body))  # type: ignore[arg-type]
    now = START + (len(bodies) + later) * SECOND
    if watched:
        fleet.watch.beat(now)
    status = status_of(fleet, fleet.sessions["claude:s"], now)
    return status.status, status.severity, status.evidence


@pytest.mark.parametrize(
    ("bodies", "later", "status", "severity", "word"),
    [
        ((ALIVE, ASK), 5, "thinking", "ok", "owes an answer for 5s"),
        ((ALIVE, ASK, SAYS), 1, "working", "ok", "writing"),
        ((ALIVE, ASK, CALL), 3, "tool_running", "ok", "Bash pytest -q 3s"),
        ((ALIVE, ASK, CALL, RESULT), 2, "thinking", "ok", "owes"),
        ((ALIVE, ASK, DONE), 60, "finished", "ok", "finished 1m ago"),
        ((ALIVE, ASK, CALL, GONE), 9, "dead", "red", "process 41 gone 9s ago with Bash pytest -q open"),
        ((ALIVE, ASK, GONE), 9, "dead", "red", "in the middle of a turn"),
        ((ALIVE, ASK, DONE, GONE), 9, "finished", "ok", "finished"),
        ((ALIVE, ASK, CALL, ev.ProcessObserved(pid=41, started=7, stopped=True)), 5, "paused", "ok", "stopped"),
        ((ALIVE, ASK, ev.ApiError(status=401, text="login expired", final=True)), 5, "errored", "red", "API 401: login"),
        ((ALIVE, ASK, ev.ApiError(status=429, text="slow down", final=True)), 5, "rate_limited", "red", "parked"),
        ((ALIVE, ASK, ev.ApiError(status=529, attempt=6, max_attempts=10, retry_in=40)), 2, "rate_limited", "amber", "retry 6/10 in 38s"),
        ((ALIVE, ASK, ev.ApiError(status=529, retry_in=1), DONE), 1, "finished", "ok", "finished"),
        ((ALIVE, ASK, QUESTION), 30, "waiting", "red", "asks you for 30s"),
        ((ALIVE, ASK, CALL, ev.ClientStatus(status="waiting", waiting_for="permission prompt")), 4, "waiting", "red", "permission prompt for 4s: Bash pytest -q"),
        ((ALIVE, ASK, CALL, ev.Hook(name="n", kind="permission_prompt", text="Bash git push")), 4, "waiting", "red", "Bash git push"),
        ((ALIVE, ASK, ev.UserMessage(text=excerpt("[stop]"), interrupt=True)), 5, "waiting", "amber", "interrupted by you"),
        ((ASK, ev.SessionEnded(is_error=True, text="Reached max turns")), 5, "errored", "red", "max turns"),
        ((ALIVE,), 5, "finished", "ok", "nothing asked yet"),
        ((ev.SessionUpdated(interactive=False), ALIVE), 5, "thinking", "ok", "starting"),
        ((ev.SessionUpdated(title="x"),), 5, "fog", "ok", "nothing known"),
        ((ASK, CALL), 30, "tool_running", "ok", "Bash"),
        ((ASK, CALL), 600, "fog", "ok", "no process matched; last line 10m ago"),
        ((ALIVE, ASK, ev.UserMessage(text=excerpt("/model"), local=True), DONE), 1, "finished", "ok", ""),
        ((ALIVE, ev.UserMessage(text=excerpt("old"), replayed=True)), 1, "finished", "ok", "nothing asked yet"),
        ((ASK, BACKGROUND, DONE, ev.ProcessObserved(pid=41, children=[ev.Child("make")])), 5, "tool_running", "ok", "in the background"),
    ],
)  # fmt: skip
def test_rule(bodies: tuple[ev.Body, ...], later: int, status: str, severity: str, word: str) -> None:
    told = judged(*bodies, later=later)
    assert told[:2] == (status, severity), told
    assert word in told[2]


@pytest.mark.parametrize(
    ("wait", "word"),
    [(1e300, "in 115d"), (float("inf"), "in 115d"), (float("nan"), "in 115d"), (-1e300, "now"), (0, "now")],
)
def test_a_wait_that_cannot_be_is_no_crash(wait: float, word: str) -> None:
    """The parsers refuse it; a store may hold one of an older version."""
    status, severity, evidence = judged(ALIVE, ASK, ev.ApiError(status=529, retry_in=wait), later=1)
    assert (status, severity) == ("rate_limited", "amber")
    assert f"retry {word}" in evidence


@pytest.mark.parametrize("bodies", [(ALIVE, ASK, CALL), (ALIVE, ASK), (ALIVE, ASK, QUESTION)])
def test_nothing_is_green_when_nobody_looks(bodies: tuple[ev.Body, ...]) -> None:
    status, severity, evidence = judged(*bodies, watched=False)
    assert (status, severity) == ("fog", "ok")
    assert evidence.startswith("no host has looked yet; last known: ")


def test_a_host_that_died_is_fog_with_its_last_sign() -> None:
    fleet = Fleet()
    fleet.watch.beat(START)
    for seq, body in enumerate((AT_WORK, ASK, CALL), 1):
        fleet.apply(ev.Event(seq, START, START, None, "claude:s", body))
    session = fleet.sessions["claude:s"]
    assert status_of(fleet, session, START + 90 * SECOND).status == "tool_running"
    late = status_of(fleet, session, START + 91 * SECOND)
    assert late.status == "fog"
    assert "host not running for 1m30s; last known: tool running" in late.evidence


def test_a_sub_agent_that_was_interrupted_waits_for_nobody() -> None:
    link = ev.SessionUpdated(parent="claude:p", relation="subagent")
    stop = ev.UserMessage(text=excerpt("[stop]"), interrupt=True)
    assert judged(link, ASK, stop)[:2] == ("finished", "ok")


def test_a_sub_agent_lives_in_its_parents_process() -> None:
    fleet = Fleet()
    child = ev.SessionUpdated(parent="claude:p", relation="subagent", parent_call="c")
    for seq, (name, body) in enumerate(
        [("claude:p", ALIVE), ("claude:p", ASK), ("claude:p", CALL), ("claude:k", child), ("claude:k", ASK)], 1
    ):
        fleet.apply(ev.Event(seq, START, START, None, name, body))  # type: ignore[arg-type]
    now = START + 900 * SECOND
    fleet.watch.beat(now)
    assert status_of(fleet, fleet.sessions["claude:k"], now).status == "thinking"
    fleet.apply(ev.Event(9, now, now, None, "claude:p", RESULT))
    assert status_of(fleet, fleet.sessions["claude:k"], now).status == "finished"
    fleet.apply(ev.Event(10, now, now, None, "claude:p", GONE))
    assert status_of(fleet, fleet.sessions["claude:p"], now).status == "dead"
