"""What keys do in a replay, and what they do not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator_tui.clock import MINUTE, parse_wall
from orchestrator_tui.errors import UsageError
from orchestrator_tui.events import CommandRequested, Event
from orchestrator_tui.fleet.moments import SMALL
from orchestrator_tui.store.moments import search
from orchestrator_tui.text import line
from orchestrator_tui.ui.actions import ACTIONS, BY_ID
from orchestrator_tui.ui.keymap import Press
from orchestrator_tui.ui.questions import Field, Question, Values
from orchestrator_tui.ui.replay.compare import CompareScreen, pair_of
from orchestrator_tui.ui.replay.exporting import Exporting
from orchestrator_tui.ui.replay.steps import REFUSED, SPEEDS, STEPS

if TYPE_CHECKING:
    from orchestrator_tui.ui.replay.deck import Deck

TAKEN = frozenset(action.id for action in ACTIONS if action.where == "replay") | {"replay"}
"""The actions that are done here, and not on the screen that is shown."""
REFUSAL = "replay: Esc for now"
SEEKING = 0.05
"""Seconds of a tick that go into looking for the next event of a kind."""


class Keys:
    """The keys of a deck."""

    def __init__(self, deck: Deck) -> None:
        self.deck, self.app = deck, deck.app
        self.exporting = Exporting(deck)
        self._search: tuple[str, Iterator[Event | None]] | None = None

    def refuses(self, name: str) -> bool:
        """Whether a key is no key of the past; it says so."""
        if self.deck.past is None or name not in REFUSED:
            return False
        self.deck.say(REFUSAL)
        self.app.redraw()
        return True

    def takes(self, name: str) -> bool:
        """Whether an action is done, or refused, here and not on the screen that is shown."""
        if self.refuses(name):
            return True
        screen = self.app.screen
        if name in TAKEN:
            if name == "now" and isinstance(screen, CompareScreen):
                screen.do("back")
            else:
                self.do(name)
            return True
        if isinstance(screen, CompareScreen) and name in screen.OWN:
            screen.do(name)
            return True
        return False

    def meant(self, place: str, key: str) -> Press | None:
        """What a key means on a screen of the past: its own meaning first, then that of the present."""
        keys = self.app.keys
        own = keys.at(place, key)
        if self.deck.past is None:
            return own
        here = keys.at("replay", key)
        if place == "session":
            # The transcript keeps its keys, and the one that leads back to the map.
            mine = own is not None and (BY_ID[own.action].where == "session" or own.action == "back")
            ours = here is not None and BY_ID[here.action].where == "replay"
            return here if ours and not mine else own
        return here if place in ("fleet", "replay") else own

    def do(self, name: str) -> None:
        """One action of the table."""
        if name == "replay":
            self.deck.close() if self.deck.on else self.deck.open()
            return
        if self.deck.past is None:
            self.app.commanding.tell("that is a key of the replay; r opens it")
            return
        now = self.deck.clock.at
        if name == "now":
            self.deck.close()
        elif name == "play":
            self.deck.playing = not self.deck.playing and now < self.deck.present
            self._search = None
            self.deck.say("" if self.deck.playing or now < self.deck.present else "this is now: go back first")
        elif name in ("slower", "faster"):
            place = SPEEDS.index(self.deck.speed) + (1 if name == "faster" else -1)
            self.deck.speed = SPEEDS[max(0, min(place, len(SPEEDS) - 1))]
        elif name in STEPS:
            self._step(name)
        elif name in ("minute-before", "minute-after"):
            self.deck.playing = False
            self.deck.seek(now + (MINUTE if name == "minute-after" else -MINUTE))
        elif name == "set-time":
            self._ask_time()
        elif name == "skip-idle":
            self.deck.skips = not self.deck.skips
            self.deck.say("idle gaps are skipped" if self.deck.skips else "idle gaps are played")
        elif name == "loop":
            self._loop(now)
        elif name in ("wider", "narrower"):
            self.deck.scale(2.0 if name == "wider" else 0.5)
        elif name == "compare":
            self._compare()
        elif name == "export":
            self.exporting.ask()
        self.app.redraw()

    def _step(self, name: str) -> None:
        past = self.deck.past
        if past is None:
            return
        forward, types, own = STEPS[name]
        session = self.app.selected if own else None
        if own and session is None:
            self.deck.say("no session is selected")
            return
        self.deck.playing = False
        self._search = (name, search(past.reader, self.deck.clock.at, forward, types, session))
        self.look()

    def _told(self, event: Event) -> str:
        """A decision in one line."""
        body = event.body
        if not isinstance(body, CommandRequested):
            return ""
        about = body.arguments.get("session")
        name = f" {self.app.commanding.name(str(about))}" if about else ""
        why = f": {body.why}" if body.why else ""
        return f"{body.verb}{name} by {body.actor or 'orc'}{why}"

    def _loop(self, now: int) -> None:
        if len(self.deck.loop) == 2:
            self.deck.loop = ()
            self.deck.say("")
        elif not self.deck.loop:
            self.deck.loop = (now,)
            self.deck.say("the loop begins here; go on, and press it again where it ends")
        elif now > self.deck.loop[0]:
            self.deck.loop = (self.deck.loop[0], now)
            self.deck.playing = True
            self.deck.say("it is played again and again; once more ends that")
        else:
            self.deck.loop = (now,)

    def _ask_time(self) -> None:
        def go(values: Values) -> str:
            try:
                at = parse_wall(values["time"], self.deck.clock.at, self.deck.present)
            except UsageError as error:
                return str(error)
            if at > self.deck.present:
                return f"{line(values['time'], 30)} has not come yet"
            self.deck.playing = False
            self.deck.seek(at)
            return ""

        hint = "14:02, 14:02:30, 2026-11-20T14:02:00Z, or 15m ago as 15m"
        fields = (Field("time", "time", "", hint),)
        self.app.commanding.open(Question("go to a time", "go", go, fields=fields))

    def _compare(self) -> None:
        pair = pair_of(self.app)
        if isinstance(self.app.screen, CompareScreen):
            self.app.screen.do("back")
        elif isinstance(pair, str):
            self.deck.say(pair)
        else:
            self.app.push_screen(CompareScreen(self.app, *pair))

    @property
    def looking(self) -> bool:
        """Whether an event is still looked for."""
        return self._search is not None

    def forget(self) -> None:
        """Look for nothing any more."""
        self._search = None

    def look(self) -> None:
        """Go on looking for what a key asked for, page by page."""
        if self._search is None:
            return
        name, found = self._search
        until = time.perf_counter() + SEEKING
        for event in found:
            if event is not None and not _skipped(event):
                self._search = None
                self.deck.say(self._told(event) if name not in ("event-before", "event-after") else "")
                self.deck.seek(event.at)
                return
            if time.perf_counter() > until:
                self.deck.say("looking ...")
                return
        self._search = None
        self.deck.say("nothing before" if name.endswith("before") else "nothing after")


def _skipped(event: Event) -> bool:
    """Requests that decide nothing, such as that something was looked at."""
    return isinstance(event.body, CommandRequested) and event.body.verb in SMALL
