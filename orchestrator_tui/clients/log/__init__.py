"""The open session log, `orc.log/1` (docs/contract.md §3): an agent that writes it into the inbox is watched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from orchestrator_tui.clients.base import Claim, FileRef, Parser
from orchestrator_tui.clients.listing import Listing, existing
from orchestrator_tui.clients.log.parser import NAME, LogParser


class Log:
    """The room of the open log; its root is the inbox, and any directory given with `--root log=DIR`."""

    name = NAME

    def roots(self, environ: Mapping[str, str]) -> list[Path]:
        """`$ORC_HOME/inbox`; where that is not set, the host adds its own inbox."""
        home = environ.get("ORC_HOME")
        return existing([Path(home) / "inbox"]) if home else []

    def discover(self, root: Path, listing: Listing, now: int) -> Iterator[FileRef]:
        """One file per session; a name that begins with a dot is still being made."""
        for entry in listing.walk(root, 2, now):
            if entry.name.endswith(".jsonl") and not entry.name.startswith("."):
                yield FileRef(NAME, entry.path, "lines", str(root))

    def parser(self, file: FileRef, state: bytes | None, now: int) -> Parser:
        """`now` is where a log without an epoch begins."""
        return LogParser(PurePath(file.path), state, now)

    def claims(self, root: Path, listing: Listing, now: int) -> list[Claim]:
        """None: a pid in a log is its writer's word, and no verb relies on it."""
        return []
