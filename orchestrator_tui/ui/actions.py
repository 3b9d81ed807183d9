"""Every action of the dashboard, once: bindings, footer, help and palette come from this table.

An action's keys are Textual's names; `orc` shows them as a person writes them (`shown`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

Where = Literal["fleet", "session", "diff", "anywhere"]


class Action(Struct, frozen=True):
    """One thing that a key does."""

    id: str
    """Stable: settings and tests name it."""
    keys: tuple[str, ...]
    label: str
    """One or two words, for the footer."""
    help: str
    """One line, for help and palette."""
    where: Where = "fleet"
    footer: bool = False
    """Whether it has a place in the footer, where it applies."""

    @property
    def shown(self) -> str:
        """Its first key as a person writes it."""
        return NAMES.get(self.keys[0], self.keys[0])


NAMES = {
    "full_stop": ".", "comma": ",", "slash": "/", "colon": ":", "question_mark": "?", "plus": "+", "minus": "-",
    "enter": "Enter", "escape": "Esc", "tab": "Tab", "left": "←", "right": "→", "up": "↑", "down": "↓",
    "equals_sign": "=", "pageup": "PgUp", "pagedown": "PgDn", "ctrl+c": "Ctrl+C", "space": "Space",
}  # fmt: skip
"""Textual's names of keys -> what a person calls them."""

ACTIONS: tuple[Action, ...] = (
    Action("next-needs-you", ("full_stop",), "next", "the next session that needs you", footer=True),
    Action("next-free", ("comma",), "free", "the next session that is done: free capacity", footer=True),
    Action("latest-alert", ("space",), "latest", "the session that came to need you last"),
    Action("snooze", ("z",), "snooze", "leave it out of the queue for 15 minutes, or take it back", footer=True),
    Action("acknowledge", ("a",), "not stuck", "say that this is no trouble: the cause stays muted", footer=True),
    Action("open", ("enter",), "open", "open the session: its transcript as it happens", footer=True),
    Action("back", ("escape",), "back", "back; on the map, take the filter away", "anywhere"),
    Action("filter", ("slash",), "filter", "show only sessions that match a word", footer=True),
    Action("overlay", ("o",), "overlay", "the next meaning of the map's colour", footer=True),
    Action("zoom-in", ("plus", "equals_sign"), "larger", "larger cells: from dots to tiles"),
    Action("zoom-out", ("minus",), "smaller", "smaller cells: from tiles to dots"),
    Action("left", ("left", "h"), "left", "one cell to the left"),
    Action("down", ("down", "j"), "down", "one row down"),
    Action("up", ("up", "k"), "up", "one row up"),
    Action("right", ("right", "l"), "right", "one cell to the right"),
    Action("help", ("question_mark",), "help", "all keys on one page", "anywhere", footer=True),
    Action("quit", ("q", "ctrl+c"), "quit", "close the dashboard; the host goes on watching", "anywhere", footer=True),
    Action("pane", ("tab",), "pane", "the other pane: map or inspector, where both do not fit", footer=True),
    Action("palette", ("colon",), "all", "every action by name", "anywhere", footer=True),
    Action("diff", ("D",), "diff", "what the session changed since it began, line by line", "anywhere"),
    Action("next-file", ("n",), "next file", "in a diff: the next file", "diff", footer=True),
    Action("previous-file", ("p",), "file before", "in a diff: the file before", "diff", footer=True),
    Action("page-down", ("pagedown",), "down", "in a diff: one page down", "diff", footer=True),
    Action("page-up", ("pageup",), "up", "in a diff: one page up", "diff", footer=True),
    Action("theme", ("T",), "theme", "the next theme", "anywhere"),
)


def check(actions: Iterable[Action]) -> list[str]:
    """What is wrong with a table: an id twice, a key with two meanings in one place."""
    faults: list[str] = []
    ids: set[str] = set()
    used: dict[tuple[str, str], str] = {}
    for action in actions:
        if action.id in ids:
            faults.append(f"{action.id} is there twice")
        ids.add(action.id)
        places = ("fleet", "session", "diff") if action.where == "anywhere" else (action.where,)
        for place in places:
            for key in action.keys:
                other = used.setdefault((place, key), action.id)
                if other != action.id:
                    faults.append(f"{key} means both {other} and {action.id}")
    return faults
