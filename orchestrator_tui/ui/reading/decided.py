"""What was decided on one session: the ledger's part of it, read in pages from the newest back."""

from __future__ import annotations

from pathlib import Path

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.ledger import Decision, decisions
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.ui.reading.pages import NEVER

ROWS = 20_000
"""Rows of the store that one read goes through: some tens of milliseconds, in a thread."""
MOST = 500
"""Decisions that are kept."""


class Decided:
    """Commands about a session and what came of them."""

    def __init__(self, session: str, first: int, until: int | None = None) -> None:
        """Nothing about a session lies before its own first event, number `first`; nor counts what is after `until`."""
        self.session, self._first = session, first
        self._until = until if until is not None else NEVER
        self._events: dict[int, ev.Event] = {}
        self.next = NEVER
        self.done = False
        self.all: tuple[Decision, ...] = ()
        """The oldest first."""

    def look(self, path: Path) -> list[ev.Event]:
        """The commands among the next rows; for a thread: it has the store open for itself alone."""
        with Reader(path) as reader:
            high = min(self.next, reader.last_seq() + 1)
            low = max(self._first - 1, high - ROWS)
            found = list(reader.commands(low, high - 1)) if high > low else []
        self.next = low + 1
        self.done = low < self._first
        return found

    def take(self, events: list[ev.Event]) -> bool:
        """Keep commands that were read or appended; whether something of this session changed."""
        new = [event for event in events if event.at <= self._until and event.seq not in self._events]
        new = [event for event in new if ev.type_of(event.body).startswith("command.")]
        if not new:
            return False
        self._events.update((event.seq, event) for event in new)
        ordered = [self._events[seq] for seq in sorted(self._events)]
        made = {one.command_id: one for one in decisions(ordered)}
        mine = [one for one in made.values() if one.session == self.session][-MOST:]
        # Others' commands are let go; an answer whose request is not read yet waits for it.
        self._events = {event.seq: event for event in ordered if self._waits(made.get(_command(event)))}
        before, self.all = self.all, tuple(mine)
        return before != self.all

    @property
    def kept(self) -> list[ev.Event]:
        """What they were made from, by number."""
        return [self._events[seq] for seq in sorted(self._events)]

    def _waits(self, decision: Decision | None) -> bool:
        """Whether it is this session's, or may be: of some commands only the end tells what they were about."""
        if decision is None:
            return not self.done
        return decision.session in (self.session, None)


def _command(event: ev.Event) -> str:
    return str(getattr(event.body, "command_id", ""))
