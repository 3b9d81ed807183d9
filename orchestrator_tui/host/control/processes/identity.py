"""Which process a number means: named so that no other is mistaken for it, and which ones are never signalled."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import PurePath

from orchestrator_tui.events import ProcessRef
from orchestrator_tui.host import procfs
from orchestrator_tui.host.procfs import LinuxTable, ProcessTable, same_start

MAX_COMMAND = 240
MAX_ENVIRON = 1 << 20
"""Bytes read of an environment."""
DELETED = " (deleted)"
"""What Linux adds to the path of a program whose file was replaced: clients update themselves."""
OWN_MARK = "ORC_SESSION="
"""The variable that our shims give to what they start."""
SERVERS = ("tmux", "screen", "zellij", "dtach", "abduco")
"""Programs that hold the terminals of others."""
SYSTEM = frozenset(
    {"systemd", "init", "launchd", "sshd", "sshd-session", "login", "dbus-daemon", "dbus-broker", "Xorg", "gnome-shell"}
)


def ref_of(table: ProcessTable, pid: int) -> ProcessRef | None:
    """A process as it is now; None when it is gone or a zombie."""
    stat = table.stat(pid)
    if stat is None:
        return None
    return ProcessRef(
        pid, stat.started, uid_of(table, pid), program_of(table, pid), " ".join(table.argv(pid))[:MAX_COMMAND]
    )


def check(table: ProcessTable, ref: ProcessRef) -> str:
    """ "" when the very same process still runs, else why not."""
    stat = table.stat(ref.pid)
    if stat is None:
        return f"process {ref.pid} is gone"
    if not same_start(stat, ref.started):
        return f"process {ref.pid} is gone; another has its number"
    uid = uid_of(table, ref.pid)
    if -1 not in (uid, ref.uid) and uid != ref.uid:
        return f"process {ref.pid} changed its user"
    program = program_of(table, ref.pid)
    if ref.program and program and program != ref.program:
        return f"process {ref.pid} runs another program by now: {program}"
    return ""


def is_alive(table: ProcessTable, ref: ProcessRef) -> bool:
    """Whether that process still runs, whatever program it has become."""
    stat = table.stat(ref.pid)
    return stat is not None and same_start(stat, ref.started)


def is_stopped(table: ProcessTable, ref: ProcessRef) -> bool:
    """Whether that process is there, and stopped."""
    stat = table.stat(ref.pid)
    return stat is not None and same_start(stat, ref.started) and stat.stopped


def refusal(table: ProcessTable, ref: ProcessRef) -> str:
    """Why a process is never signalled; "" when it may be."""
    if ref.pid <= 1:
        return f"{ref.pid} is the system's first process"
    if ref.pid == os.getpid():
        return f"{ref.pid} is this host"
    if ref.pid in _above_us(os.getppid()):
        return f"{ref.pid} is one that this host runs under"
    if ref.uid not in (-1, os.getuid()):
        return f"{ref.pid} belongs to another user ({ref.uid})"
    argv = table.argv(ref.pid)
    if not argv and not ref.command and not ref.program and isinstance(table, LinuxTable):
        return f"{ref.pid} is the kernel's"
    why = shared(argv or ref.command.split(" "), ref.pid)
    # A server that runs under a shim of ours runs one session.
    return "" if why and b"\0" + OWN_MARK.encode() in b"\0" + environ_bytes(table, ref.pid) else why


def shared(argv: Sequence[str], pid: int) -> str:
    """Why a command line is one on which others depend; "" for any other."""
    if not argv:
        return ""
    word = argv[0]
    name = PurePath(word.partition(":")[0]).name
    if word.startswith("-"):
        return f"{pid} is a login shell"
    if name.lower() in SERVERS:
        return f"{pid} is a {name.lower()} server"
    if name in SYSTEM:
        return f"{pid} is {name}, which others depend on"
    words = set(argv[1:])
    if "app-server" in words and words & {"--listen", "--managed-daemon", "daemon", "pid-update-loop"}:
        return f"{pid} is Codex's daemon, which runs the sessions of others too"
    script = argv[1:3] if name in ("node", "bun") else argv[:2]
    if any("opencode" in PurePath(w).name for w in script) and words & {"serve", "web"}:
        return f"{pid} is OpenCode's server, which runs the sessions of others too"
    return ""


@lru_cache(maxsize=4)
def _above_us(parent: int) -> frozenset[int]:
    """Our ancestors, as they were when we first had this parent."""
    return frozenset([parent, *ancestors(procfs.table(), parent)])


def ancestors(table: ProcessTable, pid: int) -> list[int]:
    """The parents of a process, the nearest first."""
    above: list[int] = []
    stat = table.stat(pid)
    while stat is not None and stat.ppid > 0 and stat.ppid not in above:
        above.append(stat.ppid)
        stat = table.stat(stat.ppid)
    return above


def uid_of(table: ProcessTable, pid: int) -> int:
    """The effective user of a process; -1 where it cannot be told."""
    if isinstance(table, LinuxTable):
        for text in slurp(f"/proc/{pid}/status").splitlines():
            if text.startswith(b"Uid:"):
                return int(text.split()[2])
        return -1
    import psutil

    try:
        return int(psutil.Process(pid).uids().effective)
    except (psutil.Error, OSError, AttributeError):
        return -1


def program_of(table: ProcessTable, pid: int) -> str:
    """The path of its executable; "" where it cannot be read."""
    if isinstance(table, LinuxTable):
        try:
            path = os.readlink(f"/proc/{pid}/exe").encode("utf-8", "replace").decode()
        except OSError:
            return ""
        return path.removesuffix(DELETED)
    import psutil

    try:
        return (psutil.Process(pid).exe() or "").removesuffix(DELETED)
    except (psutil.Error, OSError):
        return ""


def environ_bytes(table: ProcessTable, pid: int) -> bytes:
    """`NAME=value` of the environment that it began with, each with a zero after it; b"" where it cannot be read."""
    if isinstance(table, LinuxTable):
        return slurp(f"/proc/{pid}/environ", MAX_ENVIRON)
    import psutil

    try:
        return b"".join(os.fsencode(f"{k}={v}") + b"\0" for k, v in psutil.Process(pid).environ().items())
    except (psutil.Error, OSError):
        return b""


def slurp(path: str, most: int = 4096) -> bytes:
    """The beginning of a file of /proc; b"" when the process is gone or another user's."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        data = os.read(fd, 65536)
        # A process may have written over its environment: the end is where nothing more comes.
        while len(data) < most and most > 65536 and (part := os.read(fd, 65536)):
            data += part
        return data
    except OSError:
        return b""
    finally:
        os.close(fd)


@cache
def has_pidfd() -> bool:
    """Whether a process can be held while it is checked."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")
