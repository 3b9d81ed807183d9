"""Ending everything of a demo: by what its processes carry with them, never by a name."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

from orchestrator_tui.host.owned.launch import SHIM

PASSES, PAUSE = 200, 0.05
QUIET = 3
"""Passes in a row that find nothing: a process may have been born during one."""


def own(scratch: Path) -> list[int]:
    """Processes whose environment has this demo's HOME or state directory, and the shims that run for it."""
    pids = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if pid != os.getpid() and is_own(pid, scratch)]


def is_own(pid: int, scratch: Path) -> bool:
    """Whether one process is this demo's."""
    path = Path("/proc") / str(pid)
    try:
        words = (path / "environ").read_bytes().split(b"\0")
        if f"HOME={scratch}/home".encode() in words or f"ORC_HOME={scratch}/state".encode() in words:
            return True
        words = (path / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    # A shim has next to no environment: the directory that it looks after names it.
    return os.fsencode(SHIM) in words and any(word.startswith(f"{scratch}/state/owned/".encode()) for word in words)


def sweep(scratch: Path) -> list[int]:
    """End them all, and remove the directory; returns what could not be ended."""
    quiet, left = 0, []
    for _ in range(PASSES):
        left = own(scratch)
        quiet = 0 if left else quiet + 1
        if quiet == QUIET:
            break
        for pid in left:
            _strike(pid, scratch)
        time.sleep(PAUSE)
    for _ in range(20):
        shutil.rmtree(scratch, ignore_errors=True)
        if not scratch.exists():
            break
        time.sleep(PAUSE)
    return left


def _strike(pid: int, scratch: Path) -> None:
    """Kill it, if it still is what was found: the number may be another's by now."""
    with suppress(OSError):
        fd = os.pidfd_open(pid)
        try:
            if is_own(pid, scratch):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        finally:
            os.close(fd)
