"""What the parsers of files of lines have in common: the beginning of `feed`, the clock, facts said once, keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from msgspec import Struct, field

from orchestrator_tui.clients.base import Draft, Record
from orchestrator_tui.clients.values import decode_object, record_key
from orchestrator_tui.events import KnownBody, SessionUpdated, UnknownRecord, Unparsed, Usage
from orchestrator_tui.excerpt import ARGUMENTS, digest, excerpt


class LineState(Struct):
    """What every parser of lines must remember between two of them."""

    first_at: int | None = None
    """The file cannot be older than its first time."""
    last_at: int | None = None
    told: dict[str, str | bool | int] = field(default_factory=dict)
    """What `session.updated` has said, so that only changes are said again; of a title its digest."""
    untold: dict[str, str | bool | int] = field(default_factory=dict)
    """Facts from before the first timestamp: they wait for it, or they would be placed at the time of reading."""
    title_rank: int = -1
    """Of the title told last, `events.SessionUpdated.title_rank`."""


S = TypeVar("S", bound=LineState)


class LineParser(Generic[S]):
    """A parser of JSON Lines; a client's own says what a line means in `read`."""

    client: ClassVar[str]
    session: str | None
    """The session that the file belongs to, when it is known."""

    def __init__(self, fresh: S, state: bytes | None) -> None:
        """Go on from `state`, or start with `fresh`."""
        self.state: S = msgspec.msgpack.decode(state, type=type(fresh)) if state else fresh

    @property
    def first_at(self) -> int | None:
        """The first time in the file."""
        return self.state.first_at

    @property
    def last_at(self) -> int | None:
        """The latest record's time."""
        return self.state.last_at

    def feed(self, record: Record) -> Iterator[Draft]:
        """The drafts of one line; an empty line has none."""
        if not record.data.strip():
            return
        value = decode_object(record.data)
        if value is None:
            yield from self.drafts(record, [unparsed("not a JSON object", record)])
            return
        yield from self.read(record, value)

    def read(self, record: Record, value: dict[str, Any]) -> Iterator[Draft]:
        """The drafts of one line that is a JSON object; never raises."""
        raise NotImplementedError

    def saw(self, at: int | None) -> int | None:
        """Take over the time that a line says, nanoseconds since the epoch; None is none."""
        if at is not None:
            self.state.first_at = at if self.state.first_at is None else self.state.first_at
            self.state.last_at = at
        return at

    def tell(self, facts: dict[str, Any], title: str | None = None, rank: int = 0) -> list[KnownBody]:
        """`session.updated` with those of the facts that are news; before the first timestamp they wait."""
        told = self.state.told
        facts = {name: item[:ARGUMENTS] if isinstance(item, str) else item for name, item in facts.items()}
        news = {name: item for name, item in facts.items() if told.get(name) != item}
        if title:
            self.state.title_rank = rank
            # Only its digest is remembered: a checkpoint holds no text that was told.
            code = digest(title)
            if told.get("title") != code:
                told["title"] = code
                news.update(title=title[:ARGUMENTS], title_rank=rank)
        if self.state.last_at is None:
            self.state.untold.update(news)
            return []
        news = self.state.untold | news
        self.state.untold = {}
        if not news:
            return []
        told.update({name: item for name, item in news.items() if name not in ("title", "title_rank")})
        return [SessionUpdated(**news)]

    def response_of(self, body: Usage) -> bytes | None:
        """The key of the response that a usage is of (`clients.values.response_key`)."""
        raise NotImplementedError

    def drafts(
        self, record: Record, bodies: list[KnownBody], session: str | None = None, identity: str | bytes | None = None
    ) -> Iterator[Draft]:
        """The bodies as drafts of `session` (else the file's), known by the record's own identity or its bytes."""
        target = session or self.session
        if target is None:
            return
        known = identity or record.data
        raw = known.encode("utf-8", "replace") if isinstance(known, str) else known
        for index, body in enumerate(bodies):
            key = record_key(self.client, raw if not index else b"%d:" % index + raw)
            response = self.response_of(body) if isinstance(body, Usage) else None
            yield Draft(target, body, self.state.last_at, key, record.offset, record.length, response)


def unparsed(reason: str, record: Record) -> Unparsed:
    """A line that could not be read, with its head."""
    return Unparsed(reason=reason[:200], head=record.data[:256].decode("utf-8", "replace"))


def unknown(kind: str, record: Record) -> UnknownRecord:
    """A line of an unknown kind, kept as it was."""
    raw = record.data[: 4 * ARGUMENTS].decode("utf-8", "replace").strip()
    return UnknownRecord(kind=kind[:64], record=excerpt(raw, ARGUMENTS))
