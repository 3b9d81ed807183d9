"""What a loop is told to do: its spec, its check, what it may cost; as `spec.json` keeps it."""

from __future__ import annotations

import math
import re
import secrets
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from orchestrator_tui.clock import SECOND
from orchestrator_tui.errors import OrcError, UsageError
from orchestrator_tui.loops.folder import ID, MAX_FILE
from orchestrator_tui.private import write_durably
from orchestrator_tui.text import line, utf8

Agent = Literal["claude", "codex", "opencode", "gemini", "builtin", "command"]
AGENTS: tuple[Agent, ...] = get_args(Agent)
MAX_PROMPT = 256 * 1024
"""Characters of a spec."""
MAX_CHECK = 8 * 1024
"""Characters of a check's command line."""
MAX_ITERATIONS = 1000
ITERATIONS = 20
"""Iterations of a loop that was given no end of its own."""
CHECK_SECONDS = 600.0
"""Seconds that a check may take."""
_SHELL = re.compile(r"[|&;<>()$`*?\[\]#~{}!\n\\]")
"""What means something to a shell, outside of quotes."""
_QUOTED = re.compile(r"""'[^']*'|"[^"$`\\!]*\"""")
_BUILTIN = frozenset(
    {"if", "for", "while", "until", "case", "time", "function", "cd", "exec", "exit", "eval", "export", "set", "source"}
    | {"ulimit", "umask", "unset", "trap", "wait", "read", "command", "alias", "local", ".", ":"}
)


class Tree(Struct, frozen=True):
    """The working tree that a loop has for itself."""

    path: str
    branch: str
    base: str
    """The commit that it was made from."""
    root: str
    """The top of the checkout that it was made from."""
    git_dir: str
    """Where git keeps what belongs to this working tree alone."""
    cwd: str
    """Where within it to work."""


class LoopSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One loop; every text may be hostile, and is only ever an argument or a line of JSON."""

    id: str
    agent: Agent
    prompt: str
    cwd: str
    """Absolute: where the person started it."""
    name: str = ""
    command: tuple[str, ...] = ()
    """Of the agent `command`: the program and its arguments; the prompt comes on its standard input."""
    program: str | None = None
    """Absolute: a client's program; None: the one on PATH."""
    model: str | None = None
    effort: str | None = None
    until: tuple[str, ...] = ()
    """The check: a program and its arguments; exit status 0 is success. Empty: only its limits end it."""
    check_seconds: float = CHECK_SECONDS
    score_pattern: str | None = None
    """A regular expression whose first group is the score in the check's output; higher is better."""
    budget_usd: float | None = None
    max_iterations: int | None = None
    minutes: float | None = None
    anyway: bool = False
    """Begin also where the check passes before any work."""
    worktree: bool = False
    ladder: tuple[str, ...] = ()
    """Models, the smallest first: what guards step along."""
    why: str = ""
    owner: str = ""
    after: tuple[str, ...] = ()
    """Ids of loops that have to succeed first."""
    at: int | None = None
    """Not before: nanoseconds since the epoch."""
    window: str | None = None
    """Times of the day in which it may begin an iteration, as `22:00-06:00`."""
    max_parallel: int | None = None
    made_at: int = 0
    """Nanoseconds since the epoch."""
    database: str | None = None
    """The event store, where a client's spending is looked up."""
    tree: Tree | None = None
    seed: int = 0
    api_base: str | None = None
    api_key_env: str | None = None

    @property
    def title(self) -> str:
        """Its name, else the first line of what it is to do."""
        return line(self.name, 100) or line(self.prompt.strip().partition("\n")[0], 60) or self.id

    @property
    def work_dir(self) -> str:
        """Where agent and check run."""
        return self.tree.cwd if self.tree is not None else self.cwd

    @property
    def check_words(self) -> str:
        """The check as a person typed it, as near as can be told."""
        return self.until[2] if self.until[:2] == ("sh", "-c") and len(self.until) == 3 else shlex.join(self.until)


def check_of(text: str) -> tuple[str, ...]:
    """The argument list of a check that a person typed; a shell's where it needs one. Raises UsageError."""
    if not text.strip():
        raise UsageError("--until is empty; give the command whose success ends the loop")
    if len(text) > MAX_CHECK or "\0" in text:
        raise UsageError(f"--until is no command line: at most {MAX_CHECK} characters, and no NUL among them")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--until cannot be read: {error} in {line(text, 100)}") from error
    if not words or not words[0]:
        raise UsageError("--until names no program")
    if _SHELL.search(_QUOTED.sub("", text)) or "=" in words[0] or words[0] in _BUILTIN:
        return ("sh", "-c", text)
    return tuple(words)


