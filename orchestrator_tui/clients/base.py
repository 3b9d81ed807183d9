"""What every client room offers, and the shapes in which it hands things over.

A client finds its files, turns their bytes into `Draft`s, and says which process a session belongs to. It never
writes, never opens anything but what `discover` listed, and never acts on a path, pid or command in the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from msgspec import Struct

from orchestrator_tui.clients.listing import Listing
from orchestrator_tui.events import KnownBody

if TYPE_CHECKING:
    import sqlite3

FileKind = Literal["lines", "document", "database"]
"""`lines`: JSON Lines that grow at the end. `document`: one small JSON object, rewritten whole. `database`: SQLite."""


class FileRef(Struct, frozen=True):
    """A file that a client has, as discovery found it."""

    client: str
    path: str
    kind: FileKind
    root: str
    """The client's directory that it was found under."""


class Record(Struct, frozen=True):
    """One line of a file, or one document."""

    offset: int
    """Bytes from the start of the file."""
    length: int
    """Bytes, the line's end included."""
    data: bytes
    written_at: int | None = None
    """Modification time, of a document."""


class Draft(Struct, frozen=True):
    """An event as a client read it: the host gives it its place in time and its number."""

    session: str
    body: KnownBody
    source_at: int | None
    """What the record says; where it says nothing, what the record before it said."""
    key: int
    """63 bits that identify the record, the same when it is read again."""
    offset: int
    """Where in the file; in a database when it was made, milliseconds since the epoch."""
    length: int
    response: bytes | None = None
    """16 bytes that identify the model response of a `Usage`, the same in every copy of it."""
    born: int | None = None
    """The earliest instant at which the session can have begun, where a file holds many; None: the file's."""


class Parser(Protocol):
    """Turns one file's records into drafts; `state` is all it needs to go on after a restart."""

    @property
    def state(self) -> Struct:
        """Serialisable; committed together with the drafts it produced."""

    @property
    def session(self) -> str | None:
        """The session that the file belongs to, when it is known."""

    @property
    def first_at(self) -> int | None:
        """The earliest instant at which the file can have been written: the first time in it."""

    @property
    def last_at(self) -> int | None:
        """The latest record's time: what a record without one inherits."""

    def feed(self, record: Record) -> Iterator[Draft]:
        """The drafts of one record; never raises on what a file may hold."""


class Page(Struct, frozen=True):
    """What one look into a database gave."""

    drafts: list[Draft]
    more: bool
    """There are rows left."""
    restarted: bool
    """Rows were read again, from the start or from the last that is still there: they may be stored already."""
    read: int
    """Bytes of rows read for the first time, since the database was begun."""


@runtime_checkable
class DatabaseParser(Parser, Protocol):
    """Reads a database that somebody else writes; the host opens it, read-only and for one page only."""

    def page(self, db: sqlite3.Connection, drafts: int, until: float) -> Page:
        """About so many drafts, or what can be had until then (`time.perf_counter`).

        Raises sqlite3.Error, and Foreign when the tables are not this client's.
        """


class Foreign(Exception):
    """A database whose tables are not those that the client makes; the text says what is missing."""


class NoState(Struct, frozen=True):
    """Of a document's parser: it is read whole each time, and there is nothing to go on from."""


class Claim(Struct, frozen=True):
    """A client's own statement about a running process: to be proved against the process table."""

    session: str
    pid: int
    started: int | None
    """Kernel start time in clock ticks, as the client wrote it."""
    written_at: int
    """Modification time of the file that says so."""
    status: str | None = None
    waiting_for: str | None = None
    cwd: str | None = None
    title: str | None = None
    interactive: bool | None = None
    client_version: str | None = None
    proof: str = ""
    """Why the process is the session's, in words for a person."""


class Client(Protocol):
    """One kind of agent."""

    name: str

    def roots(self, environ: Mapping[str, str]) -> list[Path]:
        """Where its files are for this user; existing directories only."""

    def discover(self, root: Path, listing: Listing, now: int) -> Iterator[FileRef]:
        """Every file that a session of this client may be read from."""

    def parser(self, file: FileRef, state: bytes | None, now: int) -> Parser:
        """A parser that starts afresh at `now`, or goes on from `state`."""

    def claims(self, root: Path, listing: Listing, now: int) -> list[Claim]:
        """What the client says about its running processes."""
