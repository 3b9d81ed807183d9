"""The program that makes failing tests pass: run them, find the place, think of edits, try them.

What it tries comes from the mutation rules that its skill holds; whether an idea was right, the tests say.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Generator

from orchestrator_tui.loops.embedded.edits import edit, went_wrong
from orchestrator_tui.loops.embedded.outcomes import Outcome, outcome
from orchestrator_tui.loops.embedded.rules import Candidate, candidates
from orchestrator_tui.loops.embedded.skills import Skill
from orchestrator_tui.loops.embedded.snippets import add_function, missing_name
from orchestrator_tui.loops.embedded.steps import Answer, Call, Move
from orchestrator_tui.loops.embedded.suspects import Files, Suspect, suspects

LIST = "git ls-files 2>/dev/null | head -n 400"
FIRST = 'git diff -U0 "$(git rev-list --max-parents=0 HEAD | tail -n 1)" -- '
_ROUNDS = 5
"""Faults, one after the other."""
_SMALL_CHANGE = 6
"""Changed lines up to which what earlier attempts left is taken back."""
Part = Generator[Move, Answer, bool]
Ideas = list[tuple[str, Candidate]]


def bash(command: str) -> Call:
    """A command."""
    return Call("bash", {"command": command})


def repair(command: str, skill: Skill, rng: random.Random) -> Part:
    """Make `command` pass; returns whether it does. The small model never gives up: it goes round in circles."""
    answer = yield Move("I run the tests and look at what is there.", (bash(command), bash(LIST)))
    seen, files = outcome(answer.first), Files([path for path in answer.last.split("\n") if path.strip()])
    looked_back = False
    for _ in range(_ROUNDS):
        if seen.passed:
            return True
        missing = missing_name(seen.error)
        if missing:
            seen = yield from add_function(missing, command, seen, files, skill, rng)
            continue
        where = yield from suspects(seen, files, skill.follows_imports)
        if skill.looks_back and where and not looked_back:
            looked_back = True
            before = seen
            seen = yield from _look_back(where[0].path, command, seen, files)
            if seen is not before:
                continue
        ideas = _ideas(seen, where, files, skill)
        better = yield from (_aside if skill.tries_aside else _one_by_one)(ideas, command, seen, files)
        if better is None:
            if skill.tries_aside:
                return False
            yield from _in_circles(ideas, command, files, rng)
            return False
        seen = better
    return seen.passed


def _ideas(seen: Outcome, where: list[Suspect], files: Files, skill: Skill) -> Ideas:
    """What may be wrong, the likeliest first; without following imports only in the first suspect's file."""
    rules = sorted(skill.rules, key=lambda rule: not _hints(seen.error, rule))
    if where and not skill.follows_imports:
        where = [one for one in where if one.path == where[0].path]
    found: Ideas = []
    for suspect in where:
        known = files.texts.get(suspect.path, "")
        ideas = [idea for rule in rules for idea in candidates(known, suspect.function, rule)]
        ideas.sort(
            key=lambda idea: (not _hints(seen.error, idea.rule), bool(suspect.line) and idea.line != suspect.line)
        )
        found += [(suspect.path, idea) for idea in ideas]
    if not skill.tries_aside and where:
        # A small model thinks of each kind of mistake once before it thinks of one twice.
        rank: dict[tuple[str, bool], int] = {}
        keys = []
        for _, idea in found:
            key = (idea.rule, False)
            rank[key] = rank.get(key, -1) + 1
            keys.append((not _hints(seen.error, idea.rule), rank[key]))
        found = [pair for _, pair in sorted(zip(keys, found, strict=True), key=lambda one: one[0])]
    return list(dict.fromkeys(found))[: skill.tries]


def _hints(error: str, rule: str) -> bool:
    """Whether the error's words speak of that kind of mistake."""
    if error.startswith("NameError"):
        return rule == "spelling"
    if re.search(r"\bNone\b", error):
        return rule == "return"
    found = re.search(r"AssertionError: '(.*)' != '(.*)'", error)
    if found:
        return rule == ("twin" if found[1].lower() == found[2].lower() else "default")
    if re.search(r"AssertionError: (True|False) ", error):
        return rule == "comparison"
    return bool(re.search(r"AssertionError: -?[\d.]+ != ", error)) and rule == "operator"


def _one_by_one(ideas: Ideas, command: str, seen: Outcome, files: Files) -> Generator[Move, Answer, Outcome | None]:
    """Make each edit in the file and run the tests; the next edit takes the place of the one before."""
    for path, idea in ideas:
        base = files.texts[path]
        current = files.texts.get(f"{path} as tried", base)
        target = idea.applied(base)
        words = f"{seen.error or 'The tests fail'}. Line {idea.line} of {path} may be wrong ({idea.rule}): I change it."
        answer = yield Move(words, (edit(path, current, target), bash(command)))
        if went_wrong(answer.first):
            files.texts.pop(path)
            yield from files.read([path])
            return seen
        files.texts[f"{path} as tried"] = target
        now = outcome(answer.last)
        if now.passed or now.failing < seen.failing:
            files.texts[path] = target
            return now
    return None


