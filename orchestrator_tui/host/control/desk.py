"""The path of a command: asked, checked, begun, committed, ended; each is on record before its effect.

requested -> refused                       nothing was touched: expired, by an agent, unknown, not confirmed
requested -> started -> done | failed | undone      with `committed` before what cannot be taken back
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

from orchestrator_tui.clients.values import project_of
from orchestrator_tui.events import (
    CommandEnded,
    CommandRequested,
    CommandStarted,
    Confirmed,
    Facts,
)
from orchestrator_tui.fleet import confirming, demands, policy
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.control import callers, proof, said
from orchestrator_tui.host.control.loops import guarded
from orchestrator_tui.host.control.order import Failed, Order, Refused, Undone, Verb
from orchestrator_tui.host.control.verbs import ALONE, UNDO, VERBS

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host

LOOK_BACK = 200
"""Events; what is older than a host's start takes has expired."""
OWN_ACTOR = "orc: "
"""How requests begin that a guard of the host's makes; nobody else's may."""


class Desk:
    """Reads the requests that were appended since the last look, and has them carried out."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._version = 0
        """Of the database when commands were last looked for."""
        # Whoever starts a host asks it at once, perhaps before it is this far.
        self._obeyed = max(0, host.reader.last_seq() - LOOK_BACK)
        self.running: dict[str, Order] = {}
        """What is under way, by the command's id."""
        self._own: set[str] = set()
        """Requests that this host made: they are carried out already."""
        self._verbs: dict[str, Verb] = {**VERBS, "undo": self._undo}

    async def obey(self) -> None:
        """Begin what was asked since the last look."""
        host = self._host
        version = host.reader.version()
        if version == self._version:
            return
        last = host.reader.last_seq()
        events = list(host.reader.commands(self._obeyed, last))
        await host.keeper.take_up(events)
        # Only now: what cannot be read this time is read the next.
        self._version, self._obeyed = version, last
        begun = {e.body.command_id for e in events if isinstance(e.body, CommandStarted | CommandEnded)} | self._own
        for event in events:
            if isinstance(event.body, CommandRequested) and event.body.command_id not in begun:
                await self._begin(event.body)

    async def decide(self, verb: str, session: str, arguments: Facts, why: str) -> None:
        """Put a decision of the host's own on record, and carry it out."""
        request = CommandRequested(
            uuid.uuid4().hex, verb, {**arguments, "session": session}, f"{OWN_ACTOR}guard", None, why
        )
        order = self._order(request)
        # Known before it is on record: reading the record must not begin it again.
        self._own.add(order.id)
        await self._host.note([(None, request)])
        try:
            self._check_own(order)
        except Refused as words:
            await self._end(order, "refused", str(words), words.receipt)
            return
        self.running[order.id] = order
        await self._run(order)

    def _check_own(self, order: Order) -> None:
        """What a person's command is checked for, too: the process is the client's, nothing else is under way."""
        session, verb = self._host.fleet.sessions.get(str(order.request.arguments.get("session"))), order.request.verb
        if session is None:
            raise Refused("no such session in the fleet")
        if verb in ALONE:
            proof.check(self._host, session)
            self._check_alone(verb, session)

    def _order(self, request: CommandRequested) -> Order:
        named = request.arguments.get("session")
        return Order(self._host, request, self._host.fleet.sessions.get(named) if isinstance(named, str) else None)

    # --- one command --------------------------------------------------------------------------------------

    async def _begin(self, request: CommandRequested) -> None:
        """Check it, in the order of asking; what passes is carried out beside the others."""
        order = self._order(request)
        try:
            await self._check(order)
        except Refused as why:
            await self._end(order, "refused", str(why), why.receipt)
            return
        self.running[order.id] = order
        self._host.start(self._run(order))

    async def _run(self, order: Order) -> None:
        try:
            receipt = await self._verbs[order.request.verb](order)
        except Refused as why:
            # A verb that has begun has touched something: then it is no refusal any more.
            await self._end(order, "failed" if order.started else "refused", str(why), why.receipt)
        except Failed as why:
            await self._end(order, "failed", str(why), why.receipt)
        except Undone as why:
            await self._end(order, "undone", str(why), why.receipt)
        except asyncio.CancelledError:
            # The host ends; the next one finds what was begun and not ended.
            raise
        except Exception as error:
            await self._end(order, "failed", f"{type(error).__name__}: {error}", {})
            raise
        else:
            await self._end(order, "done", "", receipt)
        finally:
            self.running.pop(order.id, None)

    async def _end(self, order: Order, outcome: str, text: str, receipt: Facts) -> None:
        moment = None if order.started else order.moment()
        ended = CommandEnded(order.id, outcome, text, receipt, moment)  # type: ignore[arg-type]
        await self._host.note([(None, ended)])

    async def _check(self, order: Order) -> None:
        """Raises Refused with the reason."""
        host, request = self._host, order.request
        verb = request.verb
        if request.deadline is not None and host.clock.now() > request.deadline:
            raise Refused("it expired before a host saw it")
        if verb not in self._verbs:
            raise Refused(f"this orc has no verb {verb!r}")
        if verb not in callers.LOOKS:
            self._check_asker(order)
        if verb in said.FLEET or verb == "undo":
            return
        session = host.fleet.sessions.get(str(request.arguments.get("session")))
        if session is None:
            raise Refused("no such session in the fleet")
        words = confirming.question(session, verb)
        if words:
            await self._confirm(order, session, words)
        if verb in ALONE:
            proof.check(host, session)
            # Last, and without a wait from here to its beginning: of two at once one is refused.
            self._check_alone(verb, session)

    def _check_alone(self, verb: str, session: Session) -> None:
        for other in self.running.values():
            if other.request.verb in ALONE and _about(other) == session.id:
                if verb == "kill" and other.committed and other.request.verb != "kill":
                    # What only waits for its answer holds no kill up.
                    continue
                undo = "; it can be taken back" if other.undoable else ""
                raise Refused(f"a {other.request.verb} of it is under way{undo}")

    def _check_asker(self, order: Order) -> None:
        host, request = self._host, order.request
        watched = {w.pid: (w.started, name) for name, w in host.processes.watched.items()}
        try:
            agent = callers.agent_behind(request, host.processes.table, watched)
        except LookupError as error:
            raise Refused(str(error)) from None
        if request.actor.startswith(OWN_ACTOR):
            raise Refused("only the host itself may name itself so")
        if request.verb in guarded.OWN:
            raise Refused("only the host's own guards ask for that")
        project = order.session.project if order.has_session else None
        if agent and not policy.agents_may(host.fleet.settings, project, request.verb):
            raise Refused(f"agents may look, not rule: this was asked from inside {agent}")
        self._check_policy(order, project, agent)

    def _check_policy(self, order: Order, project: str | None, agent: str) -> None:
        request, settings = order.request, self._host.fleet.settings
        if request.verb in ("run", "loop"):
            project = project_of(order.text("cwd")) if order.text("cwd") else None
        words = demands.reason_missing(settings, project, request.verb, request.why or order.text("why"))
        if words:
            raise Refused(words)
        words = demands.too_dear(settings, project, request.verb, request.arguments, agent)
        if words:
            raise Refused(words, {} if agent else {"confirm": words})

    async def _confirm(self, order: Order, session: Session, words: str) -> None:
        if not order.flag("confirmed"):
            raise Refused(f"{words}; say yes to it once (--yes, or y in the dashboard)", {"confirm": words})
        seen = session.process.seen if session.process is not None and session.process.gone_at is None else None
        ref = callers.chain_of(seen.pid, self._host.processes.table)[:1] if seen is not None else []
        confirmed = Confirmed(order.request.verb, ref[0] if ref else None, seen.proof if seen is not None else "")
        await self._host.note([(session.id, confirmed)])

    # --- taking back --------------------------------------------------------------------------------------

    async def _undo(self, order: Order) -> Facts:
        """Take a command back: the one that is named, else the newest that still can be."""
        now, orders = self._host.clock.now(), self._host.fleet.orders
        named = order.text("command")
        ended = orders.ended.get(named)
        if ended is not None and ended.outcome == "done" and ended.verb in UNDO:
            return await UNDO[ended.verb](order)
        newest = orders.last_undoable(now)
        wanted = named or (newest.id if newest is not None else "")
        target = self.running.get(wanted)
        known = orders.open.get(wanted)
        if target is None or known is None:
            raise Refused("nothing is under way that could be taken back" if not named else "that is over already")
        if target.committed or not known.undoable(now):
            raise Refused(f"too late: the {known.verb} cannot be taken back any more")
        target.undo.set()
        return {"command": wanted, "undone": known.verb, "session": known.session}


def _about(order: Order) -> str:
    return str(order.request.arguments.get("session"))
