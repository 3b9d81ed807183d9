"""The dashboard's application: one tick that makes a frame, and the state that keys change."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from orchestrator_tui.clock import Clock, SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui import theme as themes
from orchestrator_tui.ui.actions import ACTIONS
from orchestrator_tui.ui.frame import Details, Frame
from orchestrator_tui.ui.framer import Framer
from orchestrator_tui.ui.screens.fleet import FleetScreen
from orchestrator_tui.ui.screens.help import HelpScreen
from orchestrator_tui.ui.screens.session import SessionScreen
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
            f"orc('{action.id}')",
            action.label,
            id=action.id if key == action.keys[0] else None,
            show=False,
            priority=key == "tab",
        )
        for action in ACTIONS
        for key in action.keys
    ]

    def __init__(self, paths: Paths, config: Config, clock: Clock | None = None) -> None:
        super().__init__()
        self.paths, self.config, self.clock = paths, config, clock or SystemClock()
        self.themes = themes.load(paths.themes)
        self.theme_file = self.themes.get(themes.chosen(config.screen.theme))
        self.paint = Styles(self.theme_file)
        self.live = Live(paths, self.clock)
        self.framer = Framer()
        self.selected: str | None = None
        self.filter = ""
        self.drawn: Frame = Frame(0)
        self._details: tuple[tuple[object, ...], Details | None] = ((), None)
        self._second = -1
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
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            # A closed terminal and a polite kill leave the terminal as it was, and the demo tidies up.
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self.exit)
        self.set_interval(TICK, self.tick)

    def on_unmount(self) -> None:
        """End."""
        self.live.close()

    # --- frames -------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """A frame when something was appended, and once a second because ages step."""
        second = self.clock.now() // 1_000_000_000
        if self.live.follow() or second != self._second:
            self.make_frame()
            self.redraw()

    def make_frame(self) -> None:
        """The frame of this moment."""
        now = self.clock.now()
        self._second = now // 1_000_000_000
        words = self.live.watch_words(now)
        self.drawn = self.framer.frame(self.live.fleet, now, words, self.filter)
        self.frames += 1
        there = self.drawn.cell(self.selected) or any(cell.id == self.selected for cell in self.drawn.queue)
        # A filter only hides: what was looked at is looked at again when it is taken away.
        if not there and not (self.filter and self.selected in self.live.fleet.sessions):
            self.selected = self.drawn.queue[0].id if self.drawn.queue else next(iter(self.drawn.order), None)

    def redraw(self) -> None:
        """Have every panel of the present screen compare itself with the frame."""
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
            self._details = (key, self.framer.details(self.live.fleet, cell, self.live.last_events(session.id)))
        details = self._details[1]
        if details is not None and details.cell is not cell:
            details = Details(cell, details.session, details.tree, details.children, details.events)
        return details

    def select(self, session: str | None) -> None:
        """Another session is looked at."""
        if session is not None and session != self.selected:
            self.selected = session
            self.redraw()

    # --- actions ------------------------------------------------------------------------------------------

    def action_orc(self, name: str) -> None:
        """Do an action of the table: here when it is for anywhere, else on the screen that is shown."""
        own = {
            "theme": self.next_theme,
            "palette": self.action_command_palette,
            "help": self.show_help,
            "quit": self.exit,
        }
        if name in own:
            own[name]()
            return
        screen = self.screen
        if isinstance(screen, FleetScreen | SessionScreen | HelpScreen):
            screen.do(name)

    def show_help(self) -> None:
        """All keys; once more for all signs, where both do not fit."""
        if isinstance(self.screen, HelpScreen):
            self.screen.do("help")
        else:
            self.push_screen(HelpScreen())

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

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every action of the table, by name."""
        for action in ACTIONS:
            if action.id != "palette":
                # The search looks at the title alone, so that is the sentence.
                run = partial(self.action_orc, action.id)
                yield SystemCommand(action.help, f"{action.label}  {action.shown}", run)
