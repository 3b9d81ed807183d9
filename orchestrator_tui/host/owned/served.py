"""The channel to an OpenCode session, which is a server of its own under a shim.

What it asks is looked for while a turn runs. All that is asked there belongs to the session, its sub-agents' included.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from orchestrator_tui.clients.driving import Launch, Task, Unsupported
from orchestrator_tui.clients.opencode import answers, requests
from orchestrator_tui.clients.opencode.answers import Question
from orchestrator_tui.clients.opencode.drive import PASSWORD
from orchestrator_tui.clients.values import session_id
from orchestrator_tui.events import KnownBody, PermissionAnswered
from orchestrator_tui.host import procfs
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned import server
from orchestrator_tui.host.owned.channel import Channel
from orchestrator_tui.host.owned.loopback import PATIENCE
from orchestrator_tui.host.owned.runs import Run
from orchestrator_tui.host.owned.server import Server, State

SOON = 0.5
LATER = 5.0
"""Seconds between two looks, while a turn runs and else."""
BEGINS = 5.0
"""Seconds after a message in which a turn may begin."""
LOST = 6
"""Looks without an answer after which nothing is asked there any more."""
LOOK = 0.05

Note = Callable[[str, KnownBody], Awaitable[None]]
"""Appends an event of a session, by our own id of it (`opencode:ses_...`)."""


async def open(run: Run, launch: Launch, task: Task, note: Note) -> tuple[str, Channel]:
    """Begin, go on with or fork the task's session in a server that has just been started, and say its prompt.

    Returns the client's own id of the session, and the channel. Raises Failed. To be called again after a host that
    died in the middle of it.
    """
    state = server.load(run) or State(0, launch.environ.get(PASSWORD, ""), directory=task.cwd)
    channel = ServeChannel(Server(run, state), note)
    channel.server.patience = server.STARTING
    try:
        await channel.server.up()
        if not state.session:
            if task.model is not None:
                await channel.server.check(task.model, task.effort)
            state.model, state.effort = task.model, task.effort
            state.session, state.directory = await channel.server.begin(task)
            channel.server.save()
        if not state.told:
            if task.prompt:
                await channel.say(task.prompt)
            state.told = True
            channel.server.save()
    except Unsupported as error:
        raise Failed(str(error)) from error
    channel.server.patience = PATIENCE
    channel.follow()
    return state.session, channel


async def reopen(run: Run, session: str, note: Note) -> Channel:
    """Speak to a session that an earlier host has begun. Raises Failed."""
    state = server.load(run)
    if state is None or state.session != session:
        raise Failed(f"{run.path / server.FILE} does not say where its server is; end the session and bring it back")
    channel = ServeChannel(Server(run, state), note)
    await channel.server.ask(requests.health())
    channel.follow()
    return channel


class ServeChannel:
    """One session of one server."""

    name = "serve"

    def __init__(self, served: Server, note: Note) -> None:
        self.busy = False
        """A turn is under way."""
        self.server = served
        self._state, self._note = served.state, note
        self._kick, self._storing = asyncio.Event(), asyncio.Lock()
        self._until = 0.0
        """Up to then a turn may begin, by the loop's clock."""
        self._deciding: set[str] = set()
        self._settled: set[str] = set()
        """What has been answered here: a look that began before may still find it."""
        self._task: asyncio.Task[None] | None = None

    # --- what a person wants ------------------------------------------------------------------------------

    async def say(self, text: str) -> None:
        """A message; during a turn it is queued, and taken up at the turn's next step. Raises Failed."""
        state = self._state
        try:
            model = requests.checked_model(state.model) if state.model else None
            call = requests.say(state.session, state.directory, text, model, state.effort)
        except Unsupported as error:
            raise Failed(str(error)) from error
        await self.server.ask(call)
        self._expect()

    async def interrupt(self) -> None:
        """Stop the turn, and withdraw what is asked in it. Raises Failed."""
        await self.server.ask(requests.abort(self._state.session, self._state.directory))
        # The server would keep it for ever, and show it again in the next turn.
        with suppress(Failed):
            for question in await self._asked():
                self._settled.add(question.event.request_id)
                with suppress(Failed):
                    await self.server.ask(requests.reply(question.event.request_id, self._state.directory, False, ""))
        await self._store([], set(self._state.asks))
        self._kick.set()

    async def answer(self, request: str, allow: bool, words: str) -> None:
        """Allow once, or deny, with the reason; a question is answered by the words. Raises Failed."""
        self._deciding.add(request)
        try:
            await self.server.ask(requests.reply(request, self._state.directory, allow, words))
            self._settled.add(request)
            async with self._storing:
                if request in self._state.asks:
                    await self._tell(PermissionAnswered(request_id=request, decision="allowed" if allow else "denied"))
                    self._state.asks.remove(request)
                    self.server.save()
        except Unsupported as error:
            raise Failed(str(error)) from error
        finally:
            self._deciding.discard(request)
        self._expect()

    async def use(self, model: str | None, effort: str | None) -> None:
        """Another model or effort from the next message on; another model begins without effort. Raises Failed."""
        named = model or self._state.model
        try:
            if named is not None:
                await self.server.check(named, effort)
            elif effort is not None:
                requests.checked_effort(effort)
        except Unsupported as error:
            raise Failed(str(error)) from error
        self._state.model, self._state.effort = named, effort
        self.server.save()

    async def end(self) -> None:
        """Stop the turn and end the server, which is this session's alone. Raises Failed."""
        with suppress(Failed):
            await self.interrupt()
        await self.close()
        run, table, waited = self.server.run, procfs.table(), 0.0
        shim = run.shim()
        if shim is not None and run.has_client(table):
            with suppress(ProcessLookupError):
                os.kill(shim.child, signal.SIGTERM)
        while run.exit() is None and (run.has_shim() or run.has_client(table)):
            if waited > PATIENCE:
                raise Failed(f"its server has not ended within {PATIENCE:.0f} s")
            await asyncio.sleep(LOOK)
            waited += LOOK

    async def close(self) -> None:
        """Look no longer; the session goes on."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    # --- how it is heard ----------------------------------------------------------------------------------

    def follow(self) -> None:
        """Look from now on for what it asks."""
        self._expect()
        self._task = asyncio.ensure_future(self._follow())

    async def _follow(self) -> None:
        missed = 0
        while True:
            self._kick.clear()
            try:
                await self._look()
                missed = 0
            except Failed:
                missed += 1
            except Exception:
                # A store that cannot be written now can be later: what was not stored is found again.
                missed = 0
            if missed >= LOST:
                self.busy = False
                with suppress(Exception):
                    await self._store([], set(self._state.asks))
                if self.server.run.exit() is not None:
                    return
            soon = self.busy or 0 < missed < LOST or asyncio.get_running_loop().time() < self._until
            with suppress(TimeoutError):
                async with asyncio.timeout(SOON if soon else LATER):
                    await self._kick.wait()

    async def _look(self) -> None:
        before = set(self._state.asks)
        working = answers.read_status(await self.server.ask(requests.status(self._state.directory)))
        if working is None:
            raise Failed("its server does not say whether a turn runs")
        self.busy = bool(working)
        # What was asked in a turn that has been broken off stays listed; nobody waits for an answer to it.
        asked = [question for question in await self._asked() if question.session in working] if working else []
        await self._store(asked, before)

    async def _asked(self) -> list[Question]:
        """All that it lists. Raises Failed."""
        permissions = answers.read_permissions(await self.server.ask(requests.permissions(self._state.directory)))
        asked = answers.read_questions(await self.server.ask(requests.questions(self._state.directory)))
        if permissions is None or asked is None:
            raise Failed("its server does not say what it asks")
        return permissions + asked

    async def _store(self, asked: list[Question], before: set[str]) -> None:
        """Store what is new, and what of `before` is not asked any more."""
        async with self._storing:
            open_asks = self._state.asks
            known, names = list(open_asks), {question.event.request_id for question in asked}
            try:
                for question in asked:
                    name = question.event.request_id
                    if name not in open_asks and name not in self._settled | self._deciding:
                        await self._tell(question.event)
                        open_asks.append(name)
                for name in known:
                    if name in before and name not in names and name not in self._deciding:
                        await self._tell(PermissionAnswered(request_id=name, decision="gone"))
                        open_asks.remove(name)
            finally:
                if open_asks != known:
                    self.server.save()

    async def _tell(self, body: KnownBody) -> None:
        await self._note(session_id("opencode", self._state.session), body)

    def _expect(self) -> None:
        self._until = asyncio.get_running_loop().time() + BEGINS
        self._kick.set()
