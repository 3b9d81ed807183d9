"""A widget that puts drawn lines on the screen, and only the rows that differ from what is there.

It draws by Textual's Line API: rows, not cells, because an update inside a row repaints it from its left end anyway.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual._styles_cache import StylesCache
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from orchestrator_tui.ui.draw.ink import Line, line_of
from orchestrator_tui.ui.draw.overlay import STEPS
from orchestrator_tui.ui.theme import PLAIN, ThemeFile

Draw = Callable[[int, int], list[Line]]
"""(columns, rows) -> lines."""
Point = Callable[[events.MouseEvent], None]
"""What is done with the mouse on it; x and y count from the panel's corner."""

POINTED = (
    events.Click, events.MouseDown, events.MouseMove, events.MouseUp, events.MouseScrollDown, events.MouseScrollUp,
)  # fmt: skip
ATTRIBUTES = frozenset({"bold", "dim", "italic", "underline", "reverse"})
FALLBACK = {"amber": "reverse", "red": "reverse bold"}
"""Without colours a background is said by weight."""


class Styles:
    """Roles to styles in one theme; made once per role."""

    def __init__(self, theme: ThemeFile) -> None:
        self.theme = theme
        self._made: dict[str, Style] = {}
        self._plain = theme.name == PLAIN

    def get(self, role: str) -> Style:
        """The style of `name [attribute...] [on name]`."""
        style = self._made.get(role)
        if style is None:
            style = self._made[role] = self._make(role)
        return style

    def _make(self, role: str) -> Style:
        words, _, behind = role.partition(" on ")
        name, *attributes = words.split()
        if self._plain:
            attributes += FALLBACK.get(behind, "").split()
            return Style.parse(" ".join(attributes) or "none")
        colours = self.theme.colors
        fore = ramp(colours.burn, name) if name.startswith("heat") else getattr(colours, name, colours.text)
        back = getattr(colours, behind, colours.background) if behind else colours.background
        return Style.parse(f"{' '.join(attributes)} {fore} on {back}".strip())


def ramp(colours: list[str], role: str) -> str:
    """The colour of `heat0` (cold) to `heat4` on a theme's ramp, however many colours that has."""
    step = int(role.removeprefix("heat")) * (len(colours) - 1)
    return colours[round(step / (STEPS - 1))]


class Panel(Widget):
    """Shows what its `draw` gives; `redraw` after the frame has changed."""

    DEFAULT_CSS = "Panel { height: 1fr; width: 1fr; }"

    ALLOW_SELECT = False
    """A drag means something else here; a terminal selects text with Shift held."""

    def __init__(
        self, draw: Draw, *, id: str | None = None, classes: str | None = None, point: Point | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._draw = draw
        self._point = point
        self._lines: list[Line] = []
        self._strips: list[Strip | None] = []
        self._drawn_size = Size(0, 0)
        self.styles_of: Styles | None = None
        self.rows_painted = 0
        """Rows that were asked to be painted anew, for tests that count work."""

    def use(self, styles: Styles) -> None:
        """Paint with these styles from here on."""
        self.styles_of = styles
        self._lines = []
        self.redraw()
        self.refresh()

    def redraw(self) -> None:
        """Draw, and have the rows painted that differ."""
        size = self.size
        if not size.width or not size.height or not self.display:
            return
        lines = self._draw(size.width, size.height)[: size.height]
        blank = line_of([], size.width)
        lines += [blank] * (size.height - len(lines))
        if size != self._drawn_size or len(self._lines) != len(lines):
            self._lines, self._strips, self._drawn_size = lines, [None] * len(lines), size
            self.rows_painted += len(lines)
            self.refresh()
            return
        dirty = [
            y for y, (old, new) in enumerate(zip(self._lines, lines, strict=True)) if old is not new and old != new
        ]
        self._lines = lines
        for y in dirty:
            self._strips[y] = None
        self.rows_painted += len(dirty)
        if dirty:
            self.refresh(*(Region(0, y, size.width, 1) for y in dirty))

    async def on_event(self, event: events.Event) -> None:
        """The mouse, where the panel has a meaning for it."""
        if self._point is not None and isinstance(event, POINTED):
            if isinstance(event, events.MouseDown):
                self.capture_mouse()
            elif isinstance(event, events.MouseUp):
                self.release_mouse()
            self._point(event)
        await super().on_event(event)

    def on_resize(self) -> None:
        """Another size is another drawing."""
        self.redraw()

    def on_unmount(self) -> None:
        """Its screen is closed: Textual would hold the rows of a thousand widgets that are gone, by this cache."""
        StylesCache.get_inner_outer.cache_clear()

    def render_line(self, y: int) -> Strip:
        """One row; its strip is kept until its line changes."""
        if y >= len(self._lines) or self.styles_of is None:
            return Strip.blank(self.size.width, Style.null())
        strip = self._strips[y]
        if strip is None:
            get = self.styles_of.get
            strip = Strip([Segment(text, get(role)) for text, role in self._lines[y]], self.size.width)
            self._strips[y] = strip
        return strip
