"""What the command lines of clients say that keep no register of their processes (OpenCode 1.18.33, Gemini CLI 0.61.0).

Pure: command lines are data, and nothing here acts on them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath

from msgspec import Struct

from orchestrator_tui.clients.values import session_id

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
NAMES = frozenset({"opencode", "opencode.exe", ".opencode", "gemini", "node", "MainThread", "node-MainThread", "bun"})
"""Processes of these names are looked at; the kernel keeps the first 15 characters."""


class Program(Struct, frozen=True):
    """A client's program, by its command line."""

    client: str
    arguments: tuple[str, ...]
    """Without the interpreter and the program: what a wrapper hands on unchanged."""
    session: str | None = None
    """The session it was started for."""
    shared: bool = False
    """It runs the sessions of others, any number of them."""
    fresh: bool = False
    """Its session is one that it began itself."""
    headless: bool = False
    directory: str | None = None
    """Where it works, if not where it was started."""


def program_of(argv: Sequence[str]) -> Program | None:
    """The client's program that a command line is; None for anything else, also for a client's other commands."""
    for named, read in _READERS.items():
        arguments = _after(argv, named)
        if arguments is not None:
            return read(arguments)
    return None


def _after(argv: Sequence[str], named: str) -> list[str] | None:
    """The arguments of a program of that name, started by itself or by its interpreter."""
    if not argv:
        return None
    if _is(argv[0], named):
        return list(argv[1:])
    if PurePath(argv[0]).name not in ("node", "bun"):
        return None
    script = next((place for place, word in enumerate(argv[1:], 1) if not word.startswith("-")), None)
    return list(argv[script + 1 :]) if script is not None and _is(argv[script], named) else None


def _is(word: str, named: str) -> bool:
    path = PurePath(word)
    return path.name in _FILES[named] or any(f"/{package}/" in word for package in _PACKAGES[named])


# --- OpenCode ---------------------------------------------------------------------------------------------------

_VALUES = frozenset(
    {
        "--log-level", "--port", "--hostname", "--mdns-domain", "--cors", "-m", "--model", "-s", "--session",
        "--prompt", "--agent", "--replay-limit", "--command", "--format", "-f", "--file", "--title", "--attach", "-p",
        "--password", "-u", "--username", "--dir", "--variant",
    }
)  # fmt: skip
"""Options with a value."""
_SERVERS = frozenset({"serve", "web", "acp"})
_OTHERS = frozenset(
    {
        "completion", "mcp", "attach", "debug", "providers", "auth", "agent", "upgrade", "uninstall", "models", "stats",
        "export", "import", "github", "pr", "session", "plugin", "plug", "db",
    }
)  # fmt: skip
"""Commands that run no session in this process."""


def _opencode(arguments: list[str]) -> Program | None:
    options, words = _options(arguments, _VALUES)
    command = words[0] if words else ""
    if command in _OTHERS or "--attach" in options:
        return None
    own = options.get("-s", options.get("--session"))
    # A fork is a session of its own, whose id nobody knows.
    forked = "--fork" in options
    headless = command == "run" and "-i" not in options and "--interactive" not in options
    return Program(
        "opencode",
        tuple(arguments),
        session=session_id("opencode", own) if own and own.startswith("ses_") and not forked else None,
        shared=command in _SERVERS,
        fresh=forked or (command == "run" and not own and not {"-c", "--continue"} & options.keys()),
        headless=headless,
        directory=options.get("--dir") or (command if command and command not in ("run", *_SERVERS) else None),
    )


# --- Gemini CLI -------------------------------------------------------------------------------------------------

_GEMINI_VALUES = frozenset(
    {
        "-m", "--model", "-p", "--prompt", "-i", "--prompt-interactive", "--approval-mode", "--policy",
        "--allowed-mcp-server-names", "--allowed-tools", "-e", "--extensions", "-r", "--resume", "--session-id",
        "--session-file", "--delete-session", "--include-directories", "-o", "--output-format", "-w", "--worktree",
    }
)  # fmt: skip


def _gemini(arguments: list[str]) -> Program | None:
    options, words = _options(arguments, _GEMINI_VALUES)
    if {
        "-l",
        "--list-sessions",
        "--list-extensions",
        "--delete-session",
        "-v",
        "--version",
        "-h",
        "--help",
    } & options.keys():
        return None
    if words and words[0] in ("mcp", "extensions", "extension", "skills", "skill", "hooks", "hook", "gemma"):
        return None
    own = options.get("--session-id") or options.get("-r", options.get("--resume")) or ""
    named = _UUID.fullmatch(own) is not None
    return Program(
        "gemini",
        tuple(arguments),
        session=session_id("gemini", own.lower()) if named else None,
        shared="--acp" in options or "--experimental-acp" in options,
        fresh=not named and not {"-r", "--resume", "--session-file"} & options.keys(),
        headless="-p" in options or "--prompt" in options,
    )


def _options(arguments: Sequence[str], valued: frozenset[str]) -> tuple[dict[str, str], list[str]]:
    """(options with their values or "", other words); after `--` all are words."""
    options: dict[str, str] = {}
    words: list[str] = []
    left = iter(arguments)
    for word in left:
        if word == "--":
            words += left
        elif word.startswith("-") and word != "-":
            name, equals, value = word.partition("=")
            options[name] = value if equals else next(left, "") if name in valued else ""
        else:
            words.append(word)
    return options, words


_READERS: Mapping[str, Callable[[list[str]], Program | None]] = {"opencode": _opencode, "gemini": _gemini}
_FILES = {
    "opencode": frozenset({"opencode", "opencode.exe", ".opencode"}),
    "gemini": frozenset({"gemini", "gemini.js"}),
}
_PACKAGES = {"opencode": ("opencode-ai/bin",), "gemini": ("@google/gemini-cli",)}
