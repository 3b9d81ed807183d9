"""Files fed to a client's parsers as the host would feed them, and what comes out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import TypeVar

import msgspec

from orchestrator_tui.clients import BY_NAME
from orchestrator_tui.clients.base import Draft, FileRef, Parser, Record
from orchestrator_tui.clients.listing import Listing
from orchestrator_tui.events import Body, Unknown, decode, encode, type_of

B = TypeVar("B", bound=Body)
LATER = 1 << 62
"""A time of looking long after every file was written."""


def as_line(value: object) -> bytes:
    """A line of a log: bytes as they are, anything else as JSON."""
    return (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n"


def records(lines: Iterable[bytes]) -> list[Record]:
    """Lines at their places in a file."""
    found, offset = [], 0
    for line in lines:
        found.append(Record(offset, len(line), line))
        offset += len(line)
    return found


def lines_of(path: str | Path) -> list[bytes]:
    """A file split at line feeds, which stay."""
    return Path(path).read_bytes().splitlines(keepends=True)


def parser_for(client: str, path: str, state: bytes | None = None, now: int = 0) -> Parser:
    """A parser of one file of lines."""
    return BY_NAME[client].parser(FileRef(client, path, "lines", str(PurePath(path).parent)), state, now)


def drafts_of(parser: Parser, lines: Iterable[bytes]) -> list[Draft]:
    """All drafts of some lines."""
    return [draft for record in records(lines) for draft in parser.feed(record)]


def feed(parser: Parser, lines: Iterable[bytes]) -> list[Draft]:
    """All drafts; each must be storable, here and by way of the worker process."""
    drafts = drafts_of(parser, lines)
    for draft in drafts:
        assert not isinstance(decode(type_of(draft.body), encode(draft.body)), Unknown), draft
        msgspec.msgpack.encode(draft)
    msgspec.msgpack.decode(msgspec.msgpack.encode(parser.state), type=type(parser.state))
    return drafts


def resumed(client: str, path: str, lines: list[bytes], cut: int, now: int = 0) -> list[Draft]:
    """All drafts, with a new parser from the stored state after `cut` lines."""
    found = records(lines)
    first, whole = parser_for(client, path, now=now), parser_for(client, path, now=now)
    drafts = [draft for record in found[:cut] for draft in first.feed(record)]
    second = parser_for(client, path, msgspec.msgpack.encode(first.state), now + 7_000_000_000)
    drafts += [draft for record in found[cut:] for draft in second.feed(record)]
    drafts_of(whole, lines)
    assert second.state == whole.state
    return drafts


def read_home(client: str, root: Path) -> dict[str, list[Draft]]:
    """Every file that the client finds below `root` -> its drafts."""
    found = {}
    for ref in BY_NAME[client].discover(root, Listing(), LATER):
        parser = BY_NAME[client].parser(ref, None, 0)
        whole = [Path(ref.path).read_bytes()]
        found[ref.path] = feed(parser, whole if ref.kind == "document" else lines_of(ref.path))
    return found


def of(drafts: Iterable[Draft], kind: type[B]) -> list[B]:
    """The bodies of one type."""
    return [draft.body for draft in drafts if isinstance(draft.body, kind)]
