"""Panes: found, known again, given keys, and a stopped job brought back, on real tmux servers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from orchestrator_tui.host.control.terminal import front, tmux
from tests.conftest import wait_for
from tests.host.control.terminal import Make, Terminal


def state(pid: int) -> front.Seat:
    seat = asyncio.run(front.look(pid))
    assert seat is not None
    return seat


def stop(terminal: Terminal) -> None:
    """As Ctrl-Z does."""
    os.kill(terminal.pid, signal.SIGTSTP)
    wait_for(lambda: state(terminal.pid).stopped)
    wait_for(lambda: state(terminal.first).in_front)


def test_a_pane_is_found_by_its_terminal_on_the_right_server(make: Make) -> None:
    one, two = make("one"), make("two", job=False)
    for terminal in (one, two):
        pane = asyncio.run(terminal.pane())
        assert (pane.socket, pane.pid) == (str(terminal.place / "s"), terminal.first)
        assert (pane.id, pane.session, pane.window, pane.name) == ("%0", "$0", "@0", "t")
        assert pane.tty == state(terminal.pid).tty
        assert asyncio.run(tmux.pane_of(None, terminal.pid)) == pane
        assert asyncio.run(tmux.refreshed(pane)) == pane


def test_a_server_is_found_without_the_process_saying_so(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = make()
    monkeypatch.setattr(tmux, "environment", lambda pid: {})
    assert asyncio.run(terminal.pane()).socket == str(terminal.place / "s")


def test_no_pane_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asyncio.run(tmux.pane_of(None, os.getpid())) is None or state(os.getpid()).tty
    assert asyncio.run(tmux.pane_of("pts/9999", 1)) is None
    assert asyncio.run(tmux.pane_of("", 2**22)) is None
    monkeypatch.setenv("PATH", "/nonexistent")
    assert asyncio.run(tmux.pane_of("pts/0", os.getpid())) is None


def test_a_pane_with_another_process_is_not_the_same(make: Make) -> None:
    terminal = make(job=False)
    pane = asyncio.run(terminal.pane())
    terminal("respawn-pane", "-k", "-t", "t", "sleep 100")
    assert asyncio.run(tmux.refreshed(pane)) is None
    assert asyncio.run(tmux.obstacle(pane, terminal.pid)) == "its tmux pane is gone"
    assert not asyncio.run(tmux.key(pane, "Escape"))
    terminal.close()
    assert asyncio.run(tmux.refreshed(pane)) is None
    assert not asyncio.run(tmux.continue_foreground(pane, pane.command, terminal.pid))


def test_a_hostile_name_in_front_breaks_nothing(make: Make, tmp_path: Path) -> None:
    terminal = make()
    pane = asyncio.run(terminal.pane())
    program = tmp_path / "#{l:x},};kill-server;#(touch\tran)"
    program.symlink_to("/bin/sleep")
    terminal("rename-session", "-t", "t", "a:b ##(touch ran) x")
    terminal("respawn-pane", "-k", "-t", pane.id, f"exec '{program}' 100")
    wait_for(lambda: "kill-server" in terminal("display-message", "-p", "-t", pane.id, "#{pane_current_command}"))
    first = int(terminal("display-message", "-p", "-t", pane.id, "#{pane_pid}"))
    now = asyncio.run(tmux.pane_of(None, first))
    assert now is not None
    assert "kill-server" in now.command
    assert asyncio.run(tmux.key(now, "Escape", first))
    assert "#(touch ran)" in now.name
    assert not Path("ran").exists()


@pytest.mark.parametrize("name", ["", "Enter; kill-server", "-X", "a b", "Escape\n", "%1"])
def test_only_names_of_keys_are_keys(make: Make, name: str) -> None:
    pane = tmux.Pane("/nowhere", "%0", 1, "/dev/pts/0", "x", "$0", "@0")
    with pytest.raises(ValueError, match="not a key"):
        asyncio.run(tmux.key(pane, name))


def test_a_key_reaches_the_client_only_in_front(make: Make) -> None:
    terminal = make()
    pane = asyncio.run(terminal.pane())
    assert asyncio.run(tmux.key(pane, "y", terminal.pid))
    assert asyncio.run(tmux.key(pane, "Enter", terminal.pid))
    wait_for(lambda: terminal.entered() == ["y"])
    stop(terminal)
    assert not asyncio.run(tmux.key(pane, "y", terminal.pid))
    terminal("copy-mode", "-t", "t")
    assert not asyncio.run(tmux.key(pane, "Escape"))


@pytest.mark.parametrize("known", [True, False])
def test_a_stopped_job_is_brought_back(make: Make, known: bool) -> None:
    terminal = make()
    pane = asyncio.run(terminal.pane())
    stop(terminal)
    # Half a line that was typed meanwhile must not be run together with `fg`.
    terminal("send-keys", "-t", "t", "-l", "touch half ; touch ")
    assert asyncio.run(tmux.continue_foreground(pane, pane.command, terminal.pid if known else None))
    assert state(terminal.pid).in_front
    assert not state(terminal.pid).stopped
    terminal.type("hello")
    wait_for(lambda: terminal.entered() == ["hello"])
    assert not {"fg", "half"} & {path.name for path in terminal.place.iterdir()}
    # It is in front already: nothing is typed.
    assert asyncio.run(tmux.continue_foreground(pane, pane.command, terminal.pid if known else None))
    terminal.type("again")
    wait_for(lambda: terminal.entered() == ["hello", "again"])


def test_a_shell_that_leaves_the_terminal_raw_is_left_alone(make: Make) -> None:
    terminal = make(shell="dash -i")
    pane = asyncio.run(terminal.pane())
    stop(terminal)
    terminal("send-keys", "-t", "t", "-l", "touch half ; touch ")
    assert not asyncio.run(tmux.continue_foreground(pane, pane.command, terminal.pid))
    assert [path.name for path in terminal.place.iterdir()] == ["s"]


def test_fg_is_not_typed_into_anything_but_the_shell(make: Make) -> None:
    terminal = make()
    pane = asyncio.run(terminal.pane())
    stop(terminal)
    terminal.type("cat > taken")
    wait_for(lambda: not state(terminal.first).in_front)
    assert not asyncio.run(tmux.continue_foreground(pane, pane.command + "x", terminal.pid))
    terminal("send-keys", "-t", "t", "C-d")
    wait_for(lambda: state(terminal.first).in_front)
    assert (terminal.place / "taken").read_text() == ""
    own = make("own", job=False)
    os.kill(own.pid, signal.SIGKILL)
    assert not asyncio.run(tmux.continue_foreground(pane, pane.command, own.pid))


def test_a_job_that_ended_is_not_brought_back(make: Make) -> None:
    terminal = make()
    pane = asyncio.run(terminal.pane())
    os.kill(terminal.pid, signal.SIGKILL)
    wait_for(lambda: asyncio.run(front.look(terminal.pid)) is None)
    assert not asyncio.run(tmux.continue_foreground(pane, pane.command, terminal.pid))
    assert "fg" not in terminal.screen()


def test_a_server_that_hangs_costs_its_deadline_only(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = make()
    pane = asyncio.run(terminal.pane())
    server = int(terminal("display-message", "-p", "#{pid}"))
    monkeypatch.setattr(front, "SECONDS", 0.3)
    os.kill(server, signal.SIGSTOP)
    try:
        begun = os.times().elapsed
        assert asyncio.run(tmux.refreshed(pane)) is None
        assert os.times().elapsed - begun < 5
    finally:
        os.kill(server, signal.SIGCONT)
    wait_for(lambda: asyncio.run(tmux.refreshed(pane)) == pane)


def test_calls_leave_no_process_behind() -> None:
    assert asyncio.run(front.call(["sleep", "50"], seconds=0.1)) == (255, "sleep did not answer within 0.1 s")
    assert asyncio.run(front.call(["/nonexistent/x"]))[0] == 255
    assert asyncio.run(front.call(["cat"], b"x\xff")) == (0, "x�")
    left = subprocess.run(["pgrep", "-P", str(os.getpid()), "-x", "sleep"], capture_output=True, text=True)
    assert left.stdout == ""


def test_another_way_to_look_gives_the_same(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = make()
    ours = state(terminal.pid)
    monkeypatch.setenv("ORC_PORTABLE", "1")
    portable = state(terminal.pid)
    assert (portable.group, portable.front, portable.tty, portable.parent) == (
        ours.group, ours.front, ours.tty, ours.parent,
    )  # fmt: skip
