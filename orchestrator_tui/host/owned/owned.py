"""The host's own sessions: started under shims, spoken to through channels, taken over from the host before."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from orchestrator_tui.clients.base import Claim
from orchestrator_tui.clients.driving import Task, Unsupported
from orchestrator_tui.clients.values import project_of, session_id
from orchestrator_tui.errors import OrcError
from orchestrator_tui.events import HOUSED, Adopted, KnownBody, PermissionAnswered, ProcessRef, Relation, SessionUpdated
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned import launch as launching
from orchestrator_tui.host.owned import runs
from orchestrator_tui.host.owned.adopting import adopt
from orchestrator_tui.host.owned.channel import Channel, LineChannel, Tell
from orchestrator_tui.host.owned.inner import Inner
from orchestrator_tui.host.owned.live import Live, Mute, beside, close_channel, dialogue_of, drive_of, let_go, say
from orchestrator_tui.host.owned.runs import Record, Run
from orchestrator_tui.text import line, utf8

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host

NAMED = 30.0
"""Seconds for a client to say which session it runs."""
NAMED_BEFORE = 10.0
"""The same where it was told the session's id: to hear of a failure, if there is one."""
ADOPTED = 5.0
"""Seconds that a host waits at its start for what its sessions have written meanwhile to be heard."""
ENDING = 2.0
"""Seconds for a client whose session did not begin, to end by itself."""
LOOK = 0.25
TITLE_RANK = 4
"""Given by the person who started it."""
PROOF = "orc started it, under a shim of its own"


