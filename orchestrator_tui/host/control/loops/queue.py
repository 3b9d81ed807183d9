"""Loops that wait: begun when what they wait for is there, skipped with the reason when it never will be."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from orchestrator_tui.clients.values import arguments_of, project_of, session_id
from orchestrator_tui.errors import OrcError
from orchestrator_tui.events import KnownBody, SessionEnded, SessionUpdated, ToolCall, ToolResult
from orchestrator_tui.excerpt import output
from orchestrator_tui.fleet import queueing
from orchestrator_tui.fleet.queueing import QUEUE, QUEUED, Standing, Start, Waiting
from orchestrator_tui.host.control.loops import looping
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.loops import folder as folders
from orchestrator_tui.loops import spec as specs
from orchestrator_tui.loops import state as states
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.spec import LoopSpec

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host

TURN = f"{QUEUED}turn-"
"""Begins the ids of the calls that the queue notes for a loop; a number follows."""
Noted = list[tuple[str | None, KnownBody]]


class Looked(Struct):
    """What the queue found."""

    waiting: list[tuple[Folder, LoopSpec]]
    """Those that wait, the first that was made first."""
    known: dict[str, Standing]
    """How every loop stands."""
    skipped: dict[str, str]
    """Those that never began, and why."""


class Queue:
    """The host's side of `--after`, `--at`, `--window` and `--max-parallel`."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = asyncio.Lock()
        self.waits = False
        """A loop waits: then the host is needed."""

    async def step(self) -> list[str]:
        """Begin and skip what is due, and tell what the others wait for; returns the loops that began.

        To be called every few seconds.
        """
        async with self._lock:
            return await self._step()

    async def _step(self) -> list[str]:
        looked = await asyncio.to_thread(self._read)
        rows, begun = {folder.id: (folder, spec) for folder, spec in looked.waiting}, []
        queue = [waiting_of(spec) for _, spec in looked.waiting]
        now = self._host.clock.now()
        for deed in queueing.ready(queue, looked.known, now):
            folder, spec = rows[deed.id]
            if isinstance(deed, Start):
                with suppress(OrcError, Failed):
                    await looping.launch(self._host, folder, spec)
                    begun.append(deed.id)
                    looked.known[deed.id] = "running"
            else:
                ended = states.LoopState(folder.id, outcome="skipped", words=deed.why, ended_at=now)
                await asyncio.to_thread(states.save, folder.state, ended)
                looked.known[deed.id], looked.skipped[deed.id] = "skipped", deed.why
        looked.waiting = [row for row in looked.waiting if looked.known[row[0].id] == "waiting"]
        self.waits = bool(looked.waiting)
        await self._host.note(self._news(looked, now))
        return begun

    # --- on the map ---------------------------------------------------------------------------------------

    def _news(self, looked: Looked, now: int) -> Noted:
        """What the fleet does not know yet: who waits for what, who waits no more, who never will begin."""
        news: Noted = []
        for _, spec in looked.waiting:
            session = session_id(looping.CLIENT, spec.id)
            words = queueing.waits_until(waiting_of(spec), looked.known, now) or "to be begun"
            args = arguments_of({"for": words})
            calls = self._calls(session)
            if args.text in calls.values():
                continue
            if not self._is_known(session):
                news.append((session, _introduced(spec)))
            news += _closed(session, calls, "it waits for something else now")
            news.append((session, ToolCall(call_id=f"{TURN}{now}", tool=QUEUE, arguments=args)))
        there = {spec.id for _, spec in looked.waiting}
        for name, stands in looked.known.items():
            session = session_id(looping.CLIENT, name)
            if name not in there:
                calls = self._calls(session)
                news += _closed(session, calls, "it goes on" if stands != "skipped" else looked.skipped.get(name, ""))
        for name, why in looked.skipped.items():
            session = session_id(looping.CLIENT, name)
            known = self._host.fleet.sessions.get(session)
            if known is not None and known.ended is None:
                # One that its own runner ended says so itself; of this one nobody else will.
                end = SessionEnded(is_error=True, reason="skipped", text=f"skipped: {why}")
                news.append((session, end))
        return news

    def _is_known(self, session: str) -> bool:
        known = self._host.fleet.sessions.get(session)
        return known is not None and known.cwd is not None

    def _calls(self, session: str) -> dict[str, str]:
        """Its open calls that the queue noted: id -> arguments."""
        known = self._host.fleet.sessions.get(session)
        calls = known.calls if known is not None else {}
        return {name: call.arguments for name, call in calls.items() if name.startswith(TURN)}

    # --- on disk ------------------------------------------------------------------------------------------

    def _read(self) -> Looked:
        looked = Looked([], {}, {})
        for folder in folders.folders(self._host.paths.state_dir):
            # One that cannot be read stands for nobody: what waits for it goes on waiting.
            with suppress(OrcError):
                state, begun = states.load(folder.state, folder.id), folder.state.exists()
                looked.known[folder.id] = queueing.standing(state.outcome, begun or folder.runs)
                if state.outcome == "skipped":
                    looked.skipped[folder.id] = state.words
                if not begun and not folder.runs:
                    spec = specs.load(folder.spec)
                    if looping.is_queued(spec):
                        looked.waiting.append((folder, spec))
        looked.waiting.sort(key=lambda row: (row[1].made_at, row[0].id))
        return looked


def waiting_of(spec: LoopSpec) -> Waiting:
    """What a loop waits for."""
    return Waiting(spec.id, spec.after, spec.at, spec.window or "", spec.max_parallel)


def _introduced(spec: LoopSpec) -> SessionUpdated:
    """A loop before its own log says who it is."""
    return SessionUpdated(
        client=looping.CLIENT, title=spec.title, title_rank=2, project=project_of(spec.cwd), cwd=spec.work_dir,
        branch=spec.tree.branch if spec.tree is not None else None, model=spec.model, effort=spec.effort,
        interactive=False, owned=True,
    )  # fmt: skip


def _closed(session: str, calls: dict[str, str], why: str) -> Noted:
    return [(session, ToolResult(call_id=name, ok=True, output=output(why))) for name in calls]
