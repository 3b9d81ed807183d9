"""Choosing a theme: looked at on the screen as it is, kept in the person's settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orchestrator_tui.ui import theme as themes
from orchestrator_tui.ui.keeping import keep
from orchestrator_tui.ui.theme import ThemeFile
from orchestrator_tui.ui.widgets.themestrip import ThemeStrip

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp

WITHOUT = "NO_COLOR is set: the terminal's own colours are used, and no theme"


class Picking:
    """The strip of themes, while it is open."""

    def __init__(self, app: OrcApp) -> None:
        self.app = app
        self.strip: ThemeStrip | None = None
        self._before = app.theme_file
        self._told = set(app.themes.failed)

    @property
    def opened(self) -> bool:
        """Whether the strip is on the screen that is shown."""
        return self.strip is not None and self.strip.is_attached and self.strip.screen is self.app.screen

    def open(self) -> None:
        """Show the strip above the footer; the files are read again, so that a theme can be written while one looks."""
        app = self.app
        if os.environ.get("NO_COLOR"):
            app.notify(WITHOUT, markup=False)
            return
        self.close()
        self._load()
        listed = [app.themes.loaded[name] for name in sorted(app.themes.loaded)]
        at = next((n for n, theme in enumerate(listed) if theme.name == app.theme_file.name), 0)
        self._before = app.theme_file
        self.strip = ThemeStrip(listed, at, app.use_theme, self.done)
        self.strip.styles_of = app.paint
        footer = next(iter(app.screen.query("#footer")), None)
        app.screen.mount(self.strip, before=footer)
        self.strip.use(app.paint)

    def close(self) -> None:
        """Take the strip away."""
        strip, self.strip = self.strip, None
        if strip is not None and strip.is_attached:
            strip.screen.set_focus(None)
            strip.remove()
            self.app.call_after_refresh(self.app.redraw)

    def done(self, theme: ThemeFile | None) -> None:
        """Keep this one; None: as it was before."""
        self.close()
        if theme is None:
            self.app.use_theme(self._before)
        else:
            self.pick(theme.name)

    def pick(self, name: str) -> None:
        """Use a theme and write it into the settings."""
        app = self.app
        if os.environ.get("NO_COLOR"):
            app.notify(WITHOUT, markup=False)
            return
        theme = app.themes.get(name)
        app.use_theme(theme)
        wrong = keep(app.paths.config, "screen", "theme", theme.name)
        if wrong:
            app.notify(f"theme {theme.name} until you leave: {wrong}", severity="warning", markup=False)
        else:
            app.notify(f"theme {theme.name}: {theme.description}", timeout=2, markup=False)

    def _load(self) -> None:
        found = themes.load(self.app.paths.themes)
        self.app.themes = found
        for fault in found.failed:
            if fault not in self._told:
                self.app.notify(fault, title="a theme cannot be used", severity="warning", markup=False)
        self._told = set(found.failed)
