"""What every client room offers, and the shapes in which it hands things over.

A client finds its files, turns their bytes into `Draft`s, and says which process a session belongs to. It never
writes, never opens anything but what `discover` listed, and never acts on a path, pid or command in the data.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import msgspec
from msgspec import Struct

from orchestrator_tui.clock import parse_iso
from orchestrator_tui.events import MAX_WAIT, KnownBody, Tokens
from orchestrator_tui.excerpt import ARGUMENTS, Excerpt, excerpt

T = TypeVar("T")
FileKind = Literal["lines", "document"]
"""`lines`: JSON Lines that grow at the end. `document`: one small JSON object, rewritten whole."""

MAX_DOCUMENT = 1 << 20
"""Bytes above which a document is not read: none of the clients' comes near it."""
MAX_WHOLE = 1 << 40
"""A whole number from here on is not one that a client means."""
NAME_LENGTH = 128
"""Characters kept of an identifier or of a client's own word."""
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}")


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
    length: int
    response: bytes | None = None
    """16 bytes that identify the model response of a `Usage`, the same in every copy of it."""


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


# --- tolerant reading, shared by the rooms -------------------------------------------------------------------


def record_key(client: str, identity: str | bytes) -> int:
    """63 bits for a record's own id, or for its bytes where it has none."""
    raw = identity.encode("utf-8", "replace") if isinstance(identity, str) else identity
    return int.from_bytes(blake2b(raw, digest_size=8, person=client.encode()[:16]).digest(), "big") >> 1


def response_key(client: str, *identity: str) -> bytes:
    """16 bytes for a model response."""
    return blake2b("\0".join(identity).encode("utf-8", "replace"), digest_size=16, person=client.encode()[:16]).digest()


def session_id(client: str, native: str) -> str:
    """`<client>:<id>`; an id that is no plain name (a path, control characters, too long) is replaced by its hash."""
    if not _SAFE_ID.fullmatch(native):
        native = "x" + blake2b(native.encode("utf-8", "replace"), digest_size=12).hexdigest()
    return f"{client}:{native}"


def timestamp(value: object) -> int | None:
    """An ISO time to nanoseconds; None for anything else."""
    return parse_iso(value) if isinstance(value, str) and len(value) < 64 else None


def text_of(value: object) -> str | None:
    """A string, or None."""
    return value if isinstance(value, str) else None


def short(value: object, limit: int = NAME_LENGTH) -> str | None:
    """The first `limit` characters of a string that says something, or None."""
    return value[:limit] if isinstance(value, str) and value else None


def whole(value: object) -> int | None:
    """A whole number of less than 2^40 either way, or None; `true` is no number."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_WHOLE else None


def number(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def wait_of(value: object, per_second: int = 1) -> float | None:
    """Seconds to wait, from 0 to `MAX_WAIT`, or None; `per_second` is the client's unit (1000: milliseconds)."""
    units = number(value)
    return units / per_second if units is not None and 0 <= units <= MAX_WAIT * per_second else None


def pid_of(value: object) -> int | None:
    """The id of a process that can be a session's, or None: to a kernel 0 and below are groups, and 1 is init."""
    pid = whole(value)
    return pid if pid is not None and 1 < pid < 1 << 31 else None


def count_of(value: object) -> int:
    """A token count: a whole number from 0 to 2^40.

    Raises ValueError for anything else, so that a hostile number changes no total.
    """
    if value is None:
        return 0
    count = whole(value)
    if count is None or count < 0:
        raise ValueError(f"not a token count: {str(value)[:40]}")
    return count


def tokens_of(
    *, input: object = 0, cache_read: object = 0, cache_write: object = 0, output: object = 0,
    cache_write_1h: object = 0, reasoning: object = 0,
) -> Tokens:  # fmt: skip
    """Counts from a client's record; the parts never exceed their wholes. Raises ValueError (see `count_of`)."""
    write, out = count_of(cache_write), count_of(output)
    return Tokens(
        count_of(input),
        count_of(cache_read),
        write,
        out,
        min(write, count_of(cache_write_1h)),
        min(out, count_of(reasoning)),
    )


def remember(seen: list[str], item: str, most: int) -> bool:
    """Whether `item` is new to `seen`, which keeps the `most` that came last: a checkpoint stays small."""
    if item in seen:
        return False
    seen.append(item)
    del seen[:-most]
    return True


def arguments_of(value: object) -> Excerpt:
    """A tool call's arguments as canonical JSON; the order of keys carries no meaning."""
    try:
        raw = msgspec.json.encode(value, order="sorted").decode()
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, UnicodeError):
        raw = str(value)[:ARGUMENTS]
    return excerpt(raw, ARGUMENTS)


class Found(Struct, frozen=True):
    """A regular file in a listing."""

    name: str
    path: str


