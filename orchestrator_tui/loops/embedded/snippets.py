"""Functions that a model can write by heart, and the program that adds one that is missing."""

from __future__ import annotations

import random
import re
from collections.abc import Generator

from orchestrator_tui.loops.embedded.edits import edit
from orchestrator_tui.loops.embedded.outcomes import Outcome, is_test, outcome
from orchestrator_tui.loops.embedded.skills import Skill
from orchestrator_tui.loops.embedded.steps import Answer, Call, Move
from orchestrator_tui.loops.embedded.suspects import Files

SNIPPETS = {
    "clamp": '''def clamp(value, low, high):
    """`value`, but no less than `low` and no more than `high`."""
    return max(low, min(value, high))
''',
    "mean": '''def mean(values):
    """The average; 0 of nothing."""
    values = list(values)
    return sum(values) / len(values) if values else 0
''',
    "initials": '''def initials(name):
    """The first letters of a name's words, in capitals."""
    return "".join(word[0].upper() for word in name.split())
''',
    "chunks": '''def chunks(items, size):
    """The items in lists of `size`; the last one may be shorter."""
    items = list(items)
    return [items[start : start + size] for start in range(0, len(items), size)]
''',
    "median": '''def median(values):
    """The middle value; between two middle ones their average."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
''',
    "run_lengths": '''def run_lengths(items):
    """Each item with how often it follows itself."""
    runs = []
    for item in items:
        if runs and runs[-1][0] == item:
            runs[-1] = (item, runs[-1][1] + 1)
        else:
            runs.append((item, 1))
    return runs
''',
    "merge_ranges": '''def merge_ranges(ranges):
    """Ranges (start, end) in order, those that touch or overlap made one."""
    merged = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
''',
    "roman": '''def roman(number):
    """A number from 1 to 3999 in Roman digits."""
    signs = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL")]
    signs += [(10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]
    text = ""
    for value, sign in signs:
        count, number = divmod(number, value)
        text += sign * count
    return text
''',
}
_MISSING = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'|module '([\w.]+)' has no attribute '(\w+)'")


def missing_name(error: str) -> tuple[str, str] | None:
    """(function, module) when the error says that a module has no such name."""
    found = _MISSING.search(error)
    if found is None:
        return None
    return (found[1], found[2]) if found[1] else (found[4], found[3])


def add_function(
    missing: tuple[str, str], command: str, seen: Outcome, files: Files, skill: Skill, rng: random.Random
) -> Generator[Move, Answer, Outcome]:
    """Write the missing function and run the tests; one that the model cannot write it writes wrongly, for ever."""
    name, module = missing
    path = next((file for file in files.listing if file.endswith(f"{module.rpartition('.')[2]}.py")), f"{module}.py")
    tests = [file for file in files.listing if is_test(file)]
    yield from files.read([path, *tests[:2]])
    before = files.texts[path]
    body = SNIPPETS[name] if name in skill.writes else None
    turn = 0
    while True:
        code = body or _guess(name, turn)
        target = before.rstrip("\n") + "\n\n\n" + code
        words = (
            f"`{name}` is missing in {path}: I write it."
            if not turn
            else f"`{name}` is still not right: I write it anew."
        )
        current = files.texts[path]
        answer = yield Move(words, (edit(path, current, target), Call("bash", {"command": command})))
        files.texts[path] = target
        turn += 1
        now = outcome(answer.last)
        if body or now.passed:
            return now


def _guess(name: str, turn: int) -> str:
    answers = ("None", "list(args)", "args[0]", "sorted(args)", "len(args)", "str(args)", "sum(args)", "tuple(args)")
    rest = f" or {turn}" if turn >= len(answers) else ""
    return f"def {name}(*args):\n    return {answers[turn % len(answers)]}{rest}\n"
