"""Claude Code itself, frozen, thawed and ended in the set-ups of docs/control.md; afterwards it takes typed input."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Orc, wait_for
from tests.host.control.world import Terminal, Tmux, children, state
from tests.real.conftest import Claude, Start, end_all

pytestmark = pytest.mark.clients
BASH = ("bash", "--norc", "--noprofile", "-i")


@pytest.fixture
def client(orc: Orc, model: str, tmp_path: Path) -> Iterator[Claude]:
    host = orc.start_host()
    yield Claude(orc, model, tmp_path / "web")
    host.terminate()
    host.wait(20)
    if host.stderr is not None:
        host.stderr.close()
    end_all(orc.home)


@pytest.fixture
def terminal(client: Claude) -> Iterator[Terminal]:
    terminal = Terminal(client.project, client.env)
    yield terminal
    terminal.close()


@pytest.fixture
def tmux(client: Claude, tmp_path: Path) -> Iterator[Tmux]:
    yield from _tmux(client, tmp_path, *BASH)


@pytest.fixture
def pane(client: Claude, tmp_path: Path) -> Iterator[Tmux]:
    yield from _tmux(client, tmp_path, str(client.binary), "--allowedTools", "Bash")


def _tmux(client: Claude, tmp_path: Path, *argv: str) -> Iterator[Tmux]:
    tmux = Tmux(tmp_path / "s", "env", f"--chdir={client.project}", *argv, env={**client.env, "TERM": "xterm-256color"})
    yield tmux
    tmux.close()


def only(orc: Orc, pid: int) -> dict[str, Any]:
    return wait_for(lambda: next((s for s in orc.sessions().values() if s["pid"] == pid), None))


def requests(tmp_path: Path) -> int:
    log = tmp_path / "requests.jsonl"
    return len(log.read_text().splitlines()) if log.exists() else 0


def say(place: Terminal | Tmux, text: str) -> None:
    """Type a line as a person does; Enter only when the text is there."""
    before = place.seen if isinstance(place, Terminal) else b""
    if isinstance(place, Terminal):
        place.type(text)
        wait_for(lambda: text.split()[-1].encode() in place.seen[len(before) :])
        time.sleep(0.3)
        place.type("\r")
    else:
        place("send-keys", "-t", "t", "-l", text)
        wait_for(lambda: place.shows(text))
        place("send-keys", "-t", "t", "Enter")


def test_in_a_shell_it_stops_and_is_typed_into_again(orc: Orc, client: Claude, terminal: Terminal) -> None:
    pid = terminal.run(f"{client.binary}")
    wait_for(lambda: terminal.shows("shortcuts"), 30)
    session = only(orc, pid)["id"]
    for _ in range(2):
        assert orc.json("pause", session, "--yes")["receipt"]["frozen"] is True
        assert (state(pid), state(terminal.pid)) == ("T", "T")
        wait_for(lambda: orc.sessions()[session]["status"] == "paused", 3)
        orc.run("resume", session, "--yes")
    say(terminal, "say hello")
    wait_for(lambda: terminal.shows("Hello!"), 30)
    receipt = orc.json("kill", session, "--yes", "--now")["receipt"]
    assert (receipt["clean"], receipt["survived"], state(pid)) == (True, [], "")
    terminal.type("echo al''ive\r")
    wait_for(lambda: terminal.shows("alive"))


def test_in_a_shell_in_tmux_it_comes_back_and_is_typed_into_again(orc: Orc, client: Claude, tmux: Tmux) -> None:
    wait_for(lambda: tmux.shows("$"))
    tmux.type(str(client.binary))
    wait_for(lambda: tmux.shows("shortcuts"), 30)
    pid = children(tmux.pid)[0]
    session = only(orc, pid)["id"]
    for _ in range(2):
        assert orc.json("pause", session, "--yes")["receipt"]["frozen"] is True
        assert state(pid) == "T"
        wait_for(lambda: tmux.shows("Stopped"))
        orc.run("resume", session, "--yes")
    say(tmux, "say hello")
    wait_for(lambda: tmux.shows("Hello!"), 30)
    receipt = orc.json("kill", session, "--yes", "--now")["receipt"]
    assert (receipt["frozen"], receipt["clean"], receipt["survived"], state(pid)) == (True, True, [], "")
    tmux.type("echo al''ive")
    wait_for(lambda: tmux.shows("alive"))


def test_as_a_pane_its_turn_is_interrupted_then_it_ends(orc: Orc, client: Claude, pane: Tmux, tmp_path: Path) -> None:
    wait_for(lambda: pane.shows("shortcuts"), 30)
    pid = pane.pid
    session = only(orc, pid)["id"]
    refused = orc.run("pause", session, "--yes", check=False)
    assert refused.returncode != 0
    assert "it is the pane itself" in refused.stdout + refused.stderr
    say(pane, "long sleep")
    wait_for(lambda: orc.sessions()[session]["status"] == "tool_running", 30)
    asked = requests(tmp_path)
    asking = orc_kill(orc, session)
    wait_for(lambda: pane.shows("Interrupted"), 4)
    assert state(pid) in ("S", "R")
    asking.send_signal(signal.SIGINT)
    assert asking.wait(20) != 0
    assert requests(tmp_path) == asked
    # Taken back: it is there, and takes what is typed.
    say(pane, "say hello")
    wait_for(lambda: pane.shows("Hello!"), 30)
    receipt = orc.json("kill", session, "--now", "--yes")["receipt"]
    assert (receipt["frozen"], receipt["clean"], receipt["survived"], state(pid)) == (False, True, [], "")


def orc_kill(orc: Orc, session: str) -> subprocess.Popen[bytes]:
    import sys

    argv = [sys.executable, "-m", "orchestrator_tui", "kill", session, "--yes"]
    return subprocess.Popen(argv, env=orc.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("prompt", ["long sleep", "stream slowly"])
def test_without_a_screen_it_ends_and_asks_nothing_more(orc: Orc, client: Claude, tmp_path: Path, prompt: str) -> None:
    process = subprocess.Popen(
        [str(client.binary), "-p", prompt, "--allowedTools", "Bash"], env=client.env, cwd=client.project,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    session = only(orc, process.pid)["id"]
    wait_for(
        lambda: requests(tmp_path) and orc.sessions()[session]["status"] in ("tool_running", "working", "thinking")
    )
    asked = requests(tmp_path)
    asking = orc_kill(orc, session)
    wait_for(lambda: state(process.pid) == "T")
    tools = children(process.pid)
    assert {state(pid) for pid in tools} <= {"T"}
    assert asking.wait(30) == 0
    process.wait(5)
    assert [pid for pid in tools if state(pid)] == []
    assert requests(tmp_path) == asked


def test_taken_back_without_a_screen_it_finishes(orc: Orc, client: Claude) -> None:
    process = subprocess.Popen(
        [str(client.binary), "-p", "stream slowly"], env=client.env, cwd=client.project,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    session = only(orc, process.pid)["id"]
    time.sleep(2)
    asking = orc_kill(orc, session)
    wait_for(lambda: state(process.pid) == "T")
    orc.run("undo")
    asking.wait(20)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert b"word59" in output


def test_codex_ends_by_its_real_process(orc: Orc, codex: Start) -> None:
    host = orc.start_host()
    wrapper = codex("exec", "--skip-git-repo-check", "--json", "long sleep")
    session = wait_for(lambda: next(iter(orc.sessions().values()), None), 30)["id"]
    pid = wait_for(lambda: orc.sessions()[session]["pid"], 30)
    assert pid != wrapper.pid
    wait_for(lambda: orc.sessions()[session]["status"] == "tool_running", 30)
    receipt = orc.json("kill", session, "--now", "--yes")["receipt"]
    assert (receipt["frozen"], receipt["clean"], receipt["survived"]) == (True, True, [])
    wrapper.wait(5)
    host.terminate()
    host.wait(20)
