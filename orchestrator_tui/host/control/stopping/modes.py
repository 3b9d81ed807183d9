"""The modes of a terminal: kept while a client is stopped, for a stopped program cannot put them back itself.

Kept in files, named by process and start, so that a host that comes later can still do it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from orchestrator_tui.events import ProcessRef


class Modes(Struct):
    """How a client had set its terminal."""

    tty: str
    attributes: list[Any]
    """As `termios.tcgetattr` has them; control characters as numbers."""


def keep(kept: Path | None, client: ProcessRef, tty: str) -> None:
    """Note how the client has set its terminal now; without a directory nothing is kept."""
    attributes = read(tty)
    if kept is None or attributes is None:
        return
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(_path(kept, client), flags, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(msgspec.json.encode(Modes(tty, attributes)))


def restore(kept: Path | None, client: ProcessRef) -> bool:
    """Put the modes back that were kept, and forget them; False when there were none."""
    if kept is None:
        return False
    path = _path(kept, client)
    try:
        modes = msgspec.json.decode(path.read_bytes(), type=Modes)
        path.unlink()
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return False
    return _write(modes.tty, modes.attributes)


def forget(kept: Path | None, client: ProcessRef) -> None:
    """The client has ended: its shell sets its own modes."""
    if kept is not None:
        _path(kept, client).unlink(missing_ok=True)


def _path(kept: Path, client: ProcessRef) -> Path:
    return kept / f"{client.pid}-{client.started}.json"


def read(tty: str) -> list[Any] | None:
    """The modes of a terminal of ours; None when they cannot be read."""
    import termios

    fd = _open(tty)
    if fd is None:
        return None
    try:
        attributes = termios.tcgetattr(fd)
    except termios.error:
        return None
    finally:
        os.close(fd)
    control = [byte[0] if isinstance(byte, bytes) else byte for byte in attributes[6]]
    return [*attributes[:6], control]


def _write(tty: str, attributes: list[Any]) -> bool:
    import termios

    fd = _open(tty)
    if fd is None:
        return False
    try:
        control = [bytes([number]) for number in attributes[6]]
        termios.tcsetattr(fd, termios.TCSANOW, [*attributes[:6], control])
    except (termios.error, ValueError, TypeError, IndexError):
        return False
    finally:
        os.close(fd)
    return True


def _open(tty: str) -> int | None:
    try:
        return os.open(tty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
