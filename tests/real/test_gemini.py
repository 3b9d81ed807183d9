"""Gemini CLI itself, from npm, as a host sees it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Orc, wait_for
from tests.real.conftest import Start, Tmux

pytestmark = pytest.mark.clients
MODEL = "gemini-2.5-flash"


def only(orc: Orc) -> dict[str, Any]:
    sessions = list(orc.sessions().values())
    return sessions[0] if len(sessions) == 1 else {}


def test_a_turn_is_counted_exactly_and_a_resume_goes_on_in_it(orc: Orc, gemini: Start) -> None:
    host = orc.start_host()
    assert gemini("-m", MODEL, "-y", "-p", "think about the plan").wait(90) == 0
    seen = wait_for(lambda: only(orc) if only(orc).get("requests") == 2 else None)
    assert (seen["client"], seen["model"], seen["project"]) == ("gemini", MODEL, "web")
    assert seen["tokens"]["reasoning"] == 40
    assert seen["tokens"]["input"] + seen["tokens"]["cache_read"] > 30_000
    wait_for(lambda: only(orc)["status"] == "finished")
    assert gemini("-m", "gemini-2.5-pro", "-y", "-r", "latest", "-p", "say hello").wait(90) == 0
    again = wait_for(lambda: only(orc) if only(orc).get("requests") == 3 else None)
    assert (again["id"], again["model"], again["turns"]) == (seen["id"], "gemini-2.5-pro", 2)
    host.terminate()
    host.wait(20)


def test_a_sub_agent_belongs_to_its_parent_s_call(orc: Orc, gemini: Start) -> None:
    host = orc.start_host()
    assert gemini("-m", MODEL, "-y", "-p", "use a subagent").wait(90) == 0
    sessions = wait_for(lambda: orc.sessions() if sum(s["requests"] for s in orc.sessions().values()) == 5 else None)
    (child,) = [session for session in sessions.values() if session["relation"] == "subagent"]
    parent = sessions[child["parent"]]
    assert (parent["requests"], child["requests"], child["project"]) == (2, 3, "web")
    host.terminate()
    host.wait(20)


def test_what_a_person_declines_or_what_fails_is_seen_in_a_terminal(orc: Orc, gemini_in_tmux: Tmux) -> None:
    host = orc.start_host()
    gemini_in_tmux.open("Type your message")
    gemini_in_tmux.type("deploy now")
    gemini_in_tmux.wait_for_text("Allow execution")
    gemini_in_tmux("send-keys", "-t", "t", "Escape")
    declined = wait_for(lambda: only(orc) if only(orc).get("status") == "waiting" else None)
    assert (declined["severity"], declined["turns"]) == ("amber", 1)
    gemini_in_tmux.wait_for_text("Request cancelled")
    gemini_in_tmux.wait_for_text("Type your message")
    gemini_in_tmux.type("bad key")
    failed = wait_for(lambda: only(orc) if only(orc).get("status") == "errored" else None, 30)
    assert failed["turns"] == 2, "history that is written again is no turn"
    wait_for(lambda: "401" in only(orc)["evidence"])
    host.terminate()
    host.wait(20)
