"""Every action of the dashboard, once: bindings, footer, help and palette come from this table.

An action's keys are Textual's names; `orc` shows them as a person writes them (`shown`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

Where = Literal["fleet", "session", "diff", "work", "anywhere"]
PLACES: dict[Where, tuple[str, ...]] = {"work": ("fleet", "session"), "anywhere": ("fleet", "session", "diff")}
"""Where a key holds that holds in more than one place; `work`: wherever a session is looked at."""


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
    footer: str = ""
    """What the footer calls it, where it applies; neighbours of one word share it: `y n answer`. "" has no place."""
    numbered: bool = False
    """Each of its keys is a digit, and does it with that number."""

    @property
    def shown(self) -> str:
        """Its first key as a person writes it; of digits the range."""
        if self.numbered:
            return f"{self.keys[0]}-{self.keys[-1]}"
        return NAMES.get(self.keys[0], self.keys[0])

    @property
    def written(self) -> str:
        """All its keys as a person writes them."""
        return self.shown if self.numbered else " ".join(NAMES.get(key, key) for key in self.keys)

    def holds(self, place: str) -> bool:
        """Whether its key has this meaning there: `fleet`, `session` or `diff`."""
        return place in PLACES.get(self.where, (self.where,))

    def call(self, key: str) -> str:
        """What a binding of the key says to the application."""
        return f"orc('{self.id}', '{key}')" if self.numbered else f"orc('{self.id}')"


NAMES = {
    "full_stop": ".", "comma": ",", "slash": "/", "colon": ":", "question_mark": "?", "plus": "+", "minus": "-",
    "enter": "Enter", "escape": "Esc", "tab": "Tab", "left": "←", "right": "→", "up": "↑", "down": "↓",
    "equals_sign": "=", "pageup": "PgUp", "pagedown": "PgDn", "ctrl+c": "Ctrl+C", "space": "Space",
}  # fmt: skip
"""Textual's names of keys -> what a person calls them."""

