"""Scratch git repositories for demonstrations: small programs with real tests that fail, or that ask for something.

Faults are made by the mutation rules that the model repairs with; a repository is only taken when its check fails
before anybody has worked, and when the model's own search says that the expected model is needed for it.
"""

from __future__ import annotations

import os
import random
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from orchestrator_tui.loops.embedded.rules import candidates, functions, parsed
from orchestrator_tui.loops.embedded.search import run, solved_by
from orchestrator_tui.loops.embedded.skills import SKILLS, Size
from orchestrator_tui.loops.embedded.snippets import SNIPPETS
from orchestrator_tui.loops.embedded.theme import Theme
from orchestrator_tui.loops.embedded.themes import THEMES
from orchestrator_tui.loops.embedded.writing import (
    docs_test,
    function_test,
    impossible_test,
    misspelt,
    readme,
    rename_test,
)

SMALL_KINDS = ("spelling", "return", "comparison", "operator", "twin", "default")
LARGE_KINDS = ("boundary", "off-by-one", "negation", "boolean", "two-files")
KINDS = (*SMALL_KINDS, *LARGE_KINDS, "rename", "docs", "function", "hard-function", "parts", "impossible")
"""`parts`: two faults in two files, as a list of two tasks; `impossible`: two tests contradict each other."""
_WITH_LARGE = (*LARGE_KINDS, "hard-function", "impossible")
_HONEST = 7
"""Most responses in which the small model solves a fault that it is meant to solve: more would look like spinning."""


class NotMade(Exception):
    """A repository could not be made; the text says which and why."""


class Repo(Struct, frozen=True):
    """A scratch repository."""

    directory: Path
    kind: str
    theme: str
    task: str
    """What to tell the agent."""
    check: str
    """The command that passes when the work is right; it fails now."""
    seed: int
    needs: Size | None
    """The smallest model that solved a copy of it when it was made; None: none did."""


def make(directory: Path, kind: str, seed: int, directive: str = "") -> Repo:
    """Make a repository in `directory`, which must not be there; `directive` goes under its task. Raises NotMade."""
    if kind not in KINDS:
        raise NotMade(f"there is no kind of repository {kind!r}; there are {', '.join(KINDS)}")
    rng = random.Random(f"{kind} {seed}")  # noqa: S311
    for theme in rng.sample(THEMES, len(THEMES)):
        for files, task in _variants(theme, kind, rng):
            _write(directory, files)
            if not run(check_command(), directory)[0]:
                # Where the small model is meant and fails, it is of no interest whether the large one would do.
                sizes = tuple(SKILLS) if kind in _WITH_LARGE else ("small",)
                needs, responses = solved_by(directory, task, check_command(), seed, sizes)
                if _fits(kind, needs, responses):
                    _commit(directory)
                    words = f"{task}\n\n{directive}" if directive else task
                    return Repo(directory, kind, theme.name, words, check_command(), seed, needs)
            shutil.rmtree(directory)
    raise NotMade(f"no repository of kind {kind} came of seed {seed}; try another seed")


def solvable_by(repo: Repo) -> Size | None:
    """The smallest model that solves it, found by letting it try in a copy; None: none does."""
    return solved_by(repo.directory, _plain(repo.task), repo.check, repo.seed)[0]


def check_command() -> str:
    """The tests' command. `-B`: two edits within a second must not meet the first one's bytecode."""
    python = "python3" if shutil.which("python3") else shlex.quote(sys.executable)
    return f"{python} -B -m unittest -q"


def _plain(task: str) -> str:
    return "\n".join(line for line in task.split("\n") if not line.startswith("[["))


def _fits(kind: str, needs: Size | None, responses: int) -> bool:
    """Whether the model that this kind is meant for solves it, and no smaller one."""
    if kind == "impossible":
        return needs is None
    if kind in _WITH_LARGE:
        return needs == "large"
    return needs == "small" and responses <= _HONEST * (2 if kind == "parts" else 1)


