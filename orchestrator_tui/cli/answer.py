"""How answers are given: one JSON object with its schema, or a table for people; data on stdout, words on stderr."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator_tui.text import clean, line

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 240
"""Columns of a table that goes to a file or a pipe."""
NARROW = 8
"""Columns that a column of a table keeps on a narrow terminal."""
GAP = "  "
Row = Sequence[tuple[str, str]]
"""Cells as (text, style)."""
_SUSPECT = re.compile(r"[^ -~]+")
"""All that is not printable ASCII; what it finds is looked at character by character."""


def give_json(value: object) -> None:
    """Print one JSON answer; strings in it are escaped by JSON, so a terminal is safe from them."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode("utf-8")
    sys.stdout.write(ascii_controls(text) + "\n")


def ascii_controls(text: str) -> str:
    """JSON may hold C1 controls and bidirectional marks as they are: written as escapes they are inert."""
    if text.isascii():
        return text
    return "\n".join(part if part.isprintable() else _SUSPECT.sub(_escape, part) for part in text.split("\n"))


def _escape(run: re.Match[str]) -> str:
    return "".join(char if char.isprintable() else "".join(map("\\u{:04x}".format, _utf16(char))) for char in run[0])


def _utf16(char: str) -> list[int]:
    raw = char.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]


def console() -> Console:
    """The console of this command: plain where docs/contract.md §1 says so."""
    from rich.console import Console

    if is_terminal():
        return Console(highlight=False, markup=False, emoji=False)
    return Console(
        highlight=False,
        markup=False,
        emoji=False,
        width=WIDE,
        no_color=True,
        force_terminal=False,
        color_system=None,
    )


def is_terminal() -> bool:
    """Whether answers go to a terminal that knows more than plain text."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def give_table(columns: Sequence[tuple[str, str]], rows: Iterable[Row]) -> None:
    """Print a table: columns are (title, `left` | `right` | `last`), cells are (text, style).

    Every cell goes through `text.line` here, whatever wrote it. rich's own table measures every cell several times:
    two seconds for a thousand sessions.
    """
    out = console() if is_terminal() else None
    cells = [[(line(text), style) for text, style in row] for row in rows]
    head = [(title, "dim") for title, _ in columns]
    lines = align([side for _, side in columns], [head, *cells], WIDE if out is None else out.width)
    if out is None:
        sys.stdout.write("".join("".join(text for text, _ in parts).rstrip() + "\n" for parts in lines))
        return
    from rich.segment import Segment, Segments
    from rich.style import Style

    segments = [part for parts in lines for part in (*(Segment(t, Style.parse(s)) for t, s in parts), Segment.line())]
    out.print(Segments(segments), crop=False, end="")


def align(sides: Sequence[str], rows: Sequence[Row], width: int) -> list[list[tuple[str, str]]]:
    """Every cell padded to its column, two spaces between; the widest columns give way until all fit in `width`."""
    from rich.cells import cell_len, set_cell_size

    sizes = [[cell_len(text) for text, _ in row] for row in rows]
    widths = [max(column) for column in zip(*sizes, strict=True)]
    spare = width - len(GAP) * (len(widths) - 1)
    while sum(widths) > spare and max(widths) > NARROW:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for row, lengths in zip(rows, sizes, strict=True):
        parts: list[tuple[str, str]] = []
        for side, most, (text, style), size in zip(sides, widths, row, lengths, strict=True):
            if size > most:
                text, size = set_cell_size(text, most - 1) + "…", most
            pad = " " * (most - size)
            gap = GAP if len(parts) + 1 < len(widths) else ""
            parts.append((pad + text + gap if side == "right" else text + pad + gap, style))
        lines.append(parts)
    return lines


def say(text: str) -> None:
    """Words for the person."""
    print(clean(text), file=sys.stderr)


def pick(value: Any, default: str = "?") -> str:
    """A value as text; what is unknown is a question mark."""
    return default if value is None or value == "" else str(value)
