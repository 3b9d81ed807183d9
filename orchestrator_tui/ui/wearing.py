"""A theme put on, and what is wrong with the settings told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator_tui.ui.screens.working import Working
from orchestrator_tui.ui.theme import ThemeFile, as_textual
from orchestrator_tui.ui.widgets.panel import Panel, Styles

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp


def wear(app: OrcApp, theme: ThemeFile) -> None:
    """Paint everything in a theme."""
    app.theme_file = theme
    app.paint = Styles(theme)
    textual = as_textual(theme)
    if textual is None:
        app.theme = "ansi-dark"
    else:
        app.register_theme(textual)
        app.theme = textual.name
    for screen in app.screen_stack:
        for panel in screen.query(Panel):
            panel.use(app.paint)
        if isinstance(screen, Working):
            screen.bar.use(app.paint)


def tell_faults(app: OrcApp) -> None:
    """Say of themes and keys what cannot be used."""
    for fault in app.themes.failed:
        app.notify(fault, title="a theme cannot be used", severity="warning", markup=False)
    if app.config.screen.theme not in app.themes.loaded:
        words = f"no theme is named {app.config.screen.theme!r}; using {app.theme_file.name}"
        app.notify(words, severity="warning", markup=False)
    for words in app.keys.told:
        app.notify(words, title="settings", severity="warning", timeout=15, markup=False)
