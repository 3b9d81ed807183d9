"""Copying what is not committed from one checkout into another: files byte for byte, links as links, nothing outside.

Every step of a path is opened without following links, on both sides: neither a link that lies there nor one that is
put there meanwhile leads out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from typing import BinaryIO

from orchestrator_tui.host.git import GitTrouble

MAX_BYTES = 200 << 20
MAX_FILES = 20_000
_CHUNK = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def measure(root: str, paths: Sequence[bytes]) -> tuple[int, str]:
    """(bytes that a copy takes, why it cannot be made: "" where it can)."""
    total = 0
    for path in paths:
        with suppress(OSError), _parent(root, path) as (at, name):
            total += os.stat(name, dir_fd=at, follow_symlinks=False).st_size
    if len(paths) > MAX_FILES:
        return total, f"{len(paths)} files are not committed; at most {MAX_FILES} are carried over"
    if total > MAX_BYTES:
        return total, f"{total >> 20} MB are not committed; at most {MAX_BYTES >> 20} MB are carried over"
    return total, ""


def copy(source: str, target: str, paths: Iterable[bytes]) -> int:
    """Make these paths in `target` as they are in `source`: what is gone there goes here. Raises GitTrouble.

    Returns how many it were. A repository within the checkout, a submodule, a pipe are left out.
    """
    wanted = [path for path in paths if path and not path.endswith(b"/")]
    try:
        # All that is replaced goes first: a file may stand where a directory is to be, or a link.
        for path in wanted:
            _clear(target, path)
        left, done = MAX_BYTES, 0
        for path in wanted:
            took = _copy(source, target, path, left)
            left, done = left - (took or 0), done + (took is not None)
    except OSError as error:
        raise GitTrouble(f"what is not committed could not be copied: {error.strerror or error}") from error
    return done


def digest(root: str, path: bytes) -> bytes:
    """What a path holds, in 16 bytes. Raises GitTrouble when that is too much to be read."""
    code = blake2b(digest_size=16)
    try:
        with _parent(root, path.rstrip(b"/")) as (at, name):
            status = os.stat(name, dir_fd=at, follow_symlinks=False)
            code.update(b"%o" % status.st_mode)
            if stat.S_ISLNK(status.st_mode):
                code.update(os.readlink(name, dir_fd=at))
            elif stat.S_ISREG(status.st_mode):
                with os.fdopen(os.open(name, _FILE, dir_fd=at), "rb") as file:
                    for part in _content(file, MAX_BYTES):
                        code.update(part)
    except (FileNotFoundError, NotADirectoryError):
        code.update(b"gone")
    except OSError as error:
        raise GitTrouble(f"a file cannot be read: {error.strerror}") from error
    return code.digest()


def _copy(source: str, target: str, path: bytes, left: int) -> int | None:
    """Returns how many bytes it took; None where it is nothing to be copied."""
    fd = link = None
    try:
        with _parent(source, path) as (at, name):
            kind = stat.S_IFMT(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode)
            if kind == stat.S_IFLNK:
                link = os.readlink(name, dir_fd=at)
            elif kind == stat.S_IFREG:
                fd = os.open(name, _FILE, dir_fd=at)
    except (FileNotFoundError, NotADirectoryError):
        pass
    if link is not None:
        with _parent(target, path, make=True) as (to, same):
            os.symlink(link, same, dir_fd=to)
        return len(link)
    if fd is None:
        return None
    size = 0
    with os.fdopen(fd, "rb") as given, _parent(target, path, make=True) as (to, same):
        mode = stat.S_IMODE(os.fstat(fd).st_mode) & 0o777
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(same, flags, mode, dir_fd=to), "wb") as taken:
            for part in _content(given, left):
                taken.write(part)
                size += len(part)
    return size


def _content(file: BinaryIO, most: int) -> Iterator[bytes]:
    """A regular file's. Raises GitTrouble when there is more than `most`."""
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return
    while part := file.read(_CHUNK):
        most -= len(part)
        if most < 0:
            raise GitTrouble(f"more than {MAX_BYTES >> 20} MB are not committed")
        yield part


def _clear(root: str, path: bytes) -> None:
    """Remove a file or link, and the directories that are empty without it."""
    with suppress(FileNotFoundError, NotADirectoryError), _parent(root, path) as (at, name):
        if not stat.S_ISDIR(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=at)
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        try:
            with _parent(root, path) as (at, name):
                os.rmdir(name, dir_fd=at)
        except OSError:
            return


@contextmanager
def _parent(root: str, path: bytes, make: bool = False) -> Iterator[tuple[int, bytes]]:
    """(the open directory that a path lies in, its last name)."""
    *steps, name = path.split(b"/")
    if any(step in (b"", b".", b"..", b".git") for step in (*steps, name)):
        raise FileNotFoundError(2, "not a path of a checkout")
    fd = os.open(root, _DIRECTORY)
    try:
        for step in steps:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(step, 0o777, dir_fd=fd)
            try:
                inner = os.open(step, _DIRECTORY, dir_fd=fd)
            except OSError as error:
                if make:
                    raise GitTrouble("what is not committed lies where the worktree has no directory") from error
                # A link here is as good as nothing: what is looked for does not lie in this checkout.
                raise NotADirectoryError(error.errno, error.strerror) from error
            os.close(fd)
            fd = inner
        yield fd, name
    finally:
        os.close(fd)
