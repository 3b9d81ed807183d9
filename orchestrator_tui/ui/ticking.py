"""The dashboard's heartbeat: what came is taken in and shown, in slices between which keys have their way.

A key is answered from the frame that is there. Frames come less often when they are dear, keys never later.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator_tui.clock import SECOND
from orchestrator_tui.errors import StoreError
from orchestrator_tui.text import age
from orchestrator_tui.ui.backlog import is_slow
from orchestrator_tui.ui.frame import Frame, Money
from orchestrator_tui.ui.memory import settle_memory
from orchestrator_tui.ui.notify import Bells
from orchestrator_tui.ui.screens.working import Working
from orchestrator_tui.ui.unjudged import unjudged
from orchestrator_tui.ui.widgets.panel import Panel

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp

SLICE = 0.008
"""Seconds of work between two looks at the keys."""
HOPS = 4
"""Turns of the event loop that a key needs from the terminal to the application."""
PATIENCE = 0.1
"""Seconds that work waits for what a key did to be painted: who holds a key down does not stop the world."""
SHARE = 12
"""Of a core frames take at most one part in so many: what is dear comes less often."""
SELDOM = 0.5
"""Seconds between two looks at the store, at most."""
SLOWEST = 2.0
"""Seconds between two frames, at most."""
FEW = 100
"""So many sessions are judged in place; of more a thread makes the frame, and is interrupted by keys."""
MANY = 2000
"""From so many sessions on the first frame shows who is there before anybody is judged."""
SWITCH = 0.001
"""Seconds after which that thread has to make way."""
PAGES = 4
"""Pages that are folded in at once, where nobody waits."""
LATE = 5 * SECOND
"""What is so far behind says so."""


class Ticking:
    """Looks at the store ten times a second, and has what came drawn."""

    def __init__(self, app: OrcApp) -> None:
        self.app = app
        self.slices = 0
        """Times that work gave way, for tests that count."""
        self._since = time.perf_counter()
        self._keys = 0
        """Keys whose effect is not painted yet."""
        self._painted = asyncio.Event()
        self._way = threading.Event()
        """Clear while the thread that makes a frame has to wait for a key."""
        self._way.set()
        self._framing = threading.Lock()
        self._maker: ThreadPoolExecutor | None = None
        self._task: asyncio.Task[None] | None = None
        self._second = -1
        self._owed = False
        """Something came that no frame shows yet."""
        self._not_before = 0.0
        self._behind = app.present.behind
        self._told_at = 0
        self._settled = False

    # --- keys ---------------------------------------------------------------------------------------------

    def key(self) -> None:
        """A key came: work waits until its effect is painted."""
        self._keys += 1
        self._painted.clear()
        self._way.clear()
        if not self.app.call_after_refresh(self._done):
            self._done()

    def _done(self) -> None:
        self._keys = max(0, self._keys - 1)
        if not self._keys:
            self._painted.set()
            self._way.set()

    def _make_way(self) -> None:
        """In the thread, between two sessions: whoever pressed a key has the processor now."""
        if not self._way.is_set() and not self._way.wait(PATIENCE):
            self._way.set()

    async def _breathe(self) -> None:
        """Between two slices: whoever waits for the event loop has it now."""
        if time.perf_counter() - self._since < SLICE:
            return
        self.slices += 1
        for _ in range(HOPS):
            await asyncio.sleep(0)
        if self._keys:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._painted.wait()
            self._keys = 0
        self._since = time.perf_counter()

    # --- the heartbeat ------------------------------------------------------------------------------------

    def begin(self, every: float) -> None:
        """From here on, until `close`."""
        # No message of the application: those wait for each other, and keys are such messages.
        self._task = asyncio.get_running_loop().create_task(self._run(every))

    async def _run(self, every: float) -> None:
        """Every so many seconds; at once while there is more to take in."""
        try:
            sys.setswitchinterval(SWITCH)
            await self._beat(every)
        except Exception as error:  # as in a timer of Textual's: it is shown, and ends the dashboard
            self.app._handle_exception(error)

    async def _beat(self, every: float) -> None:
        while True:
            if not (self._behind or self.app.sketched):
                await asyncio.sleep(self._pause(every))
            self._since = time.perf_counter()
            await self._turn()
            if not self._settled and self.app.alone and self.app.frames and not (self._behind or self.app.sketched):
                self._settled = True
                settle_memory()

    def _pause(self, every: float) -> float:
        """Seconds until the next look: what no frame may show yet is better taken in together with what follows it."""
        if self.app.deck.on:
            return every
        return min(SELDOM, max(every, self._not_before - time.perf_counter()))

    def tick(self) -> None:
        """One beat, whole and at once."""
        try:
            for _ in range(PAGES):
                for _ in self._take_in():
                    pass
                if not self._behind:
                    break
            if self._due():
                self.app.make_frame()
                self.app.redraw()
        except StoreError as error:
            self._unreadable(error)
        self._round_up()

    async def _turn(self) -> None:
        """The same in slices."""
        try:
            for _ in self._take_in():
                await self._breathe()
            if self._due() and time.perf_counter() >= self._not_before and not is_slow(self.app._driver):
                begun, spent = time.perf_counter(), time.process_time()
                await self._frame()
                for _ in self._draw():
                    await self._breathe()
                # What Textual paints of it is a part of its price.
                self.app.call_after_refresh(self._price, begun, spent)
        except StoreError as error:
            self._unreadable(error)
        self._round_up()
        await self._breathe()

    def _price(self, begun: float, spent: float) -> None:
        self._not_before = begun + min(SLOWEST, (time.process_time() - spent) * SHARE)

    def _take_in(self) -> Iterator[None]:
        """Fold in what was appended, a page at most; yields wherever there may be a pause."""
        app = self.app
        yield from app.present.following()
        page, now = app.present.page, app.deck.present
        if page:
            self._owed = True
            if not self._behind:
                app.bells.see(app.present.fleet, page, now)
        behind = app.present.behind
        if self._behind and not behind:
            # What was there before one looked rings nothing.
            app.bells = Bells(app.config.notify, app.present.fleet, now)
        elif behind and now - app.present.fleet.at > LATE and now - self._told_at >= SECOND:
            self._told_at = now
            app.commanding.tell(f"reading what was appended: {age(now - app.present.fleet.at)} behind", 2 * SECOND)
        self._behind = behind

    def _due(self) -> bool:
        """Whether a frame is due: something came, or a second passed and ages step. A replay makes its own."""
        app = self.app
        if app.deck.on:
            app.deck.tick()
            return False
        return self._owed or app.sketched or app.deck.present // SECOND != self._second

    def _round_up(self) -> None:
        app = self.app
        app.first.settle()
        app.bells.ring(app.deck.present, app._driver)

    def _unreadable(self, error: StoreError) -> None:
        # Damaged, or of another version since: what is shown is old, and that is said until it can be read again.
        self.app.notify(str(error), title="the store cannot be read", severity="error", timeout=3, markup=False)

    # --- frames -------------------------------------------------------------------------------------------

    def make(self) -> Frame:
        """The frame of this moment, at once."""
        now, words, money = self._asked()
        return self._made(now, words, self.app.filter, money)

    def sketch(self) -> Frame | None:
        """Of a large fleet a first frame that shows who is there, and claims nothing; None where judging is quick."""
        app = self.app
        if len(app.live.fleet.sessions) <= MANY:
            return None
        return unjudged(app.live.fleet, app.clock.now(), app.live.watch_words(app.clock.now()))

    def owe(self) -> None:
        """Something is not on the screen yet that should be."""
        self._owed = True

    def forget(self) -> None:
        """Another source is shown from here on."""
        self._second = -1

    def _asked(self) -> tuple[int, str, Money]:
        """What a frame is made of besides the fleet: all that only this thread may ask for."""
        app = self.app
        now = app.clock.now()
        self._second, self._owed = now // SECOND, False
        return now, app.live.watch_words(now), app.live.spent.refresh(now, app.live.fleet.seq)

    def _made(self, now: int, words: str, wanted: str, money: Money) -> Frame:
        # The thread must not wait for a key that waits for the thread.
        self._way.set()
        with self._framing:
            return self.app.framer.frame(self.app.live.fleet, now, words, wanted, money)

    async def _frame(self) -> None:
        app = self.app
        if len(app.live.fleet.sessions) <= FEW:
            app.make_frame()
            return
        before, live, framer, wanted = app.frames, app.live, app.framer, app.filter
        now, words, money = self._asked()
        await self._breathe()

        def made() -> Frame:
            with self._framing:
                return framer.frame(live.fleet, now, words, wanted, money, self._make_way)

        if self._maker is None:
            self._maker = ThreadPoolExecutor(1, "frames")
        frame = await asyncio.get_running_loop().run_in_executor(self._maker, made)
        # A key may have had one made meanwhile, of another filter or another time: that one is newer.
        if app.frames == before:
            app.show_frame(frame)

    def _draw(self) -> Iterator[None]:
        """Have the panels of the present screen compare themselves with the frame, one after the other."""
        screen = self.app.screen
        if isinstance(screen, Working) and screen.is_mounted:
            screen.settle()
        for panel in screen.query(Panel):
            if panel.is_attached:
                panel.redraw()
                yield

    def close(self) -> None:
        """No more frames."""
        if self._task is not None:
            self._task.cancel()
        if self._maker is not None:
            self._maker.shutdown(wait=False, cancel_futures=True)
