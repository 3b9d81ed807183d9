"""What the model takes a task to be, and the program for it."""

from __future__ import annotations

import random
import re

from orchestrator_tui.loops.embedded.chores import document, rename
from orchestrator_tui.loops.embedded.repair import Part, repair
from orchestrator_tui.loops.embedded.skills import Skill
from orchestrator_tui.loops.embedded.steps import Call, Move, Program

COMMAND = "python3 -B -m unittest -q"
"""The tests, when the task names no command."""
_QUOTED = re.compile(r"`((?:\S*python[\d.]*|\S*pytest|make|uv|tox|nox|npm|cargo|go|\./\S+|sh|bash)(?: [^`\n]*)?)`")
_UNTIL = re.compile(
    r"^(?:.*\b)?(?:check|until|tests?)\b[^:`\n]{0,40}:[ \t]*((?:\S*python[\d.]*|\S*pytest|make)\b[^\n]*)$", re.I | re.M
)
_RENAME = re.compile(r"\brename\b[^`\n]{0,40}`(\w+)`[^`\n]{0,20}`(\w+)`", re.I)
_WRITE = re.compile(r"\bdocstrings?\b|\bdocument\b|\bREADME section\b|\bwrite (?:the )?docs\b", re.I)
_ITEM = re.compile(r"^[ \t]*(?:[-*]|\d+[.)])[ \t]+(.+)$", re.M)
_VERB = re.compile(r"\b(?:make|fix|rename|write|add|document|repair)\b", re.I)


def command_in(text: str) -> str | None:
    """The command that proves the work, as the text has it."""
    found = _QUOTED.search(text) or _UNTIL.search(text)
    return found[1].strip() if found else None


def parts(task: str) -> list[str]:
    """The items of the task's list when it has one that names work; else the task itself."""
    items = [item for item in _ITEM.findall(task) if _VERB.search(item) and command_in(item)]
    return items if len(items) > 1 else [task]


def work(task: str, skill: Skill, rng: random.Random) -> Program:
    """Do what the task says, part by part, and say how it went."""
    overall = command_in(task) or COMMAND
    left: list[str] = []
    for part in parts(task):
        if not (yield from _one(part, command_in(part) or overall, skill, rng)):
            left.append(part)  # noqa: PERF401 - it asks between two
    summary = "I have no further idea: it does not pass yet." if left else f"Done: `{overall}` passes."
    yield Move(summary, (Call("done", {"summary": summary}),))


def _one(part: str, command: str, skill: Skill, rng: random.Random) -> Part:
    names = _RENAME.search(part)
    if names:
        return rename(names[1], names[2], command, skill, rng)
    if _WRITE.search(part):
        return document(command)
    return repair(command, skill, rng)
