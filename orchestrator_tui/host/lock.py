"""The host's lock, its doorbell, and how others find it: files in `run/`, no sockets, no protocol."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from orchestrator_tui.errors import HostRunning, StoreNotWritable
from orchestrator_tui.paths import make_private
from orchestrator_tui.store.schema import from_os

TRIES = 25
RECORD = 1024
"""Bytes of the record, always: writing it again takes no room on a disk that has none."""


class HostRecord(Struct, frozen=True):
    """Who holds the lock."""

    pid: int
    started: int
    """The kernel's start time of that process, see host.procfs."""
    boot_id: str
    version: str
    since: int
    """Wall clock, nanoseconds."""
    trouble: str = ""
    """Why nothing can be stored now, one line; "" while all is well."""
    opening: bool = False
    """It has the lock, and not yet the store."""


class HostLock:
    """Held for the life of a host; the kernel lets go of it however the host ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1
        self._record: HostRecord | None = None

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
        try:
            _write(fd, record)
        except OSError as error:
            os.close(fd)
            raise from_os(error, self.path) from error
        self._fd, self._record = fd, record

    def tell(self, trouble: str) -> None:
        """Say to whoever asks for the holder why nothing can be stored now; "" when it can (again)."""
        if self._fd >= 0 and self._record is not None:
            self._record = replace(self._record, trouble=trouble, opening=False)
            with suppress(OSError):
                _write(self._fd, self._record)

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


def _write(fd: int, record: HostRecord) -> None:
    """The record, with blanks after it: what an earlier one left is gone, and it never has another length."""
    data = msgspec.json.encode(record)
    if len(data) > RECORD:
        data = msgspec.json.encode(replace(record, trouble="the store cannot be written"))
    os.pwrite(fd, data.ljust(RECORD), 0)
    os.ftruncate(fd, RECORD)


def _read(fd: int) -> HostRecord:
    """What the holder wrote; it may be writing just now."""
    for _ in range(TRIES):
        try:
            return msgspec.json.decode(os.pread(fd, 4096, 0), type=HostRecord)
        except (msgspec.MsgspecError, OSError):
            time.sleep(0.01)
    return HostRecord(0, 0, "", "", 0)


def make_doorbell(path: Path) -> int:
    """The FIFO that others ring; opened for reading and writing, so that it never reports an end.

    Raises StoreError where it cannot be made.
    """
    try:
        try:
            os.mkfifo(path, 0o600)
        except FileExistsError:
            if not path.is_fifo():
                path.unlink()
                os.mkfifo(path, 0o600)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise from_os(error, path) from error


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
