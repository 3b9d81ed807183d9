"""The dashboard's application: one tick that makes a frame, and the state that keys change."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.events import InputEvent, MouseMove
from textual.filter import LineFilter
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen, Screen

from orchestrator_tui.clock import Clock, SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.fleet.prices import PriceTable, tier_of
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui import backlog
from orchestrator_tui.ui import theme as themes
from orchestrator_tui.ui.actions import COMMANDS
from orchestrator_tui.ui.advice import Advice
from orchestrator_tui.ui.arranging import Arranging
from orchestrator_tui.ui.choosing import Choosing
from orchestrator_tui.ui.commanding import Commanding
from orchestrator_tui.ui.doing import Doing
from orchestrator_tui.ui.draw.overlay import Overlay, overlays
from orchestrator_tui.ui.first import First
from orchestrator_tui.ui.frame import Details, Frame
from orchestrator_tui.ui.framer import Framer
from orchestrator_tui.ui.glyphs import AsciiSigns
from orchestrator_tui.ui.hangup import ends_when_asked, ends_with_its_terminal
from orchestrator_tui.ui.keymap import Keymap, Press
from orchestrator_tui.ui.looking import Looking
from orchestrator_tui.ui.noticing import Noticing
from orchestrator_tui.ui.notify import Bells
from orchestrator_tui.ui.picking import Picking
from orchestrator_tui.ui.replay.deck import Deck
from orchestrator_tui.ui.screens.fleet import FleetScreen
from orchestrator_tui.ui.screens.session import SessionScreen
from orchestrator_tui.ui.screens.working import Working
from orchestrator_tui.ui.source import Live, Source
from orchestrator_tui.ui.ticking import Ticking
from orchestrator_tui.ui.toasts import Toasts
from orchestrator_tui.ui.wearing import tell_faults, wear
from orchestrator_tui.ui.widgets.panel import Panel, Styles

TICK = 0.1
"""Seconds between two looks at the store: up to ten frames a second."""


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
        self.overlays = overlays(lambda model: tier_of(model, self.prices()))
        self.overlay: Overlay = self.overlays[0]
        self.selected: str | None = None
        self.filter = ""
        self.drawn: Frame = Frame(0)
        self.sketched = False
        """Only who is there is shown so far: nobody has been judged yet."""
        self.alone = False
        """The process has nothing else to do."""
        self._running_in: asyncio.AbstractEventLoop | None = None
        self._prices: PriceTable | None = None
        self.toasts = Toasts()
        self.ticking = Ticking(self)
        self.looking = Looking(self)
        self.doing = Doing(self)
        self.first = First(self)
        self.commanding = Commanding(self)
        self.choosing = Choosing(self.commanding)
        self.arranging = Arranging(self.commanding)
        self.picking = Picking(self)
        self.advice = Advice(self)
        self.noticing = Noticing(self)
        self.explains = False
        """What keys cost is told from the second frame on."""
        self.frames = 0
        """Frames made, for tests that count work."""

    def on_mount(self) -> None:
        """Begin."""
        self.use_theme(self.theme_file)
        tell_faults(self)
        sketch = self.ticking.sketch()
        if sketch is None:
            self.make_frame()
        else:
            self.drawn, self.sketched = sketch, True
            self.looking.stay()
        self.push_screen(FleetScreen())
        if self.begin is not None:
            self.call_after_refresh(self.deck.begin, *self.begin)
        # Only when the first frame stands: what a larger model costs can wait.
        self.call_after_refresh(self._explain)
        self.first.settle()
        loop = self._running_in = asyncio.get_running_loop()
        ends_when_asked(loop, lambda status: self.exit(None, status))
        self.ticking.begin(TICK)

    def show(self) -> int:
        """Run until it is closed, or its terminal is; returns the exit status."""

        def end(status: int) -> None:
            if self._running_in is not None:
                self._running_in.call_soon_threadsafe(self.exit, None, status)

        self.alone = True
        with ends_with_its_terminal(end):
            self.run()
        return int(self.return_code or 0)

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """End; what waits for the terminal is not for anybody any more."""
        backlog.drop(self._driver)
        super().exit(result, return_code, message)

    async def _shutdown(self) -> None:
        # Before screens are taken apart: nobody draws on them any more.
        self.ticking.close()
        await super()._shutdown()

    def on_unmount(self) -> None:
        """End."""
        self.present.close()
        # A replay that was left while it was painted has put this off.
        gc.enable()

    # --- frames -------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """A frame when something was appended, and once a second because ages step."""
        self.ticking.tick()

    def make_frame(self) -> None:
        """The frame of this moment."""
        self.show_frame(self.ticking.make())

    def show_frame(self, frame: Frame) -> None:
        """This is the frame from here on; panels compare themselves with it in `redraw`."""
        self.drawn, self.sketched = self.deck.shown.mark(frame), False
        self.frames += 1
        self.commanding.marks.keep(self.live.fleet.sessions)
        self.looking.stay()

    def _explain(self) -> None:
        self.explains = True
        self.redraw()

    def redraw(self) -> None:
        """Have every panel of the present screen compare itself with the frame."""
        if backlog.is_slow(self._driver):
            self.ticking.owe()
            return
        if isinstance(self.screen, Working) and self.screen.is_mounted:
            self.screen.settle()
        for panel in self.screen.query(Panel):
            panel.redraw()

    def post_message(self, message: Message) -> bool:
        """What a person does goes before all other work."""
        posted = super().post_message(message)
        if posted and isinstance(message, InputEvent) and not isinstance(message, MouseMove):
            self.ticking.key()
        return posted

    def details(self) -> Details | None:
        """The inspector's part of the frame."""
        return self.looking.details()

    def forget(self) -> None:
        """Another source is shown from here on."""
        self.looking.forget()
        self.ticking.forget()

    def select(self, session: str | None) -> None:
        """Another session is looked at."""
        if session is not None:
            self.noticing.choose(session)
        if session is not None and session != self.selected:
            self.selected = session
            self.commanding.marks.moved(session)
            self.redraw()
            cell = self.looking.on_map(session)
            if cell is not None and cell.unseen and not self.deck.on:
                self.commanding.ask("view", {"session": session})

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

    def action_press(self, key: str) -> None:
        """A key, by what it means on the screen that is shown."""
        meant = self.deck.keys.meant(self.place, key)
        if meant is not None:
            self.action_orc(meant.action, meant.number)

    def do_named(self, name: str) -> None:
        """An action by its name, from the palette."""
        self.doing.named(name)

    def action_orc(self, name: str, key: str = "") -> None:
        """Do an action of the table."""
        self.noticing.acts(name)
        self.doing.do(name, key)

    def next_overlay(self) -> None:
        """The next meaning of the map's colour."""
        place = self.overlays.index(self.overlay)
        self.overlay = self.overlays[(place + 1) % len(self.overlays)]

    def prices(self) -> PriceTable:
        """What models cost. The table is read for the first who asks for it: a start does not wait for it."""
        if self._prices is None:
            from orchestrator_tui.host import price_files

            self._prices = price_files.load(self.config.prices).table
        return self._prices

    def open_session(self) -> None:
        """The selected session on a screen of its own."""
        if self.details() is not None:
            self.push_screen(SessionScreen(self.deck.until))

    def use_theme(self, theme: themes.ThemeFile) -> None:
        """Paint everything in a theme."""
        wear(self, theme)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every row goes through on its way to the terminal."""
        return [*super().get_line_filters(), *self.filters]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette offers."""
        return self.doing.palette()
