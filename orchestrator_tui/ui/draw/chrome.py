"""The footer, and the page of all keys: both from the action table."""

from __future__ import annotations

from collections.abc import Container

from orchestrator_tui.ui.actions import ACTIONS, BY_ID, Action
from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, fit, framed, line_of, width

GROUPS = (
    ("Command", (
        "approve", "deny", "message", "escalate", "step-down", "model", "split", "pause", "kill", "kill-now", "undo",
        "revive", "terminal", "new", "budget", "note",
    )),
    ("Move", ("left", "down", "up", "right", "next-needs-you", "next-free", "latest-alert", "pane")),
    ("Choose", ("mark", "unmark", "assign", "recall", "need-me")),
    ("Look", ("open", "back", "filter", "overlay", "zoom-in", "zoom-out", "theme")),
    ("Read", ("diff", "next-file", "previous-file", "page-down", "page-up")),
    ("Judge", ("acknowledge", "snooze")),
    ("orc", ("palette", "help", "quit")),
)  # fmt: skip
GAP = 3
"""Columns between two keys of the footer."""
SIGNS = 56
"""Columns of the list of signs."""
WORDS = {
    "working": "the model writes", "tool_running": "a tool runs", "thinking": "the model owes an answer",
    "waiting": "a person is owed", "rate_limited": "back-off, throttle or quota", "errored": "it ended in an error",
    "looping": "the same again and again", "spinning": "at work, and nothing new",
    "stalled": "silent beyond all patience", "orphaned": "its terminal is gone, it still runs",
    "dead": "its process is gone in mid-turn", "paused": "stopped by hand", "finished": "done, nothing asked",
    "fog": "not known: nobody looked, or no process matched",
}  # fmt: skip


ALWAYS = ("all", "help")
"""What the footer says in any case, at its end."""


def footer(where: str, columns: int, narrow: bool = True, applies: Container[str] | None = None) -> list[Line]:
    """The keys that apply here and now, as many as fit; the pane key only where panes take turns.

    `applies`: the actions that can be done at this moment; None: all of them.
    """
    groups: list[tuple[str, list[str]]] = []
    for action in ACTIONS:
        if not action.footer or not action.holds(where) or (action.id == "pane" and not narrow):
            continue
        if applies is not None and action.id not in applies:
            continue
        if groups and groups[-1][0] == action.footer:
            groups[-1][1].append(action.shown)
        else:
            groups.append((action.footer, [action.shown]))
    ends = [group for group in groups if group[0] in ALWAYS]
    # The last one needs no gap behind it.
    left = columns - 1 + GAP - sum(_size(group) + GAP for group in ends)
    shown: list[tuple[str, list[str]]] = []
    for group in groups:
        if group in ends:
            continue
        if _size(group) + GAP > left:
            break
        shown.append(group)
        left -= _size(group) + GAP
    runs: list[Run] = [(" ", "text on surface")]
    for number, (word, keys) in enumerate((*shown, *ends)):
        runs += [(" " * GAP, "dim on surface")] if number else []
        runs += [(" ".join(keys), "key bold on surface"), (f" {word}", "dim on surface")]
    return [line_of(runs, columns, "text on surface")]


def _size(group: tuple[str, list[str]]) -> int:
    return width(group[0]) + sum(width(key) + 1 for key in group[1])


def help_page(columns: int, rows: int, page: int = 0) -> list[Line]:
    """All keys and all signs: side by side where there is room, else on pages."""
    half = min(columns - 4, 74)
    sheets: list[list[Line]] = [[]]
    most = max(1, rows - 4)
    parts = [(title, names[at : at + most]) for title, names in GROUPS for at in range(0, len(names), most)]
    for title, names in parts:
        group = [line_of([(title, "strong bold")], half), *(_key(BY_ID[name], half) for name in names)]
        if sheets[-1] and len(sheets[-1]) + len(group) > rows - 2:
            sheets.append([])
        sheets[-1] += [*group, line_of([], half)]
    signs = [line_of([("Signs", "strong bold")], SIGNS)]
    for name, words in WORDS.items():
        sign = [(GLYPHS[name] + " ", ROLES[name]), (fit(name.replace("_", " "), 14), "text")]
        signs.append(line_of([*sign, (words, "dim")], SIGNS))
    both = columns >= half + SIGNS + 6
    place = page % (len(sheets) + (not both))
    if both:
        keys = sheets[place]
        count = max(len(keys), len(signs))
        keys += [line_of([], half)] * (count - len(keys))
        signs += [line_of([], SIGNS)] * (count - len(signs))
        pairs = zip(keys, signs, strict=True)
        body = [line_of([("  ", "text"), *left, ("  ", "text"), *right], columns - 2) for left, right in pairs]
    else:
        body = [line_of([(" ", "text"), *part], columns - 2) for part in [*sheets, signs][place]]
    on_signs = not both and place == len(sheets)
    other = [("?", "key"), (" signs   " if not both and place == len(sheets) - 1 else " keys   ", "dim")]
    right = [*(other if len(sheets) > 1 or not both else []), ("Esc", "key"), (" back", "dim")]
    return framed(
        body,
        columns,
        rows,
        [("keys and signs" if both else "signs" if on_signs else "keys", "strong")],
        right,
        "border",
    )


def _key(action: Action, columns: int) -> Line:
    return line_of([("  ", "text"), (fit(action.written, 12), "key"), (action.help, "text")], columns)
