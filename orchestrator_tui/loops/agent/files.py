"""Reading and changing files, as the user who started the agent: no place is refused that the user may write."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from orchestrator_tui.loops.agent.cutting import OUTPUT

MAX_FILE = 16 << 20
"""Bytes of a file that is read or edited."""
LINES = 2000
"""Lines that are read at once where no number is named."""


class Wrong(Exception):
    """It was not done; the text says why, to the model."""


def place(cwd: str, path: str) -> Path:
    """The absolute path that is meant. Raises Wrong."""
    if not path or "\0" in path:
        raise Wrong("name a file: `path` is empty or holds a NUL character")
    with suppress(RuntimeError):
        return Path(os.path.normpath(Path(cwd, Path(path).expanduser())))
    raise Wrong(f"there is no such home directory: {path}")


def read(path: Path, offset: int = 1, limit: int = LINES) -> str:
    """Lines of a text file, or the names in a directory. Raises Wrong."""
    if path.is_dir():
        names = sorted(entry.name + "/" * entry.is_dir() for entry in _entries(path))
        shown = "\n".join(names[:LINES])
        return shown + (f"\n[{len(names) - LINES} more]" if len(names) > LINES else "") or "[empty directory]"
    text = _bytes(path).decode("utf-8", "replace")
    lines = text.splitlines(keepends=True)
    start = max(1, offset)
    if not lines:
        return "[empty file]"
    if start > len(lines):
        raise Wrong(f"{path} has {len(lines)} lines; there is no line {start}")
    parts: list[str] = []
    size, end = 0, start - 1
    for item in lines[start - 1 : start - 1 + max(1, limit)]:
        if parts and size + len(item) > OUTPUT:
            break
        parts.append(item[:OUTPUT] + ("[... line cut ...]\n" if len(item) > OUTPUT else ""))
        size, end = size + len(item), end + 1
    rest = f"[lines {start} to {end} of {len(lines)}; go on with offset={end + 1}]" if end < len(lines) else ""
    body = "".join(parts)
    return body + ("" if body.endswith("\n") or not rest else "\n") + rest


def edit(path: Path, old: str, new: str) -> str:
    """Replace the only place where a text stands; returns the digest of what is there now. Raises Wrong."""
    if not old:
        raise Wrong("`old` is empty: name the text that is to be replaced, or write the whole file")
    if old == new:
        raise Wrong("`old` and `new` are the same: nothing would change")
    data = _bytes(path)
    wanted, count = _encoded(old), 0
    if wanted:
        count = data.count(wanted)
    if count != 1:
        hint = "read the file and copy the text exactly" if not count else "take more of the lines around it"
        raise Wrong(f"`old` stands in {path} {count} times; it must be once: {hint}")
    return _write(path, data.replace(wanted, _encoded(new)))


def write(path: Path, content: str) -> str:
    """Write a whole file, its directory too where that is missing; returns the digest. Raises Wrong."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise Wrong(f"{path} is no file that can be written")
    except OSError as error:
        raise Wrong(f"{path}: {error.strerror}") from error
    return _write(path, _encoded(content))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _entries(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except OSError as error:
        raise Wrong(f"{path}: {error.strerror}") from error


def _bytes(path: Path) -> bytes:
    try:
        # A pipe or a device would be waited for, for ever.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with os.fdopen(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise Wrong(f"{path} is no file")
            if status.st_size > MAX_FILE:
                raise Wrong(f"{path} has {status.st_size} bytes, too many to be read whole; use a command for a part")
            return file.read(MAX_FILE)
    except OSError as error:
        raise Wrong(f"{path}: {error.strerror}") from error


def _write(path: Path, data: bytes) -> str:
    """Whole or not at all; a link stays one, and the mode stays what it was."""
    real = Path(os.path.realpath(path))
    fresh = real.with_name(f".{real.name[:100]}.{secrets.token_hex(4)}")
    try:
        mode = stat.S_IMODE(real.stat().st_mode) if real.exists() else None
        with fresh.open("xb") as file:
            file.write(data)
        if mode is not None:
            fresh.chmod(mode)
        fresh.replace(real)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise Wrong(f"{path}: {error.strerror}") from error
    return blake2b(data, digest_size=8).hexdigest()
