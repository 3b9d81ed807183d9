"""The agent's open session log (docs/contract.md §3): one line at a time, whole or not at all."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from orchestrator_tui.clock import Clock, SystemClock, iso
from orchestrator_tui.loops.agent.cutting import cut_value


class Journal:
    """A log of mode 0600 that nobody else writes."""

    def __init__(self, path: str, clock: Clock | None = None, again: bool = False) -> None:
        """Make the log, or with `again` go on with it. Raises OSError, FileExistsError among them."""
        self.path = path
        self._clock = clock or SystemClock()
        directory = Path(path).parent
        if not directory.is_dir():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | (0 if again else os.O_CREAT | os.O_EXCL)
        self.fd = os.open(path, flags, 0o600)
        size = os.fstat(self.fd).st_size
        if size and os.pread(self.fd, 1, size - 1) != b"\n":
            # Whoever wrote it was killed in the middle of a line.
            os.write(self.fd, b"\n")
        self._said: set[str] = set()

    def write(self, kind: str, **fields: object) -> None:
        """Append a line; fields that are None are left out. It has reached the kernel when this returns.

        Raises OSError, and then nothing of the line is left in the file.
        """
        shown = {name: cut_value(value) for name, value in fields.items() if value is not None}
        value = {"kind": kind, "t": iso(self._clock.now()), **shown}
        data = json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        before = os.fstat(self.fd).st_size
        written = 0
        try:
            while written < len(data):
                written += os.write(self.fd, data[written:])
        except OSError:
            with suppress(OSError):
                os.ftruncate(self.fd, before)
            raise

    def note(self, text: str) -> None:
        """Say something about the session itself, once."""
        if text not in self._said:
            self._said.add(text)
            self.write("note", text=text)

    def close(self) -> None:
        """Nothing is written after that."""
        with suppress(OSError):
            os.close(self.fd)
