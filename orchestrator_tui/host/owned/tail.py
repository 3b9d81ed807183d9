"""Following a client's output through its files, `out.0`, `out.1`, ...: no byte is lost, none is read twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

CHUNK = 256 * 1024
MAX_LINE = 64 << 20
"""Bytes; a longer line is passed over."""


class Tail:
    """A reader of all output from its first byte.

    The shim begins a file only when the one before is complete: so whoever has seen the next one, and then an end of
    this one, has read all of this one.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ahead = sorted(int(path.name[4:]) for path in directory.glob("out.*") if path.name[4:].isdecimal())
        self._segment = self._ahead.pop(0) if self._ahead else 0
        self._offset = 0
        self._fd = -1
        self._rest: list[bytes] = []
        self._kept = 0
        self._torn = False
        """The start of the next line was not kept."""

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read(self) -> Iterator[tuple[str, bytes]] | None:
        """(place, line) of what came since, at most 256 KiB of it; None at the present end.

        A place is the same whenever the line is read again.
        """
        data = self._read()
        return self._lines(data, self._offset - len(data)) if data else None

    def _read(self) -> bytes:
        while True:
            if self._fd < 0 and not self._open():
                return b""
            data = os.read(self._fd, CHUNK)
            if not data and self._has_next():
                data = os.read(self._fd, CHUNK)
                if not data:
                    self._advance()
                    continue
            self._offset += len(data)
            return data

    def _open(self) -> bool:
        try:
            self._fd = os.open(self._directory / f"out.{self._segment}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            if not self._ahead:
                return False
            # Removed for its age between the listing and now.
            self._advance()
            return self._open()
        return True

    def _has_next(self) -> bool:
        return bool(self._ahead) or (self._directory / f"out.{self._segment + 1}").exists()

    def _advance(self) -> None:
        self.close()
        following = self._ahead.pop(0) if self._ahead else self._segment + 1
        if following != self._segment + 1:
            self._rest, self._kept, self._torn = [], 0, True
        self._segment, self._offset = following, 0

    def _lines(self, data: bytes, at: int) -> Iterator[tuple[str, bytes]]:
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._keep(data[start:end])
            line, torn = b"".join(self._rest), self._torn
            self._rest, self._kept, self._torn = [], 0, False
            start = end + 1
            if not torn:
                yield f"{self._segment}.{at + start}", line
        self._keep(data[start:])

    def _keep(self, part: bytes) -> None:
        if self._torn or not part:
            return
        self._rest.append(part)
        self._kept += len(part)
        if self._kept > MAX_LINE:
            self._rest, self._kept, self._torn = [], 0, True