def loop_id(name: str, now: int) -> str:
    """A fresh id such as `20261121-142210-fix-flaky-ab12`; of the name only plain letters and digits come in."""
    stamp = datetime.fromtimestamp(now // SECOND, UTC).strftime("%Y%m%d-%H%M%S")
    return "-".join(part for part in (stamp, slug(name), secrets.token_hex(2)) if part)


def slug(name: str, most: int = 32) -> str:
    """Plain lower-case words joined by hyphens; "" where there are none."""
    return re.sub(r"[^a-z0-9]+", "-", name[:4096].lower()).strip("-")[:most].strip("-")


def checked(spec: LoopSpec) -> LoopSpec:
    """The same spec, when it can be run; an end is given to one that has none. Raises UsageError, one line."""
    if not ID.fullmatch(spec.id):
        raise UsageError(f"{line(spec.id, 80)!r} is no loop id: lower-case letters, digits and hyphens, at most 64")
    if spec.agent not in AGENTS:
        raise UsageError(f"there is no agent {line(str(spec.agent), 40)!r}; there are {', '.join(AGENTS)}")
    if not spec.prompt.strip():
        raise UsageError("there is nothing to do: the spec is empty")
    if len(spec.prompt) > MAX_PROMPT:
        raise UsageError(f"the spec has {len(spec.prompt)} characters; at most {MAX_PROMPT} are taken")
    if not spec.cwd.startswith("/") or "\0" in spec.cwd or not Path(spec.cwd).is_dir():
        raise UsageError(f"{line(spec.cwd, 120) or 'nothing'} is no directory to work in; give an absolute path")
    if (spec.agent == "command") != bool(spec.command):
        raise UsageError("the agent `command` and only that takes a command line; give --agent command --command CMD")
    for words, what in ((spec.command, "--command"), (spec.until, "--until")):
        if (words and not words[0]) or any("\0" in word for word in words) or sum(map(len, words)) > MAX_CHECK:
            raise UsageError(f"{what} is no command line: at most {MAX_CHECK} characters, no NUL, a program first")
    for value, what in ((spec.model, "--model"), (spec.effort, "--effort"), *((m, "--ladder") for m in spec.ladder)):
        if value is not None and (not value or value.startswith("-") or len(value) > 200 or not value.isprintable()):
            raise UsageError(f"{what} {line(value, 60)!r} is no name")
    if spec.agent == "builtin" and spec.model is None:
        raise UsageError("the built-in agent needs --model, as litellm names it, such as openai/gpt-5.5")
    _numbers(spec)
    if spec.score_pattern is not None:
        _pattern(spec.score_pattern)
    for name in spec.after:
        if not ID.fullmatch(name):
            raise UsageError(f"--after {line(name, 80)!r} is no loop id")
    if spec.window is not None and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", spec.window):
        raise UsageError(f"--window {line(spec.window, 40)!r} is no part of a day; write it as 22:00-06:00")
    endless = spec.budget_usd is None and spec.max_iterations is None and spec.minutes is None
    if endless and not spec.until:
        raise UsageError("nothing would end this loop: give --until, --max, --budget or --minutes")
    return msgspec.structs.replace(
        spec, max_iterations=ITERATIONS if endless else spec.max_iterations, prompt=utf8(spec.prompt),
        name=line(utf8(spec.name), 200), why=utf8(spec.why)[:2000], owner=line(utf8(spec.owner), 100),
    )  # fmt: skip


def save(path: Path, spec: LoopSpec) -> None:
    """Write `spec.json`. Raises OSError."""
    write_durably(path, msgspec.json.format(msgspec.json.encode(spec), indent=1))


def load(path: Path) -> LoopSpec:
    """Read `spec.json`. Raises OrcError."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise OrcError(f"{path} is larger than any loop's spec")
        spec = msgspec.json.decode(path.read_bytes(), type=LoopSpec)
    except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise OrcError(f"{path} cannot be read: {line(str(error), 200)}") from error
    if not ID.fullmatch(spec.id):
        raise OrcError(f"{path} has no loop's id in it")
    return spec


def _numbers(spec: LoopSpec) -> None:
    usd, most, minutes, count = spec.budget_usd, spec.max_iterations, spec.minutes, spec.max_parallel
    if usd is not None and not 0 < usd <= 1e9:
        raise UsageError("--budget is dollars above 0")
    if usd is not None and spec.agent == "command":
        raise UsageError("what a command spends is not seen, so it can have no budget; give --max or --minutes")
    if most is not None and not 0 < most <= MAX_ITERATIONS:
        raise UsageError(f"--max is a number of iterations from 1 to {MAX_ITERATIONS}")
    if minutes is not None and not 0 < minutes <= 1e6:
        raise UsageError("--minutes is a time above 0")
    if not (math.isfinite(spec.check_seconds) and 0 < spec.check_seconds <= 86_400):
        raise UsageError("a check may take at most a day")
    if count is not None and not 0 < count <= 10_000:
        raise UsageError("--max-parallel is a number of loops from 1")


def _pattern(text: str) -> None:
    try:
        groups = re.compile(text).groups if len(text) <= 1000 else -1
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"--score is no regular expression: {line(str(error), 100)}") from error
    if groups < 1:
        raise UsageError(
            "--score needs a group around the number, as in 'coverage: ([0-9.]+)'; 1000 characters at most"
        )


def words(text: str | None, option: str) -> list[str] | None:
    """A command line that is run as it is, without a shell. Raises UsageError."""
    if text is None:
        return None
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{option} cannot be read: {error} in {line(text, 100)}") from error
