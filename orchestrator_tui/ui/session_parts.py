"""The instruments of the session screen: what each shows, and how many rows it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from orchestrator_tui.events import PermissionAsked
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.ui.draw.account import draw_costs, draw_decided
from orchestrator_tui.ui.draw.curves import draw_burn, draw_context
from orchestrator_tui.ui.draw.family import draw_family
from orchestrator_tui.ui.draw.gantt import bars_of, draw_gantt
from orchestrator_tui.ui.draw.ink import Line, Run, amount, line_of
from orchestrator_tui.ui.draw.inspector import Beside, draw_inspector
from orchestrator_tui.ui.draw.instruments import Part, shares
from orchestrator_tui.ui.frame import Details
from orchestrator_tui.ui.reading.lately import Scale
from orchestrator_tui.ui.reading.reading import Reading

if TYPE_CHECKING:
    from orchestrator_tui.ui.screens.session import SessionScreen

ROWS = 500
"""More than any screen has."""


class Parts:
    """The instruments, made for each drawing; which one is at the front."""

    names = ("session", "tools", "burn", "context", "tree", "decided", "costs")

    def __init__(self, screen: SessionScreen) -> None:
        self.screen = screen
        self.front = 0
        self.inspector_whole = False
        """Whether the inspector had the rows that it needs when it was drawn last."""
        self._asked: tuple[str, PermissionAsked] | None = None
        self._hidden: list[int] = []
        """The instruments that had no room when they were drawn last."""

    def step(self) -> bool:
        """Bring the next one that has no room to the front; whether there was one after this."""
        after = [place for place in self._hidden if place > self.front]
        self.front = after[0] if after else 0
        return bool(after)

    def all(self, columns: int, rows: int) -> list[Part]:
        """The instruments at this width; `rows` are those of the frame."""
        app, reading = self.screen.orc, self.screen.reading
        details = app.details()
        head, keys = self._inspector(details, columns, rows)
        # What it asks is answered from here: all of that comes before anything else.
        size = len(head) + (len(keys) if self.front == 0 else 0)
        body = [*head, *keys]
        least = min(size, max(4, rows - 3))
        parts = [Part("session", lambda c, r: body[:r], least, max(least, min(len(body), rows)))]
        if reading is None or details is None:
            return parts
        return [*parts, *self._others(reading, details, columns)]

    def _inspector(self, details: Details | None, columns: int, rows: int) -> tuple[list[Line], list[Line]]:
        """The inspector's head, and what its keys do; without the last turns, which are the transcript."""
        app = self.screen.orc
        beside, self._asked = app.advice.of(details, columns, rows - 2)
        if details is None:
            return draw_inspector(None, app.drawn.now, columns, ROWS), []
        bare = replace(details, events=())
        head = draw_inspector(bare, app.drawn.now, columns, ROWS, Beside(beside.asked, beside.orders))[:-1]
        keys = [line_of([("─" * columns, "border")], columns), *beside.keys] if beside.keys else []
        return head, keys

    def drawn(self, parts: list[Part], rows: int) -> None:
        """Tell what of a request was on the screen to its last character."""
        sizes = shares(parts, min(self.front, len(parts) - 1), rows - 1)
        got, self._hidden = sizes[0], [place for place, size in enumerate(sizes) if not size]
        shown = self.screen.query_one(self.screen.INSPECTOR).display
        self.inspector_whole = bool(shown and got >= min(parts[0].least, parts[0].most))
        self.screen.orc.commanding.shown_whole(self._asked if self.inspector_whole else None)

    def _others(self, reading: Reading, details: Details, columns: int) -> list[Part]:
        app, session = self.screen.orc, details.session
        now, lately = app.drawn.now, reading.lately
        scale: Scale = lately.scale(now, bars_of(columns), session.last_at)
        running = frozenset(session.calls)
        tools = len({span.tool for span in lately.spans if (span.end or span.start) >= scale.start})
        rate = details.cell.usd_per_minute
        points, window = tuple(lately.context), session.window
        count = len(reading.decided.all)
        told = sum(1 + bool(one.why) + bool(one.moment and one.moment.evidence) for one in reading.decided.all)
        models, burnt = len(reading.costs), any(use.cost and use.at >= scale.start for use in lately.uses)
        return [
            Part(
                "tools", lambda c, r: draw_gantt(lately.spans, running, scale, now, c, r),
                min(4, tools + 1), tools + 1, _running(session),
            ),
            # A part with nothing to draw is one line of words.
            Part("burn", lambda c, r: draw_burn(lately.uses, scale, now, c, r, rate), *((4, 7) if burnt else (1, 1))),
            Part(
                "context", lambda c, r: draw_context(points, window, scale, now, c, r),
                *((4, 7) if points else (1, 1)),
            ),
            Part(
                "tree", lambda c, r: draw_family(reading.kin, c, r), min(5, max(1, len(reading.kin))),
                max(1, len(reading.kin)),
                (("all ", "dim"), (amount(details.tree), "money")) if len(reading.kin) > 1 else (),
            ),
            Part(
                "decided", lambda c, r: draw_decided(reading.decided.all, now, reading.decided.done, c, r),
                min(4, max(1, told)), max(1, told), ((str(count), "dim"),) if count else (),
            ),
            Part(
                "costs", lambda c, r: draw_costs(reading.costs, session.spend, c, r),
                min(4, models + 2), models + 2,
            ),
        ]  # fmt: skip


def _running(session: Session) -> tuple[Run, ...]:
    """How many tools run now."""
    count = len(session.calls)
    return ((f"{count} running", "tool"),) if count else ()