ACTIONS: tuple[Action, ...] = (
    Action("approve", ("y",), "approve", "allow what it asks, exactly as shown; final", "work", "answer"),
    Action("deny", ("n",), "deny", "refuse what it asks, and say why", "work", "answer"),
    Action("undo", ("u",), "undo", "take the last command back, while it can be", "work", "undo"),
    Action("message", ("m",), "message", "write to it", "work", "message"),
    Action("escalate", ("e",), "escalate", "go on with the next larger model", "work", "model"),
    Action("step-down", ("d",), "step down", "go on with the next smaller model", "work", "model"),
    Action("model", ("E",), "choose model", "go on with a model of your choice", "work"),
    Action("split", ("s",), "split", "give its remaining work to several sessions", "work", "split"),
    Action("pause", ("p",), "pause", "pause it, or let it go on", "work", "pause"),
    Action("kill", ("x",), "kill", "stop it now, end it 5 seconds later", "work", "kill"),
    Action("kill-now", ("X",), "kill now", "end it at once: asks, cannot be undone", "work"),
    Action("revive", ("C",), "bring back", "go on with the same conversation in a new process", "work", "bring back"),
    Action("terminal", ("t",), "terminal", "go to its terminal", "work", "terminal"),
    Action("next-needs-you", ("full_stop",), "next", "the next session that needs you", footer="next"),
    Action("snooze", ("z",), "snooze", "leave it out of the queue for 15 minutes, or take it back", footer="snooze"),
    Action(
        "acknowledge", ("a",), "not stuck", "say that this is no trouble: the cause stays muted", footer="not stuck"
    ),
    Action("open", ("enter",), "open", "open the session: its transcript as it happens", footer="open"),
    Action("pane", ("tab",), "pane", "the other pane: map or inspector, where both do not fit", footer="pane"),
    Action("next-free", ("comma",), "free", "the next session that is done: free capacity", footer="free"),
    Action("latest-alert", ("space",), "latest", "the session that came to need you last"),
    Action("overlay", ("o",), "overlay", "the next meaning of the map's colour", footer="overlay"),
    Action(
        "recall", tuple("123456789"), "group", "select a group, again: to its middle", footer="groups", numbered=True
    ),
    Action("assign", ("g",), "assign", "the selection becomes a group: g, then 1-9"),
    Action("need-me", ("0",), "all that need me", "select all that need you"),
    Action("mark", ("v",), "mark", "mark it, or not any more; commands go to all marked ones", footer="mark"),
    Action("unmark", ("V",), "unmark all", "no session is marked any more", footer="unmark"),
    Action("filter", ("slash",), "filter", "show only sessions that match a word", footer="filter"),
    Action("new", ("c",), "new session", "begin a session: agent, directory, prompt", "work", "new"),
    Action("budget", ("b",), "budget", "what it may cost, with all that it starts", "work"),
    Action("note", ("w",), "why", "note the reason for the next command", "work"),
    Action("back", ("escape",), "back", "back; on the map, take the filter away", "anywhere"),
    Action("zoom-in", ("plus", "equals_sign"), "larger", "larger cells: from dots to tiles"),
    Action("zoom-out", ("minus",), "smaller", "smaller cells: from tiles to dots"),
    Action("left", ("left", "h"), "left", "one cell to the left"),
    Action("down", ("down", "j"), "down", "one row down"),
    Action("up", ("up", "k"), "up", "one row up"),
    Action("right", ("right", "l"), "right", "one cell to the right"),
    Action("diff", ("D",), "diff", "what the session changed since it began, line by line", "anywhere"),
    Action("next-file", ("n",), "next file", "in a diff: the next file", "diff", "next file"),
    Action("previous-file", ("p",), "file before", "in a diff: the file before", "diff", "file before"),
    Action("page-down", ("pagedown",), "down", "in a diff: one page down", "diff", "down"),
    Action("page-up", ("pageup",), "up", "in a diff: one page up", "diff", "up"),
    Action("theme", ("T",), "theme", "the next theme", "anywhere"),
    Action("quit", ("q", "ctrl+c"), "quit", "close the dashboard; the host goes on watching", "anywhere", "quit"),
    Action("palette", ("colon",), "all", "every action by name", "anywhere", "all"),
    Action("help", ("question_mark",), "help", "all keys on one page", "anywhere", "help"),
)
"""In the order in which the footer shows them."""
BY_ID = {action.id: action for action in ACTIONS}
COMMANDS = frozenset(action.id for action in ACTIONS if action.where == "work")
"""What is asked of the host, or of the session's terminal."""
SELECTING = frozenset({"recall", "assign", "need-me", "mark", "unmark"})


def keys_table() -> str:
    """Every key as a table in Markdown, in the order of the help page: what docs/keys.md holds."""
    from orchestrator_tui.ui.draw.chrome import GROUPS

    lines = [
        "# Keys",
        "",
        "Made from the table of actions; the first key of each can be remapped by the name of its action.",
    ]
    for title, names in GROUPS:
        lines += ["", f"## {title}", "", "| key | action | what it does |", "|---|---|---|"]
        lines += [f"| `{BY_ID[name].written}` | {name} | {BY_ID[name].help} |" for name in names]
    return "\n".join(lines) + "\n"


def check(actions: Iterable[Action]) -> list[str]:
    """What is wrong with a table: an id twice, a key with two meanings in one place."""
    faults: list[str] = []
    ids: set[str] = set()
    used: dict[tuple[str, str], str] = {}
    for action in actions:
        if action.id in ids:
            faults.append(f"{action.id} is there twice")
        ids.add(action.id)
        for place in PLACES.get(action.where, (action.where,)):
            for key in action.keys:
                other = used.setdefault((place, key), action.id)
                if other != action.id:
                    faults.append(f"{key} means both {other} and {action.id}")
    return faults
