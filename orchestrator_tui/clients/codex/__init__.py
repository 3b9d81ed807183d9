"""Codex CLI (measured on 0.169.0): where its files are, and who reads which.

```
sessions/YYYY/MM/DD/rollout-<local time>-<thread>.jsonl    one thread's rollout; a sub-agent is a thread of its own
thread-writer-locks/<thread>.lock                          locked by the process that has the thread open
```
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from orchestrator_tui.clients.base import Claim, FileRef, Parser
from orchestrator_tui.clients.codex.locks import Locks
from orchestrator_tui.clients.codex.rollout import Rollout
from orchestrator_tui.clients.listing import Listing, existing

NAME = "codex"
_ROLLOUT = re.compile(r"rollout-.+-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl")


class Codex:
    """The room of Codex CLI."""

    name = NAME

    def __init__(self) -> None:
        self._locks: dict[Path, Locks] = {}

    def roots(self, environ: Mapping[str, str]) -> list[Path]:
        """`$CODEX_HOME`, else `~/.codex`."""
        own = environ.get("CODEX_HOME")
        return existing([Path(own) if own else Path(environ.get("HOME") or "~") / ".codex"])

    def discover(self, root: Path, listing: Listing, now: int) -> Iterator[FileRef]:
        """Every rollout."""
        for entry in listing.walk(root / "sessions", 3, now):
            if _ROLLOUT.fullmatch(entry.name):
                yield FileRef(NAME, entry.path, "lines", str(root))

    def parser(self, file: FileRef, state: bytes | None, now: int) -> Parser:
        """The thread's id is the one in the file's name, whatever the file says."""
        path = PurePath(file.path)
        found = _ROLLOUT.fullmatch(path.name)
        return Rollout(found[1] if found is not None else path.stem, state)

    def claims(self, root: Path, listing: Listing, now: int) -> list[Claim]:
        """Who holds the threads' locks, where /proc tells."""
        if os.environ.get("ORC_PORTABLE"):
            return []

        def rollout(thread: str) -> str | None:
            ending = f"-{thread}.jsonl"
            files = listing.walk(root / "sessions", 3, now)
            return next((entry.path for entry in files if entry.name.endswith(ending)), None)

        locks = self._locks.setdefault(root, Locks(root / "thread-writer-locks"))
        return locks.claims(listing, now, rollout)
