"""What a replay adds to the screens: the timeline, the word REPLAY, and the mark of what was found later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from orchestrator_tui.clock import SECOND
from orchestrator_tui.fleet.moments import BUCKET
from orchestrator_tui.ui.advice import applies
from orchestrator_tui.ui.draw.ink import Line, local_time
from orchestrator_tui.ui.draw.meters import meters
from orchestrator_tui.ui.draw.timeline import Timeline, draw_timeline, label_cells, stamped, strip_cells
from orchestrator_tui.ui.frame import Cell, Frame
from orchestrator_tui.ui.replay.steps import REFUSED

if TYPE_CHECKING:
    from orchestrator_tui.ui.replay.deck import Deck

SHOWN_KEYS = (
    ("play", "play"), ("decision-before", "decisions"), ("event-before", "events"), ("set-time", "time"),
    ("compare", "compare"), ("now", "now"),
)  # fmt: skip


class Shown:
    """The part of a deck that draws."""

    def __init__(self, deck: Deck) -> None:
        self.deck, self.app = deck, deck.app

    def mark(self, frame: Frame) -> Frame:
        """A frame in which what was found later looks so."""
        past = self.deck.past
        later = past.found_at(past.fleet.sessions, frame.now) if past is not None else {}
        if not later:
            return frame

        def told(cell: Cell) -> Cell:
            found = later.get(cell.id)
            if found is None:
                return cell
            words = f"found later, {local_time(found, frame.now)}: "
            return replace(cell, name=f"›{cell.name}", status=cell.status.after(words))

        regions = tuple(replace(part, cells=tuple(told(cell) for cell in part.cells)) for part in frame.regions)
        return replace(frame, regions=regions, queue=tuple(told(cell) for cell in frame.queue))

    def meters(self, columns: int, rows: int) -> list[Line]:
        """The meters, with the word REPLAY while the past is shown."""
        lines = meters(self.app.drawn, columns, rows)
        if not self.deck.on:
            return lines
        return [stamped(line, columns) for line in meters(self.app.drawn, max(1, columns - 9), 1)] + lines[1:]

    def applies(self) -> frozenset[str]:
        """The actions that the footer shows."""
        return applies(self.app) - REFUSED if self.deck.on else applies(self.app)

    def view(self, columns: int) -> Timeline:
        """What the timeline shows at so many columns."""
        count = strip_cells(columns)
        step = max(BUCKET, -(-self.deck.span // count // SECOND) * SECOND)
        shown = [(self.app.keys.shown(action), word) for action, word in SHOWN_KEYS]
        deck = self.deck
        return Timeline(
            columns=deck.counter.columns(deck.start, step, count),
            start=deck.start,
            step=step,
            at=deck.clock.at,
            end=deck.present,
            speed=deck.speed,
            playing=deck.playing,
            skips=deck.skips,
            loop=deck.loop,
            words=deck.words,
            keys=tuple((key, word) for key, word in shown if key),
        )

    def draw(self, columns: int, rows: int) -> list[Line]:
        """The timeline's panel."""
        return draw_timeline(self.view(columns), columns, rows) if self.deck.on else []

    def click(self, x: int, columns: int) -> None:
        """Go to the time of a column of the panel."""
        view = self.view(columns)
        place = x - 1 - label_cells(columns)
        if 0 <= place < len(view.columns):
            self.deck.playing = False
            self.deck.seek(view.start + place * view.step)
