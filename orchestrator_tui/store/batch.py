"""What is handed to the store in one transaction: events of a file, and how far the file was read with them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from orchestrator_tui.events import KnownBody


class Checkpoint(Struct, frozen=True):
    """How far a file has been read; committed with the events from it."""

    client: str
    path: str
    device: int
    inode: int
    offset: int
    head: bytes
    head_length: int
    size: int
    mtime: int
    state: bytes | None = None


class Entry(Struct, frozen=True):
    """Something to append: the writer gives it its number and its place in time."""

    session: str | None
    body: KnownBody
    source_at: int | None = None
    record: int | None = None
    offset: int | None = None
    length: int | None = None
    response: bytes | None = None
    born: int | None = None
    """The first time in its session's part of the file, where a file holds many; None: the batch's."""


class Batch(Struct):
    """Entries of one file (or of none) that are appended together with how far the file was read."""

    entries: Sequence[Entry]
    file: Checkpoint | None = None
    born: int | None = None
    """The first time in the file."""
    known: set[tuple[str | None, int | None]] | None = None
    """(session, record) of what is stored already, for a file that is read again: those are left out."""

    def fresh(self) -> list[Entry]:
        """The entries that are not stored yet."""
        if self.known is None:
            return list(self.entries)
        return [e for e in self.entries if (e.session, e.record) not in self.known]

    def settle(self) -> None:
        """After the commit: what was appended is known from here on."""
        if self.known is not None:
            self.known.update((e.session, e.record) for e in self.entries)
