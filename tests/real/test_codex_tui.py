"""The Codex TUI, whose sessions run in a shared daemon: seen asking, answered, interrupted and moved to another model."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Orc, wait_for
from tests.real.conftest import Codex, Tmux, clients, end_all, in_tmux

pytestmark = pytest.mark.clients


@pytest.fixture
def client(orc: Orc, model: str, tmp_path: Path) -> Codex:
    return Codex(orc, model, tmp_path / "web")


@pytest.fixture
def tmux(client: Codex, orc: Orc, tmp_path: Path) -> Iterator[Tmux]:
    yield from in_tmux(client, tmp_path / "tmux", orc.home)


@pytest.fixture
def looking(orc: Orc, tmux: Tmux) -> Iterator[None]:
    host = orc.start_host(PATH=f"{clients()}:{os.environ['PATH']}")
    yield
    host.terminate()
    host.wait(20)
    end_all(orc.home)


def typed(tmux: Tmux, text: str) -> None:
    """Type a line that was never shown before; while it starts it drops what is typed."""

    def shown() -> bool:
        if text not in tmux("capture-pane", "-p", "-t", "t"):
            tmux("send-keys", "-t", "t", "C-u")
            tmux("send-keys", "-t", "t", "-l", text)
        try:
            return bool(wait_for(lambda: text in tmux("capture-pane", "-p", "-t", "t"), 2))
        except AssertionError:
            return False

    tmux.wait_for_text("›")
    wait_for(shown, 40)
    tmux("send-keys", "-t", "t", "Enter")


def only(orc: Orc) -> dict[str, Any]:
    sessions = [s for s in orc.sessions().values() if s["relation"] != "subagent"]
    return sessions[0] if len(sessions) == 1 else {}


def requests(tmp_path: Path) -> list[dict[str, Any]]:
    """Every request for an answer, in order."""
    log = tmp_path / "requests.jsonl"
    found = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [each for each in found if each["kind"] == "responses"]


def said(orc: Orc, session: str, kind: str) -> list[dict[str, Any]]:
    return [e["body"] for e in orc.json("events", session)["events"] if e["type"] == kind]


def daemons(orc: Orc) -> set[int]:
    """The daemon's processes."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
            if b"--managed-daemon" in words and f"HOME={orc.home}".encode() in (entry / "environ").read_bytes():
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def test_what_it_asks_is_seen_allowed_and_denied(orc: Orc, client: Codex, tmux: Tmux, looking: None) -> None:
    made = client.project / "deployed.txt"
    typed(tmux, "deploy now")
    tmux.wait_for_text("touch deployed.txt")
    asked_at = time.monotonic()
    seen = wait_for(lambda: only(orc).get("status") == "waiting" and only(orc), 20)
    print(f"seen after {time.monotonic() - asked_at:.1f} s")
    assert (seen["severity"], "touch deployed.txt" in seen["evidence"]) == ("red", True), seen
    (ask,) = said(orc, seen["id"], "permission.asked")
    assert json.loads(ask["what"]["text"])["command"] == "/bin/bash -lc 'touch deployed.txt'"
    assert (ask["via"], ask["words"]) == ("channel", "Deploy needs write access")
    running = daemons(orc)
    assert running and not made.exists()
    done = orc.json("deny", seen["id"], "--yes", "--words", "say hello instead")
    assert (done["outcome"], done["receipt"]["decision"]) == ("done", "denied"), done
    wait_for(lambda: only(orc).get("status") != "waiting", 20)
    tmux.wait_for_text("say hello instead")
    assert not made.exists()
    typed(tmux, "deploy now once more")
    wait_for(lambda: only(orc).get("status") == "waiting", 30)
    done = orc.json("approve", seen["id"], "--yes")
    assert (done["outcome"], done["receipt"]["decision"]) == ("done", "allowed"), done
    wait_for(made.exists)
    tmux.wait_for_text("Deploy step finished")
    wait_for(lambda: only(orc).get("status") == "finished")
    assert [each["decision"] for each in said(orc, seen["id"], "permission.answered")] == ["denied", "allowed"]
    # Answered in its own window: nobody is called any more.
    made.unlink()
    typed(tmux, "deploy now for the last time")
    wait_for(lambda: only(orc).get("status") == "waiting", 30)
    dialog = "Press enter to confirm"
    tmux.wait_for_text(dialog)

    def pressed() -> bool:
        # For a moment the dialog takes no key, lest it takes one that was meant for the line.
        if dialog in tmux("capture-pane", "-p", "-t", "t"):
            tmux("send-keys", "-t", "t", "y")
        return made.exists()

    wait_for(pressed)
    wait_for(lambda: only(orc).get("status") == "finished")
    assert daemons(orc) == running


def test_a_killed_turn_ends_and_its_window_goes_on(
    orc: Orc, client: Codex, tmux: Tmux, looking: None, tmp_path: Path
) -> None:
    typed(tmux, "say hello")
    other = wait_for(lambda: only(orc).get("status") == "finished" and only(orc), 40)["id"]
    # A second window: its thread is in the same daemon.
    tmux("kill-pane", "-t", "t", check=False)
    second = Tmux(tmp_path / "tmux2", [str(client.binary)], {**client.env, "TERM": "xterm-256color"}, client.project)
    try:
        typed(second, "stream slowly")
        both = wait_for(lambda: len(orc.sessions()) == 2 and orc.sessions(), 40)
        (name,) = both.keys() - {other}
        second.wait_for_text("word3")
        running = daemons(orc)
        done = orc.json("kill", name, "--now", "--yes")
        assert (done["outcome"], done["receipt"]["interrupted"]) == ("done", True), done
        second.wait_for_text("Conversation interrupted")
        wait_for(lambda: orc.sessions()[name]["status"] != "working")
        typed(second, "list the files")
        second.wait_for_text("The project has the files")
        done = orc.json("escalate", name, "--model", "gpt-5.9", "--effort", "high", "--note", "think about it", "--yes")
        assert (done["outcome"], done["receipt"]["how"]) == ("done", "in place"), done
        assert done["receipt"]["used_model"] == "gpt-5.9", done
        second.wait_for_text("Both checks passed")
        newest = requests(tmp_path)[-1]["body"]
        assert (newest["model"], newest["reasoning"]["effort"]) == ("gpt-5.9", "high")
        typed(second, "say hello again")
        wait_for(lambda: requests(tmp_path)[-1]["scenario"] == "say hello")
        assert requests(tmp_path)[-1]["body"]["model"] == "gpt-5.9"
        assert daemons(orc) == running
    finally:
        second("kill-server", check=False)


def test_the_next_host_finds_what_is_asked(orc: Orc, client: Codex, tmux: Tmux) -> None:
    environ = {"PATH": f"{clients()}:{os.environ['PATH']}"}
    host = orc.start_host(**environ)
    typed(tmux, "deploy now")
    session = wait_for(lambda: only(orc).get("status") == "waiting" and only(orc), 40)["id"]
    host.kill()
    host.wait()
    host = orc.start_host(**environ)
    wait_for(lambda: only(orc).get("status") == "waiting")
    done = orc.json("approve", session, "--yes")
    assert done["outcome"] == "done", done
    wait_for((client.project / "deployed.txt").exists)
    assert len(said(orc, session, "permission.asked")) == 1
    wait_for(lambda: [each["decision"] for each in said(orc, session, "permission.answered")] == ["allowed"])
    host.terminate()
    host.wait(20)
