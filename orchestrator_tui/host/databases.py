"""Opening a database that somebody else writes: read-only, for one short look, with no trace beside it.

SQLite itself would leave one: whoever opens a database in WAL mode makes `-wal` and `-shm` beside it where they are
missing, also with `mode=ro`. So the files decide how it is opened:

```
no WAL mode            mode=ro
WAL, none there        immutable: nobody has it open; what was read counts only if that was so to the end
WAL, -wal and -shm     readonly_shm: with its writers, or after one that was killed
WAL, -wal alone        without locks, the index of the log in memory: only while no process has it open
```

While it is open a shared lock of ours keeps the last writer from removing the log under us, as any reader's would.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from time import monotonic
from urllib.parse import quote

HEADER = 100
MAGIC = b"SQLite format 3\0"
OLDEST = (3, 22, 0)
"""The first SQLite that can read a log without writing its index."""
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510
"""The bytes that SQLite's readers lock."""
PATIENCE = 2.0
"""Seconds that one look may take: a table may be a view that never ends."""

Mark = tuple[int, int]
"""(bytes, modification time) of a database, its log included: where they are the same nothing has changed."""


class Unreadable(Exception):
    """A database that cannot be read now; the text says why."""

    def __init__(self, text: str, again: bool = False) -> None:
        """`again`: it will be readable soon, though nothing about its files need change."""
        super().__init__(text)
        self.again = again


def mark(path: str) -> Mark:
    """The mark of the database at `path`. Raises OSError when it is gone."""
    status = os.stat(path, follow_symlinks=False)
    size, changed = status.st_size, status.st_mtime_ns
    with suppress(OSError):
        log = os.stat(f"{path}-wal", follow_symlinks=False)
        size, changed = size + log.st_size, max(changed, log.st_mtime_ns)
    return size, changed


@contextmanager
def opened(path: str, fd: int) -> Iterator[sqlite3.Connection]:
    """A connection within a read transaction; `fd` is the file, open for reading.

    Raises Unreadable, also at the end, when what was read may not have been one state of the database.
    """
    if sqlite3.sqlite_version_info < OLDEST:
        raise Unreadable(f"SQLite {sqlite3.sqlite_version} is too old to read it without writing")
    header = os.pread(fd, HEADER, 0)
    if header[: len(MAGIC)] != MAGIC:
        raise Unreadable("it is empty" if not header else "it is no SQLite database")
    with _locked(fd):
        options, quiet = _way(path, in_wal=2 in header[18:20])
        before = _files(path) if quiet else None
        try:
            with closing(_connect(path, options)) as db:
                _same_file(path, fd)
                db.execute("BEGIN")
                yield db
        except sqlite3.Error as error:
            raise _unreadable(error) from error
        finally:
            changed = before is not None and _files(path) != before
        if changed:
            raise Unreadable("it was being written", again=True)


def _way(path: str, in_wal: bool) -> tuple[str, bool]:
    """(what to open it with, whether it must stay untouched meanwhile)."""
    log, index = _size(f"{path}-wal"), _size(f"{path}-shm")
    if not in_wal:
        return "", False
    if log is not None and index is not None:
        return "&readonly_shm=1", False
    if not log:
        return "&immutable=1", True
    if is_open(path):
        raise Unreadable("a process has it open, but its index of the log (-shm) is missing")
    return "&vfs=unix-none", True


def _size(path: str) -> int | None:
    """Bytes of a regular file; None when there is none."""
    try:
        status = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(f"{Path(path).name} is no regular file")
    return status.st_size


def _connect(path: str, options: str) -> sqlite3.Connection:
    db = sqlite3.connect(
        f"file:{quote(path)}?mode=ro{options}", uri=True, timeout=0, isolation_level=None, cached_statements=32
    )
    try:
        # Text may be no UTF-8, and nothing that a page calls may be trusted.
        db.text_factory = bytes
        end = monotonic() + PATIENCE
        db.set_progress_handler(lambda: monotonic() > end, 20_000)
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA query_only = ON")
        if "unix-none" in options:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _same_file(path: str, fd: int) -> None:
    """SQLite opens by name: it must have been the file that was looked at."""
    here, there = os.fstat(fd), os.stat(path, follow_symlinks=False)
    if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
        raise Unreadable("it was replaced", again=True)


def _files(path: str) -> list[tuple[int, int, int] | None]:
    found: list[tuple[int, int, int] | None] = []
    for name in (path, f"{path}-wal", f"{path}-shm"):
        try:
            status = os.stat(name, follow_symlinks=False)
        except OSError:
            found.append(None)
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return found


def _unreadable(error: sqlite3.Error) -> Unreadable:
    whole = getattr(error, "sqlite_errorcode", 0)
    code = whole & 0xFF
    if whole == sqlite3.SQLITE_READONLY_ROLLBACK:
        return Unreadable("its client was killed in the middle of a write, and must open it first")
    if code == sqlite3.SQLITE_READONLY:
        # The index of the log is being made by a writer: a reader that may not write it must wait.
        return Unreadable("its log is being begun anew", again=True)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unreadable("it is locked", again=True)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Unreadable(f"it is damaged: {error}")
    return Unreadable(str(error)[:200])


@contextmanager
def _locked(fd: int) -> Iterator[None]:
    """SQLite's shared lock, for the open file and not for the process, where the system has that."""
    if not hasattr(fcntl, "F_OFD_SETLK") or sys.platform != "linux":
        yield
        return
    lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, _SHARED_FIRST, _SHARED_SIZE, 0)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, lock)
    except BlockingIOError as error:
        raise Unreadable("it is locked", again=True) from error
    except OSError:
        # A file system without such locks: SQLite will say so if it matters.
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_UNLCK, 0, _SHARED_FIRST, _SHARED_SIZE, 0))


# --- who has it open ------------------------------------------------------------------------------------------


def is_open(path: str) -> bool:
    """Whether a process of ours or another user's has the database open, as far as this user may see.

    Raises Unreadable when that cannot be told.
    """
    status = os.stat(path, follow_symlinks=False)
    if sys.platform == "linux" and not os.environ.get("ORC_PORTABLE"):
        return _linux_open(path, (status.st_dev, status.st_ino))
    return _portable_open(path)


def _linux_open(path: str, inode: tuple[int, int]) -> bool:
    name = Path(path).name
    for pid in os.listdir("/proc"):
        if not pid.isdecimal() or int(pid) == os.getpid():
            continue
        with suppress(OSError):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                place = f"/proc/{pid}/fd/{fd}"
                with suppress(OSError):
                    # The name is the cheap question; the same file may have another one there.
                    if os.readlink(place).endswith(name):
                        status = os.stat(place)
                        if (status.st_dev, status.st_ino) == inode:
                            return True
    return False


def _portable_open(path: str) -> bool:
    try:
        import psutil
    except ImportError as error:
        raise Unreadable("whether a process has it open cannot be told here") from error
    real = os.path.realpath(path)
    try:
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and any(one.path == real for one in process.open_files()):
                    return True
    except psutil.Error as error:
        raise Unreadable("whether a process has it open cannot be told here") from error
    return False
