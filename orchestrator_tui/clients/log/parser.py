"""The parser of one open session log: whose line it is, and when (docs/contract.md §3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from msgspec import field

from orchestrator_tui.clients.base import Draft, Record
from orchestrator_tui.clients.lines import LineParser, LineState, unknown, unparsed
from orchestrator_tui.clients.log.bodies import carried
from orchestrator_tui.clients.log.records import READERS, flag, process, word
from orchestrator_tui.clients.values import (
    number,
    pid_of,
    record_key,
    remember,
    response_key,
    session_id,
    text_of,
    timestamp,
    whole,
)
from orchestrator_tui.clock import MAX_TIME, SECOND
from orchestrator_tui.events import KnownBody, SessionUpdated, Usage
from orchestrator_tui.excerpt import ARGUMENTS

NAME = "log"
MAX_CALLS = 256
"""Open tool calls whose agent is remembered, the newest; of the others the results are the session's own."""
MAX_AGENTS = 128
"""Sub-agents that are remembered as linked, the last to come; an older one that speaks again is linked again."""


class LogState(LineState):
    """What the parser must remember between two lines."""

    origin: int = 0
    """Nanoseconds since the epoch at the writer's t = 0."""
    native: str = ""
    """The session's id, and below the agents', as plain names: a checkpoint stays under 64 KiB (see `_plain`)."""
    pid: int = 0
    opened: bool = False
    agents: list[str] = field(default_factory=list)
    calls: dict[str, str] = field(default_factory=dict)
    """Open tool call, as 63 bits in hexadecimal -> the sub-agent that made it."""


class LogParser(LineParser[LogState]):
    """The parser of one log."""

    client = NAME

    def __init__(self, path: PurePath, state: bytes | None, now: int) -> None:
        super().__init__(LogState(origin=now, native=_plain(path.stem)), state)
        self.session: str | None = session_id(NAME, self.state.native)
        self._line = ""
        """Which line is being read: its place and its bytes."""

    def read(self, record: Record, value: dict[str, Any]) -> Iterator[Draft]:
        """The drafts of one line."""
        self._line = f"line {record.offset} {record_key(NAME, record.data)}"
        kind = value.get("kind")
        if kind == "session" and not self.state.opened:
            yield from self._header(record, value)
            return
        self._time(value)
        kind = kind if isinstance(kind, str) else ""
        title = text_of(value.get("agent")) or ""
        agent = self._agent_of(kind, value.get("id"), _plain(title) if title else "")
        try:
            bodies = self._bodies(kind, value, record)
        except (AttributeError, TypeError, KeyError, ValueError, RecursionError) as error:
            bodies = [unparsed(f"{kind[:32]}: {error}", record)]
        if not self.state.opened:
            self.state.opened = True
            yield from self._salted(record, b"open", SessionUpdated(client=NAME))
        if agent:
            yield from self._link(record, agent, title or agent)
        yield from self.drafts(record, bodies, self._of(agent))

    # --- time and identity --------------------------------------------------------------------------------

    def _header(self, record: Record, value: dict[str, Any]) -> Iterator[Draft]:
        self.state.opened = True
        native = text_of(value.get("session"))
        if native:
            self.state.native = _plain(native)
            self.session = session_id(NAME, self.state.native)
        t = number(value.get("t")) or 0.0
        epoch = number(value.get("epoch"))
        if epoch is not None:
            self.state.origin = _ns(epoch) or 0
        elif isinstance(value.get("t"), int | float) and self.state.origin:
            self.state.origin -= _ns(t) or 0
        self._time(value)
        self.state.pid = pid_of(value.get("pid")) or 0
        window = whole(value.get("context_window")) or 0
        project, cwd = word(value, "project"), word(value, "cwd")
        body = SessionUpdated(
            client=NAME,
            title=word(value, "title"),
            title_rank=2,
            project=project.rstrip("/").rpartition("/")[2] or project if project else None,
            cwd=cwd or (project if project and project.startswith("/") else None),
            branch=word(value, "branch"),
            model=word(value, "model"),
            effort=word(value, "effort"),
            permission_mode=word(value, "permission_mode"),
            context_window=window if window > 0 else None,
            auto_compact=flag(value, "auto_compact"),
            interactive=flag(value, "interactive"),
            pid=self.state.pid or None,
        )
        yield from self.drafts(record, [body])

    def _time(self, value: dict[str, Any]) -> None:
        t = value.get("t")
        at = timestamp(t)
        if at is None:
            seconds = number(t)
            offset = None if seconds is None else _ns(seconds)
            at = None if offset is None else self.state.origin + offset
        self.saw(at if at is not None and 0 <= at <= MAX_TIME else None)

    def _of(self, agent: str) -> str | None:
        return f"{self.session}/{agent}" if agent else self.session

    def _agent_of(self, kind: str, call: object, agent: str) -> str:
        """Whose line it is: a tool's result is its call's, where it does not say itself."""
        calls = self.state.calls
        if kind not in ("tool_call", "tool_result"):
            return agent
        key = f"{record_key(NAME, call if isinstance(call, str) else str(whole(call))):x}"
        if kind == "tool_result":
            caller = calls.pop(key, "")
            return agent or caller
        if agent:
            calls[key] = agent
            if len(calls) > MAX_CALLS:
                del calls[next(iter(calls))]
        return agent

    def _link(self, record: Record, agent: str, title: str) -> Iterator[Draft]:
        if remember(self.state.agents, agent, MAX_AGENTS):
            link = SessionUpdated(client=NAME, parent=self.session, relation="subagent", title=title[:ARGUMENTS])
            yield from self._salted(record, b"agent", link, self._of(agent))

    # --- records ------------------------------------------------------------------------------------------

    def _bodies(self, kind: str, value: dict[str, Any], record: Record) -> list[KnownBody]:
        if kind == "proc":
            return [process(value, self.state.pid)]
        if kind == "event":
            return [carried(value.get("body"))]
        reader = READERS.get(kind)
        return [unknown(kind, record)] if reader is None else reader(value)

    # --- handing over -------------------------------------------------------------------------------------

    def _salted(self, record: Record, salt: bytes, body: KnownBody, session: str | None = None) -> Iterator[Draft]:
        """A body that the record gives besides what it says itself."""
        return self.drafts(record, [body], session, salt + record.data)

    def response_of(self, body: Usage) -> bytes | None:
        """A response is its writer's own id, within the session; without one every line is a response."""
        return response_key(NAME, self.session or "", body.response_id or self._line)


def _plain(native: str) -> str:
    """An id as it stands in a session's: itself, or its hash when it is no plain name."""
    return session_id(NAME, native).partition(":")[2]


def _ns(seconds: float) -> int | None:
    return int(seconds * SECOND) if abs(seconds) < MAX_TIME / SECOND else None
