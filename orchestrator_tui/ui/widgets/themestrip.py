"""The strip on which a theme is chosen: every one is looked at as soon as it is reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style
from textual import events
from textual.widget import Widget

from orchestrator_tui.ui.draw.ink import Line
from orchestrator_tui.ui.draw.swatches import OWN, theme_strip
from orchestrator_tui.ui.theme import ThemeFile
from orchestrator_tui.ui.widgets.panel import Panel, Styles

STEPS = {
    "left": -1, "h": -1, "up": -1, "k": -1, "shift+tab": -1,
    "right": 1, "l": 1, "down": 1, "j": 1, "tab": 1, "T": 1,
}  # fmt: skip
LOW = 6
"""On a screen of fewer rows the strip takes one, not two."""


class Swatches(Styles):
    """Styles in which a role can also be colours of another theme."""

    def _make(self, role: str) -> Style:
        return Style.parse(role[len(OWN) :]) if role.startswith(OWN) else super()._make(role)


class ThemeStrip(Panel):
    """Two rows above the footer; it takes the keys while it is there."""

    DEFAULT_CSS = "ThemeStrip { height: 2; width: 1fr; }"
    can_focus = True

    def __init__(self, themes: Sequence[ThemeFile], at: int, look: Callable[[ThemeFile], None],
                 done: Callable[[ThemeFile | None], None]) -> None:  # fmt: skip
        """`look`: another one is reached; `done`: this one is kept, None: none is."""
        super().__init__(self._draw_strip, id="themes")
        self._footers: list[Widget] = []
        self.listed, self.at, self._look, self._done = list(themes), at, look, done

    def _draw_strip(self, columns: int, rows: int) -> list[Line]:
        return theme_strip(self.listed, self.at, columns, rows)

    def use(self, styles: Styles) -> None:
        """Paint in this theme, and the names in theirs."""
        super().use(Swatches(styles.theme))

    def on_mount(self) -> None:
        """Take the keys, and the footer's place: what it offers means nothing here."""
        self._footers = list(self.screen.query("#footer"))
        for footer in self._footers:
            footer.display = False
        self._fit(self.screen.size.height)
        self.focus()

    def on_unmount(self) -> None:
        """The footer is back."""
        for footer in self._footers:
            footer.display = True

    def on_resize(self) -> None:
        """Another size is another drawing."""
        self._fit(self.screen.size.height)
        super().on_resize()

    def _fit(self, rows: int) -> None:
        self.styles.height = 1 if rows < LOW else 2

    def on_key(self, event: events.Key) -> None:
        """Every key is the strip's, but Ctrl+C."""
        key = event.key
        if key == "ctrl+c":
            return
        event.stop()
        event.prevent_default()
        if key in STEPS:
            self.step(self.at + STEPS[key])
        elif key in ("home", "end"):
            self.step(0 if key == "home" else -1)
        elif key == "enter":
            self._done(self.listed[self.at])
        elif key in ("escape", "q"):
            self._done(None)

    def step(self, to: int) -> None:
        """Look at another one."""
        self.at = to % len(self.listed)
        self._look(self.listed[self.at])
        self.redraw()

    def on_blur(self) -> None:
        """A click elsewhere does not leave it behind without keys."""
        if self.is_attached and self.app.app_focus and self.screen.is_current:
            self.call_later(self.focus)
