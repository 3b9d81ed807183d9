"""A table of a report: cells are cleaned text, columns know what may be left out where there is little room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

Side = Literal["left", "right", "last"]


class Column(Struct, frozen=True):
    """One column."""

    title: str
    side: Side = "left"
    rank: int = 0
    """Where it does not fit the highest rank goes first; 0 stays."""
    role: str = "text"


class Table(Struct, frozen=True):
    """One part of the report."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, ...]]
    words: str = ""
    """What its figures rest on."""
    tones: tuple[str, ...] = ()
    """For each row `good`, `bad` or ""; () is none."""
    narrow: bool = False
    """It has few columns: several may stand side by side."""
    more: int = 0
    """Rows that are left out here and are in the JSON."""
