"""Going to a session's terminal: in tmux, kitty or WezTerm it is put in front; elsewhere words say how to get there."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.control.callers import environment
from orchestrator_tui.host.control.terminal import tmux
from orchestrator_tui.host.control.terminal.front import call
from orchestrator_tui.host.procfs import ProcessTable, same_start
from orchestrator_tui.text import line

WORDS = 200


class Elsewhere(Exception):
    """Its terminal cannot be put in front from here; the text says how a person gets there."""


async def show(session: Session, table: ProcessTable) -> str:
    """Put the session's terminal in front of the person; returns what was done, in words. Raises Elsewhere."""
    process = session.process
    if session.pid is None or process is None:
        raise Elsewhere(f"no process of it runs; this goes on with it: {going_on(session)}")
    stat = table.stat(session.pid)
    if stat is None or not same_start(stat, process.seen.started):
        raise Elsewhere(f"process {session.pid} is gone; this goes on with it: {going_on(session)}")
    tty = process.seen.tty or table.tty_name(stat)
    if not tty:
        when = "it runs under orc, without a terminal" if session.owned else "it runs without a terminal"
        raise Elsewhere(f"{when}; when it has ended, this goes on with it: {going_on(session)}")
    pane = await tmux.pane_of(tty, session.pid)
    if pane is not None:
        return await _in_tmux(pane)
    told = environment(session.pid)
    words = await _in_kitty(told, session.pid) or await _in_wezterm(told, tty) or _in_zellij(told)
    if not words:
        raise Elsewhere(f"its terminal is {tty}, which cannot be put in front from here")
    return words


def going_on(session: Session) -> str:
    """The command line with which a person goes on with the session in a terminal, to be shown and copied."""
    from orchestrator_tui.clients.drives import DRIVES

    drive, cwd = DRIVES.get(session.client), session.cwd or "."
    if drive is None:
        return "its own client"
    words = shlex.join(drive.resume_words(session.id.partition(":")[2], cwd))
    # What a session says of itself may hold anything: a line that is copied must be one line.
    return line(words, WORDS * 5)


# --- tmux ---------------------------------------------------------------------------------------------------------


async def _in_tmux(pane: tmux.Pane) -> str:
    code, text = await tmux.ask(
        pane.socket, "list-clients", "-F", "#{client_activity}:#{session_id}:#{client_tty}:#{client_name}"
    )
    clients = sorted((words for row in text.splitlines() if len(words := row.split(":", 3)) == 4), reverse=True)
    if code or not clients:
        await _select(pane)
        raise Elsewhere(f"nobody looks at its tmux; this does: {_attaching(pane)}")
    own = await _own_session(pane.socket)
    ours = [words for words in clients if words[1] == own]
    if ours:
        # With a pane as its target this changes session, window and pane at once.
        code, text = await tmux.ask(pane.socket, "switch-client", "-c", ours[0][3], "-t", pane.id)
        if code:
            raise Elsewhere(f"tmux: {line(text, WORDS)}")
        return f"went to tmux pane {pane.id}"
    there = [words for words in clients if words[1] == pane.session]
    await _select(pane)
    if there:
        return f"selected in tmux session {line(pane.name, 40)}, which is on {there[0][2]}"
    raise Elsewhere(f"tmux shows another session on {clients[0][2]}; this shows its own: {_attaching(pane)}")


async def _own_session(socket: str) -> str:
    """The session of that server in which this process runs; "" when it runs in none of that server's."""
    own, pane = os.environ.get("TMUX", "").split(",")[0], os.environ.get("TMUX_PANE", "")
    try:
        if not own or not pane.startswith("%") or not Path(own).samefile(socket):
            return ""
    except OSError:
        return ""
    code, text = await tmux.ask(socket, "display-message", "-p", "-t", pane, "#{session_id}")
    return text.strip() if code == 0 else ""


async def _select(pane: tmux.Pane) -> None:
    code, text = await tmux.ask(pane.socket, "select-window", "-t", pane.id, ";", "select-pane", "-t", pane.id)
    if code:
        raise Elsewhere(f"tmux: {line(text, WORDS)}")


def _attaching(pane: tmux.Pane) -> str:
    return shlex.join(["tmux", "-S", pane.socket, "attach", "-t", pane.session])


# --- terminals that can be asked ----------------------------------------------------------------------------------


async def _in_kitty(told: Mapping[str, str], pid: int) -> str:
    address, window = told.get("KITTY_LISTEN_ON", ""), told.get("KITTY_WINDOW_ID", "")
    program = shutil.which("kitty")
    if not address or program is None:
        return ""
    match = f"id:{window}" if window.isdecimal() else f"pid:{pid}"
    code, text = await call([program, "@", f"--to={address}", "focus-window", f"--match={match}"])
    if code:
        raise Elsewhere(f"kitty: {line(text, WORDS)}")
    return "went to its kitty window"


async def _in_wezterm(told: Mapping[str, str], tty: str) -> str:
    program, socket = shutil.which("wezterm"), told.get("WEZTERM_UNIX_SOCKET", "")
    if program is None or not (socket or told.get("WEZTERM_PANE")):
        return ""
    environ = {"WEZTERM_UNIX_SOCKET": socket} if socket else {}
    code, text = await call([program, "cli", "list", "--format", "json"], environ=environ)
    pane = _wezterm_pane(text, tty) if code == 0 else None
    if pane is None:
        return ""
    code, text = await call([program, "cli", "activate-pane", "--pane-id", str(pane)], environ=environ)
    if code:
        raise Elsewhere(f"wezterm: {line(text, WORDS)}")
    return "went to its WezTerm pane"


def _wezterm_pane(text: str, tty: str) -> int | None:
    try:
        panes: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    device = tty if tty.startswith("/") else f"/dev/{tty}"
    for pane in panes if isinstance(panes, list) else ():
        if isinstance(pane, dict) and pane.get("tty_name") == device and isinstance(pane.get("pane_id"), int):
            return int(pane["pane_id"])
    return None


def _in_zellij(told: Mapping[str, str]) -> str:
    """Zellij has no command that goes to a pane by its number."""
    name, pane = told.get("ZELLIJ_SESSION_NAME", ""), told.get("ZELLIJ_PANE_ID", "")
    if not name:
        return ""
    where = f"pane {pane} of it" if pane.isdecimal() else "in it"
    raise Elsewhere(f"it is in zellij, {where}: {line(shlex.join(['zellij', 'attach', name]), WORDS)}")
