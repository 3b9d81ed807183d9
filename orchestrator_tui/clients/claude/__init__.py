"""Claude Code (measured on 2.1.197): where its files are, and who reads which.

```
projects/<slug of cwd>/<session>.jsonl                            transcript
projects/<slug of cwd>/<session>/subagents/agent-<id>.jsonl       a sub-agent's own transcript, with .meta.json
projects/<slug of cwd>/agent-<id>.jsonl                           the same, as older versions wrote it
tasks/<session>/<n>.json                                          one to-do item
sessions/<pid>.json                                               one entry per running process
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from orchestrator_tui.clients.base import Claim, FileRef, Parser
from orchestrator_tui.clients.claude.documents import SubagentMeta, TaskItem
from orchestrator_tui.clients.claude.registry import read_registry
from orchestrator_tui.clients.claude.transcript import Transcript
from orchestrator_tui.clients.listing import Listing, existing

NAME = "claude"


class Claude:
    """The room of Claude Code."""

    name = NAME

    def roots(self, environ: Mapping[str, str]) -> list[Path]:
        """`$CLAUDE_CONFIG_DIR`, else `~/.claude`."""
        own = environ.get("CLAUDE_CONFIG_DIR")
        return existing([Path(own) if own else Path(environ.get("HOME") or "~") / ".claude"])

    def discover(self, root: Path, listing: Listing, now: int) -> Iterator[FileRef]:
        """Transcripts first: what the documents say is about sessions that the transcripts open."""
        documents: list[FileRef] = []
        for entry in listing.walk(root / "projects", 3, now):
            if entry.name.endswith(".jsonl"):
                yield FileRef(NAME, entry.path, "lines", str(root))
            elif entry.name.endswith(".meta.json") and entry.name.startswith("agent-"):
                documents.append(FileRef(NAME, entry.path, "document", str(root)))
        tasks = (entry for entry in listing.walk(root / "tasks", 1, now) if entry.name.endswith(".json"))
        yield from documents
        yield from (FileRef(NAME, entry.path, "document", str(root)) for entry in tasks)

    def parser(self, file: FileRef, state: bytes | None, now: int) -> Parser:
        """The parser that fits the file's place."""
        path = PurePath(file.path)
        if file.kind == "document":
            return SubagentMeta(path) if path.name.endswith(".meta.json") else TaskItem(path)
        return Transcript(path, state)

    def claims(self, root: Path, listing: Listing, now: int) -> list[Claim]:
        """The live registry, as it stands."""
        return read_registry(root / "sessions", listing, now)
