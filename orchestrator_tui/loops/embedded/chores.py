"""The programs for a rename over several files and for docstrings with a section in the README."""

from __future__ import annotations

import ast
import random
import re

from orchestrator_tui.loops.embedded.edits import edit
from orchestrator_tui.loops.embedded.outcomes import is_test, outcome
from orchestrator_tui.loops.embedded.repair import LIST, Part, bash, repair
from orchestrator_tui.loops.embedded.rules import Function, functions, parsed
from orchestrator_tui.loops.embedded.skills import Skill
from orchestrator_tui.loops.embedded.steps import Move
from orchestrator_tui.loops.embedded.suspects import Files

HEADING = "## Functions"


def rename(old: str, new: str, command: str, skill: Skill, rng: random.Random) -> Part:
    """Replace a name wherever it stands as a whole word; then the tests must pass."""
    answer = yield Move(f"Where does `{old}` stand?", (bash(f"git grep -lw -e {old}"),))
    paths = [line.strip() for line in answer.first.split("\n") if re.fullmatch(r"[\w./-]+\.\w+", line.strip())]
    files = Files(paths)
    yield from files.read(paths)
    calls = []
    for path in paths:
        text = files.texts[path]
        target = re.sub(rf"\b{re.escape(old)}\b", new, text)
        if target != text:
            calls.append(edit(path, text, target))
    if calls:
        where = "1 file" if len(calls) == 1 else f"{len(calls)} files"
        yield Move(f"I rename it in {where}.", tuple(calls))
    answer = yield Move("Nothing may be left of the old name, and the tests must pass.", (bash(command),))
    if outcome(answer.first).passed:
        return True
    return (yield from repair(command, skill, rng))


def document(command: str) -> Part:
    """A docstring for every public function that has none, and the README's list of them."""
    answer = yield Move("I run the check and look at what is there.", (bash(command), bash(LIST)))
    if outcome(answer.first).passed:
        return True
    listing = [path for path in answer.last.split("\n") if path.strip()]
    code = [path for path in listing if path.endswith(".py") and not is_test(path) and "/__init__" not in f"/{path}"]
    files = Files(listing)
    yield from files.read([*code, *(path for path in listing if path == "README.md")])
    listed: list[str] = []
    for path in code:
        text = files.texts[path]
        target = with_docstrings(text)
        listed += [f"* `{signature(node)}`: {_told(node)}" for node in _public(target)]
        if target != text:
            yield Move(f"{path} has functions without a docstring.", (edit(path, text, target),))
    readme = files.texts.get("README.md", "")
    section = f"{HEADING}\n\n" + "\n".join(listed) + "\n"
    target = readme.partition(HEADING)[0].rstrip("\n") + "\n\n" + section
    answer = yield Move("Now the README, and the check again.", (edit("README.md", readme, target), bash(command)))
    return outcome(answer.last).passed


def _public(source: str) -> list[Function]:
    module = parsed(source)
    return [node for node in functions(module) if not node.name.startswith("_")] if module else []


def signature(node: Function) -> str:
    """`name(arguments)` as it is called."""
    return f"{node.name}({ast.unparse(node.args)})"


def _told(node: Function) -> str:
    return (ast.get_docstring(node) or "").split("\n")[0]


def with_docstrings(source: str) -> str:
    """The source with a line of words in each public function that had none."""
    lines = source.split("\n")
    for node in reversed(_public(source)):
        if ast.get_docstring(node) is None:
            indent = " " * (node.body[0].col_offset)
            words = node.name.replace("_", " ").capitalize()
            given = [f"`{arg.arg}`" for arg in node.args.args]
            if given:
                words += " of " + (given[0] if len(given) == 1 else ", ".join(given[:-1]) + " and " + given[-1])
            lines.insert(node.body[0].lineno - 1, f'{indent}"""{words}."""')
    return "\n".join(lines)
