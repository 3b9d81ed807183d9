"""The dashboard's application: one tick that makes a frame, and the state that keys change."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import ClassVar

from msgspec.structs import replace
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from orchestrator_tui.clock import Clock, SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.fleet.prices import PriceTable, tier_of
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui import theme as themes
from orchestrator_tui.ui.actions import ACTIONS, BY_ID, COMMANDS, SELECTING
from orchestrator_tui.ui.advice import Advice
from orchestrator_tui.ui.choosing import Choosing
from orchestrator_tui.ui.commanding import Commanding
from orchestrator_tui.ui.draw.overlay import Overlay, overlays
from orchestrator_tui.ui.frame import Cell, Details, Frame
from orchestrator_tui.ui.framer import Framer
from orchestrator_tui.ui.notify import Bells
from orchestrator_tui.ui.screens.diff import DiffScreen
from orchestrator_tui.ui.screens.fleet import FleetScreen
from orchestrator_tui.ui.screens.help import HelpScreen
from orchestrator_tui.ui.screens.session import SessionScreen
from orchestrator_tui.ui.screens.working import Working
from orchestrator_tui.ui.source import Live
from orchestrator_tui.ui.widgets.panel import Panel, Styles

TICK = 0.1
"""Seconds between two looks at the store: up to ten frames a second."""


class OrcApp(App[None]):
    """Shows one fleet."""

    TITLE = "orc"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+backslash"
    BINDINGS: ClassVar[list[BindingType]] = [
        # Only the first key can be remapped, the others are its synonyms; Tab is Textual's own unless it comes first.
        Binding(
            key,
            action.call(key),
            action.label,
            id=action.id if key == action.keys[0] else None,
            show=False,
            priority=key == "tab",
        )
        for action in ACTIONS
        if action.where != "diff"
        for key in action.keys
    ]

    def __init__(self, paths: Paths, config: Config, clock: Clock | None = None) -> None:
        super().__init__()
        self.paths, self.config, self.clock = paths, config, clock or SystemClock()
        self.themes = themes.load(paths.themes)
        self.theme_file = self.themes.get(themes.chosen(config.screen.theme))
        self.paint = Styles(self.theme_file)
        self.live = Live(paths, self.clock)
        self.bells = Bells(config.notify, self.live.fleet, self.clock.now())
        self.framer = Framer()
        self.overlays = overlays(self._tier_of)
        self.overlay: Overlay = self.overlays[0]
        self.selected: str | None = None
        self.filter = ""
        self.drawn: Frame = Frame(0)
        self._details: tuple[tuple[object, ...], Details | None] = ((), None)
        self._second = -1
        self._prices: PriceTable | None = None
        self.commanding = Commanding(self)
        self.choosing = Choosing(self.commanding)
        self.advice = Advice(self)
        self.explains = False
        """What keys cost is told from the second frame on."""
        self.frames = 0
        """Frames made, for tests that count work."""

    def on_mount(self) -> None:
        """Begin."""
        self._use_theme(self.theme_file)
        for fault in self.themes.failed:
            self.notify(fault, title="a theme cannot be used", severity="warning", markup=False)
        if self.config.screen.theme not in self.themes.loaded:
            words = f"no theme is named {self.config.screen.theme!r}; using {self.theme_file.name}"
            self.notify(words, severity="warning", markup=False)
        self.make_frame()
        self.push_screen(FleetScreen())
        # Only when the first frame stands: what a larger model costs can wait.
        self.call_after_refresh(self._explain)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            # A closed terminal and a polite kill leave the terminal as it was, and the demo tidies up.
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self.exit, None, 128 + number)
        self.set_interval(TICK, self.tick)

    def on_unmount(self) -> None:
        """End."""
        self.live.close()

    # --- frames -------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """A frame when something was appended, and once a second because ages step."""
        now = self.clock.now()
        news = self.live.follow()
        if news:
            self.bells.see(self.live.fleet, self.live.page, now)
        if news or now // 1_000_000_000 != self._second:
            self.make_frame()
            self.redraw()
        self.bells.ring(now, self._driver)

    def make_frame(self) -> None:
        """The frame of this moment."""
        now = self.clock.now()
        self._second = now // 1_000_000_000
        words = self.live.watch_words(now)
        money = self.live.spent.refresh(now, self.live.fleet.seq)
        self.drawn = self.framer.frame(self.live.fleet, now, words, self.filter, money)
        self.frames += 1
        self.commanding.marks.keep(self.live.fleet.sessions)
        there = self.drawn.cell(self.selected) or any(cell.id == self.selected for cell in self.drawn.queue)
        # A filter only hides: what was looked at is looked at again when it is taken away.
        if not there and not (self.filter and self.selected in self.live.fleet.sessions):
            self.selected = self.drawn.queue[0].id if self.drawn.queue else next(iter(self.drawn.order), None)

    def _explain(self) -> None:
        self.explains = True
        self.redraw()

    def redraw(self) -> None:
        """Have every panel of the present screen compare itself with the frame."""
        if isinstance(self.screen, Working):
            self.screen.settle()
        for panel in self.screen.query(Panel):
            panel.redraw()

    def details(self) -> Details | None:
        """The inspector's part of the frame; read from the store only when the session changed."""
        cell = self.drawn.cell(self.selected) or next((c for c in self.drawn.queue if c.id == self.selected), None)
        session = self.live.fleet.sessions.get(self.selected or "")
        if cell is None or session is None:
            return None
        key = (session.id, session.last_at, session.spend.requests, self.live.fleet.seq if session.turn_open else 0)
        if self._details[0] != key:
            self._details = (key, self._details_of(cell, session))
        details = self._details[1]
        if details is not None and details.cell is not cell:
            details = replace(details, cell=cell, proof=self.live.proof(cell.status.lines))
        return details

    def _details_of(self, cell: Cell, session: Session) -> Details | None:
        events, proof = self.live.last_events(session.id), self.live.proof(cell.status.lines)
        return self.framer.details(self.live.fleet, cell, events, proof)

    def select(self, session: str | None) -> None:
        """Another session is looked at."""
        if session is not None and session != self.selected:
            self.selected = session
            self.commanding.marks.moved(session)
            self.redraw()
            cell = self.drawn.cell(session)
            if cell is not None and cell.unseen:
                self.commanding.ask("view", {"session": session})

    # --- commands -----------------------------------------------------------------------------------------

    @property
    def board(self) -> Working:
        """The screen on which commands are given: the one that is shown, or the nearest below it."""
        return next(screen for screen in reversed(self.screen_stack) if isinstance(screen, Working))

    def key_of(self, action: str) -> str:
        """The key that a person presses for an action, as settings have it; "" where nobody would obey."""
        if action != "terminal" and not self.live.alive:
            return ""
        return BY_ID[action].shown

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While the ask bar is open no key has its other meaning, but the one that leaves."""
        if action == "orc" and isinstance(self.screen, Working) and self.screen.bar.opened:
            return parameters[:1] == ("quit",)
        return super().check_action(action, parameters)

    # --- actions ------------------------------------------------------------------------------------------

    def action_orc(self, name: str, key: str = "") -> None:
        """Do an action of the table: here when it is for anywhere, else on the screen that is shown."""
        own = {
            "theme": self.next_theme,
            "palette": self.action_command_palette,
            "help": self.show_help,
            "diff": self.open_diff,
            "quit": self.exit,
        }
        if name in own:
            own[name]()
            return
        screen = self.screen
        if name in COMMANDS:
            if isinstance(screen, Working):
                self.commanding.do(name, key)
        elif name in SELECTING:
            if isinstance(screen, FleetScreen):
                self.choosing.choose(name, key)
        elif isinstance(screen, FleetScreen | SessionScreen | HelpScreen | DiffScreen):
            screen.do(name)

    def next_overlay(self) -> None:
        """The next meaning of the map's colour."""
        place = self.overlays.index(self.overlay)
        self.overlay = self.overlays[(place + 1) % len(self.overlays)]

    def _tier_of(self, model: str) -> str | None:
        return tier_of(model, self.prices())

    def prices(self) -> PriceTable:
        """What models cost. The table is read for the first who asks for it: a start does not wait for it."""
        if self._prices is None:
            from orchestrator_tui.host import price_files

            self._prices = price_files.load(self.config.prices).table
        return self._prices

    def show_help(self) -> None:
        """All keys; once more for all signs, where both do not fit."""
        if isinstance(self.screen, HelpScreen):
            self.screen.do("help")
        else:
            self.push_screen(HelpScreen())

    def open_diff(self) -> None:
        """What the selected session changed; once more asks git anew."""
        details = self.details()
        if isinstance(self.screen, DiffScreen):
            self.screen.do("diff")
        elif details is not None and isinstance(self.screen, FleetScreen | SessionScreen):
            self.push_screen(DiffScreen(details.session, details.cell.seat or details.cell.name))

    def open_session(self) -> None:
        """The selected session on a screen of its own."""
        if self.details() is not None:
            self.push_screen(SessionScreen())

    def next_theme(self) -> None:
        """The next theme in order of names."""
        names = sorted(self.themes.loaded)
        place = names.index(self.theme_file.name) if self.theme_file.name in names else -1
        self._use_theme(self.themes.loaded[names[(place + 1) % len(names)]])
        self.notify(f"theme {self.theme_file.name}: {self.theme_file.description}", timeout=2, markup=False)

    def _use_theme(self, theme: themes.ThemeFile) -> None:
        self.theme_file = theme
        self.paint = Styles(theme)
        textual = themes.as_textual(theme)
        if textual is None:
            self.theme = "ansi-dark"
        else:
            self.register_theme(textual)
            self.theme = textual.name
        for screen in self.screen_stack:
            for panel in screen.query(Panel):
                panel.use(self.paint)
            if isinstance(screen, Working):
                screen.bar.use(self.paint)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every action of the table, by name."""
        for action in ACTIONS:
            if action.id != "palette":
                # The search looks at the title alone, so that is the sentence.
                run = partial(self.action_orc, action.id)
                yield SystemCommand(action.help, f"{action.label}  {action.shown}", run)
