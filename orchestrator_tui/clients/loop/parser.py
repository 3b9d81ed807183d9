"""The parser of a loop's or the built-in agent's log: the open log's, with what orc knows of its own sessions.

The header may say `parent` (a loop's id, or a whole session id), `relation` and `owned`; and a loop's log has lines
`{"kind":"iteration","n":3,"session":"claude:..."}`: that session, another client's, is an iteration of this loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, cast, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from orchestrator_tui.clients.base import Draft, Record
from orchestrator_tui.clients.log.parser import LogParser, LogState
from orchestrator_tui.clients.values import (
    decode_object,
    project_of,
    record_key,
    response_key,
    session_id,
    short,
    text_of,
    whole,
)
from orchestrator_tui.events import KnownBody, Relation, SessionUpdated, UnknownRecord

NAME = "loop"
CLIENTS = frozenset({"claude", "codex", "opencode", "gemini", "loop", "log"})
_ITERATION = re.compile(r"([a-z0-9][a-z0-9-]{0,63})/([0-9]{1,6})")
_RELATIONS = frozenset(get_args(Relation))


class LoopState(Struct):
    """What the parser must remember between two lines."""

    log: LogState
    session: str


class LoopParser:
    """The parser of one log."""

    def __init__(self, path: PurePath, root: PurePath, state: bytes | None, now: int) -> None:
        kept = msgspec.msgpack.decode(state, type=LoopState) if state else None
        inner = msgspec.msgpack.encode(kept.log) if kept is not None else None
        self._log = LogParser(path, inner, now)
        self._session = kept.session if kept is not None else native_id(_by_place(path, root))

    @property
    def state(self) -> LoopState:
        """Serialisable; committed together with the drafts it produced."""
        return LoopState(self._log.state, self._session)

    @property
    def session(self) -> str | None:
        """The session that the log is of."""
        return self._session

    @property
    def first_at(self) -> int | None:
        """The first time in the log."""
        return self._log.first_at

    @property
    def last_at(self) -> int | None:
        """The latest record's time."""
        return self._log.last_at

    def feed(self, record: Record) -> Iterator[Draft]:
        """The drafts of one line; never raises on what a log may hold."""
        opened = self._log.state.opened
        header = None if opened else _header(record)
        if header is not None and (native := text_of(header.get("session"))):
            self._session = native_id(native)
        for draft in self._log.feed(record):
            yield self._ours(draft, header, record)

    def _ours(self, draft: Draft, header: dict[str, Any] | None, record: Record) -> Draft:
        """A draft of the open log's parser as one of this client's."""
        own, _, agent = draft.session.partition("/")
        session = f"{self._session}/{agent}" if agent else self._session
        body: KnownBody = draft.body
        if isinstance(body, UnknownRecord) and body.kind == "iteration":
            found = _iteration(record)
            if found is not None:
                session, title, project = found
                body = SessionUpdated(
                    client=session.partition(":")[0],
                    title=title,
                    title_rank=2 if title else 0,
                    project=project,
                    parent=self._session,
                    relation="iteration",
                    owned=True,
                )
        elif isinstance(body, SessionUpdated):
            parent = self._session if body.parent == own else body.parent
            body = replace(body, client=NAME, parent=parent)
            if header is not None and not agent:
                body = _told(body, header)
        key = record_key(NAME, draft.key.to_bytes(8, "big"))
        response = draft.response and response_key(NAME, session, draft.response.hex())
        return Draft(session, body, draft.source_at, key, draft.offset, draft.length, response, draft.born)


def native_id(native: str) -> str:
    """`loop:<id>`, of an iteration `loop:<loop id>/<n>`; an id that is neither is replaced by its hash."""
    return f"{NAME}:{native}" if _ITERATION.fullmatch(native) else session_id(NAME, native)


def _by_place(path: PurePath, root: PurePath) -> str:
    """The id of a log that does not say it, by where it lies."""
    try:
        parts = path.relative_to(root).parts
    except ValueError:
        return path.stem
    if len(parts) == 3:
        return f"{parts[0]}/{path.stem}"
    return parts[0] if path.name == "loop.jsonl" and len(parts) == 2 else path.stem


def _header(record: Record) -> dict[str, Any] | None:
    value = decode_object(record.data)
    return value if value is not None and value.get("kind") == "session" else None


def _told(body: SessionUpdated, header: dict[str, Any]) -> SessionUpdated:
    """What a header of ours says beyond the open log's."""
    parent, relation = text_of(header.get("parent")), text_of(header.get("relation"))
    known = _whole_id(parent) or native_id(parent) if parent else None
    return replace(
        body,
        parent=known,
        relation=cast(Relation, relation) if known is not None and relation in _RELATIONS else None,
        owned=header.get("owned") is not False,
        iterations=whole(header.get("iterations")),
    )


def _whole_id(text: str | None) -> str | None:
    """A session id of any client; None where it is none."""
    client, _, native = (text or "").partition(":")
    if client not in CLIENTS or not native:
        return None
    first, slash, rest = native.partition("/")
    return text if _is_plain(first) and (not slash or _is_plain(rest)) else None


def _is_plain(native: str) -> bool:
    return session_id(NAME, native) == f"{NAME}:{native}"


def _iteration(record: Record) -> tuple[str, str | None, str | None] | None:
    """(session, title, project) of an `iteration` line; None where it names no session."""
    value = decode_object(record.data) or {}
    session = _whole_id(text_of(value.get("session")))
    where = short(value.get("project"))
    # What its own client takes for the project is the name of the loop's working tree.
    return None if session is None else (session, short(value.get("title")), project_of(where) if where else None)
