"""The footer, and the page of all keys: both from the action table."""

from __future__ import annotations

from orchestrator_tui.ui.actions import ACTIONS, NAMES, Action
from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, fit, framed, line_of, width

GROUPS = (
    ("Move", ("left", "down", "up", "right", "next-needs-you", "next-free", "latest-alert", "pane")),
    ("Look", ("open", "back", "filter", "overlay", "zoom-in", "zoom-out", "theme")),
    ("Read", ("diff", "next-file", "previous-file", "page-down", "page-up")),
    ("Judge", ("acknowledge", "snooze")),
    ("orc", ("palette", "help", "quit")),
)
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


def footer(where: str, columns: int, narrow: bool = True) -> list[Line]:
    """The keys that apply here, as many as fit; the pane key only where panes take turns."""
    runs: list[Run] = [(" ", "text on surface")]
    left = columns - 1
    for action in ACTIONS:
        if not action.footer or action.where not in (where, "anywhere") or (action.id == "pane" and not narrow):
            continue
        part = [(action.shown, "key bold on surface"), (f" {action.label}", "dim on surface")]
        size = sum(width(text) for text, _ in part)
        if size > left:
            break
        runs += [*part, (" " * min(GAP, left - size), "dim on surface")]
        left -= size + GAP
    return [line_of(runs, columns, "text on surface")]


def help_page(columns: int, rows: int, page: int = 0) -> list[Line]:
    """All keys and all signs: side by side where there is room, else on pages."""
    by_id = {action.id: action for action in ACTIONS}
    half = min(columns - 4, 74)
    sheets: list[list[Line]] = [[]]
    for title, names in GROUPS:
        group = [line_of([(title, "strong bold")], half), *(_key(by_id[name], half) for name in names)]
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
    names = " ".join(NAMES.get(key, key) for key in action.keys)
    return line_of([("  ", "text"), (fit(names, 12), "key"), (action.help, "text")], columns)