class Owned:
    """Every owned session of this host."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.live: dict[str, Live] = {}
        """By the run's name."""
        self.closed = False
        self._inner = Inner(host.processes.table)
        self._adopting: set[asyncio.Task[None]] = set()

    # --- asking -------------------------------------------------------------------------------------------

    def channel(self, session: str) -> Channel | None:
        """How a session is spoken to; None where it does not live under a shim of ours."""
        found = [live.channel for live in self.live.values() if live.session == session and live.channel is not None]
        return found[-1] if found else None

    def claims(self) -> list[Claim]:
        """Which process each of the sessions runs in: the client that its shim started, wrappers passed over."""
        claims = []
        for live in self.live.values():
            if live.session is not None:
                pid, started = self._inner.of(live.shim, live.record.launch.argv)
                claims.append(Claim(live.session, pid, started, live.shim.at, proof=PROOF))
        return claims

    @property
    def busy(self) -> bool:
        """Whether a turn is under way in one of them, as far as the channels show."""
        return any(getattr(live.channel, "busy", False) for live in self.live.values())

    # --- starting -----------------------------------------------------------------------------------------

    async def start(
        self,
        client: str,
        task: Task,
        *,
        title: str | None = None,
        parent: str | None = None,
        relation: Relation | None = None,
    ) -> str:
        """Start a session and return its id. Raises Failed with the reason, and then nothing is left running."""
        drive, task = drive_of(client), replace(task, prompt=utf8(task.prompt), title=utf8(task.title or "") or None)
        title = line(utf8(title), 200) if title else None
        programs = getattr(self.host.config.clients, "programs", {})
        own: str = getattr(drive, "program", "")
        binary = own or await asyncio.to_thread(launching.find_program, client, programs)
        try:
            launch = launching.checked(drive.launch(binary, task))
        except Unsupported as error:
            raise Failed(str(error)) from error
        if launch.session is not None and self.channel(session_id(client, launch.session)) is not None:
            raise Failed("the session runs already, under a shim; it can be given a message there")
        served = bool(getattr(drive, "served", False))
        dialogue = None if served else dialogue_of(drive, task)
        now, host_id = self.host.clock.now(), await self.host.store.host_id()
        name = "" if isinstance(dialogue, Mute) else drive.channel
        record = Record(client, task, launch, now, host_id, name, served, title, parent, relation)
        try:
            run = await asyncio.to_thread(runs.make, self.host.paths.state_dir, client, now)
            run.save(record)
            opening = dialogue.opening() if dialogue is not None else ()
            live = Live(run, record, await launching.start(run, launch, opening))
        except (OrcError, OSError) as error:
            raise Failed(f"cannot make a run directory: {error}") from error
        self.live[run.name] = live
        try:
            if dialogue is None:
                await self.open_served(live)
            else:
                channel = LineChannel(name, run, dialogue, self.teller(live), launch.session)
                channel.busy = bool(task.prompt)
                self.follow(live, channel)
                await self.named(live, channel)
        except BaseException:
            # Also when whoever asked was cancelled; but what a host that ends lets go of, the next one takes over.
            if not self.closed:
                await self._abandon(live)
            raise
        return live.session or ""

    async def named(self, live: Live, channel: LineChannel) -> None:
        """Wait until the client has said its session, and tell of it. Raises Failed when it does not."""
        known, client = live.record.launch.session is not None, live.record.client
        try:
            async with asyncio.timeout(NAMED_BEFORE if known else NAMED):
                await channel.named.wait()
        except TimeoutError:
            if not known:
                words = live.run.words() or "it said nothing at all"
                raise Failed(f"{client} began no session within {NAMED:.0f} s: {words}") from None
        if channel.refusal:
            raise Failed(f"{client} began no session: {line(channel.refusal, 200)}")
        ended = live.run.exit()
        if channel.ended.is_set() and not channel.said and not (known and ended is not None and ended.status == 0):
            words = live.run.words() or (ended.text if ended is not None else channel.why)
            raise Failed(f"{client} ended before its session began: {words}")
        await self.introduce(live, channel.native or "", channel)
        if channel.ended.is_set():
            self.live.pop(live.run.name, None)

    async def open_served(self, live: Live) -> None:
        """Speak to a client that is a server. Raises Failed when it does not answer."""
        from orchestrator_tui.host.owned import served

        record = live.record
        try:
            native, channel = await served.open(live.run, record.launch, record.task, self.note)
        except (OSError, TimeoutError) as error:
            raise Failed(f"{record.client} does not answer: {live.run.words() or line(str(error), 200)}") from error
        await self.introduce(live, native, channel)
        self.watch(live)

    async def introduce(self, live: Live, native: str, channel: Channel) -> None:
        """Tell of a session that has begun."""
        record = live.record = replace(live.record, session=native)
        live.run.save(record)
        session = session_id(record.client, native)
        known = self.host.fleet.sessions.get(session)
        told = SessionUpdated(
            client=record.client,
            owned=True,
            cwd=record.launch.cwd,
            project=self._project(record) if known is None or known.project is None else None,
            title=record.title,
            title_rank=TITLE_RANK if record.title else 0,
            parent=record.parent,
            relation=record.relation,
            interactive=False,
        )
        await self.note(session, told, self.adopted(live))
        live.session, live.channel = session, channel
        pending, live.pending = live.pending, []
        await self.note(session, *pending)

    def _project(self, record: Record) -> str | None:
        """The parent's, where it has one to share."""
        parent = self.host.fleet.sessions.get(record.parent or "")
        shared = parent.project if parent is not None and record.relation in HOUSED else None
        return shared or project_of(record.launch.cwd)

    def adopted(self, live: Live) -> Adopted:
        """What is told of a run."""
        table, shim = self.host.processes.table, live.shim
        stat = table.stat(shim.pid)
        started = shim.started if shim.started is not None else stat.started if stat is not None else 0
        ref = ProcessRef(shim.pid, started, os.getuid(), sys.executable, table.command(shim.pid)[:240])
        return Adopted(run=live.run.name, shim=ref, channel=live.record.channel)

    async def _abandon(self, live: Live) -> None:
        """End a client whose session did not begin."""
        self.live.pop(live.run.name, None)
        await let_go(live)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if live.run.has_client(self.host.processes.table):
                with suppress(ProcessLookupError):
                    os.kill(live.shim.child, number)
            waited = 0.0
            while waited < ENDING and live.run.exit() is None and live.run.has_shim():
                await asyncio.sleep(0.02)
                waited += 0.02

    # --- hearing ------------------------------------------------------------------------------------------

    def follow(self, live: Live, channel: LineChannel) -> None:
        """Hear a client of lines until it ends."""

        async def follow() -> None:
            await channel.follow(lambda: self.replace_shim(live))
            if live.session is not None:
                self.live.pop(live.run.name, None)

        live.task = beside(follow())

    def watch(self, live: Live) -> None:
        """See the end of a client that is spoken to in another way than by lines."""

        async def watch() -> None:
            while live.run.exit() is None:
                await asyncio.sleep(LOOK)
                if not live.run.has_shim() and live.run.exit() is None and await self.replace_shim(live):
                    break
            self.live.pop(live.run.name, None)
            await close_channel(live.channel)
            await self.nothing_asked(live.session)

        live.task = beside(watch())

    async def replace_shim(self, live: Live) -> str:
        """Give a client whose shim was killed another one; "" when it has one, else why not."""
        if not live.run.has_client(self.host.processes.table):
            return "the session has ended, and its shim with it"
        try:
            live.shim = await launching.attach(live.run)
        except (Failed, OSError) as error:
            return f"its shim was killed, and nothing can be said to it any more: {error}"
        if live.session is not None:
            await self.note(live.session, self.adopted(live))
        return ""

    def teller(self, live: Live) -> Tell:
        """Where a channel's news go: to its session, once that is known."""

        async def tell(bodies: Sequence[KnownBody]) -> None:
            if live.session is None:
                live.pending += bodies
            else:
                await self.note(live.session, *bodies)

        return tell

    async def note(self, session: str, *bodies: KnownBody) -> None:
        """Append events of a session."""
        if bodies:
            await self.host.note([(session, body) for body in bodies])

    async def nothing_asked(self, session: str | None) -> None:
        """Nobody is there any more to be answered."""
        known = self.host.fleet.sessions.get(session or "")
        if known is not None:
            asks = [name for name, ask in known.steering.asks.items() if ask.asked.via == "channel"]
            await self.note(known.id, *(PermissionAnswered(request_id=name, decision="gone") for name in asks))

    # --- taking over and letting go -----------------------------------------------------------------------

    async def adopt_all(self) -> None:
        """Take over every run whose client lives, and close what was left open by those that have ended.

        Returns when that is done, or after 5 s; what is left then goes on beside the loop.
        """
        found = await asyncio.to_thread(runs.listed, self.host.paths.state_dir)
        work = [beside(self._adopt(run)) for run in found if run.name not in self.live]
        self._adopting.update(work)
        if work:
            await asyncio.wait(work, timeout=ADOPTED)
        await self.tidy()

    async def _adopt(self, run: Run) -> None:
        try:
            await adopt(self, run)
        except (Failed, OSError, TimeoutError) as error:
            say(f"run {run.name} is not taken over: {error}")

    async def tidy(self) -> None:
        """Remove what ended 14 days ago."""
        host = self.host
        await asyncio.to_thread(runs.tidy, host.paths.state_dir, host.processes.table, host.clock.now())

    async def close(self) -> None:
        """Let go of everything; no client is ended by it."""
        self.closed = True
        for task in self._adopting:
            task.cancel()
        await asyncio.gather(*self._adopting, return_exceptions=True)
        for live in list(self.live.values()):
            await let_go(live)
        self.live.clear()
