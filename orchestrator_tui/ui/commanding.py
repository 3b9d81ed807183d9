"""What keys ask of the host: the plan, the question where one is due, the requests, and what is said at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator_tui.clock import SECOND
from orchestrator_tui.errors import StoreError
from orchestrator_tui.events import CommandRequested, Facts, PermissionAsked, ProcessRef
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.lock import ring
from orchestrator_tui.store.asking import ask, command
from orchestrator_tui.text import line
from orchestrator_tui.ui import confirm, forms
from orchestrator_tui.ui.draw.ordered import Batch, undo_of
from orchestrator_tui.ui.marks import Marks
from orchestrator_tui.ui.plans import Plan, called, listed, pause_or_resume, plan, second_pattern, still_asked
from orchestrator_tui.ui.questions import Question

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp

NO_HOST = "no host is running that could do it; `orc host` starts one"
SAID = 4 * SECOND
"""So long a word on what a key did stays."""
READ = SECOND // 2
"""A request that came up more lately than this was not read: a key for the one before it does not answer it."""
MAX_BATCHES = 64


class Commanding:
    """The part of the dashboard that acts."""

    def __init__(self, app: OrcApp) -> None:
        self.app = app
        self.marks = Marks()
        self.why = ""
        """The reason that the next command will bear."""
        self.batches: list[Batch] = []
        self._said: tuple[int, int, str] = (0, 0, "")
        self._chain: list[ProcessRef] | None = None
        self._read: tuple[object, int] = (None, 0)
        """The request that is on the screen in full, and since when (monotonic)."""

    # --- what is looked at --------------------------------------------------------------------------------

    def chosen(self) -> list[tuple[Session, str]]:
        """Whom a command is for, each with its status."""
        sessions = self.app.live.fleet.sessions
        found: list[tuple[Session, str]] = []
        for name in self.marks.targets(self.app.selected):
            session = sessions.get(name)
            if session is not None:
                cell = self.app.looking.cell(name)
                found.append((session, cell.status.status if cell is not None else "fog"))
        return found

    def many(self, sessions: Sequence[tuple[Session, str]]) -> bool:
        """Whether a command has to say first whom it is for."""
        return len(sessions) > 1 or [session.id for session, _ in sessions] != [self.app.selected]

    def name(self, session: str | None) -> str:
        """What the map calls a session."""
        known = self.app.live.fleet.sessions.get(session or "")
        return called(known) if known is not None else line((session or "").partition(":")[2], 32)

    def stopped(self, session: str | None) -> bool:
        """Whether its process was seen to be stopped."""
        known = self.app.live.fleet.sessions.get(session or "")
        process = known.process if known is not None else None
        return process is not None and process.gone_at is None and process.seen.stopped

    def shown_whole(self, asked: tuple[str, PermissionAsked] | None) -> None:
        """The inspector has a request on the screen to its last character, or none."""
        if self._read[0] != asked:
            self._read = (asked, self.app.clock.monotonic())

    def has_read(self, session: str, asked: PermissionAsked) -> bool:
        """Whether that request has been on the screen, whole, for long enough to be read."""
        there, since = self._read
        if there != (session, asked) or not self.app.board.inspector_seen():
            return False
        return self.app.clock.monotonic() - since >= READ

    # --- saying -------------------------------------------------------------------------------------------

    def tell(self, words: str, stays: int = SAID) -> None:
        """A word on what a key did, above the footer, for so many nanoseconds."""
        self._said = (self.app.clock.now(), stays, line(words, 400))
        self.app.redraw()

    @property
    def words(self) -> str:
        """What was told last, while it stands."""
        at, stays, words = self._said
        return words if words and 0 <= self.app.clock.now() - at < stays else ""

    def open(self, question: Question) -> None:
        """Ask in the bar."""
        self.app.board.bar.open(question, self.app.paint)

    # --- acting -------------------------------------------------------------------------------------------

    def do(self, name: str, key: str = "") -> None:
        """A command key."""
        if name == "undo":
            self._undo()
        elif name == "note":
            self.open(forms.why(self))
        elif name == "terminal":
            self._terminal()
        elif not self.app.live.host_runs():
            self.tell(NO_HOST)
        elif name == "new":
            self.open(forms.new_session(self))
        else:
            self._command(name)

    def _command(self, name: str) -> None:
        chosen = self.chosen()
        if not chosen:
            self.tell("no session is selected")
            return
        verb = pause_or_resume(chosen) if name == "pause" else forms.VERBS.get(name, name)
        made = plan(chosen, verb, self.app.clock.now())
        if not made.sends:
            first = made.left[0]
            more = f", and {len(made.left) - 1} more likewise" if len(made.left) > 1 else ""
            self.tell(f"{verb} {first[0]}: {first[1]}{more}")
        elif name == "approve":
            self._approve(made, self.many(chosen))
        elif name in forms.FORMS:
            problem = forms.FORMS[name](self, made, chosen)
            if isinstance(problem, str):
                self.tell(problem)
            else:
                self.open(problem)
        elif name == "kill-now":
            self.open(confirm.sure(self, made, {"now": True}, "kill now", confirm.KILL_NOW))
        elif self.many(chosen) or made.first:
            self.open(confirm.sure(self, made))
        else:
            self.carry_out(made)

    def _approve(self, made: Plan, many: bool) -> None:
        """At once where it was read whole; else it is shown first."""
        send = made.sends[0]
        if not many and not made.first and send.asked is not None and self.has_read(send.session, send.asked):
            self.allow(made)
        else:
            self.open(confirm.allow(self, made))

    def allow(self, made: Plan) -> str:
        """Allow what was shown; a policy may want a second key for it."""
        fleet = self.app.live.fleet
        patterns = []
        for send in made.sends:
            session = fleet.sessions.get(send.session)
            if session is not None and send.asked is not None:
                patterns.append(second_pattern(dict(fleet.settings), session, send.asked))
        if any(patterns):
            self.open(confirm.second(self, made, sorted({line(found, 60) for found in patterns if found})))
            return ""
        return self.carry_out(made)

    def carry_out(self, made: Plan, more: Facts | None = None) -> str:
        """Send it all; "" or why nothing was sent. What is asked has to be still what was asked."""
        if not self.app.live.host_runs():
            return NO_HOST
        sessions = self.app.live.fleet.sessions
        gone = [send.name for send in made.sends if send.session not in sessions]
        changed = [send.name for send in made.sends if not still_asked(sessions, send)]
        if gone:
            return f"{listed(gone)}: not in the fleet any more; nothing was sent"
        if changed:
            words = f"{listed(changed)}: that is not asked any more; nothing was sent"
            self.tell(words)
            return words
        requests = [(send.verb, {**send.arguments, **(more or {})}, send.name) for send in made.sends]
        self.send(requests)
        if len(made.sends) == 1:
            self.app.board.go_on(made.sends[0].session)
        return ""

    def send(self, requests: Sequence[tuple[str, Facts, str]]) -> None:
        """Append requests, as what one key asked, and ring the doorbell."""
        now = self.app.clock.now()
        made = [command(verb, what, "dashboard", now, self.why, self._asker()) for verb, what, _ in requests]
        if any(request.verb != "view" for request in made):
            self.why = ""
            pairs = tuple((one.command_id, name) for one, (_, _, name) in zip(made, requests, strict=True))
            self.batches = [*self.batches, Batch(now, made[0].verb, pairs)][-MAX_BATCHES:]
        self.app.run_worker(self._append(made, now))
        self.app.redraw()

    def ask(self, verb: str, arguments: Facts) -> None:
        """Ask the host for one thing; without a host nothing is asked: nobody would answer."""
        if self.app.live.host_runs():
            self.send([(verb, arguments, self.name(str(arguments.get("session"))))])
        elif verb != "view":
            self.tell(NO_HOST)

    async def _append(self, requests: Sequence[CommandRequested], now: int) -> None:
        # Before, too: what the host reads in bulk gives way.
        ring(self.app.paths.doorbell)
        try:
            for request in requests:
                await ask(self.app.paths.database, request, now)
        except StoreError as error:
            self.tell(str(error))
        else:
            ring(self.app.paths.doorbell)

    def _asker(self) -> Sequence[ProcessRef]:
        if self._chain is None:
            from orchestrator_tui.host.control.callers import chain_of

            self._chain = chain_of(os.getpid())
        return self._chain

    def undoable(self) -> bool:
        """Whether `u` would take something back."""
        return bool(undo_of(self.app.live.fleet.orders, self.batches, self.app.clock.now()))

    def _undo(self) -> None:
        orders = undo_of(self.app.live.fleet.orders, self.batches, self.app.clock.now())
        if not orders:
            self.tell("nothing can be taken back now")
        elif not self.app.live.host_runs():
            self.tell(NO_HOST)
        else:
            self.send([("undo", {"command": order.id}, self.name(order.session)) for order in orders])

    def _terminal(self) -> None:
        session = self.app.live.fleet.sessions.get(self.app.selected or "")
        if session is None:
            self.tell("no session is selected")
        else:
            self.app.run_worker(self._show(session), exclusive=True, group="terminal")

    async def _show(self, session: Session) -> None:
        # It may be a line that is to be copied.
        self.tell(f"{called(session)}: " + await forms.terminal(session), 30 * SECOND)
