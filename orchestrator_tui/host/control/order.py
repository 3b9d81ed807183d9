"""One command while it is carried out: what a verb is given, and how it says what it does before it does it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from orchestrator_tui.events import (
    CommandCommitted,
    CommandProgressed,
    CommandRequested,
    CommandStarted,
    Facts,
    KnownBody,
    Moment,
    ProcessRef,
)
from orchestrator_tui.fleet.session import Session

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host


class Refused(Exception):
    """Why a command is not run; nothing has been touched."""

    def __init__(self, words: str, receipt: Facts | None = None) -> None:
        super().__init__(words)
        self.receipt = receipt or {}


class Failed(Exception):
    """What went wrong with a command that was begun."""

    def __init__(self, words: str, receipt: Facts | None = None) -> None:
        super().__init__(words)
        self.receipt = receipt or {}


class Undone(Exception):
    """A person took it back in time."""

    def __init__(self, words: str, receipt: Facts | None = None) -> None:
        super().__init__(words)
        self.receipt = receipt or {}


class Order:
    """A command and what it acts on."""

    def __init__(self, host: Host, request: CommandRequested, session: Session | None) -> None:
        self.host, self.request, self._session = host, request, session
        self.undo = asyncio.Event()
        """Set when a person takes it back."""
        self.started = False
        self.committed = False
        self.undoable = False

    @property
    def session(self) -> Session:
        """The session it is about, as it stands now. Raises Refused when it is about none."""
        if self._session is None:
            raise Refused("no session is named")
        return self.host.fleet.sessions.get(self._session.id, self._session)

    @property
    def has_session(self) -> bool:
        """Whether it is about one."""
        return self._session is not None

    @property
    def id(self) -> str:
        """The command's own id."""
        return self.request.command_id

    def text(self, name: str, default: str = "") -> str:
        """An argument that is a text."""
        value = self.request.arguments.get(name)
        return value if isinstance(value, str) else default

    def number(self, name: str) -> float | None:
        """An argument that is a number."""
        value = self.request.arguments.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def texts(self, name: str) -> list[str]:
        """An argument that is a list of texts."""
        value = self.request.arguments.get(name)
        return value if isinstance(value, list) else []

    def flag(self, name: str) -> bool:
        """An argument that is set or not."""
        return self.request.arguments.get(name) is True

    def moment(self) -> Moment | None:
        """How the session stands, as the host judges it."""
        if self._session is None:
            return None
        session = self.session
        status = self.host.alarming.judge.statuses.get(session.id)
        spend = session.spend
        return Moment(
            session.id,
            status.status if status else None,
            status.severity if status else None,
            status.evidence if status else None,
            spend.cost_usd,
            spend.tokens.total,
            spend.requests,
        )

    async def begin(self, tree: Sequence[ProcessRef] = (), seconds: float | None = None, words: str = "") -> None:
        """Say that it is being done, before the first effect; `seconds`: for so long it can be undone."""
        until = self.host.clock.now() + int(seconds * 1e9) if seconds is not None else None
        self.started, self.undoable = True, until is not None
        await self.host.note([(None, CommandStarted(self.id, self.moment(), list(tree), until, words))])

    async def commit(self) -> None:
        """Say that it cannot be undone from here on, before that is so. Raises Undone when a person was quicker."""
        if self.undo.is_set():
            raise Undone("taken back")
        self.committed, self.undoable = True, False
        await self.host.note([(None, CommandCommitted(self.id))])

    async def progress(self, done: int, total: int, note: str = "") -> None:
        """Say how far it is."""
        await self.host.note([(None, CommandProgressed(self.id, done, total, note))])

    async def note(self, *bodies: KnownBody) -> None:
        """Append events of the session."""
        await self.host.note([(self.session.id, body) for body in bodies])


Verb = Callable[[Order], Awaitable[Facts]]
"""Carries a command out and returns its receipt. Raises Refused, Failed or Undone."""
