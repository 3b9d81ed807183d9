"""Gemini CLI (measured on 0.61.0): where its files are, and who reads which.

```
tmp/<project>/chats/session-<minute>-<first 8 of the id>.jsonl    a chat; the project's folder is a short name or a hash
tmp/<project>/chats/<session>/<agent>.jsonl                       a sub-agent's own chat
tmp/<project>/chats/session-<minute>-<first 8 of the id>.json     a chat of an older version, one document
```

It keeps no registry of running processes, and no process holds a chat open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from orchestrator_tui.clients.base import Claim, FileRef, Parser
from orchestrator_tui.clients.gemini.chat import Chat
from orchestrator_tui.clients.gemini.document import ChatDocument
from orchestrator_tui.clients.gemini.state import NAME
from orchestrator_tui.clients.listing import Listing, existing


class Gemini:
    """The room of Gemini CLI."""

    name = NAME

    def roots(self, environ: Mapping[str, str]) -> list[Path]:
        """`.gemini` in `$GEMINI_CLI_HOME`, else in `~`; in macOS' sandbox it writes to `.cache/.gemini`."""
        home = Path(environ.get("GEMINI_CLI_HOME") or environ.get("HOME") or "~")
        return existing([home / ".gemini", home / ".cache" / ".gemini"])

    def discover(self, root: Path, listing: Listing, now: int) -> Iterator[FileRef]:
        """Every chat, the sub-agents' too; the documents of older versions after them."""
        documents: list[FileRef] = []
        for project in listing.directories(root / "tmp", now):
            for entry in listing.walk(f"{project}/chats", 1, now):
                if entry.name.endswith(".jsonl"):
                    yield FileRef(NAME, entry.path, "lines", str(root))
                elif entry.name.startswith("session-") and entry.name.endswith(".json"):
                    documents.append(FileRef(NAME, entry.path, "document", str(root)))
        yield from documents

    def parser(self, file: FileRef, state: bytes | None, now: int) -> Parser:
        """The parser that fits the file."""
        path = PurePath(file.path)
        return ChatDocument(path) if file.kind == "document" else Chat(path, state)

    def claims(self, root: Path, listing: Listing, now: int) -> list[Claim]:
        """None: it says nothing about its processes."""
        return []
