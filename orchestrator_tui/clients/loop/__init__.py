"""Loops and the built-in agent: open session logs below `<state>/loops`, written by orc's own programs.

`<loop id>/loop.jsonl` is the loop's own, `<loop id>/iterations/<n>.jsonl` an iteration's where the built-in agent runs
it, `agents/<session>.jsonl` a session of the built-in agent that a person started.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from orchestrator_tui.clients.base import Claim, FileRef, Parser
from orchestrator_tui.clients.listing import Found, Listing, existing
from orchestrator_tui.clients.loop.claims import Headers
from orchestrator_tui.clients.loop.parser import NAME, LoopParser

DEPTH = 2
"""Directories below the root."""


class Loop:
    """The room of loops; the host adds `<state>/loops` as its root, as it adds the inbox to the open logs'."""

    name = NAME

    def __init__(self) -> None:
        self._headers = Headers()

    def roots(self, environ: Mapping[str, str]) -> list[Path]:
        """`$ORC_HOME/loops`; where that is not set, the host adds its own."""
        home = environ.get("ORC_HOME")
        return existing([Path(home) / "loops"]) if home else []

    def discover(self, root: Path, listing: Listing, now: int) -> Iterator[FileRef]:
        """One file per session; anything else below the root is the loops' own business."""
        for entry in self._logs(root, listing, now):
            yield FileRef(NAME, entry.path, "lines", str(root))

    def parser(self, file: FileRef, state: bytes | None, now: int) -> Parser:
        """`now` is where a log without times begins."""
        return LoopParser(PurePath(file.path), PurePath(file.root), state, now)

    def claims(self, root: Path, listing: Listing, now: int) -> list[Claim]:
        """The processes that logs name in their first lines, where root and log are ours alone, and these still run."""
        if not _is_ours(root):
            return []
        return self._headers.claims(self._logs(root, listing, now))

    def _logs(self, root: Path, listing: Listing, now: int) -> Iterator[Found]:
        for entry in listing.walk(root, DEPTH, now):
            parts = PurePath(entry.path).relative_to(root).parts
            if is_log(parts):
                yield entry


def is_log(parts: tuple[str, ...]) -> bool:
    """Whether a path below the root is a session's log."""
    if not parts or not parts[-1].endswith(".jsonl") or parts[-1].startswith("."):
        return False
    if len(parts) == 2:
        return parts[0] == "agents" or parts[1] == "loop.jsonl"
    return len(parts) == 3 and parts[1] == "iterations"


def _is_ours(root: Path) -> bool:
    try:
        status = root.stat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
