"""The ask bar: a question above the footer, what it is about, and the keys that answer it."""

from __future__ import annotations

from orchestrator_tui.ui.draw.ink import Line, Run, line_of, sides, width, wrapped
from orchestrator_tui.ui.draw.request import request_rows
from orchestrator_tui.ui.keymap import DEFAULT, Keymap
from orchestrator_tui.ui.questions import Question

TALL = 12
"""Rows of a request that are shown at once."""
LABEL = 13
"""Columns of a field's label."""


def request_lines(question: Question, columns: int) -> list[Line]:
    """All rows of what would be allowed."""
    rows: list[Line] = []
    for name, asked in question.asked:
        if len(question.asked) > 1:
            rows.append(line_of([(name, "strong bold on surface")], columns, "text on surface"))
        rows += [tuple((text, f"{role} on surface") for text, role in row) for row in request_rows(asked, columns)]
    return rows


def head_lines(question: Question, wrong: str, columns: int, most: int) -> list[Line]:
    """The question and its facts, in at most so many rows; `wrong` is what is wrong with the answer."""
    room = max(4, columns - 4)
    lines: list[Line] = []
    for number, part in enumerate(wrapped(question.title + ("" if question.fields else "?"), room, 4)):
        mark: Run = (" ? " if not number else "   ", "key bold on surface")
        lines.append(line_of([mark, (part, "strong bold on surface")], columns, "text on surface"))
    for text, role in question.facts:
        for part in wrapped(text, room, 3):
            runs: list[Run] = [("   ", "text on surface"), (part, f"{role} on surface")]
            lines += [line_of(runs, columns, "text on surface")]
    if wrong:
        parts = wrapped(wrong, room, 2)
        lines = [*lines[: max(1, most - len(parts))]]
        for part in parts:
            lines.append(
                line_of([(" ! ", "errored bold on surface"), (part, "errored on surface")], columns, "text on surface")
            )
    if len(lines) > most:
        cut = len(lines) - most + 1
        lines = [
            *lines[: most - 1],
            line_of([(f"   and {cut} more lines", "dim on surface")], columns, "text on surface"),
        ]
    return lines[:most]


def window(rows: list[Line], top: int, most: int, columns: int) -> list[Line]:
    """The part of a request that is shown, with its true length where that is not all."""
    blank: Run = ("   ", "text on surface")
    if len(rows) <= most:
        return [(blank, *row) for row in rows]
    shown = max(1, most - 1)
    part = rows[top : top + shown]
    last = top + len(part)
    words = f"lines {top + 1}-{last} of {len(rows)}"
    more = "  ↓ goes on, End to its end" if last < len(rows) else "  that is all of it"
    tail = line_of([blank, (words, "waiting on surface"), (more, "dim on surface")], columns, "text on surface")
    return [*((blank, *row) for row in part), tail]


def key_line(question: Question, seen: bool, columns: int, hands: Keymap = DEFAULT) -> Line:
    """What answers it. `seen`: the request was on the screen to its end."""
    keys: list[Run] = [("   ", "text on surface")]

    def put(key: str, words: str) -> None:
        keys.extend([(key, "key bold on surface"), (f" {words}   ", "dim on surface")])

    if question.digits:
        put("1-9", question.yes)
    elif question.fields:
        if question.lines:
            put("Ctrl+S", question.yes)
        else:
            put("Enter", question.yes)
        if len(question.fields) > 1:
            put("Tab", "next field")
        if any(one.choices for one in question.fields):
            put("← →", "choose")
        if not question.lines and any(one.rows > 1 for one in question.fields):
            put("Ctrl+J", "new line")
    elif seen:
        put(hands.shown("yes") or "Enter", question.yes)
    else:
        put("↓", "read on to the end first")
    right: list[Run] = [("Esc", "key bold on surface"), (" nothing is done ", "dim on surface")]
    if sum(width(text) for text, _ in (*keys, *right)) > columns:
        right = [("Esc", "key bold on surface"), (" no ", "dim on surface")]
    return sides(keys, right, columns, "text on surface")
