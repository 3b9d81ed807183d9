"""The page of all keys and signs, from the action table and the keys in force, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from orchestrator_tui.ui.actions import HEADS, Action, by_head
from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, fit, framed, line_of, width
from orchestrator_tui.ui.keymap import DEFAULT, Keymap

LEAST = 38
"""Columns under which a key and its brief text do not stand side by side."""
GOOD = 64
"""Columns that most help texts take; wider ones leave the page half empty."""
WHERE = ("in a session: ", "in a diff: ", "in the report: ")
"""How the help of an action begins whose head says the same."""
KEYS = 11
"""Columns of the keys, at most."""
NARROW = 60
"""Columns under which the head of the page has room for few words."""
NAME = 14
"""Columns of a sign's name."""
WORDS = {
    "working": ("the model writes", "the model writes"),
    "tool_running": ("a tool runs", "a tool runs"),
    "thinking": ("the model owes an answer", "an answer is owed"),
    "waiting": ("a person is owed", "a person is owed"),
    "rate_limited": ("back-off, throttle or quota", "back-off or quota"),
    "errored": ("it ended in an error", "ended in an error"),
    "looping": ("the same again and again", "the same, again"),
    "spinning": ("at work, and nothing new", "busy, nothing new"),
    "stalled": ("silent beyond all patience", "silent too long"),
    "orphaned": ("its terminal is gone, it still runs", "runs, no terminal"),
    "dead": ("its process is gone in mid-turn", "gone in mid-turn"),
    "paused": ("stopped by hand", "stopped by hand"),
    "finished": ("done, nothing asked; bold: not looked at yet", "done; bold: unseen"),
    "fog": ("not known: nobody looked, or no process matched", "not known"),
}
"""Status -> what its sign says, at length and in brief."""
MARKS = (
    ("*", "marked", "marked: commands go to all that are", "commands go to all"),
    ("3", "group 3", "the number of its group", "the number's group"),
    ("~", "about", "a sum that is estimated", "a sum, estimated"),
    ("≥", "at least", "a sum of which a part has no price", "part has no price"),
)


