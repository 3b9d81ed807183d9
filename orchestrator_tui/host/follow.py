"""A file that is followed, and steps of files on their way into the store."""

from __future__ import annotations

import os

from msgspec import Struct

from orchestrator_tui.clients.base import FileRef
from orchestrator_tui.host import databases
from orchestrator_tui.host.reading import Step
from orchestrator_tui.store.batch import Checkpoint

BATCH = 500
"""Drafts per transaction."""
MUCH = 8 << 20
"""Bytes of a database that take longer than a person waits for the first picture."""


class Follow(Struct):
    """A file that is being followed."""

    ref: FileRef
    checkpoint: Checkpoint | None
    size: int = -1
    mtime: int = 0
    """As last read; what the file has now decides whether it is looked into."""
    written_at: int = 0
    """Modification time at first sight."""
    scanned: int = 0
    session: str | None = None
    known: set[tuple[str | None, int | None]] | None = None
    asked: set[str] | None = None
    """Sessions whose part of `known` is loaded; None: the file is not being read again."""
    behind: bool = True
    """Not read to its end yet."""
    busy: bool = False
    """Somebody is reading it, here or in the worker: its steps must be stored one after the other."""

    @property
    def scope(self) -> str | None:
        """Whose history is not complete before this file is read: a session, or `<client>:` for all of a client's."""
        if self.ref.kind == "database":
            return f"{self.ref.client}:"
        return self.session if self.ref.kind == "lines" else None


class Held(Struct):
    """Steps that are stored in one transaction.

    What one stores is known to the next only in another one: so never two of one file, nor of one session's lines.
    """

    steps: list[tuple[Follow, Step]] = []
    drafts: int = 0
    names: set[str] = set()

    def fits(self, follow: Follow, step: Step) -> bool:
        """Whether a step goes with those that are here."""
        few = self.drafts + len(step.drafts) <= BATCH
        return not self.steps or (few and self.names.isdisjoint(_names(follow, step)))

    def add(self, follow: Follow, step: Step) -> None:
        """Put one more to them."""
        self.steps.append((follow, step))
        self.drafts += len(step.drafts)
        self.names |= _names(follow, step)

    def clear(self) -> None:
        """Begin anew."""
        self.steps, self.drafts, self.names = [], 0, set()


def _names(follow: Follow, step: Step) -> set[str]:
    if follow.ref.kind == "database":
        return {follow.ref.path, *(draft.session for draft in step.drafts)}
    lines = follow.ref.kind == "lines" and step.session is not None
    return {follow.ref.path, step.session or ""} if lines else {follow.ref.path}


def left_to_read(follow: Follow) -> int:
    """Bytes of the file that are not stored yet."""
    try:
        size, _ = mark(follow.ref)
    except OSError:
        return 0
    return max(0, size - (follow.checkpoint.offset if follow.checkpoint is not None else 0))


def is_history(follow: Follow, recent: int) -> bool:
    """Whether a file is better read beside the loop: quiet since before `recent`, or a database with much to read."""
    much = follow.ref.kind == "database" and left_to_read(follow) > MUCH
    return follow.written_at <= recent or much


def mark(ref: FileRef) -> databases.Mark:
    """(size, modification time), with what belongs to the file: a change of them is a change of it. Raises OSError."""
    if ref.kind == "database":
        return databases.mark(ref.path)
    status = os.stat(ref.path, follow_symlinks=False)
    return status.st_size, status.st_mtime_ns


def same_place(a: Checkpoint, b: Checkpoint) -> bool:
    """Whether a checkpoint says nothing new: a cut line is waiting, or only the time of the file changed."""
    return (a.offset, a.inode, a.head, a.state) == (b.offset, b.inode, b.head, b.state)
