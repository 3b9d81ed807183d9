"""The loop's own open session log, `loop.jsonl` (docs/contract.md §3): each line once, however often it is begun."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from orchestrator_tui.clock import Clock, iso
from orchestrator_tui.text import utf8


class LoopLog:
    """Appends lines; a line has a key, and one whose key is there already is not written again."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open it, and close a line that was cut in half. Raises OSError."""
        self.clock = clock
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        data = path.read_bytes()
        if data and not data.endswith(b"\n"):
            os.write(self._fd, b"\n")
        self._keys = {key for part in data.splitlines() if (key := _key(part)) is not None}

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def has(self, key: str) -> bool:
        """Whether the line of that key is there."""
        return key in self._keys

    def write(self, key: str, kind: str, **fields: Any) -> bool:
        """One line, whole; False when it was there. Fields that are None are left out. Raises OSError."""
        if key in self._keys:
            return False
        said = {name: utf8(value) if isinstance(value, str) else value for name, value in fields.items()}
        line = {"kind": kind, "t": iso(self.clock.now()), "key": key}
        line |= {name: value for name, value in said.items() if value is not None}
        data = msgspec.json.encode(line) + b"\n"
        written = os.write(self._fd, data)
        if written < len(data):
            # Cut short by a full disk: what is there must not swallow the next line.
            os.write(self._fd, data[written:])
        self._keys.add(key)
        return True


def _key(data: bytes) -> str | None:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    key = value.get("key") if isinstance(value, dict) else None
    return key if isinstance(key, str) else None
