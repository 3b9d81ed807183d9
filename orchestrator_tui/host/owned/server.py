"""An OpenCode server that is one session's own: where it listens, what it is asked, and how a session begins in it.

Where it listens and the password are in `serve.json` (0600) of the run directory, and what is needed to go on after a
restart of the host.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct, field

from orchestrator_tui.clients.driving import Task
from orchestrator_tui.clients.opencode import answers, requests
from orchestrator_tui.clients.opencode.requests import Call
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned.loopback import PATIENCE, Loopback, NoAnswer
from orchestrator_tui.host.owned.runs import Run

STARTING = 60.0
"""Seconds for the server to listen, and then for each of its first answers, for which it loads the directory."""
LISTED = 20.0
"""Seconds for its list of models, which it may want to fetch first."""
LOOK = 0.05
FILE = "serve.json"


class State(Struct):
    """`serve.json`."""

    port: int
    password: str
    session: str = ""
    """Empty until there is one."""
    directory: str = ""
    model: str | None = None
    effort: str | None = None
    told: bool = False
    """It has been given what it was started for."""
    asks: list[str] = field(default_factory=list)
    """What is open as far as is stored."""


class Server:
    """The server of one run."""

    def __init__(self, run: Run, state: State) -> None:
        self.run, self.state = run, state
        self.patience = PATIENCE
        """Seconds for an answer."""

    async def up(self) -> None:
        """Wait until it listens and takes the password. Raises Failed."""
        loop = asyncio.get_running_loop()
        deadline, words = loop.time() + STARTING, "it does not say where it listens"
        while loop.time() < deadline and self.run.exit() is None:
            self.state.port = self.state.port or _port(self.run)
            if self.state.port:
                call = requests.health()
                try:
                    status, _ = await self._loopback().ask(call.method, call.path)
                except NoAnswer as error:
                    words = str(error)
                else:
                    if status == 200:
                        return
                    words = f"it answers with status {status}"
            await asyncio.sleep(LOOK)
        ended = self.run.exit()
        if ended is not None:
            words = ended.text
        raise Failed(f"OpenCode's server did not start: {words} ({self.run.words() or 'it said nothing'})")

    async def begin(self, task: Task) -> tuple[str, str]:
        """The task's session and its directory. Raises Failed and Unsupported."""
        if task.resume is None:
            return _session(await self.ask(requests.begin(task.cwd, task.title)))
        session, directory = _session(await self.ask(requests.look_up(requests.checked_session(task.resume))))
        if task.fork:
            session, directory = _session(await self.ask(requests.fork(session, directory)))
            if not _same(directory, task.cwd):
                directory = await self._move(session, directory, task.cwd)
        if task.title:
            await self.ask(requests.rename(session, directory, task.title))
        return session, directory

    async def _move(self, session: str, directory: str, to: str) -> str:
        """A fork works where its parent does, until it is moved. Raises Failed, and then the fork is gone again."""
        try:
            await self.ask(requests.move(session, to))
            _, moved = _session(await self.ask(requests.look_up(session)))
            if not _same(moved, to):
                raise Failed(f"it stayed in {moved}")
        except Failed as error:
            with suppress(Failed):
                await self.ask(requests.forget(session, directory))
            raise Failed(f"OpenCode does not let the fork work in {to}: {error}; fork it where it is") from error
        return moved

    async def check(self, model: str, effort: str | None) -> None:
        """Whether the server has the model, with that level of effort. Raises Failed and Unsupported."""
        named = requests.checked_model(model)
        effort = requests.checked_effort(effort) if effort is not None else None
        call = requests.models(self.state.directory)
        try:
            _, value = await self._loopback().ask(call.method, call.path, call.body, LISTED)
        except NoAnswer:
            # It may wait for a network that is not there; then the next response tells.
            return
        known = answers.read_models(value)
        if known is not None:
            answers.check_known(known, named, effort)

    async def ask(self, call: Call) -> Any:
        """Its answer. Raises Failed with its words when it says no, or nothing."""
        try:
            status, value = await self._loopback().ask(call.method, call.path, call.body, self.patience)
        except NoAnswer as error:
            ended = self.run.exit()
            raise Failed(f"its server has ended: {ended.text}" if ended else f"its server fails: {error}") from error
        if status == 401:
            raise Failed("what answers there is not its server, or has another password")
        if not 200 <= status < 300:
            raise Failed(answers.read_error(value) or f"its server answered with status {status}")
        return value

    def save(self) -> None:
        """Write `serve.json`. Raises Failed."""
        try:
            self.run.write(FILE, msgspec.json.encode(self.state))
        except OSError as error:
            raise Failed(f"cannot write {self.run.path / FILE}: {error.strerror}") from error

    def _loopback(self) -> Loopback:
        return Loopback(self.state.port, requests.USER, self.state.password)


def _port(run: Run) -> int:
    """From the start of its output; 0 as long as it has not said so."""
    try:
        with (run.path / "out.0").open("rb") as file:
            return answers.read_port(file.read(64 * 1024)) or 0
    except OSError:
        return 0


def _session(value: object) -> tuple[str, str]:
    found = answers.read_session(value)
    if found is None:
        raise Failed("its server does not say which session that is")
    return found


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def load(run: Run) -> State | None:
    """`serve.json`; None where that cannot be read."""
    try:
        return msgspec.json.decode((run.path / FILE).read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError):
        return None
