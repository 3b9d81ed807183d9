"""What is said to an owned client: whole messages as files, which its shim writes to it one after the other.

A message is there or it is not, however the host ends; what the client has not begun to read can be taken back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress

from orchestrator_tui.host.lock import ring
from orchestrator_tui.host.owned.runs import Run
from orchestrator_tui.private import write

GOING = "going"


class Mail:
    """The mail of one run; use it from one host only."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._last = max((int(name.partition(".")[0]) for name in self._waiting()), default=0)

    def post(self, lines: Sequence[bytes], key: str) -> str:
        """Give a message to the shim; returns its name. Raises OSError.

        `key` tells it apart for ever: letters, digits and dots.
        """
        self._last = max(self._last + 1, time.time_ns())
        name = f"{self._last:020d}.{key}"
        data = b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines)
        write(self._run.mail / name, data)
        ring(self._run.path / "bell")
        return name

    def is_taken(self, name: str) -> bool:
        """Whether the client's pipe has taken all of it."""
        return not (self._run.mail / name).exists() and not (self._run.mail / f"{GOING}.{name}").exists()

    def withdraw(self, name: str) -> bool:
        """Take a message back; False when it is under way already."""
        with suppress(FileNotFoundError):
            (self._run.mail / name).unlink()
            return True
        return False

    def keys(self) -> set[str]:
        """The keys of all messages ever given to the shim, but for those withdrawn."""
        keys = {name.partition(".")[2] for name in self._waiting()}
        with suppress(OSError):
            keys.update((self._run.path / "sent").read_text(encoding="ascii", errors="replace").splitlines())
        return keys

    def _waiting(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._run.mail) if name[0].isdecimal()]
        except OSError:
            return []
