"""Claude Code's small documents (2.1.197): a sub-agent's origin, and the items of a to-do list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from orchestrator_tui.clients.base import Draft, NoState, Record
from orchestrator_tui.clients.values import decode_object, record_key, session_id, short, text_of
from orchestrator_tui.events import KnownBody, SessionUpdated, TaskUpdated
from orchestrator_tui.excerpt import ARGUMENTS


class Document:
    """One JSON object that says one thing about a session."""

    first_at: int | None = None
    last_at: int | None = None

    def __init__(self, session: str) -> None:
        self.session: str | None = session
        self.state = NoState()

    def feed(self, record: Record) -> Iterator[Draft]:
        """The event that the object is; nothing when it is not what it should be (it may be half written)."""
        value = decode_object(record.data)
        body = None if value is None else self.read(value)
        if body is not None and self.session is not None:
            key = record_key("claude", record.data)
            yield Draft(self.session, body, record.written_at, key, record.offset, record.length)

    def read(self, value: dict[str, object]) -> KnownBody | None:
        """The object's meaning."""
        raise NotImplementedError


class SubagentMeta(Document):
    """`agent-<id>.meta.json`: `{agentType, description, toolUseId, spawnDepth}`."""

    def __init__(self, path: PurePath) -> None:
        super().__init__(session_id("claude", path.name.removeprefix("agent-").removesuffix(".meta.json")))
        self._parent = session_id("claude", path.parent.parent.name)

    def read(self, value: dict[str, object]) -> KnownBody | None:
        """The link to the parent's tool call, and the sub-agent's name."""
        return SessionUpdated(
            client="claude",
            parent=self._parent,
            relation="subagent",
            parent_call=short(value.get("toolUseId")),
            title=short(value.get("description"), ARGUMENTS) or short(value.get("agentType"), ARGUMENTS),
            title_rank=2,
        )


class TaskItem(Document):
    """`tasks/<session>/<n>.json`: `{id, subject, status, ...}`."""

    def __init__(self, path: PurePath) -> None:
        super().__init__(session_id("claude", path.parent.name))

    def read(self, value: dict[str, object]) -> KnownBody | None:
        """The item as it stands."""
        task, subject, status = (text_of(value.get(name)) for name in ("id", "subject", "status"))
        if task is None or status is None:
            return None
        return TaskUpdated(task_id=task[:64], subject=(subject or "")[:ARGUMENTS], status=status[:64])
