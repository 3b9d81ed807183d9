"""What is said of sessions without touching them: snoozed, muted, marked, grouped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from orchestrator_tui.events import Facts
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.ui import confirm, forms
from orchestrator_tui.ui.commanding import NO_HOST
from orchestrator_tui.ui.marks import MAX_GROUP, NEED_ME
from orchestrator_tui.ui.plans import called, listed
from orchestrator_tui.ui.questions import Question

if TYPE_CHECKING:
    from orchestrator_tui.ui.commanding import Commanding

SNOOZE = 15 * 60
"""Seconds."""


class Choosing:
    """Judging and choosing."""

    def __init__(self, acts: Commanding) -> None:
        self.acts = acts

    # --- judging ------------------------------------------------------------------------------------------

    def judge(self, name: str) -> None:
        """A person's word on the chosen sessions: `snooze` or `acknowledge`."""
        chosen = [session for session, _ in self.acts.chosen()]
        said = [(session, self._judgement(name, session)) for session in chosen]
        able = [(session, part) for session, part in said if part is not None]
        if not self.acts.app.live.host_runs():
            self.acts.tell(NO_HOST)
        elif not able:
            self.acts.tell(
                f"{listed([called(session) for session in chosen])}: nothing is told of it"
                if chosen
                else "no session is selected"
            )
        elif self.acts.many(self.acts.chosen()):
            left = len(chosen) - len(able)
            self.acts.open(
                confirm.judging(name, [called(session) for session, _ in able], left, lambda: self._judged(able))
            )
        else:
            self._judged(able)

    def _judgement(self, name: str, session: Session) -> tuple[str, Facts, str] | None:
        """Verb, arguments, and what is said of it at once; None where there is nothing to judge."""
        cell = self.acts.app.looking.cell(session.id)
        if name == "snooze":
            again = session.alerts.snoozed_until > self.acts.app.clock.now()
            words = "back in the queue" if again else "snoozed for 15 minutes"
            return "snooze", {"session": session.id, "seconds": 0 if again else SNOOZE}, words
        if cell is None or cell.status.severity == "ok":
            return None
        words = "muted, until there is another cause"
        return "ack", {"session": session.id, "cause": cell.status.cause}, words

    def _judged(self, able: Sequence[tuple[Session, tuple[str, Facts, str]]]) -> str:
        if not self.acts.app.live.host_runs():
            return NO_HOST
        self.acts.send([(verb, what, called(session)) for session, (verb, what, _) in able])
        self.acts.tell(f"{listed([called(session) for session, _ in able])}: {able[0][1][2]}")
        if len(able) == 1:
            self.acts.app.board.go_on(able[0][0].id)
        return ""

    # --- choosing -----------------------------------------------------------------------------------------

    def choose(self, name: str, key: str = "") -> None:
        """Marks and control groups."""
        marks, app = self.acts.marks, self.acts.app
        if name == "mark" and app.selected is not None:
            marks.toggle(app.selected)
        elif name == "unmark":
            marks.clear()
        elif name == "need-me":
            self._recall(NEED_ME, self._needing())
        elif name == "recall" and key:
            self._recall(int(key), app.live.fleet.groups.get(int(key), []))
        elif name == "add":
            self.acts.open(self._adding())
        elif name in ("recall", "assign"):
            self.acts.open(
                forms.group(self.acts, self._assign if name == "assign" else self._recalled, name == "assign")
            )
        app.redraw()

    def _needing(self) -> list[str]:
        """All that need somebody: the queue, then those for whom an entry of it stands."""
        app, now = self.acts.app, self.acts.app.clock.now()
        sessions = app.live.fleet.sessions
        names = dict.fromkeys(cell.id for cell in app.drawn.queue)
        for region in app.drawn.regions if app.drawn.alike else ():
            for cell in region.cells:
                session = sessions.get(cell.id)
                if cell.status.needs_you and session is not None and session.alerts.snoozed_until <= now:
                    names[cell.id] = None
        return list(names)

    def _adding(self) -> Question:
        """To which group."""
        question = forms.group(self.acts, self._add, True)
        names = [called(session) for session, _ in self.acts.chosen()]
        return replace(question, title=f"add {listed(names)} to the group")

    def _recalled(self, digit: str) -> str:
        self._recall(int(digit), self.acts.app.live.fleet.groups.get(int(digit), []))
        return ""

    def _recall(self, number: int, names: Sequence[str]) -> None:
        there = [name for name in names if name in self.acts.app.live.fleet.sessions]
        if not there:
            self.acts.tell(
                "nobody needs you"
                if number == NEED_ME
                else f"group {number} is empty: {self.acts.app.keys.shown('assign')} {number} makes the selection it"
            )
            return
        again = self.acts.marks.recall(number, there)
        if again:
            self.acts.app.board.centre()
        elif self.acts.app.selected not in there:
            self.acts.app.select(there[0])
        if len(there) == 1 and not again:
            self.acts.app.select(there[0])

    def _assign(self, digit: str) -> str:
        return self._group(int(digit), [])

    def _add(self, digit: str) -> str:
        known = self.acts.app.live.fleet
        there = [name for name in known.groups.get(int(digit), []) if name in known.sessions]
        return self._group(int(digit), there)

    def _group(self, number: int, there: Sequence[str]) -> str:
        """The selection becomes the group, after those that stay in it; what is wrong, or ""."""
        chosen = [session.id for session, _ in self.acts.chosen()]
        names = list(dict.fromkeys([*there, *chosen]))
        if not chosen:
            return "no session is selected"
        if len(names) > MAX_GROUP:
            return f"a group holds at most {MAX_GROUP} sessions"
        if there and len(names) == len(there):
            return f"all of them are in group {number} already"
        if not self.acts.app.live.host_runs():
            return NO_HOST
        self.acts.send([("group", {"number": number, "sessions": names}, f"group {number}")])
        self.acts.tell(f"group {number}: {listed([self.acts.name(name) for name in names])}")
        return ""
