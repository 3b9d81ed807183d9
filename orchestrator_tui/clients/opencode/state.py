"""How far a database has been read: small, however many sessions it holds (OpenCode 1.18.33).

Rows are changed in place, and nothing but their place in the file is in order. So the place in `message` is the mark,
and what can still change is remembered: messages that are not finished, and the sessions that were active last.
"""

from __future__ import annotations

from msgspec import Struct, field

MAX_OPEN = 64
"""Unfinished messages that are looked at again; the oldest are those that a killed client left behind."""
MAX_RECENT = 48
"""Sessions whose row is looked at again: a title comes after the first answer."""


class OpenMessage(Struct, array_like=True):
    """A message that is not finished: told as far as it goes."""

    id: str
    place: int
    """Its rowid."""
    told: list[int] = field(default_factory=list)
    """Keys of what was told of the parts after `done`, and of the message itself."""
    done: str = ""
    """The part up to which everything is told, in a message of many."""
    steps: int = 0
    """Responses up to there."""
    blocked: bool = False
    """A person refused one of the tools up to there."""


class Recent(Struct, array_like=True):
    """What was told of a session that was active lately."""

    facts: int
    """Digest of its row."""
    tasks: int = 0
    """Items of its to-do list."""


class Cursor(Struct):
    """The state between two looks."""

    message: int = 0
    """Place of the last message that was reached."""
    session: int = 0
    anchors: list[tuple[int, int]] = field(default_factory=list)
    """(place, digest of the id) of messages, the newest first: whether the rows are still those that were read."""
    open: list[OpenMessage] = field(default_factory=list)
    """By place."""
    recent: dict[str, Recent] = field(default_factory=dict)
    """Native id of the session -> what was told; the last one active is the last."""
    read: int = 0
    """Bytes of rows, each counted when it was reached first."""
    again: bool = True
    """From the start on, or from an anchor: what is read may be stored already."""

    def anchor(self, place: int, mark: int) -> None:
        """Remember a row that was reached; of the earlier ones ever fewer, two for each power of two."""
        kept: list[tuple[int, int]] = []
        counts = [0] * 64
        for anchor in [(place, mark), *self.anchors]:
            level = (anchor[0] & -anchor[0]).bit_length()
            if counts[level] < 2:
                kept.append(anchor)
                counts[: level + 1] = [count + 1 for count in counts[: level + 1]]
        self.anchors = kept

    def hold(self, message: OpenMessage) -> None:
        """Look at a message again next time."""
        self.open.append(message)
        self.open.sort(key=lambda one: one.place)
        del self.open[:-MAX_OPEN]

    def touch(self, session: str, recent: Recent) -> None:
        """Remember what was told of a session that is active."""
        self.recent.pop(session, None)
        self.recent[session] = recent
        while len(self.recent) > MAX_RECENT:
            del self.recent[next(iter(self.recent))]
