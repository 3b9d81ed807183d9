"""tmux: finding the pane that a session's process is in, and typing into it, but never into a shell (docs/contract.md).

Every call has a deadline and names its server by its socket. What a pane runs can change between a look and a key, so
each key is sent by the tmux server itself only if the pane still runs what was looked at.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
import sys
import time
from pathlib import Path

from msgspec import Struct

from orchestrator_tui.host.control.callers import environment
from orchestrator_tui.host.control.terminal.front import EDITORS, SHELLS, call, look, reader_besides, takes_lines

FRONT_SECONDS = 3.0
"""That a job may take until it is in front again."""
PROMPT = 0.2
"""Seconds that a shell may take for its next prompt; what is typed before that may be lost."""
STEP = 0.05
_FIELDS = "#{pane_id}:#{pane_pid}:#{pane_dead}:#{pane_tty}:#{window_id}:#{session_id}:#{session_name}"
_STATE = f"{_FIELDS}:#{{pane_in_mode}}:#{{pane_input_off}}:#{{pane_synchronized}}:#{{pane_current_command}}"
_KEY = re.compile(r"[A-Za-z0-9]{1,12}|[CM]-[a-z]")
_PLAIN = re.compile(r"[A-Za-z0-9_.@+-]{1,64}")


class Pane(Struct, frozen=True):
    """One tmux pane, as it was looked at."""

    socket: str
    id: str
    """Such as %3: never used again while that server runs."""
    pid: int
    """The process that tmux started in it: a shell, as a rule."""
    tty: str
    """Such as /dev/pts/3."""
    command: str
    """The name of what is in front; not cleaned."""
    session: str
    """Such as $0."""
    window: str
    """Such as @0."""
    name: str = ""
    """The tmux session's name; not cleaned."""


class _State(Struct, frozen=True):
    """What of a pane decides whether it takes input."""

    pane: Pane
    dead: bool
    mode: bool
    off: bool
    together: bool


async def pane_of(tty: str | None, pid: int) -> Pane | None:
    """The pane whose terminal that is, of whichever server of this user; None when it is in none.

    Without a terminal's name the process's own is taken. `tty` is `pts/3` or `/dev/pts/3`.
    """
    if not tty:
        seat = await look(pid)
        tty = seat.tty if seat is not None else ""
    if not tty:
        return None
    device = tty if tty.startswith("/") else f"/dev/{tty}"
    for servers in (_told(pid), _others()):
        asked = [asyncio.ensure_future(_panes(socket)) for socket in servers]
        try:
            # The first that has it: one server that hangs holds up nothing.
            for answer in asyncio.as_completed(asked):
                for pane in await answer:
                    if pane.tty == device:
                        return pane
        finally:
            for one in asked:
                one.cancel()
    return None


async def refreshed(pane: Pane) -> Pane | None:
    """The pane as it is now; None when it is gone, or another process or terminal is in it."""
    state = await _look(pane)
    return state.pane if state is not None and not state.dead else None


async def key(pane: Pane, name: str, client_pid: int | None = None) -> bool:
    """Press a named key such as Escape, C-c or y; False when it was not pressed.

    With `client_pid` only while that process has the terminal and is not stopped. Raises ValueError for no key's name.
    """
    if not _KEY.fullmatch(name):
        raise ValueError(f"not a key: {name!r}")
    if client_pid is None:
        state = await _look(pane)
        if state is None or state.dead or state.mode or state.together:
            return False
    elif await obstacle(pane, client_pid):
        return False
    return await if_unchanged(pane, await in_front(pane), f"send-keys -t {pane.id} {name}")


async def continue_foreground(pane: Pane, command: str, pid: int | None = None) -> bool:
    """Bring the stopped job of the pane's shell to the front again by typing `fg`; True once it is proved to be there.

    `command` is what `Pane.command` was while the job was in front, `pid` a process of the job. Typed only while the
    shell itself has the terminal; whatever was half typed there is dropped, for `fg` would be put behind it.
    """
    if await _job_in_front(pane, command, pid):
        return True
    state, shell = await _look(pane), await look(pane.pid)
    if state is None or state.dead or state.mode or state.together or state.off:
        return False
    if shell is None or shell.tty != pane.tty or not shell.in_front or shell.stopped or shell.name not in SHELLS:
        return False
    if shell.name not in EDITORS and not takes_lines(pane.tty):
        # A plain shell leaves the terminal as the job had it: Ctrl-C and Enter would be letters.
        return False
    job = await look(pid) if pid is not None else None
    if pid is not None and (job is None or job.tty != pane.tty):
        return False
    name = state.pane.command
    if not await if_unchanged(pane, name, f"send-keys -t {pane.id} C-c"):
        return False
    await asyncio.sleep(PROMPT)
    if not await if_unchanged(pane, name, f"send-keys -t {pane.id} -l fg ; send-keys -t {pane.id} Enter"):
        return False
    until = time.monotonic() + FRONT_SECONDS
    while time.monotonic() < until:
        if await _job_in_front(pane, command, pid):
            return True
        await asyncio.sleep(STEP)
    return False


async def _job_in_front(pane: Pane, command: str, pid: int | None) -> bool:
    """Not the pane's shell, but the job: by its process where that is known, else by its name."""
    if pid is not None:
        job, shell = await look(pid), await look(pane.pid)
        return (
            job is not None and job.tty == pane.tty and job.in_front and not job.stopped
            and shell is not None and (shell.group != job.group or shell.pid == job.pid)
        )  # fmt: skip
    state, shell = await _look(pane), await look(pane.pid)
    return state is not None and shell is not None and not shell.in_front and state.pane.command == command


