"""What others ask the host to do: each command answered with one outcome, an expired one never run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal

from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import (
    Acknowledged,
    CommandEnded,
    CommandProgressed,
    CommandRequested,
    KnownBody,
    Settings,
    Snoozed,
    Viewed,
)
from orchestrator_tui.fleet.session import Session

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host

Outcome = Literal["done", "refused", "failed"]
MAX_SNOOZE = 7 * 24 * 3600 * SECOND


class Refused(Exception):
    """Why a command is not run."""


class Commands:
    """Reads the requests that were appended since the last look, and runs them."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._version = 0
        """Of the database when commands were last looked for."""
        self._obeyed = host.reader.last_seq()
        self._verbs: dict[str, Callable[[CommandRequested], Coroutine[Any, Any, None]]] = {
            "ingest": self._ingest,
            "ack": self._judge_said,
            "snooze": self._judge_said,
            "view": self._judge_said,
        }

    async def obey(self) -> None:
        """Run what was asked since the last look."""
        host = self._host
        version = host.reader.version()
        if version == self._version:
            return
        self._version = version
        last = host.reader.last_seq()
        begin, self._obeyed = self._obeyed, last
        for event in host.reader.commands(begin, last):
            request = event.body
            if not isinstance(request, CommandRequested):
                continue
            run = self._verbs.get(request.verb)
            if request.deadline is not None and host.clock.now() > request.deadline:
                await self._end(request, "refused", "it expired before a host saw it")
            elif run is None:
                await self._end(request, "refused", f"this orc has no verb {request.verb!r}")
            else:
                host.start(run(request))

    async def _end(
        self, request: CommandRequested, outcome: Outcome, text: str = "", receipt: Settings | None = None
    ) -> None:
        ended = CommandEnded(command_id=request.command_id, outcome=outcome, text=text, receipt=receipt or {})
        await self._host.note([(None, ended)])

    # --- what a person says of a session ------------------------------------------------------------------

    async def _judge_said(self, request: CommandRequested) -> None:
        """`ack`, `snooze` and `view`: an event of the session, and the state it was in when that was said."""
        try:
            session = self._session(request)
            body = self._said(request, session)
        except Refused as why:
            await self._end(request, "refused", str(why))
            return
        status = self._host.alarming.judge.statuses.get(session.id)
        receipt: Settings = {
            "session": session.id,
            "status": status.status if status else None,
            "evidence": status.evidence if status else None,
            "cost_usd": session.spend.cost_usd,
        }
        await self._host.note([(session.id, body)])
        await self._end(request, "done", receipt=receipt)

    def _session(self, request: CommandRequested) -> Session:
        session = self._host.fleet.sessions.get(str(request.arguments.get("session")))
        if session is None:
            raise Refused("no such session in the fleet")
        return session

    def _said(self, request: CommandRequested, session: Session) -> KnownBody:
        now = self._host.clock.now()
        if request.verb == "view":
            return Viewed()
        if request.verb == "snooze":
            seconds = request.arguments.get("seconds")
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 1e9:
                raise Refused("for how long is not said")
            return Snoozed(until=min(now + int(seconds * SECOND), now + MAX_SNOOZE) if seconds else 0)
        status = self._host.alarming.judge.statuses.get(session.id)
        cause = request.arguments.get("cause") or (status.cause if status is not None else "")
        if not cause or (status is not None and status.severity == "ok"):
            raise Refused("nothing is told of it that could be acknowledged")
        return Acknowledged(cause=str(cause), reason=str(request.arguments.get("why") or ""))

    # --- reading ------------------------------------------------------------------------------------------

    async def _ingest(self, request: CommandRequested) -> None:
        """`orc ingest` while a host runs: one complete pass, its progress told as events."""
        host = self._host
        named = str(request.arguments.get("roots") or "").splitlines()
        told = 0

        async def progress(done: int, total: int) -> None:
            nonlocal told
            now = host.clock.now()
            if not 0 <= now - told < SECOND or done == total:
                told = now
                await host.note([(None, CommandProgressed(command_id=request.command_id, done=done, total=total))])

        before = host.reader.last_seq()
        await host.read_all(bool(request.arguments.get("all")), named, progress)
        receipt: Settings = {"files": len(host.ingest.files), "events": host.reader.last_seq() - before}
        await self._end(request, "done", receipt=receipt)
