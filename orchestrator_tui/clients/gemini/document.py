"""Chats as older versions of Gemini CLI wrote them: one document, written whole each time.

`{sessionId, projectHash, startTime, lastUpdated, messages: [{id, timestamp, type, content, tokens, model, ...}]}`.
Of such a chat its facts and its usage are told, which are the same however often the document is read; of what was said
only the title. Later versions take it over as lines, under the same ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from orchestrator_tui.clients.base import Draft, NoState, Record
from orchestrator_tui.clients.gemini import content as said
from orchestrator_tui.clients.gemini.state import NAME
from orchestrator_tui.clients.gemini.usage import response_of, tokens_in
from orchestrator_tui.clients.values import (
    decode_object,
    first_line,
    project_of,
    record_key,
    session_id,
    short,
    text_of,
    timestamp,
)
from orchestrator_tui.events import SessionUpdated, Usage
from orchestrator_tui.excerpt import ARGUMENTS


class ChatDocument:
    """The parser of one such document."""

    first_at: int | None = None
    last_at: int | None = None

    def __init__(self, path: PurePath) -> None:
        self.session: str | None = None
        self.state = NoState()
        self._folder = path.parent.parent.name

    def feed(self, record: Record) -> Iterator[Draft]:
        """Its facts, and the usage of its messages; nothing when it is half written."""
        value = decode_object(record.data)
        native = text_of(value.get("sessionId")) if value is not None else None
        if value is None or not native:
            return
        self.session = session_id(NAME, native)
        self.first_at = timestamp(value.get("startTime"))
        self.last_at = timestamp(value.get("lastUpdated")) or self.first_at
        listed = value.get("messages")
        messages = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
        key = record_key(NAME, record.data)
        yield Draft(self.session, self._facts(value, messages), self.first_at, key, 0, record.length)
        for item in messages:
            message = short(item.get("id"))
            if message is None or item.get("type") != "gemini":
                continue
            try:
                tokens = tokens_in(item.get("tokens"))
            except ValueError:
                continue
            body = Usage(response_id=message, model=short(item.get("model"), ARGUMENTS), tokens=tokens)
            at = timestamp(item.get("timestamp")) or self.last_at
            key = record_key(NAME, f"{message}/usage/{tokens!r}")
            yield Draft(self.session, body, at, key, 0, record.length, response_of(self.session, message))

    def _facts(self, value: dict[str, Any], messages: list[dict[str, Any]]) -> SessionUpdated:
        texts = (said.flat_text(item.get("content")) for item in messages if item.get("type") == "user")
        asked = next((text for text in texts if text and not text.startswith((*said.MACHINE, "/", "?"))), None)
        summary = first_line(text_of(value.get("summary")))
        title = summary or first_line(asked)
        cwd = said.proved(value.get("directories"), short(value.get("projectHash")) or "")
        folder = None if len(self._folder) == 64 else self._folder
        return SessionUpdated(
            client=NAME,
            title=title[:ARGUMENTS] if title else None,
            title_rank=1 if summary else 0,
            project=project_of(cwd) if cwd else folder or None,
            cwd=cwd,
        )