class Listing:
    """Directories and small files as they were last read; read again only when they have changed.

    A directory's time has the grain of the kernel's tick, so one that changed in the last two seconds is never
    trusted. Symbolic links are not followed, and names that are not UTF-8 are left out. Only where a walk begins may
    there be a link, and only to a directory below its own parent, which for the clients is their root.
    """

    SETTLED = 2_000_000_000

    def __init__(self) -> None:
        self._directories: dict[str, tuple[int, list[Found], list[str]]] = {}
        self._documents: dict[str, tuple[tuple[int, int, int], Any]] = {}

    def walk(self, root: Path | str, depth: int, now: int) -> Iterator[Found]:
        """Regular files below `root`, at most `depth` directories down; what vanishes or refuses is skipped."""
        path = _unlinked(str(root))
        if path is not None:
            yield from self._walk(path, depth, now)

    def _walk(self, path: str, depth: int, now: int) -> Iterator[Found]:
        files, directories = self._read(path, now)
        yield from files
        if depth > 0:
            for directory in directories:
                yield from self._walk(directory, depth - 1, now)

    def _read(self, path: str, now: int) -> tuple[list[Found], list[str]]:
        try:
            status = os.stat(path, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                raise NotADirectoryError(path)
            changed = status.st_mtime_ns
            kept = self._directories.get(path)
            if kept is not None and kept[0] == changed:
                return kept[1], kept[2]
            files, directories = _scan(path)
        except OSError:
            self._directories.pop(path, None)
            return [], []
        if now - changed > self.SETTLED:
            self._directories[path] = (changed, files, directories)
        return files, directories

    def document(self, path: str, read: Callable[[bytes, int], T]) -> T | None:
        """What `read` makes of (bytes, modification time) of a small regular file, worked out once per change.

        None when it is anything else, too large, or gone. A file that is there unchanged costs one stat.
        """
        try:
            status = os.stat(path, follow_symlinks=False)
            mark = (status.st_ino, status.st_mtime_ns, status.st_size)
            kept = self._documents.get(path)
            if kept is None or kept[0] != mark:
                kept = self._documents[path] = _read_document(path, read)
        except OSError:
            self._documents.pop(path, None)
            return None
        found: T | None = kept[1]
        return found


def _read_document(path: str, read: Callable[[bytes, int], T]) -> tuple[tuple[int, int, int], T | None]:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        mark = (status.st_ino, status.st_mtime_ns, status.st_size)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_DOCUMENT:
            return mark, None
        return mark, read(os.read(fd, MAX_DOCUMENT), status.st_mtime_ns)
    finally:
        os.close(fd)


def _unlinked(path: str) -> str | None:
    """The directory itself, or the one that a link leads to; None when that is not below the link's parent (T16)."""
    place = Path(path)
    try:
        if not place.is_symlink():
            return path
        real = place.resolve(strict=True)
        return str(real) if place.parent.resolve() in real.parents else None
    except (OSError, RuntimeError):
        return None


def _scan(path: str) -> tuple[list[Found], list[str]]:
    files, directories = [], []
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.name.isprintable() and not _encodable(entry.name):
                continue
            if entry.is_file(follow_symlinks=False):
                files.append(Found(entry.name, entry.path))
            elif entry.is_dir(follow_symlinks=False):
                directories.append(entry.path)
    return files, directories


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def decode_object(data: bytes) -> dict[str, Any] | None:
    """A JSON object, tolerantly: bad UTF-8 and lone surrogates are replaced; None when it is not an object."""
    for attempt in (_strict, _lenient):
        try:
            value = attempt(data)
        except (msgspec.MsgspecError, ValueError, RecursionError, UnicodeError):
            continue
        return value if isinstance(value, dict) else None
    return None


def _strict(data: bytes) -> object:
    return _decoder.decode(data)


def _lenient(data: bytes) -> object:
    import json

    text = data.decode("utf-8", "replace").lstrip("\ufeff")
    # NaN and Infinity stay numbers, and wrong ones: None would mean that nothing was said.
    return scrub(json.loads(text, parse_constant=float))


def scrub(value: Any) -> Any:
    """Replace lone surrogates (Node emits them when it cuts an emoji) in every string of a decoded value."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    if isinstance(value, list):
        return [scrub(item) for item in value]
    if isinstance(value, dict):
        return {scrub(key): scrub(item) for key, item in value.items()}
    return value


def existing(paths: Iterable[Path]) -> list[Path]:
    """The directories among `paths` that are there, links resolved, each once."""
    found: dict[Path, None] = {}
    for path in paths:
        try:
            real = path.expanduser().resolve(strict=True)
        except (OSError, RuntimeError):
            continue
        if real.is_dir():
            found[real] = None
    return list(found)


_decoder = msgspec.json.Decoder()
