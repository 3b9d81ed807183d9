"""What an action of the table does: here when it is for anywhere, else on the screen that is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.markup import escape

from orchestrator_tui.ui.actions import ACTIONS, BY_ID, COMMANDS, SELECTING
from orchestrator_tui.ui.screens.diff import DiffScreen
from orchestrator_tui.ui.screens.doctor import DoctorScreen
from orchestrator_tui.ui.screens.fleet import FleetScreen
from orchestrator_tui.ui.screens.glance import GlanceScreen
from orchestrator_tui.ui.screens.help import HelpScreen
from orchestrator_tui.ui.screens.report import ReportScreen
from orchestrator_tui.ui.screens.session import SessionScreen
from orchestrator_tui.ui.screens.working import Working

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp

Own = FleetScreen | GlanceScreen | SessionScreen | HelpScreen | DiffScreen | DoctorScreen | ReportScreen
"""Screens with actions of their own."""


class Doing:
    """Carries actions out."""

    def __init__(self, app: OrcApp) -> None:
        self.app = app

    def named(self, name: str) -> None:
        """An action by its name, from the palette: where it means nothing that is told."""
        action = BY_ID[name]
        if action.reaches(self.app.place) or action.where in ("anywhere", "replay"):
            self.do(name)
        else:
            self.app.commanding.tell(f"{action.label}: {' and '.join(action.places)} only")

    def do(self, name: str, key: str = "") -> None:
        """One action of the table."""
        app = self.app
        if app.deck.keys.takes(name):
            return
        anywhere = self._anywhere().get(name)
        if anywhere is not None:
            anywhere()
            return
        screen = app.screen
        if name in COMMANDS:
            held = screen.holds_back(name) if isinstance(screen, GlanceScreen) else ""
            if held:
                app.commanding.tell(held)
            elif isinstance(screen, Working):
                app.commanding.do(name, key)
        elif name in SELECTING:
            if isinstance(screen, FleetScreen | GlanceScreen):
                app.choosing.choose(name, key)
        elif name == "glance" and isinstance(screen, FleetScreen):
            app.push_screen(GlanceScreen())
        elif name == "report" and not isinstance(screen, ReportScreen):
            app.push_screen(ReportScreen())
        elif isinstance(screen, Own):
            screen.do(name)

    def _anywhere(self) -> dict[str, Callable[[], object]]:
        app = self.app
        return {
            "theme": app.picking.open,
            "palette": app.action_command_palette,
            "help": self.show_help,
            "diff": self.open_diff,
            "quit": app.exit,
            "read-all": app.first.read_all,
            "hook": app.first.hook,
            "demo": app.first.demo,
            "doctor": app.first.doctor,
            "start-host": app.first.start_host,
        }

    def show_help(self) -> None:
        """All keys; once more for all signs, where both do not fit."""
        screen = self.app.screen
        if isinstance(screen, HelpScreen):
            screen.do("help")
        else:
            self.app.push_screen(HelpScreen(self.app.place))

    def open_diff(self) -> None:
        """What the selected session changed; once more asks git anew."""
        screen, details = self.app.screen, self.app.details()
        if isinstance(screen, DiffScreen):
            screen.do("diff")
        elif details is not None and isinstance(screen, FleetScreen | GlanceScreen | SessionScreen):
            self.app.push_screen(DiffScreen(details.session, details.cell.seat or details.cell.name))

    def palette(self) -> Iterable[SystemCommand]:
        """Every action of the table, by name, and every theme."""
        app = self.app
        for action in ACTIONS:
            if action.id != "palette" and action.where != "ask":
                # The search looks at the title alone, so that has the label and the sentence.
                keys = app.keys.written(action.id) or "no key"
                places = ", ".join("map" if place == "fleet" else place for place in action.places)
                title, told = f"{action.label}: {action.help}", f"{keys}   {places}   id {action.id}"
                yield SystemCommand(title, told, partial(self.named, action.id))
        for name, theme in sorted(app.themes.loaded.items()):
            yield SystemCommand(f"theme {name}", escape(theme.description), partial(app.picking.pick, name))
