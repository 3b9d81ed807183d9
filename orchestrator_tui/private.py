"""Files that are this user's alone: written whole or not at all, and locks that say who lives."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """A file of mode 0600, whole or not at all. Raises OSError."""
    _put(path, data, durable=False)


def write_durably(path: Path, data: bytes) -> None:
    """The same, also after the power fails. Raises OSError."""
    _put(path, data, durable=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _put(path: Path, data: bytes, *, durable: bool) -> None:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            # Whatever the umask.
            os.fchmod(fd, 0o600)
            file.write(data)
            if durable:
                file.flush()
                os.fsync(fd)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock on a file; the kernel lets go of it however its holder ends."""
    return _is_refused(path, os.O_RDWR, fcntl.LOCK_SH)


def is_shared(path: Path) -> bool:
    """Whether anybody has a share in the lock on a file, which is made where it is missing."""
    return _is_refused(path, os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX)


def _is_refused(path: Path, flags: int, lock: int) -> bool:
    try:
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(fd, lock | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(fd)