_SCRIPT = '''{python} - <<'TRIES'
import json, os, pathlib, shutil, subprocess, tempfile
tries = json.loads(r"""{tries}""")
def git(*args):
    return subprocess.run(["git", *args], capture_output=True, text=True).stdout.strip()
names = git("ls-files").split("\\n")
place = git("rev-parse", "--absolute-git-dir") or None
for number, (path, line, before, after) in enumerate(tries, 1):
    with tempfile.TemporaryDirectory(prefix="tries-", dir=place) as scratch:
        for name in filter(None, names):
            copy = pathlib.Path(scratch, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if os.path.isfile(name):
                shutil.copy(name, copy)
        file = pathlib.Path(scratch, path)
        lines = file.read_text().split("\\n")
        lines[line - 1] = after
        file.write_text("\\n".join(lines))
        env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
        try:
            options = dict(cwd=scratch, env=env, capture_output=True, text=True, timeout=10)
            run = subprocess.run({command}, shell=True, **options)
        except subprocess.TimeoutExpired:
            print(f"idea {{number}} {{path}}:{{line}}: took too long")
            continue
        told = (run.stdout + run.stderr).strip().split("\\n")[-1][:100]
        print(f"idea {{number}} {{path}}:{{line}}: {{'good' if run.returncode == 0 else 'bad'}}: {{told}}", flush=True)
        if run.returncode == 0:
            break
TRIES'''
_TOLD = re.compile(r"^idea (\d+) \S+: (good|bad): (.*)$", re.M)


def _aside(ideas: Ideas, command: str, seen: Outcome, files: Files) -> Generator[Move, Answer, Outcome | None]:
    """Try every idea in a scratch copy by one script, then make the best edit."""
    if not ideas:
        return None
    tries = json.dumps([[path, idea.line, idea.before, idea.after] for path, idea in ideas])
    python = command.split()[0] if "python" in command.split(" ")[0] else "python3"
    script = _SCRIPT.format(python=python, tries=tries, command=repr(command))
    many = f"I have {len(ideas)} ideas" if len(ideas) > 1 else "I have one idea"
    answer = yield Move(f"{seen.error or 'The tests fail'}. {many}: I try them in a scratch copy.", (bash(script),))
    best, fewest = None, seen.failing
    for number, verdict, told in _TOLD.findall(answer.first):
        failing = 0 if verdict == "good" else outcome(told).failing
        if failing < fewest and int(number) <= len(ideas):
            best, fewest = ideas[int(number) - 1], failing
    if best is None:
        return None
    path, idea = best
    target = idea.applied(files.texts[path])
    words = f"Line {idea.line} of {path} is the one ({idea.rule}): I change it and run the tests."
    answer = yield Move(words, (edit(path, files.texts[path], target), bash(command)))
    if went_wrong(answer.first):
        files.texts.pop(path)
        yield from files.read([path])
        return seen
    files.texts[path] = target
    return outcome(answer.last)


def _look_back(path: str, command: str, seen: Outcome, files: Files) -> Generator[Move, Answer, Outcome]:
    """Take back small changes that others left in a file, when the tests fail no more without them."""
    answer = yield Move(f"Has somebody tried something in {path} before?", (bash(f"{FIRST}'{path}'"),))
    current = files.texts[path]
    target = undone(current, answer.first)
    if target is None:
        return seen
    words = "What was tried there did not help: I take it back first."
    answer = yield Move(words, (edit(path, current, target), bash(command)))
    now = outcome(answer.last)
    if now.failing <= seen.failing and not went_wrong(answer.first):
        files.texts[path] = target
        return now
    yield Move("That made it worse: back.", (edit(path, target, current), bash(command)))
    return seen


def undone(current: str, diff: str) -> str | None:
    """The text without the changes of a diff (`-U0`); None when there are none, too many, or they do not fit."""
    changed = [line for line in diff.split("\n") if line[:1] in "+-" and line[:3] not in ("+++", "---") and line]
    if not changed or len(changed) > 2 * _SMALL_CHANGE:
        return None
    lines = current.split("\n")
    for hunk in reversed(list(re.finditer(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@.*\n((?:[+-].*\n?)*)", diff, re.M))):
        start, count = int(hunk[1]), int(hunk[2] or 1)
        body = hunk[3].split("\n")
        new = [line[1:] for line in body if line.startswith("+")]
        at = start - 1 if count else start
        if lines[at : at + count] != new:
            return None
        lines[at : at + count] = [line[1:] for line in body if line.startswith("-")]
    return "\n".join(lines)


def _in_circles(ideas: Ideas, command: str, files: Files, rng: random.Random) -> Part:
    """No idea is left: the same edit there and back for ever, or the same tests."""
    there_and_back = bool(ideas) and rng.random() < 0.5
    path, idea = ideas[0] if ideas else ("", None)
    while True:
        if idea is None or not there_and_back:
            yield Move(rng.choice(_HOPES), (bash(command),))
            continue
        base = files.texts[path]
        current = files.texts.get(f"{path} as tried", base)
        target = idea.applied(base) if current == base else base
        files.texts[f"{path} as tried"] = target
        yield Move(rng.choice(_HOPES), (edit(path, current, target), bash(command)))


_HOPES = (
    "Let me try that once more.", "This should work now.", "Maybe the tests were not run properly.",
    "I believe this was right after all.", "Once more, to be sure.",
)  # fmt: skip
