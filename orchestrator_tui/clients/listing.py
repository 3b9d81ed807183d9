"""What lies in a client's directories, read again only when it has changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

T = TypeVar("T")
MAX_DOCUMENT = 1 << 20
"""Bytes above which a document is not read: none of the clients' comes near it."""


def existing(paths: Iterable[Path]) -> list[Path]:
    """The directories among `paths` that are there, links resolved, each once."""
    found: dict[Path, None] = {}
    for path in paths:
        try:
            real = path.expanduser().resolve(strict=True)
        except (OSError, RuntimeError):
            continue
        if real.is_dir():
            found[real] = None
    return list(found)


class Found(Struct, frozen=True):
    """A regular file in a listing."""

    name: str
    path: str


class Listing:
    """Directories and small files as they were last read; read again only when they have changed.

    A directory's time has the grain of the kernel's tick, so one that changed in the last two seconds is never
    trusted. Symbolic links are not followed, and names that are not UTF-8 are left out. Only where a walk begins may
    there be a link, and only to a directory below its own parent, which for the clients is their root.
    """

    SETTLED = 2_000_000_000

    def __init__(self) -> None:
        self._directories: dict[str, tuple[int, list[Found], list[str]]] = {}
        self._documents: dict[str, tuple[tuple[int, int, int], Any]] = {}

    def walk(self, root: Path | str, depth: int, now: int) -> Iterator[Found]:
        """Regular files below `root`, at most `depth` directories down; what vanishes or refuses is skipped."""
        path = _unlinked(str(root))
        if path is not None:
            yield from self._walk(path, depth, now)

    def directories(self, root: Path | str, now: int) -> list[str]:
        """The directories directly below `root`, links left out."""
        path = _unlinked(str(root))
        return [] if path is None else self._read(path, now)[1]

    def _walk(self, path: str, depth: int, now: int) -> Iterator[Found]:
        files, directories = self._read(path, now)
        yield from files
        if depth > 0:
            for directory in directories:
                yield from self._walk(directory, depth - 1, now)

    def _read(self, path: str, now: int) -> tuple[list[Found], list[str]]:
        try:
            status = os.stat(path, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                raise NotADirectoryError(path)
            changed = status.st_mtime_ns
            kept = self._directories.get(path)
            if kept is not None and kept[0] == changed:
                return kept[1], kept[2]
            files, directories = _scan(path)
        except OSError:
            self._directories.pop(path, None)
            return [], []
        self._let_go(path, files)
        if now - changed > self.SETTLED:
            self._directories[path] = (changed, files, directories)
        return files, directories

    def _let_go(self, path: str, files: list[Found]) -> None:
        """Documents that lay in a directory and are there no more: nobody will ask for them."""
        here = {found.path for found in files}
        for name in [name for name in self._documents if name not in here and name.rpartition("/")[0] == path]:
            del self._documents[name]

    def document(self, path: str, read: Callable[[bytes, int], T]) -> T | None:
        """What `read` makes of (bytes, modification time) of a small regular file, worked out once per change.

        None when it is anything else, too large, or gone. A file that is there unchanged costs one stat.
        """
        try:
            status = os.stat(path, follow_symlinks=False)
            mark = (status.st_ino, status.st_mtime_ns, status.st_size)
            kept = self._documents.get(path)
            if kept is None or kept[0] != mark:
                kept = self._documents[path] = _read_document(path, read)
        except OSError:
            self._documents.pop(path, None)
            return None
        found: T | None = kept[1]
        return found


def _read_document(path: str, read: Callable[[bytes, int], T]) -> tuple[tuple[int, int, int], T | None]:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        mark = (status.st_ino, status.st_mtime_ns, status.st_size)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_DOCUMENT:
            return mark, None
        return mark, read(os.read(fd, MAX_DOCUMENT), status.st_mtime_ns)
    finally:
        os.close(fd)


def _unlinked(path: str) -> str | None:
    """The directory itself, or the one that a link leads to; None when that is not below the link's parent (T16)."""
    place = Path(path)
    try:
        if not place.is_symlink():
            return path
        real = place.resolve(strict=True)
        return str(real) if place.parent.resolve() in real.parents else None
    except (OSError, RuntimeError):
        return None


def _scan(path: str) -> tuple[list[Found], list[str]]:
    files, directories = [], []
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.name.isprintable() and not _encodable(entry.name):
                continue
            if entry.is_file(follow_symlinks=False):
                files.append(Found(entry.name, entry.path))
            elif entry.is_dir(follow_symlinks=False):
                directories.append(entry.path)
    return files, directories


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
