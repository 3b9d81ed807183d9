"""The footer: the keys that apply here and now, from the action table and the keys in force."""

from __future__ import annotations

from collections.abc import Container

from orchestrator_tui.ui.draw.help import help_page
from orchestrator_tui.ui.draw.ink import Line, Run, line_of, width
from orchestrator_tui.ui.keymap import DEFAULT, Keymap

__all__ = ["footer", "help_page"]
GAP = 3
"""Columns between two keys of the footer."""
ALWAYS = ("all", "help")
"""What the footer says in any case, at its end."""
FIRST: dict[str, tuple[str, ...]] = {
    "fleet": (
        "answer", "undo", "next", "bring back", "open", "message", "kill", "model", "pause", "terminal", "split",
    ),
    "session": (
        "answer", "undo", "find", "unfold", "evidence", "match", "follow", "copy", "message", "bring back",
        "kill", "instrument",
    ),
    "replay": ("play", "now", "decision", "event", "speed", "time", "turn"),
}  # fmt: skip
"""By place: what has room before all others where not everything fits, the most useful first."""


def footer(
    where: str, columns: int, narrow: bool = True, applies: Container[str] | None = None, keys: Keymap = DEFAULT
) -> list[Line]:
    """The keys that apply here and now, as many as fit; the pane key only where panes take turns.

    `applies`: the actions that can be done at this moment; None: all of them.
    """
    groups: list[tuple[str, list[str]]] = []
    for action in keys.actions:
        shown = keys.shown(action.id)
        there = action.holds(where) or (action.footer in ALWAYS and action.reaches(where))
        if not shown or not action.footer or not there or (action.id == "pane" and not narrow):
            continue
        if applies is not None and action.id not in applies:
            continue
        if groups and groups[-1][0] == action.footer:
            groups[-1][1].append(shown)
        else:
            groups.append((action.footer, [shown]))
    ends = [group for group in groups if group[0] in ALWAYS]
    # The last one needs no gap behind it.
    left = columns - 1 + GAP - sum(_size(group) + GAP for group in ends)
    first = {word: place for place, word in enumerate(FIRST.get(where, ()))}
    chosen: list[tuple[str, list[str]]] = []
    for group in sorted(groups, key=lambda group: first.get(group[0], len(first))):
        size = _size(group) + GAP
        if group not in ends and size <= left:
            chosen.append(group)
            left -= size
    # What is where stays as it is: only what is left out depends on the room.
    shown_groups = [group for group in groups if group in chosen]
    runs: list[Run] = [(" ", "text on surface")]
    for number, (word, names) in enumerate((*shown_groups, *ends)):
        runs += [(" " * GAP, "dim on surface")] if number else []
        runs += [(" ".join(names), "key bold on surface"), (f" {word}", "dim on surface")]
    return [line_of(runs, columns, "text on surface")]


def _size(group: tuple[str, list[str]]) -> int:
    return width(group[0]) + sum(width(key) + 1 for key in group[1])
