"""What a client asks leave for, exactly: every character of it, cleaned but not shortened."""

from __future__ import annotations

import json
from typing import Any

from rich.cells import chop_cells

from orchestrator_tui.events import PermissionAsked
from orchestrator_tui.excerpt import Excerpt
from orchestrator_tui.text import clean, line
from orchestrator_tui.ui.draw.ink import Line, Run, fit, line_of, width


def request_rows(asked: PermissionAsked, columns: int) -> list[Line]:
    """The request as rows: the tool, then each part of its input; nothing is left out, no space is dropped."""
    head: list[Run] = [(line(asked.tool, 60) or "?", "waiting bold")]
    if asked.words:
        head.append(("  " + line(asked.words, 160), "dim"))
    rows = [line_of(head, columns)]
    parts = [(line(label, 16), text) for label, text in _parts(asked.what)]
    indent = max((width(label) + 2 for label, _ in parts if label), default=0)
    for label, text in parts:
        rows += _rows(label, text, indent, columns)
    told = cut_words(asked.what)
    if told:
        rows.append(line_of([(told, "errored bold")], columns))
    return rows


def cut_words(what: Excerpt) -> str:
    """What is missing of a request that was too long to be kept; "" where it is whole."""
    if what.whole:
        return ""
    kept = len(what.text) + len(what.tail)
    return f"NOT ALL OF IT IS HERE: {kept:,} of {what.length:,} characters were kept; its terminal has the rest"


def _parts(what: Excerpt) -> list[tuple[str, str]]:
    """(label, text): the fields of an object, each as often as it is there; anything else as it is."""
    if not what.whole:
        return [("", what.text), *([("...", what.tail)] if what.tail else [])]
    try:
        pairs = json.loads(what.text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return [("", what.text)]
    if not isinstance(pairs, _Pairs):
        return [("", what.text)]
    # Where one field stands twice, clients differ in which they take: then the text itself is shown.
    if not pairs or any(_nested(value) for _, value in pairs) or len({name for name, _ in pairs}) < len(pairs):
        return [("", what.text)]
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in pairs]


class _Pairs(list[tuple[str, Any]]):
    """An object of JSON with its fields as they are written."""


def _nested(value: object) -> bool:
    return isinstance(value, list)


def _rows(label: str, text: str, indent: int, columns: int) -> list[Line]:
    """One part, broken at the edge alone; its label stands before its first row."""
    room = max(1, columns - indent)
    rows: list[Line] = []
    for part in clean(text).split("\n"):
        for piece in chop_cells(part, room) or [""]:
            mark = fit(label if not rows else "", indent)
            rows.append(line_of([(mark, "dim"), (piece, "strong")], columns))
    return rows
