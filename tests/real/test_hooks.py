"""A Claude Code that somebody started in a terminal is answered from orc, through the installed hook."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Orc, wait_for
from tests.real.conftest import Claude, Tmux, in_tmux

pytestmark = pytest.mark.clients


def only(orc: Orc) -> dict[str, Any]:
    sessions = list(orc.sessions().values())
    return sessions[0] if len(sessions) == 1 else {}


@pytest.mark.parametrize(("verb", "made"), [("approve", True), ("deny", False)])
def test_what_it_asks_is_answered_and_the_dialog_closes(
    orc: Orc, model: str, tmp_path: Any, verb: str, made: bool
) -> None:
    client = Claude(orc, model, tmp_path / "web")
    orc.run("hooks", "install", "claude", "--yes")
    host = orc.start_host()
    terminal = in_tmux(client, tmp_path / "tmux", orc.home)
    tmux: Tmux = next(terminal)
    try:
        tmux.open("? for shortcuts")
        tmux.type("deploy now")
        answer = wait_for(answered(orc, verb), 30)
        assert answer["receipt"]["via"] == "hook"
        assert json.loads(answer["receipt"]["what"])["command"] == "touch deployed.txt"
        file = client.project / "deployed.txt"
        if made:
            wait_for(file.exists)
        wait_for(lambda: only(orc).get("status") != "waiting")
        assert file.exists() is made
    finally:
        next(terminal, None)
        host.terminate()
        host.wait(20)


def answered(orc: Orc, verb: str) -> Callable[[], dict[str, Any] | None]:
    """Tries until the hook has asked."""

    def attempt() -> dict[str, Any] | None:
        session = only(orc)
        if session.get("status") != "waiting":
            return None
        done = orc.run(verb, session["id"], "--json", check=False)
        answer = dict(json.loads(done.stdout))
        return answer if answer["outcome"] == "done" else None

    return attempt