def _variants(theme: Theme, kind: str, rng: random.Random) -> Iterator[tuple[dict[str, str], str]]:
    """Files by name with the task, one fault or wish after another, in the seed's order."""
    check = check_command()
    plain = {
        f"{theme.name}.py": theme.code, f"{theme.helper}.py": theme.helps, "README.md": readme(theme),
        "tests/__init__.py": "", f"tests/test_{theme.name}.py": theme.tests, ".gitignore": "__pycache__/\n*.bak\n",
    }  # fmt: skip
    fix = f"The tests of this repository fail. Find out why and fix the code, not the tests. `{check}` must pass."
    main, helper = f"{theme.name}.py", f"{theme.helper}.py"
    if kind == "rename":
        old, new = theme.rename
        files = {**plain, "tests/test_names.py": rename_test(theme)}
        yield files, f"Rename the function `{old}` to `{new}`, everywhere in this repository. `{check}` must pass."
    elif kind == "docs":
        files = {**plain, "tests/test_docs.py": docs_test(theme), main: _bare(theme.code), helper: _bare(theme.helps)}
        yield files, f"Write the docs: a docstring for each public function, and a README section. `{check}` must pass."
    elif kind in ("function", "hard-function"):
        easy = SKILLS["small"].writes
        for name in rng.sample(sorted(SNIPPETS), len(SNIPPETS)):
            if (name in easy) == (kind == "function"):
                files = {**plain, f"tests/test_{name}.py": function_test(theme.helper, name)}
                yield files, f"Add the missing function `{name}` to {helper}; its tests are there. `{check}` must pass."
    elif kind == "impossible":
        yield {**plain, "tests/test_rules.py": impossible_test(theme)}, fix
    elif kind == "parts":
        other = rng.choice([one for one in THEMES if one.name != theme.name and one.helper != theme.helper])
        plain |= {f"{other.name}.py": other.code, f"{other.helper}.py": other.helps,
                  f"tests/test_{other.name}.py": other.tests}  # fmt: skip
        items = "\n".join(
            f"- Fix {name}.py: `{check} tests.test_{name}` must pass." for name in (theme.name, other.name)
        )
        task = f"Two parts of this repository are broken; they have nothing to do with each other.\n\n{items}\n"
        for (_, one), (_, two) in zip(
            _faults(theme.code, "return", rng), _faults(other.code, "operator", rng), strict=False
        ):
            yield {**plain, main: one, f"{other.name}.py": two}, task
    elif kind == "two-files":
        for rule in rng.sample(("operator", "comparison", "return"), 3):
            for _, broken in _faults(theme.helps, rule, rng):
                yield {**plain, helper: broken, f"tests/test_{theme.name}.py": _without_helper(theme)}, fix
    else:
        for _, broken in _faults(theme.code, kind, rng):
            yield {**plain, main: broken}, fix


def _faults(source: str, rule: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(function, source with one fault), in the seed's order."""
    module = parsed(source)
    found: list[tuple[str, str]] = []
    for function in functions(module) if module else ():
        if rule == "spelling":
            found += [(function.name, broken) for broken in misspelt(source, function)]
        else:
            broken = [one.applied(source) for one in candidates(source, function.name, rule)]
            # Not every rule knows the way back: a default of 5000 is nobody's first idea.
            found += [
                (function.name, text)
                for text in broken
                if any(back.applied(text) == source for back in candidates(text, function.name, rule))
            ]
    rng.shuffle(found)
    yield from found


def _bare(source: str) -> str:
    """The source without its functions' docstrings."""
    return "\n".join(line for line in source.split("\n") if not line.startswith('    """'))


def _without_helper(theme: Theme) -> str:
    """The tests of the main module only: nothing names the helper."""
    tests = theme.tests.partition(f"\n\nclass {theme.helper.capitalize()}(")[0]
    return tests.replace(f"import {theme.helper}\n", "") + "\n"


def _write(directory: Path, files: dict[str, str]) -> None:
    directory.mkdir(parents=True)
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _git(directory, "init", "-q", "-b", "main")
    _git(directory, "config", "user.name", "orc demo")
    _git(directory, "config", "user.email", "demo@localhost")
    _git(directory, "add", "-A")


def _commit(directory: Path) -> None:
    _git(directory, "commit", "-q", "-m", "As it was found")


def _git(directory: Path, *args: str) -> None:
    """Git without the person's own settings: hooks, signing and templates are theirs."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TEMPLATE_DIR": ""}
    done = subprocess.run(
        ["git", "-C", str(directory), *args], env=env, capture_output=True, text=True, timeout=30, check=False
    )
    if done.returncode:
        raise NotMade(f"git {args[0]} failed in {directory}: {done.stderr.strip()[:200]}")
