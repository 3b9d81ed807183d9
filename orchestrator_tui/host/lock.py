"""The host's lock, its doorbell, and how others find it: files in `run/`, no sockets, no protocol."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from orchestrator_tui.errors import HostRunning, StoreNotWritable
from orchestrator_tui.paths import make_private

TRIES = 25


class HostRecord(Struct, frozen=True):
    """Who holds the lock."""

    pid: int
    started: int
    """The kernel's start time of that process, see host.procfs."""
    boot_id: str
    version: str
    since: int
    """Wall clock, nanoseconds."""


class HostLock:
    """Held for the life of a host; the kernel lets go of it however the host ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1

    def acquire(self, record: HostRecord) -> None:
        """Take the lock. Raises HostRunning with the holder's pid when another has it."""
        make_private(self.path.parent)
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StoreNotWritable(f"cannot use {self.path}: {error.strerror}") from error
        for attempt in range(TRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                holder = holder_of(self.path)
                # Without a holder it was only somebody asking, who lets go at once.
                if holder is not None or attempt == TRIES - 1:
                    os.close(fd)
                    who = f" (pid {holder.pid})" if holder else ""
                    raise HostRunning(f"a host is already running{who}; `orc host stop` ends it") from error
                time.sleep(0.02)
        os.ftruncate(fd, 0)
        os.pwrite(fd, msgspec.json.encode(record), 0)
        self._fd = fd

    def release(self) -> None:
        """Let go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def holder_of(path: Path) -> HostRecord | None:
    """The running host; None when nobody holds the lock."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        try:
            # A shared try only: two askers at once must not take each other for a host.
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _read(fd)
        return None
    finally:
        os.close(fd)


def _read(fd: int) -> HostRecord:
    """What the holder wrote; it may be writing just now."""
    for _ in range(TRIES):
        try:
            return msgspec.json.decode(os.pread(fd, 4096, 0), type=HostRecord)
        except (msgspec.MsgspecError, OSError):
            time.sleep(0.01)
    return HostRecord(0, 0, "", "", 0)


def make_doorbell(path: Path) -> int:
    """The FIFO that others ring; opened for reading and writing, so that it never reports an end."""
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not path.is_fifo():
            path.unlink()
            os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def ring(path: Path) -> None:
    """Ask a host to look at the store now; does nothing when there is none."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, b"\n")
    except OSError:
        pass
    finally:
        os.close(fd)
