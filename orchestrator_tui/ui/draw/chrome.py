"""The footer, and the page of all keys: both from the action table."""

from __future__ import annotations

from orchestrator_tui.ui.actions import ACTIONS, NAMES, Action
from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, fit, framed, line_of, width

GROUPS = (
    ("Move", ("left", "down", "up", "right", "next-needs-you", "next-free", "latest-alert", "pane")),
    ("Look", ("open", "back", "filter", "zoom-in", "zoom-out", "theme")),
    ("orc", ("palette", "help", "quit")),
)
GAP = 3
WORDS = {
    "working": "the model writes", "tool_running": "a tool runs", "thinking": "the model owes an answer",
    "waiting": "a person is owed", "rate_limited": "back-off, throttle or quota", "errored": "it ended in an error",
    "dead": "its process is gone in mid-turn", "paused": "stopped by hand", "finished": "done, nothing asked",
    "fog": "not known: nobody looked, or no process matched",
}  # fmt: skip


def footer(where: str, columns: int) -> list[Line]:
    """The keys that apply here, as many as fit."""
    runs: list[Run] = [(" ", "text on surface")]
    left = columns - 1
    for action in ACTIONS:
        if not action.footer or action.where not in (where, "anywhere"):
            continue
        part = [(action.shown, "key bold on surface"), (f" {action.label}{' ' * GAP}", "dim on surface")]
        size = sum(width(text) for text, _ in part)
        if size - GAP > left:
            break
        runs += part
        left -= size
    return [line_of(runs, columns, "text on surface")]


def help_page(columns: int, rows: int) -> list[Line]:
    """All keys and all signs on one page."""
    by_id = {action.id: action for action in ACTIONS}
    keys: list[Line] = []
    half = min(columns - 4, 74)
    for title, names in GROUPS:
        keys.append(line_of([(title, "strong bold")], half))
        keys += [_key(by_id[name], half) for name in names]
        keys.append(line_of([], half))
    signs = [line_of([("Signs", "strong bold")], 44)]
    signs += [
        line_of(
            [(GLYPHS[name] + " ", ROLES[name]), (fit(name.replace("_", " "), 14), "text"), (WORDS[name], "dim")], 64
        )
        for name in WORDS
    ]
    if columns >= half + 70:
        count = max(len(keys), len(signs))
        keys += [line_of([], half)] * (count - len(keys))
        signs += [line_of([], 64)] * (count - len(signs))
        body = [
            line_of([("  ", "text"), *a, ("  ", "text"), *b], columns - 2) for a, b in zip(keys, signs, strict=True)
        ]
    else:
        body = [line_of([(" ", "text"), *part], columns - 2) for part in [*keys, *signs]]
    return framed(body, columns, rows, [("keys", "strong")], [("Esc back", "dim")], "border")


def _key(action: Action, columns: int) -> Line:
    names = " ".join(NAMES.get(key, key) for key in action.keys)
    return line_of([("  ", "text"), (fit(names, 12), "key"), (action.help, "text")], columns)
