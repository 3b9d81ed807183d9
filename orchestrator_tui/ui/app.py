"""The dashboard's application: one tick that makes a frame, and the state that keys change."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial

from msgspec.structs import replace
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.filter import LineFilter
from textual.markup import escape
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen, Screen

from orchestrator_tui.clock import Clock, SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.errors import StoreError
from orchestrator_tui.fleet.prices import PriceTable, tier_of
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui import theme as themes
from orchestrator_tui.ui.actions import ACTIONS, BY_ID, COMMANDS, SELECTING
from orchestrator_tui.ui.advice import Advice
from orchestrator_tui.ui.arranging import Arranging
from orchestrator_tui.ui.choosing import Choosing
from orchestrator_tui.ui.commanding import Commanding
from orchestrator_tui.ui.draw.overlay import Overlay, overlays
from orchestrator_tui.ui.first import First
from orchestrator_tui.ui.frame import Cell, Details, Frame
from orchestrator_tui.ui.framer import Framer
from orchestrator_tui.ui.glyphs import AsciiSigns
from orchestrator_tui.ui.hangup import ends_with_its_terminal
from orchestrator_tui.ui.keymap import Keymap, Press
from orchestrator_tui.ui.notify import Bells
from orchestrator_tui.ui.picking import Picking
from orchestrator_tui.ui.replay.deck import Deck
from orchestrator_tui.ui.screens.diff import DiffScreen
from orchestrator_tui.ui.screens.doctor import DoctorScreen
from orchestrator_tui.ui.screens.fleet import FleetScreen
from orchestrator_tui.ui.screens.glance import GlanceScreen
from orchestrator_tui.ui.screens.help import HelpScreen
from orchestrator_tui.ui.screens.report import ReportScreen
from orchestrator_tui.ui.screens.session import SessionScreen
from orchestrator_tui.ui.screens.working import Working
from orchestrator_tui.ui.source import Live, Source
from orchestrator_tui.ui.toasts import Toasts
from orchestrator_tui.ui.widgets.panel import Panel, Styles

TICK = 0.1
"""Seconds between two looks at the store: up to ten frames a second."""

Doing = FleetScreen | GlanceScreen | SessionScreen | HelpScreen | DiffScreen | DoctorScreen | ReportScreen
"""Screens with actions of their own."""


class OrcApp(App[None]):
    """Shows one fleet."""

    TITLE = "orc"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+backslash"

    def __init__(self, paths: Paths, config: Config, clock: Clock | None = None) -> None:
        super().__init__()
        self.paths, self.config, self.clock = paths, config, clock or SystemClock()
        self.keys = Keymap(config.keys)
        for key in sorted(self.keys.all()):
            # Textual's own meaning gives way; what screens of Textual know, such as Tab, comes after ours.
            binding = Binding(key, f"press('{key}')", show=False, priority=key in ("tab", "shift+tab"))
            self._bindings.key_to_bindings[key] = [binding]
        self.themes = themes.load(paths.themes)
        self.theme_file = self.themes.get(themes.chosen(config.screen.theme))
        self.paint = Styles(self.theme_file)
        self.filters: list[LineFilter] = [AsciiSigns()] * (config.screen.glyphs == "ascii")
        """What every row passes on its way out."""
        self.present = Live(paths, self.clock)
        self.live: Source = self.present
        """What is shown: the present, or a time of the past."""
        self.bells = Bells(config.notify, self.live.fleet, self.clock.now())
        self.framer = Framer()
        self.deck = Deck(self)
        self.begin: tuple[int | None, str | None] | None = None
        """Of a replay that is shown at the start: the time, and the session that is opened."""
        self.overlays = overlays(self._tier_of)
        self.overlay: Overlay = self.overlays[0]
        self.selected: str | None = None
        self.filter = ""
        self.drawn: Frame = Frame(0)
        self._details: tuple[tuple[object, ...], Details | None] = ((), None)
        self._second = -1
        self._running_in: asyncio.AbstractEventLoop | None = None
        self._prices: PriceTable | None = None
        self.toasts = Toasts()
        self.first = First(self)
        self.commanding = Commanding(self)
        self.choosing = Choosing(self.commanding)
        self.arranging = Arranging(self.commanding)
        self.picking = Picking(self)
        self.advice = Advice(self)
        self.explains = False
        """What keys cost is told from the second frame on."""
        self.frames = 0
        """Frames made, for tests that count work."""

    def on_mount(self) -> None:
        """Begin."""
        self.use_theme(self.theme_file)
        for fault in self.themes.failed:
            self.notify(fault, title="a theme cannot be used", severity="warning", markup=False)
        if self.config.screen.theme not in self.themes.loaded:
            words = f"no theme is named {self.config.screen.theme!r}; using {self.theme_file.name}"
            self.notify(words, severity="warning", markup=False)
        for words in self.keys.told:
            self.notify(words, title="settings", severity="warning", timeout=15, markup=False)
        self.make_frame()
        self.push_screen(FleetScreen())
        if self.begin is not None:
            self.call_after_refresh(self.deck.begin, *self.begin)
        # Only when the first frame stands: what a larger model costs can wait.
        self.call_after_refresh(self._explain)
        self.first.settle()
        loop = self._running_in = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            # A closed terminal and a polite kill leave the terminal as it was, and the demo tidies up.
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self.exit, None, 128 + number)
        self.set_interval(TICK, self.tick)

    def show(self) -> int:
        """Run until it is closed, or its terminal is; returns the exit status."""

        def end(status: int) -> None:
            if self._running_in is not None:
                self._running_in.call_soon_threadsafe(self.exit, None, status)

        with ends_with_its_terminal(end):
            self.run()
        return int(self.return_code or 0)

    def on_unmount(self) -> None:
        """End."""
        self.present.close()

    # --- frames -------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """A frame when something was appended, and once a second because ages step."""
        now = self.deck.present
        try:
            news = self.present.follow()
            if news:
                self.bells.see(self.present.fleet, self.present.page, now)
            if self.deck.on:
                self.deck.tick()
            elif news or now // 1_000_000_000 != self._second:
                self.make_frame()
                self.redraw()
        except StoreError as error:
            # Damaged, or of another version since: what is shown is old, and that is said until it can be read again.
            self.notify(str(error), title="the store cannot be read", severity="error", timeout=3, markup=False)
        self.first.settle()
        self.bells.ring(now, self._driver)

    def make_frame(self) -> None:
        """The frame of this moment."""
        now = self.clock.now()
        self._second = now // 1_000_000_000
        words = self.live.watch_words(now)
        money = self.live.spent.refresh(now, self.live.fleet.seq)
        self.drawn = self.deck.shown.mark(self.framer.frame(self.live.fleet, now, words, self.filter, money))
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
        if isinstance(self.screen, Working) and self.screen.is_mounted:
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

    def details_of(self, name: str) -> Details | None:
        """The same of any session on the map."""
        cell = self.drawn.cell(name) or next((c for c in self.drawn.queue if c.id == name), None)
        session = self.live.fleet.sessions.get(name)
        return self._details_of(cell, session) if cell is not None and session is not None else None

    def forget(self) -> None:
        """Another source is shown from here on."""
        self._details, self._second = ((), None), -1

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
            if cell is not None and cell.unseen and not self.deck.on:
                self.commanding.ask("view", {"session": session})

    # --- words that come by themselves --------------------------------------------------------------------

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Tell something: in rows of its own where the screen has them, else at the lower left."""
        seconds = self.NOTIFICATION_TIMEOUT if timeout is None else timeout
        self.toasts.add(f"{title}: {message}" if title else message, severity, seconds, self.clock.monotonic())
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)
        self.call_later(self.redraw)

    def clear_notifications(self) -> None:
        """Take away all that was told."""
        self.toasts.clear()
        super().clear_notifications()
        self.redraw()

    # --- commands -----------------------------------------------------------------------------------------

    @property
    def board(self) -> Working:
        """The screen on which commands are given: the one that is shown, or the nearest below it."""
        return next(screen for screen in reversed(self.screen_stack) if isinstance(screen, Working))

    def key_of(self, action: str) -> str:
        """The key that a person presses for an action, as settings have it; "" where nobody would obey."""
        asks_host = action in COMMANDS | {"snooze", "acknowledge"} and action != "terminal"
        if asks_host and not self.live.alive:
            return ""
        return self.keys.shown(action)

    @property
    def place(self) -> str:
        """Where one is, as the table of actions calls it."""
        return str(getattr(self.screen, "PLACE", ""))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While the ask bar or the strip of themes is open no key has its other meaning, but the one that leaves."""
        if action in ("press", "orc"):
            pressed = str(parameters[0])
            meant = self.deck.keys.meant(self.place, pressed) if action == "press" else Press(pressed)
            asking = self.picking.opened or (isinstance(self.screen, Working) and self.screen.bar.opened)
            if meant is None or isinstance(self.screen, ModalScreen) or (asking and meant.action != "quit"):
                return False
        return super().check_action(action, parameters)

    # --- actions ------------------------------------------------------------------------------------------

    def action_press(self, key: str) -> None:
        """A key, by what it means on the screen that is shown."""
        meant = self.deck.keys.meant(self.place, key)
        if meant is not None:
            self.action_orc(meant.action, meant.number)

    def do_named(self, name: str) -> None:
        """An action by its name, from the palette: where it means nothing that is told."""
        action = BY_ID[name]
        if action.reaches(self.place) or action.where in ("anywhere", "replay"):
            self.action_orc(name)
        else:
            self.commanding.tell(f"{action.label}: {' and '.join(action.places)} only")

    def action_orc(self, name: str, key: str = "") -> None:
        """Do an action of the table: here when it is for anywhere, else on the screen that is shown."""
        own = {
            "theme": self.picking.open,
            "palette": self.action_command_palette,
            "help": self.show_help,
            "diff": self.open_diff,
            "quit": self.exit,
            "read-all": self.first.read_all,
            "hook": self.first.hook,
            "demo": self.first.demo,
            "doctor": self.first.doctor,
            "start-host": self.first.start_host,
        }
        if self.deck.keys.takes(name):
            return
        if name in own:
            own[name]()
            return
        screen = self.screen
        if name in COMMANDS:
            held = screen.holds_back(name) if isinstance(screen, GlanceScreen) else ""
            if held:
                self.commanding.tell(held)
            elif isinstance(screen, Working):
                self.commanding.do(name, key)
        elif name in SELECTING:
            if isinstance(screen, FleetScreen | GlanceScreen):
                self.choosing.choose(name, key)
        elif name == "glance" and isinstance(screen, FleetScreen):
            self.push_screen(GlanceScreen())
        elif name == "report" and not isinstance(screen, ReportScreen):
            self.push_screen(ReportScreen())
        elif isinstance(screen, Doing):
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
            self.push_screen(HelpScreen(self.place))

    def open_diff(self) -> None:
        """What the selected session changed; once more asks git anew."""
        details = self.details()
        if isinstance(self.screen, DiffScreen):
            self.screen.do("diff")
        elif details is not None and isinstance(self.screen, FleetScreen | GlanceScreen | SessionScreen):
            self.push_screen(DiffScreen(details.session, details.cell.seat or details.cell.name))

    def open_session(self) -> None:
        """The selected session on a screen of its own."""
        if self.details() is not None:
            self.push_screen(SessionScreen(self.deck.until))

    def use_theme(self, theme: themes.ThemeFile) -> None:
        """Paint everything in a theme."""
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

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every row goes through on its way to the terminal."""
        return [*super().get_line_filters(), *self.filters]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every action of the table, by name."""
        for action in ACTIONS:
            if action.id != "palette" and action.where != "ask":
                # The search looks at the title alone, so that has the label and the sentence.
                keys = self.keys.written(action.id) or "no key"
                title, told = f"{action.label}: {action.help}", f"{keys}   {action.id}, {' and '.join(action.places)}"
                yield SystemCommand(title, told, partial(self.do_named, action.id))
        for name, theme in sorted(self.themes.loaded.items()):
            yield SystemCommand(f"theme {name}", escape(theme.description), partial(self.picking.pick, name))
