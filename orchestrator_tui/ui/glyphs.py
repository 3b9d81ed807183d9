"""Signs for a screen without Unicode: every sign that orc draws has one ASCII character, one cell wide.

The drawing itself knows only the signs of `draw.ink`; `glyphs = "ascii"` replaces them where a row goes to the
terminal, so that nothing can be forgotten. What agents wrote keeps its letters; signs within it are replaced, too.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from orchestrator_tui.ui.draw.ink import GLYPHS

STATUS = {
    "working": "o", "tool_running": ">", "thinking": ":", "waiting": "!", "rate_limited": "L", "looping": "@",
    "spinning": "&", "stalled": "Z", "errored": "X", "dead": "D", "orphaned": "^", "paused": "P", "finished": "v",
    "fog": ".",
}  # fmt: skip
"""Of a status; no two are alike, and none is a step of a scale."""
SCALE = dict(zip("▁▂▃▄▅▆▇█", "_,-=+*%#", strict=True))
"""Of curves and of the map's colour, from low to high."""
FRAMES = {
    **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼┏┓┗┛", "+"), **dict.fromkeys("─╌┄┈", "-"), **dict.fromkeys("│┃╎┆┊", "|"),
    "━": "=", "▌": "[", "▐": "]", "▀": '"', "░": ".", "▒": ":", "▓": "#",
}  # fmt: skip
WORDS = {
    "…": "~", "·": ".", "•": "*", "›": ">", "‹": "<", "»": ">", "«": "<", "→": ">", "←": "<", "↑": "^", "↓": "v",
    "↳": "+", "≥": ">", "≤": "<", "≈": "~", "×": "x", "¢": "c", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"',
    "”": '"', "◦": "o", "○": "o", "□": "_", "▪": "#", "▫": "_", "▸": ">", "▾": "v", "▴": "^", "◂": "<", "▲": "^",
    "▼": "v", "◀": "<", "△": "^", "▽": "v", "±": "+", "−": "-", "⏎": "|", "␛": "^", "␡": "^", "�": "?", "°": "o",
    "✓": "v", "‖": "P", "∅": "0", "≠": "!",
}  # fmt: skip
"""Everything else: within lines, of keys, and what `text.line` puts for what may not pass."""
REST = {
    **{chr(code): "+" for code in range(0x2500, 0x2580)},
    **{chr(code): "#" for code in range(0x2580, 0x25A0)},
    **{chr(code): "^" for code in range(0x2400, 0x2427)},
}
"""What only Textual's own widgets draw: borders, scroll bars; and controls made visible."""
ASCII = {**REST, **FRAMES, **WORDS, **SCALE, **{GLYPHS[name]: sign for name, sign in STATUS.items()}}
"""Sign -> its character."""
_TABLE = str.maketrans(ASCII)


def to_ascii(text: str) -> str:
    """The text with every sign replaced; as many cells as before."""
    return text if text.isascii() else text.translate(_TABLE)


class AsciiSigns(LineFilter):
    """Replaces the signs on all that goes to the screen, Textual's own widgets included."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same runs in ASCII signs."""
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
