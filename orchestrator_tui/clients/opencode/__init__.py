"""OpenCode (measured on 1.18.33): where its database is, and who reads it.

```
$XDG_DATA_HOME/opencode/opencode.db             every session of the user, of all projects
$XDG_DATA_HOME/opencode/opencode-<channel>.db   the same, of a build that is not a release
$OPENCODE_DB                                    instead of these, if it is set
```

What it never writes: a retry and the wait before it, what it asks a permission for, the text of a running stream, the
calls that make titles, tokens of a stream that was broken off, and which process a session runs in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator_tui.clients.base import Claim, FileRef, Parser
from orchestrator_tui.clients.listing import Listing, existing
from orchestrator_tui.clients.opencode.database import Database

NAME = "opencode"
_DATABASE = re.compile(r"opencode(?:-[A-Za-z0-9._-]+)?\.db")


class OpenCode:
    """The room of OpenCode."""

    name = NAME

    def __init__(self) -> None:
        self._named: str | None = None
        """A database that the person's environment names."""

    def roots(self, environ: Mapping[str, str]) -> list[Path]:
        """`$XDG_DATA_HOME/opencode`, else `~/.local/share/opencode`; and where `$OPENCODE_DB` is."""
        own = environ.get("XDG_DATA_HOME")
        data = (Path(own) if own else Path(environ.get("HOME") or "~") / ".local" / "share") / NAME
        named = environ.get("OPENCODE_DB")
        if not named or named == ":memory:":
            self._named = None
            return existing([data])
        path = data / named
        self._named = path.name
        return existing([data, path.parent])

    def discover(self, root: Path, listing: Listing, now: int) -> Iterator[FileRef]:
        """Its databases."""
        for entry in listing.walk(root, 0, now):
            if _DATABASE.fullmatch(entry.name) or entry.name == self._named:
                yield FileRef(NAME, entry.path, "database", str(root))

    def parser(self, file: FileRef, state: bytes | None, now: int) -> Parser:
        """Of all the sessions in a database."""
        return Database(state, now)

    def claims(self, root: Path, listing: Listing, now: int) -> list[Claim]:
        """It keeps no register of its processes."""
        return []
