"""Sessions of the Codex TUI, which run in a daemon that all its windows share, and are commanded through it.

A thread is joined when a person wants something of it, and while it writes nothing within a turn: it may be asking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from orchestrator_tui.clients.codex.daemon import CONTROL_SOCKET
from orchestrator_tui.clients.codex.dialogue import checked_thread
from orchestrator_tui.clients.codex.locks import PROOF
from orchestrator_tui.clients.driving import Unsupported
from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import KnownBody, PermissionAnswered
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.control.order import Failed, Order
from orchestrator_tui.host.owned.channel import Channel
from orchestrator_tui.host.owned.joining import NO_DAEMON, JoinedChannel, join

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host

CLIENT = "codex"
SILENT = 8 * SECOND
"""A turn that has written nothing for so long may be asking something."""
AGAIN = 60 * SECOND
"""How long a thread that could not be joined is left alone; a person's own command always tries."""
SELDOM = 4
"""One that is silent for long is tried again after this part of its silence, if that is longer."""
UNUSED = 60.0
"""Seconds after which a thread that a person wanted something of is left."""
SETTLED = 1.0
"""Seconds after joining by which all that is asked has been asked again."""
TURN = 6.0
"""Seconds for which a silent thread is listened to while others wait for its place."""
MAX_JOINED = 16
"""Threads that are listened to at once; those that a person commands come on top."""


class Miss(Struct, frozen=True):
    """A thread that could not be joined."""

    at: int
    active_at: int
    """When the session had been active last."""


