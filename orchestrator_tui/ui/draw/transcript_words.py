"""Text in rows for the transcript: broken between words, indents kept, what a search found marked."""

from __future__ import annotations

import re

from rich.cells import cell_len

from orchestrator_tui.ui.draw.ink import Run, width

FOUND = "strong reverse"
"""How a match looks; it is told by weight, too."""


def rows_of(text: str, cells: int) -> list[str]:
    """Cleaned text in rows of at most so many cells; its own line breaks and indents stay."""
    cells = max(4, cells)
    out: list[str] = []
    for raw in text.split("\n"):
        rest = raw.rstrip()
        indent = len(rest) - len(rest.lstrip(" "))
        # What is broken goes on under its own indent, as far as there is room.
        pad = " " * min(indent, cells // 3)
        while width(rest) > cells:
            cut = _fits(rest, cells)
            space = rest.rfind(" ", 0, cut + 1)
            if space > max(cells // 2, indent):
                cut = space
            out.append(rest[:cut].rstrip())
            rest = pad + rest[cut:].lstrip(" ")
        out.append(rest)
    while out and not out[-1]:
        out.pop()
    return out or [""]


def _fits(text: str, cells: int) -> int:
    """How many characters of the text take at most so many cells; at least one."""
    if text.isascii():
        return cells
    used = 0
    for place, char in enumerate(text):
        used += cell_len(char)
        if used > cells:
            return max(1, place)
    return len(text)


def marked(text: str, role: str, pattern: re.Pattern[str] | None) -> list[Run]:
    """The text as runs, what the pattern finds in it marked."""
    if pattern is None:
        return [(text, role)]
    runs: list[Run] = []
    at = 0
    for match in pattern.finditer(text):
        if match.start() == match.end():
            continue
        if match.start() > at:
            runs.append((text[at : match.start()], role))
        runs.append((match[0], FOUND))
        at = match.end()
    if at < len(text) or not runs:
        runs.append((text[at:], role))
    return runs
