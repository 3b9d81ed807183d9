"""Going to a session's terminal: real tmux servers with real clients on them; kitty and WezTerm by stand-ins."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator_tui.events import ProcessObserved
from orchestrator_tui.fleet.session import Process, Session
from orchestrator_tui.host.control.terminal import terminals
from orchestrator_tui.host.control.terminal.terminals import Elsewhere, going_on, show
from orchestrator_tui.host.procfs import table
from tests.conftest import wait_for
from tests.host.control.terminal import Make

SESSION = "claude:11111111-2222-4333-8444-555555555555"
OnTerminal = Callable[..., int]


@pytest.fixture
def on_terminal() -> Iterator[OnTerminal]:
    """Starts programs on terminals of their own; returns their process numbers."""
    begun: list[tuple[int, int]] = []

    def start(*argv: str, **environ: str) -> int:
        pid, master = pty.fork()
        if pid == 0:
            os.execvpe(argv[0], argv, {**os.environ, "TERM": "xterm-256color", **environ})
        begun.append((pid, master))
        return pid

    yield start
    for pid, master in begun:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(master)


@pytest.fixture(autouse=True)
def _outside_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("TMUX_PANE", raising=False)


def session_of(pid: int | None, **more: object) -> Session:
    """A session in that process, as the fold would have it."""
    session = Session(SESSION, 0, 0, 0, client="claude", cwd="/tmp/it's here")
    if pid is not None:
        seen = table().stat(pid)
        assert seen is not None
        observed = ProcessObserved(pid=pid, started=seen.started, tty=table().tty_name(seen))
        session.process = Process(observed, 0, 0)
    return session


def shown(session: Session) -> str:
    return asyncio.run(show(session, table()))


def watching(make_client: OnTerminal, place: Path, name: str) -> int:
    """A person's tmux client on a session."""
    return make_client("tmux", "-S", str(place / "s"), "attach", "-t", name)


def test_our_own_client_goes_to_the_pane(make: Make, on_terminal: OnTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = make()
    terminal("new-window", "-t", "t", "sleep 100")
    terminal("new-session", "-d", "-s", "dash", "-P", "-F", "#{pane_id}", "sleep 100")
    own = terminal("display-message", "-p", "-t", "dash", "#{pane_id}").strip()
    watching(on_terminal, terminal.place, "dash")
    wait_for(lambda: terminal("list-clients", "-F", "#{session_name}") == "dash\n")
    monkeypatch.setenv("TMUX", f"{terminal.place}/s,1,1")
    monkeypatch.setenv("TMUX_PANE", own)
    assert shown(session_of(terminal.pid)) == "went to tmux pane %0"
    assert terminal("list-clients", "-F", "#{session_name} #{pane_id}") == "t %0\n"


def test_a_client_that_is_there_is_shown_the_pane(make: Make, on_terminal: OnTerminal) -> None:
    terminal = make()
    terminal("new-window", "-t", "t", "sleep 100")
    watching(on_terminal, terminal.place, "t")
    wait_for(lambda: terminal("list-clients"))
    assert shown(session_of(terminal.pid)).startswith("selected in tmux session t, which is on /dev/pts/")
    assert terminal("list-clients", "-F", "#{pane_id}") == "%0\n"


def test_nobody_else_is_taken_away_from_what_they_look_at(make: Make, on_terminal: OnTerminal) -> None:
    terminal = make()
    with pytest.raises(Elsewhere, match=r"nobody looks at its tmux; this does: tmux -S \S+ attach -t '\$0'"):
        shown(session_of(terminal.pid))
    terminal("new-session", "-d", "-s", "other", "sleep 100")
    watching(on_terminal, terminal.place, "other")
    wait_for(lambda: terminal("list-clients"))
    with pytest.raises(Elsewhere, match="tmux shows another session on /dev/pts/"):
        shown(session_of(terminal.pid))
    assert terminal("list-clients", "-F", "#{session_name}") == "other\n"


def test_a_process_that_is_gone_or_was_never_there(on_terminal: OnTerminal) -> None:
    with pytest.raises(Elsewhere, match="no process of it runs; this goes on with it"):
        shown(session_of(None))
    pid = on_terminal("sleep", "100")
    wait_for(lambda: table().argv(pid)[:1] == ["sleep"])
    session = session_of(pid)
    assert session.process is not None
    session.process.seen = ProcessObserved(pid=pid, started=1, tty="pts/0")
    with pytest.raises(Elsewhere, match="is gone"):
        shown(session)
    with pytest.raises(Elsewhere, match="which cannot be put in front from here"):
        shown(session_of(pid))
    headless = subprocess.Popen(["sleep", "100"], start_new_session=True)
    with pytest.raises(Elsewhere, match="without a terminal"):
        shown(session_of(headless.pid))
    headless.kill()
    headless.wait()


def test_the_line_that_goes_on_can_be_copied(tmp_path: Path) -> None:
    session = session_of(None)
    session.cwd = "/tmp/a b; touch x\n\x1b[31m'$(id)"
    words = going_on(session)
    assert "\x1b" not in words
    assert "\n" not in words
    session.client = "log"
    assert going_on(session) == "its own client"


def program(place: Path, name: str, text: str) -> None:
    """A stand-in for a terminal's program; notes what it was called with."""
    path = place / name
    path.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >> "{place}/called"\n{text}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_kitty_and_wezterm_and_zellij(on_terminal: OnTerminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    program(tmp_path, "kitty", "")
    pid = on_terminal("sleep", "100", KITTY_LISTEN_ON="unix:/tmp/k; touch x", KITTY_WINDOW_ID="7")
    wait_for(lambda: table().argv(pid)[:1] == ["sleep"])
    assert shown(session_of(pid)) == "went to its kitty window"
    assert (tmp_path / "called").read_text() == "@|--to=unix:/tmp/k; touch x|focus-window|--match=id:7|"
    (tmp_path / "called").unlink()
    pid = on_terminal("sleep", "100", WEZTERM_PANE="3", WEZTERM_UNIX_SOCKET="/tmp/w")
    wait_for(lambda: table().argv(pid)[:1] == ["sleep"])
    found = table().stat(pid)
    assert found is not None
    panes = f'[{{"pane_id":1,"tty_name":"/dev/x"}},{{"pane_id":5,"tty_name":"/dev/{table().tty_name(found)}"}}]'
    program(tmp_path, "wezterm", f"[ $2 = activate-pane ] || echo '{panes}'")
    assert shown(session_of(pid)) == "went to its WezTerm pane"
    assert (tmp_path / "called").read_text() == "cli|list|--format|json|cli|activate-pane|--pane-id|5|"
    pid = on_terminal("sleep", "100", ZELLIJ_SESSION_NAME="my work", ZELLIJ_PANE_ID="2")
    wait_for(lambda: table().argv(pid)[:1] == ["sleep"])
    with pytest.raises(Elsewhere, match="pane 2 of it: zellij attach 'my work'"):
        shown(session_of(pid))


@pytest.mark.parametrize("text", ["", "[", "{}", "[1, null]", '[{"pane_id":"1","tty_name":"/dev/pts/1"}]', '"\ud800"'])
def test_what_wezterm_says_may_be_anything(text: str) -> None:
    assert terminals._wezterm_pane(text, "pts/1") is None