async def obstacle(pane: Pane, client_pid: int) -> str:
    """Why nothing may be typed into the pane for that process now, in words; "" when it may."""
    state, client, first = await _look(pane), await look(client_pid), await look(pane.pid)
    if state is None or state.dead:
        return "its tmux pane is gone"
    if client is None:
        return "its process has ended"
    if client.tty != pane.tty:
        return "its process is on another terminal than the pane"
    if client.stopped:
        return "it is stopped: bring it back to the front first"
    if state.mode:
        return "its tmux pane is in copy mode: leave that first (q)"
    if state.off:
        return "its tmux pane takes no input (select-pane -e would let it)"
    if state.together:
        return "its tmux window sends keys to all its panes (synchronize-panes)"
    # By the pane's own process too: a terminal of the same name may be in a container.
    if first is None or first.tty != pane.tty or first.front != client.front:
        return "who has its terminal cannot be told"
    if client.name in SHELLS:
        return f"its process is a shell ({client.name}): it would run the text"
    if not client.in_front:
        leader = await look(client.front)
        return f"it is not in front: {leader.name if leader is not None else 'something else'} has its terminal"
    other = reader_besides(client)
    return f"it has put {other} in front of itself" if other else ""


# --- the server -------------------------------------------------------------------------------------------------


async def ask(socket: str, *words: str, text: bytes = b"") -> tuple[int, str]:
    """One tmux command: its exit code and output, 255 when there is no answer."""
    program = shutil.which("tmux")
    if program is None:
        return 255, "tmux is not there"
    # -u: in a plain locale it would write _ for every letter beyond ASCII.
    return await call([program, "-u", "-S", socket, *words], text)


async def _panes(socket: str) -> list[Pane]:
    """All panes of a server, dead ones left out; none when it does not answer."""
    code, text = await ask(socket, "list-panes", "-a", "-F", f"{_FIELDS}:#{{pane_current_command}}")
    panes = (_pane(socket, line.split(":", 7)) for line in text.splitlines()) if code == 0 else ()
    return [pane for pane in panes if pane is not None]


def _pane(socket: str, words: list[str]) -> Pane | None:
    if len(words) != 8 or not words[1].isdecimal() or words[2] == "1":
        return None
    return Pane(socket, words[0], int(words[1]), words[3], words[7], words[5], words[4], words[6])


async def _look(pane: Pane) -> _State | None:
    """The same pane now; None when it is gone or no longer the same."""
    code, text = await ask(pane.socket, "display-message", "-p", "-t", pane.id, _STATE)
    words = text.rstrip("\n").split(":", 10)
    if code or len(words) != 11 or words[:2] != [pane.id, str(pane.pid)] or words[3] != pane.tty:
        return None
    now = Pane(pane.socket, pane.id, pane.pid, pane.tty, words[10], words[5], words[4], words[6])
    return _State(now, words[2] == "1", words[7] not in ("", "0"), words[8] == "1", words[9] == "1")


async def in_front(pane: Pane) -> str:
    """The name of what is in front in the pane now, as tmux has it; "" when the pane is gone."""
    state = await _look(pane)
    return state.pane.command if state is not None else ""


async def if_unchanged(pane: Pane, name: str, command: str) -> bool:
    """Have the server run a command of its own, if the pane still runs a program of that name and is in no mode."""
    # In no mode pane_in_mode is 0 or nothing, as the version is.
    condition = "#{==:#{?pane_in_mode,1,0}#{?pane_dead,1,0},00}"
    if _PLAIN.fullmatch(name):
        condition = f"#{{&&:{condition},#{{==:#{{pane_current_command}},{name}}}}}"
    done = f"{command} ; display-message -p done"
    code, text = await ask(pane.socket, "if-shell", "-F", "-t", pane.id, condition, done)
    return code == 0 and text.strip() == "done"


def _told(pid: int) -> list[str]:
    """The server that the process, or one above it, was told of; a socket of ours only."""
    sockets = (environment(pid).get("TMUX", "").split(",")[0], os.environ.get("TMUX", "").split(",")[0])
    return list(dict.fromkeys(socket for socket in sockets if _is_ours(socket)))


def _others() -> list[str]:
    """All other sockets: in the places where tmux puts them, and those that running servers listen on."""
    found: list[str] = []
    for place in dict.fromkeys((os.environ.get("TMUX_TMPDIR", ""), "/tmp")):  # noqa: S108  # tmux's own place
        try:
            found += [str(path) for path in sorted(Path(place, f"tmux-{os.getuid()}").iterdir())] if place else []
        except OSError:
            continue
    return list(dict.fromkeys(socket for socket in [*found, *_listening()] if _is_ours(socket)))


def _listening() -> list[str]:
    """Sockets of running servers, wherever they are: what the kernel says that processes named `tmux: server` hold."""
    if sys.platform != "linux":
        return []
    held: set[str] = set()
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                if Path("/proc", entry, "comm").read_text(encoding="utf-8", errors="replace") == "tmux: server\n":
                    held |= {os.readlink(fd) for fd in Path("/proc", entry, "fd").iterdir()}
            except OSError:
                continue
    if not held:
        return []
    try:
        lines = Path("/proc/net/unix").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    words = (line.split(None, 7) for line in lines[1:])
    return [w[7] for w in words if len(w) == 8 and f"socket:[{w[6]}]" in held and w[7].startswith("/")]


def _is_ours(socket: str) -> bool:
    try:
        info = os.stat(socket)
    except (OSError, ValueError):
        return False
    return socket.startswith("/") and stat.S_ISSOCK(info.st_mode) and info.st_uid == os.getuid()
