"""Playing the past on the screens of the present: where one is, how fast it runs, what its keys do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator_tui.clock import DAY, HOUR, MINUTE, SECOND, Clock, SetClock
from orchestrator_tui.fleet.moments import BUCKET, idle_until
from orchestrator_tui.store.moments import span
from orchestrator_tui.text import line
from orchestrator_tui.ui.framer import ALL, Framer
from orchestrator_tui.ui.memory import building
from orchestrator_tui.ui.replay.counter import Counter
from orchestrator_tui.ui.replay.keys import Keys
from orchestrator_tui.ui.replay.past import Past
from orchestrator_tui.ui.replay.shown import Shown
from orchestrator_tui.ui.screens.session import SessionScreen

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp

SPAN = 8 * HOUR
"""What the timeline shows at first, or all there is where that is less."""
LEAST_SPAN, MOST_SPAN = 10 * MINUTE, 90 * DAY
COUNTING = 0.025
"""Seconds of a tick that go into counting what the timeline shows."""
SAID = 4 * SECOND


class Deck:
    """The player. While it is on, the application's clock and source are its own; nothing else differs."""

    def __init__(self, app: OrcApp) -> None:
        self.app = app
        self.past: Past | None = None
        self.clock = SetClock(0, app.clock)
        self.counter = Counter()
        self.keys = Keys(self)
        self.shown = Shown(self)
        self.speed = 60
        self.playing = False
        self.skips = True
        self.loop: tuple[int, ...] = ()
        self.start, self.span = 0, SPAN
        """What the timeline shows."""
        self._real: Clock = app.clock
        self._framer = app.framer
        self._first = 0
        self._ticked = 0
        self._said: tuple[int, str] = (0, "")
        self._drawn: tuple[object, ...] = ()
        self._transcript: tuple[str, int, bool] | None = None

    # --- on and off ---------------------------------------------------------------------------------------

    @property
    def on(self) -> bool:
        """Whether the past is shown."""
        return self.past is not None

    @property
    def present(self) -> int:
        """The real time."""
        return self._real.now()

    def open(self, at: int | None = None) -> None:
        """Show the past: from `at`, or from now backwards."""
        app = self.app
        if self.past is not None:
            if at is not None:
                self.seek(at)
            return
        self._real = app.clock
        reach = span(app.present.reader)
        if reach is None:
            app.commanding.tell("replay: nothing is stored yet")
            return
        now = self.present
        self._first = min(reach[0], now)
        at = now if at is None else max(self._first, min(at, now))
        self.clock = SetClock(at, self._real)
        with building():
            self.past = Past(app.present.reader, at)
        self.span = max(LEAST_SPAN, min(SPAN, now - self._first))
        self._show(at)
        self._ticked = self.clock.monotonic()
        self._framer, app.framer = app.framer, Framer(ALL)
        app.live, app.clock = self.past, self.clock
        app.forget()
        self._count(2 * COUNTING)
        app.make_frame()
        app.redraw()
        app.call_after_refresh(app.redraw)

    def begin(self, at: int | None, session: str | None) -> None:
        """Show the past at the start, and in it one session."""
        self.open(at)
        if session is not None and self.on:
            self.app.select(session)
            self.app.open_session()

    def close(self) -> None:
        """Back to now."""
        app = self.app
        if self.past is None:
            return
        self.past, self.playing, self.loop = None, False, ()
        self.keys.forget()
        app.live, app.clock, app.framer = app.present, self._real, self._framer
        app.forget()
        self._follow()
        app.make_frame()
        app.redraw()
        app.call_after_refresh(app.redraw)

    # --- moving -------------------------------------------------------------------------------------------

    def seek(self, at: int) -> None:
        """Show another time, between the first event and the present."""
        if self.past is None:
            return
        at = max(self._first, min(at, self.present))
        back = at < self.clock.at
        # Nothing that is read and judged is garbage; what lies about is looked for once all is painted.
        with building(self.app.call_after_refresh):
            self.past.seek(at)
            self.clock.at = at
            self._show(at)
            self._frame(back)

    def _frame(self, back: bool = False) -> None:
        # Going back, a framer looks at everything by itself; else it takes what differs for what has happened.
        if self.past is not None and self.past.leapt() and not back:
            self.app.framer = Framer(ALL)
        self._follow()
        self.app.make_frame()
        self.app.redraw()

    def _follow(self) -> None:
        """The transcript of a session as it stood at this time."""
        for screen in self.app.screen_stack:
            if isinstance(screen, SessionScreen):
                session = self.app.live.fleet.sessions.get(self.app.selected or "")
                key = (session.id, session.last_at, self.until is None) if session is not None else None
                screen.until = self.until
                if key != self._transcript:
                    self._transcript, screen.reading = key, None

    @property
    def until(self) -> int | None:
        """Up to when a transcript is shown; None: it is followed."""
        return self.clock.at if self.on else None

    def _show(self, at: int) -> None:
        """Have the timeline show a time; it is turned like a page, so that it stands still meanwhile."""
        if not self.start <= at <= self.start + self.span:
            self.start = at - self.span // 4
        newest = max(self.present, self._first + self.span)
        self.start = max(self._first, min(self.start, newest - self.span + self.span // 50))

    def tick(self) -> None:
        """What time does: play, look for what was asked, count; called ten times a second."""
        past = self.past
        if past is None:
            return
        mono = self.clock.monotonic()
        passed, self._ticked = max(0, mono - self._ticked), mono
        early = past.renew()
        if early is not None:
            self.counter.track.forget(early)
            if early <= self.clock.at:
                self._frame()
        if self.keys.looking:
            self.keys.look()
        elif self.playing:
            self._play(min(passed, SECOND))
        counted = self._count(COUNTING)
        state = (counted, self.words, self.present // BUCKET)
        if state != self._drawn:
            self._drawn = state
            self.app.redraw()

    def _play(self, passed: int) -> None:
        at = self.clock.at + passed * self.speed
        if self.skips:
            idle = idle_until(self.counter.track, at, self.present)
            if idle is not None:
                at = max(at, idle - 5 * SECOND)
        if len(self.loop) == 2 and at >= self.loop[1]:
            at = self.loop[0]
        if at >= self.present:
            self.playing = False
            self.say("this is now")
        self.seek(at)

    def _count(self, seconds: float) -> int:
        """Count a part of what the timeline shows; returns a number that tells two states apart."""
        if self.past is None:
            return 0
        return self.counter.count(self.past, self.start, self.span, self.present, seconds)

    def scale(self, factor: float) -> None:
        """A wider or a narrower stretch, with the time shown where it stands."""
        before = self.span
        most = max(LEAST_SPAN, min(MOST_SPAN, self.present - self._first))
        self.span = max(LEAST_SPAN, min(int(before * factor), most))
        self.start = self.clock.at - int((self.clock.at - self.start) * (self.span / before))
        self._show(self.clock.at)

    # --- what is said -------------------------------------------------------------------------------------

    def say(self, words: str) -> None:
        """A word in the timeline's lower edge, for some seconds."""
        self._said = (self.clock.monotonic(), line(words, 200))

    @property
    def words(self) -> str:
        """What is said now: the last word while it stands, else what one must know of this time."""
        at, said = self._said
        if said and self.clock.monotonic() - at < SAID:
            return said
        if self.past is None:
            return ""
        later = self.past.found_at(self.past.fleet.sessions, self.clock.at)
        if later:
            many = "1 session" if len(later) == 1 else f"{len(later)} sessions"
            return f"{many} of this time became known only later: › before the name"
        return ""
