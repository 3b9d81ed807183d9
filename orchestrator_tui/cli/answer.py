"""How answers are given: one JSON object with its schema, or a table for people; data on stdout, words on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator_tui.text import clean

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 240
"""Columns of a table that goes to a file or a pipe."""


def give_json(value: object) -> None:
    """Print one JSON answer; strings in it are escaped by JSON, so a terminal is safe from them."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode("utf-8")
    sys.stdout.write(ascii_controls(text) + "\n")


def ascii_controls(text: str) -> str:
    """JSON may hold C1 controls and bidirectional marks as they are: written as escapes they are inert."""
    if text.isascii():
        return text
    return "".join(
        char if char == "\n" or char.isprintable() else "".join(f"\\u{unit:04x}" for unit in _utf16(char))
        for char in text
    )


def _utf16(char: str) -> list[int]:
    raw = char.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]


def console() -> Console:
    """The console of this command: plain where CONTRACT §1 says so."""
    from rich.console import Console

    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if terminal:
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


def give_table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[tuple[str, str]]]) -> None:
    """Print a table: columns are (title, `left` | `right` | `last`), cells are (text, style).

    Every cell goes through `text.clean` here, whatever wrote it.
    """
    from rich.table import Table
    from rich.text import Text

    out = console()
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    for title, side in columns:
        table.add_column(
            title,
            justify="right" if side == "right" else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if side == "last" else None,
        )
    for row in rows:
        table.add_row(*(Text(clean(text), style=style) for text, style in row))
    out.print(table)


def say(text: str) -> None:
    """Words for the person."""
    print(clean(text), file=sys.stderr)


def pick(value: Any, default: str = "?") -> str:
    """A value as text; what is unknown is a question mark."""
    return default if value is None or value == "" else str(value)
