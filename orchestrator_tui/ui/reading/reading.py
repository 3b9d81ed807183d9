"""Everything that the screen reads of one session, kept up to date by one call a frame."""

from __future__ import annotations

from pathlib import Path

from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import status_of
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.ui.reading.costs import by_model
from orchestrator_tui.ui.reading.decided import Decided
from orchestrator_tui.ui.reading.finding import Search
from orchestrator_tui.ui.reading.kin import Kin, kin_of
from orchestrator_tui.ui.reading.lately import Lately
from orchestrator_tui.ui.reading.pages import NEVER, Pages
from orchestrator_tui.ui.reading.view import View

EVERY = 1_000_000_000
"""The tree and the costs are made anew at most this often."""


class Reading:
    """One session, followed at the tail or as it stood at a moment."""

    def __init__(self, reader: Reader, session: str, until: int | None = None) -> None:
        """`until`: nothing placed after this time is read; None follows the tail."""
        self.reader, self.session, self.until = reader, session, until
        self.pages = Pages(reader, session, until)
        self.view = View(self.pages)
        self.view.to_end()
        self.lately = Lately(reader, session, until)
        self.lately.follow(self.pages.end)
        self.decided = Decided(session, self.pages.first, until)
        self.search: Search | None = None
        self.kin: list[Kin] = []
        self.costs: list[tuple[str, Spend]] = []
        self._seq = self._seen = reader.last_seq() if until is None else NEVER
        self._made: tuple[int, ...] = ()

    @property
    def path(self) -> Path:
        """The store, for threads."""
        return self.reader.path

    def follow(self, fleet: Fleet, session: Session | None, now: int) -> None:
        """Take up what was appended; `fleet` and `now` as the frame has them."""
        if self.until is None and fleet.seq != self._seq:
            before = self.pages.newest
            self.pages.follow()
            self.lately.follow()
            self.decided.take(list(self.reader.commands(self._seen)))
            self._seq = self._seen = fleet.seq
            if self.search is not None:
                for event in self.pages.events:
                    if event.seq > before:
                        self.search.see(event)
        self.view.use(self.decided.all, frozenset(session.calls) if session is not None else frozenset())
        made = (now // EVERY, fleet.seq)
        if session is not None and made[0] != (self._made or (-1,))[0] and made != self._made:
            self._made = made
            self.kin = kin_of(fleet, session, lambda one: status_of(fleet, one, now).status)
            self.costs = by_model(self.reader, self.session, session.started_at, now)

    def seek(self, text: str) -> Search:
        """Begin to search."""
        self.search = Search(text, self.session, min(self.pages.end, self.reader.last_seq() + 1))
        return self.search