class Joined:
    """The threads that this host has joined."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.open: dict[str, JoinedChannel] = {}
        """By our own id of the session."""
        self._opening: dict[str, asyncio.Task[JoinedChannel]] = {}
        self._beginning: set[str] = set()
        """Those that are about to be listened to."""
        self._missed: dict[str, Miss] = {}
        self._turns: dict[str, float] = {}
        """When it was joined last to be listened to, of those that want to be."""
        self._settled: set[str] = set()
        self._wanted_by_a_person: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # --- for a person -------------------------------------------------------------------------------------

    async def channel(self, session: str) -> JoinedChannel | None:
        """How a session is spoken to; None where no daemon has it open. Up to 10 s when the daemon hangs."""
        try:
            return await self.join(session)
        except Failed:
            return None

    async def join(self, session: str) -> JoinedChannel:
        """The same; raises Failed with the reason."""
        # Before it is joined: nobody is to leave it at once.
        self._wanted_by_a_person.add(session)
        try:
            channel = await self._joined(session)
        except Failed:
            self._wanted_by_a_person.discard(session)
            raise
        channel.used_at = asyncio.get_running_loop().time()
        return channel

    # --- listening ----------------------------------------------------------------------------------------

    async def look(self, now: int) -> None:
        """Listen where something may be asked, and leave where it is not; called every 2 s. It waits for no daemon."""
        wanted = {s.id: s for s in self.host.fleet.sessions.values() if s.client == CLIENT and self._is_wanted(s, now)}
        if not wanted and not self.open:
            self._missed.clear()
            self._turns.clear()
            return
        self._missed = {name: miss for name, miss in self._missed.items() if name in wanted}
        self._turns = {name: at for name, at in self._turns.items() if name in wanted}
        time = asyncio.get_running_loop().time()
        for name, channel in list(self.open.items()):
            used = not channel.why and (channel.asks or name in wanted or self._is_used(name, channel, time))
            if channel.is_over or not (channel.why or used):
                await self._leave(name)
            elif name not in self._settled and time - channel.since >= SETTLED:
                self._settled.add(name)
                self._start(channel.settle())
        waiting = [s for s in wanted.values() if s.id not in self._taken and self._is_due(s, now)]
        # Whose turn it was the longest time ago; what asked something when it was last heard comes first.
        waiting.sort(key=lambda s: (not _asks(s), self._turns.get(s.id, 0.0)))
        await self._make_room(len(waiting), time)
        for session in waiting[: max(0, MAX_JOINED - len(self._taken))]:
            self._turns[session.id] = time
            self._beginning.add(session.id)
            self._start(self._listen(session))

    @property
    def _taken(self) -> set[str]:
        """Sessions that are joined, or about to be."""
        return self.open.keys() | self._opening.keys() | self._beginning

    def _is_wanted(self, session: Session, now: int) -> bool:
        """Whether it may be asking something."""
        if self.host.owned.channel(session.id) is not None or _runs_alone(session):
            return False
        if not session.owned and _asks(session):
            return True
        process = session.process
        # One that went on after its process' end does so in the daemon.
        gone = process is not None and process.gone_at is not None and process.gone_at >= session.active_at
        gone = gone or session.ended is not None
        return session.turn_open and not gone and now - session.active_at >= SILENT

    def _is_due(self, session: Session, now: int) -> bool:
        miss = self._missed.get(session.id)
        if miss is None:
            return True
        again = AGAIN
        if miss.active_at == session.active_at:
            again = max(again, (miss.at - miss.active_at) // SELDOM)
        return not 0 <= now - miss.at < again

    def _is_used(self, name: str, channel: JoinedChannel, time: float) -> bool:
        return name in self._wanted_by_a_person and time - channel.used_at < UNUSED

    async def _make_room(self, waiting: int, time: float) -> None:
        """Leave those that were listened to the longest and ask nothing, as far as others wait."""
        over = len(self._taken) + waiting - MAX_JOINED
        if over <= 0:
            return
        silent = [
            name
            for name, channel in self.open.items()
            if not channel.asks and time - channel.since >= TURN and not self._is_used(name, channel, time)
        ]
        silent.sort(key=lambda name: self.open[name].since)
        for name in silent[:over]:
            await self._leave(name)

    async def _listen(self, session: Session) -> None:
        try:
            if _homes(self.host, session, True):
                await self._joined(session.id)
                return
        except Failed:
            pass
        finally:
            self._beginning.discard(session.id)
        self._missed[session.id] = Miss(self.host.clock.now(), session.active_at)
        # Nobody is there any more to be answered.
        if not session.owned and session.id not in self.open:
            gone = [PermissionAnswered(request_id=name, decision="gone") for name in _asks(session)]
            await self.host.note([(session.id, body) for body in gone])

    # --- joining and leaving ------------------------------------------------------------------------------

    async def _joined(self, name: str) -> JoinedChannel:
        """The open channel, or a new one; whoever comes meanwhile waits for the same. Raises Failed."""
        channel = self.open.get(name)
        if channel is not None and not channel.why:
            return channel
        task = self._opening.get(name)
        if task is None:
            task = self._opening[name] = asyncio.create_task(self._open(name))
            task.add_done_callback(lambda task: self._opened(name, task))
        return await asyncio.shield(task)

    def _opened(self, name: str, task: asyncio.Task[JoinedChannel]) -> None:
        self._opening.pop(name, None)
        if not task.cancelled():
            # Nobody may wait for it any more.
            task.exception()

    async def _open(self, name: str) -> JoinedChannel:
        session = self.host.fleet.sessions.get(name)
        if session is None or session.client != CLIENT:
            raise Failed("it is no session of Codex")
        if self.host.owned.channel(name) is not None:
            raise Failed("it runs under a shim of orc's own")
        if _runs_alone(session):
            raise Failed(f"it runs in a process of its own ({session.pid})")

        async def tell(bodies: Sequence[KnownBody]) -> None:
            await self.host.note([(name, body) for body in bodies])

        def stored() -> list[str]:
            known = self.host.fleet.sessions.get(name)
            return _asks(known) if known is not None else []

        def called(call: str) -> str:
            known = self.host.fleet.sessions.get(name)
            found = known.calls.get(call) if known is not None else None
            return found.arguments if found is not None else ""

        why = NO_DAEMON
        for home in _homes(self.host, session, False):
            try:
                channel = await join(home / CONTROL_SOCKET, session.id.partition(":")[2], tell, stored, called)
            except Failed as error:
                why = str(error)
                continue
            self._missed.pop(name, None)
            self._settled.discard(name)
            self.open[name] = channel
            return channel
        raise Failed(why)

    async def _leave(self, name: str) -> None:
        channel = self.open.pop(name)
        self._settled.discard(name)
        self._wanted_by_a_person.discard(name)
        if channel.why and (session := self.host.fleet.sessions.get(name)) is not None:
            self._missed[name] = Miss(self.host.clock.now(), session.active_at)
        await channel.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        async def run() -> None:
            # A store that cannot be written now can be later: what was not stored is found again.
            with suppress(Exception):
                await work

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Leave everything; what is asked stays asked, and the next host listens again."""
        tasks = [*self._tasks, *self._opening.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for channel in self.open.values():
            await channel.close()
        self.open.clear()


async def reach(host: Host, session: str) -> Channel | None:
    """How a session is spoken to: by its own channel under a shim, or in the daemon that it shares with others."""
    channel = host.owned.channel(session)
    known = host.fleet.sessions.get(session)
    if channel is not None or known is None or known.client != CLIENT:
        return channel
    return await host.joined.channel(session)


async def interrupt(order: Order) -> str:
    """Stop the turn of a session in its daemon; "" when it is stopped, else why not."""
    try:
        await (await order.host.joined.join(order.session.id)).interrupt()
    except Failed as why:
        return str(why)
    return ""


def _asks(session: Session) -> list[str]:
    """What it asks by its channel, as far as it is stored."""
    return [name for name, ask in session.steering.asks.items() if ask.asked.via == "channel"]


def _runs_alone(session: Session) -> bool:
    """Whether a process that is no daemon has its thread open."""
    process = session.process
    return process is not None and process.gone_at is None and process.seen.proof == PROOF


def _homes(host: Host, session: Session, locked: bool) -> list[Path]:
    """Directories of Codex in which it may be open; `locked`: somebody has it open there, by its lock's file."""
    try:
        file = f"thread-writer-locks/{checked_thread(session.id.partition(':')[2])}.lock"
        homes = list(host.roots().get(CLIENT, []))
        held = [home for home in homes if (home / file).exists()]
    except (Unsupported, OSError) as error:
        raise Failed(str(error)) from error
    return held if locked else [*held, *(home for home in homes if home not in held)]
