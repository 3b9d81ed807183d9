"""The strip of themes: each one's name in its own colours, and what the chosen one looks like."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, line_of, sides, width
from orchestrator_tui.ui.draw.overlay import BLOCKS, heat
from orchestrator_tui.ui.theme import ThemeFile

OWN = "="
"""Before a role that is colours itself: `=#112233 on #445566`."""
SAMPLES = ("working", "tool_running", "waiting", "errored")
"""What a name is shown with."""
GAP = 1
"""Columns between two names."""


def theme_strip(themes: Sequence[ThemeFile], chosen: int, columns: int, rows: int) -> list[Line]:
    """The names around the chosen one; below it, where there is a second row, its statuses and its ramp."""
    lines = [_names(themes, chosen, columns)]
    if rows > 1:
        lines.append(_shown(themes[chosen], columns))
    return lines


def _names(themes: Sequence[ThemeFile], chosen: int, columns: int) -> Line:
    head: list[Run] = [(" theme ", "strong bold on surface"), (f"{chosen + 1}/{len(themes)}  ", "dim on surface")]
    chips = [_chip(theme, place == chosen) for place, theme in enumerate(themes)]
    sizes = [sum(width(text) for text, _ in chip) + GAP for chip in chips]
    room = columns - sum(width(text) for text, _ in head) - 4
    if room < sizes[chosen]:
        head, room = [], columns - 4
    first = last = chosen
    used = sizes[chosen]
    # Neighbours on both sides by turns, so that one sees where the arrows lead.
    while True:
        grown = False
        for place in (last + 1, first - 1):
            if 0 <= place < len(chips) and used + sizes[place] <= room:
                used += sizes[place]
                first, last, grown = min(first, place), max(last, place), True
        if not grown:
            break
    runs = [*head, ("‹ " if first else "  ", "key bold on surface")]
    for chip in chips[first : last + 1]:
        runs += [*chip, (" " * GAP, "text on surface")]
    if last < len(chips) - 1:
        runs.append(("›", "key bold on surface"))
    return line_of(runs, columns, "text on surface")


def _chip(theme: ThemeFile, chosen: bool) -> list[Run]:
    colours = theme.colors
    ground = colours.background
    runs: list[Run] = [("▌" if chosen else " ", f"{OWN}{colours.focus} on {ground}")]
    weight = "bold " if chosen else ""
    runs.append((f"{theme.name} ", f"{OWN}{weight}{colours.strong if chosen else colours.text} on {ground}"))
    runs += [(GLYPHS[status], f"{OWN}{getattr(colours, ROLES[status])} on {ground}") for status in SAMPLES]
    return [*runs, (" ", f"{OWN}{colours.text} on {ground}")]


def _shown(theme: ThemeFile, columns: int) -> Line:
    keys: list[Run] = []
    for key, word in (("← →", "look"), ("Enter", "keep"), ("Esc", "as it was")):
        keys += [(key, "key bold on surface"), (f" {word}  ", "dim on surface")]
    if sum(width(text) for text, _ in keys) > columns // 2:
        keys = [("Enter", "key bold on surface"), (" keep ", "dim on surface")]
    if columns < 24:
        keys = []
    samples: list[Run] = []
    for status, sign in GLYPHS.items():
        samples.append((f"{sign} ", f"{ROLES[status]} on surface"))
    samples.append((" ", "text on surface"))
    samples += [(block, f"{heat(step)} on surface") for step, block in enumerate(BLOCKS)]
    samples.append(("   ", "text on surface"))
    words: list[Run] = [(f" {theme.description or theme.name}  ", "text on surface")]
    room = columns - sum(width(text) for text, _ in keys) - sum(width(text) for text, _ in words)
    if room >= sum(width(text) for text, _ in samples):
        return sides(words, [*samples, *keys], columns, "text on surface")
    return sides(words, keys, columns, "text on surface")