def help_page(columns: int, rows: int, page: int = 0, keys: Keymap = DEFAULT, place: str = "") -> list[Line]:
    """All keys and all signs, in as few and as wide columns as one page takes; else page after page.

    `place`: where one was, whose heads are bright; "" is anywhere.
    """
    inner, height = columns - 2, rows - 2
    if inner < 1 or height < 1:
        return framed([], columns, rows, [], [], "border")
    most = max(1, inner // LEAST)
    sheets: list[list[list[Line]]] = []
    for count in range(max(1, inner // GOOD), most + 1):
        sheets = _flowed(*_blocks(inner // count, keys, place), height, count)
        if len(sheets) == 1:
            break
    number = page % len(sheets)
    part = inner // max(1, len(sheets[number]))
    part = min(part, inner // count)
    body: list[Line] = []
    for row in range(height):
        runs: list[Run] = []
        for column in sheets[number]:
            runs += column[row] if row < len(column) else [(" " * part, "text")]
        body.append(line_of(runs, inner))
    right: list[Run] = []
    if len(sheets) > 1:
        right = [(f"{number + 1} of {len(sheets)}  ", "dim"), (keys.shown("help"), "key"), (" next page   ", "dim")]
    right += [(keys.shown("back"), "key"), (" back", "dim")]
    title: list[Run] = [("keys and signs", "strong")]
    if len(sheets) > 1 and columns < NARROW:
        # That there are more pages matters more than the words.
        title = [("keys", "strong")]
        right = [(f"{number + 1} of {len(sheets)}  ", "dim"), (keys.shown("help"), "key"), (" next", "dim")]
    return framed(body, columns, rows, title, right, "border")


def _flowed(
    here: Sequence[list[Line]], others: Sequence[list[Line]], height: int, count: int
) -> list[list[list[Line]]]:
    """Pages of columns of lines: on as few pages as can be, and `here` before `others`; then blocks whole and apart."""
    ways = (partial(_fitted, gap=1), partial(_in_order, gap=1), partial(_in_order, gap=0))
    flowed = [(way([*here, *others], height), way(here, height)) for way in ways]
    best = min(flowed, key=lambda pair: (-(-len(pair[0]) // count), -(-len(pair[1]) // count)))[0]
    return [best[at : at + count] for at in range(0, len(best), count)]


def _fitted(blocks: Sequence[list[Line]], height: int, gap: int) -> list[list[Line]]:
    """Columns of whole blocks, each block in the first column that has room; the long ones broken."""
    columns: list[list[Line]] = []
    for block in blocks:
        place = next((one for one in columns if len(one) + gap + len(block) <= height), None)
        if place is None:
            columns += [block[at : at + height] for at in range(0, len(block), height)]
        else:
            place += [line_of([], _wide(block))] * gap + block
    return columns


def _in_order(blocks: Sequence[list[Line]], height: int, gap: int) -> list[list[Line]]:
    """Columns filled one after the other; a head does not stand alone at the foot of one."""
    columns: list[list[Line]] = [[]]
    for block in blocks:
        rest = list(block)
        if columns[-1] and height - len(columns[-1]) - gap < min(3, len(rest)):
            columns.append([])
        elif columns[-1]:
            columns[-1] += [line_of([], _wide(block))] * gap
        while rest:
            there = max(1, height - len(columns[-1]))
            columns[-1] += rest[:there]
            rest = rest[there:]
            if rest:
                columns.append([])
    return columns


def _wide(block: Sequence[Line]) -> int:
    return sum(width(text) for text, _ in block[0])


def _blocks(columns: int, keys: Keymap, place: str) -> tuple[list[list[Line]], list[list[Line]]]:
    """A block a head and the signs; the heads of other places. Each line is so many columns wide."""
    blocks: list[list[Line]] = []
    others: list[list[Line]] = []
    for head, actions in by_head(keys.actions):
        rows = _merged(actions, keys)
        if rows:
            here = not place or any(action.reaches(place) or action.where == "ask" for action in actions)
            wide = min(KEYS, max(width(text) for text, _, _ in rows))
            block = [line_of([(" " + head, "strong bold" if here else "dim bold")], columns)]
            room = columns - wide - 5
            for text, long, brief in rows:
                long = long.partition(": ")[2] if long.startswith(WHERE) else long
                words = long if width(long) <= room else brief
                runs: list[Run] = [("  ", "text"), (fit(text, wide), "key" if here else "dim")]
                block.append(line_of([*runs, ("  ", "text"), (fit(words, room), "text" if here else "dim")], columns))
            if place and head == HEADS.get(place):
                # What only this place has is what one asked for.
                blocks.insert(0, block)
            else:
                (blocks if here else others).append(block)
    return [*blocks, _signs(columns)], others


def _merged(actions: Sequence[Action], keys: Keymap) -> list[tuple[str, str, str]]:
    """(keys, what they do, the same in brief); neighbours of one brief text are one row."""
    groups: list[list[Action]] = []
    for action in actions:
        if not keys.keys(action.id):
            continue
        if groups and action.brief and groups[-1][0].brief == action.brief:
            groups[-1].append(action)
        else:
            groups.append([action])
    rows: list[tuple[str, str, str]] = []
    for group in groups:
        first = group[0]
        if len(group) == 1:
            text = keys.written(first.id)
            rows.append((text if width(text) <= KEYS else keys.shown(first.id), first.help, first.brief or first.label))
            continue
        shown = [keys.shown(action.id) for action in group]
        tight = len(group) > 2 and all(width(text) == 1 for text in shown)
        text = ("" if tight else " ").join(shown)
        others = [keys.written(action.id).partition(" ")[2] for action in group]
        if tight and all(width(other) == 1 for other in others):
            text += " " + "".join(others)
        rows.append((text, first.brief, first.brief))
    return rows


def _signs(columns: int) -> list[Line]:
    lines = [line_of([(" Signs", "strong bold")], columns)]
    room = columns - NAME - 5
    for status, (long, brief) in WORDS.items():
        sign: list[Run] = [(f"  {GLYPHS[status]} ", ROLES[status]), (fit(status.replace("_", " "), NAME), "text")]
        lines.append(line_of([*sign, (fit(long if width(long) <= room else brief, room), "dim")], columns))
    for glyph, name, long, brief in MARKS:
        sign = [(f"  {glyph} ", "key bold"), (fit(name, NAME), "text")]
        lines.append(line_of([*sign, (fit(long if width(long) <= room else brief, room), "dim")], columns))
    return lines
