"""Who asks: agents may look, not rule (docs/architecture.md).

A request carries the chain of processes from the one that asks upwards. The host does not believe it: it looks the
asker up itself, walks its parents, and reads its environment. A process of the same user that hides all of that can
forge it; docs/control.md says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

from orchestrator_tui.events import CommandRequested, ProcessRef
from orchestrator_tui.host.procfs import ProcessTable, same_start, table

MAX_CHAIN = 32
MARKS = {
    "CLAUDECODE": "Claude Code",
    "CLAUDE_CODE_SESSION_ID": "Claude Code",
    "CODEX_THREAD_ID": "Codex",
    "CODEX_SESSION_ID": "Codex",
    "CODEX_CI": "Codex",
    "GEMINI_CLI": "Gemini CLI",
    "OPENCODE": "OpenCode",
    "OPENCODE_PID": "OpenCode",
    "ORC_SESSION": "a session of orc's own",
}
"""Variables that clients give to the tools they run (Claude Code 2.1, Codex 0.169, OpenCode 1.18, Gemini 0.61)."""
PROGRAMS = frozenset({"claude", "codex", "opencode", "gemini"})
PACKAGES = ("@anthropic-ai/claude-code", "@openai/codex", "opencode-ai", "@google/gemini-cli")
"""On npm."""
LOOKS = frozenset({"view", "ingest"})
"""Verbs that rule nobody."""


def chain_of(pid: int, processes: ProcessTable | None = None) -> list[ProcessRef]:
    """A process and those above it, as far as they can be seen."""
    processes = processes or table()
    chain: list[ProcessRef] = []
    while pid > 0 and len(chain) < MAX_CHAIN:
        stat = processes.stat(pid)
        if stat is None or any(ref.pid == pid for ref in chain):
            break
        chain.append(ProcessRef(pid, stat.started, os.getuid(), command=processes.command(pid)[:240]))
        pid = stat.ppid
    return chain


def agent_behind(request: CommandRequested, processes: ProcessTable, watched: Mapping[int, tuple[int, str]]) -> str:
    """The agent from inside which a command was asked, in words; "" for a person.

    `watched`: pid -> (start, session) of the sessions' processes. Raises LookupError when the asker cannot be verified.
    """
    if not request.chain:
        raise LookupError("who asks is not said")
    asker = request.chain[0]
    stat = processes.stat(asker.pid)
    if stat is None or not same_start(stat, asker.started):
        raise LookupError(f"the process that asked ({asker.pid}) is gone")
    for name, client in MARKS.items():
        if name in environment(asker.pid):
            return f"{client} ({name} is set in process {asker.pid})"
    # As it is now, and as it was said to be then: a parent may have ended on purpose in between.
    for ref in _once([*chain_of(asker.pid, processes), *request.chain]):
        found = watched.get(ref.pid)
        if found is not None and found[0] == ref.started:
            return f"{found[1]} (process {ref.pid})"
        if ref.pid != asker.pid and is_client(ref.command.split(" ")):
            return f"process {ref.pid}: {ref.command[:60]}"
    return ""


def is_client(argv: list[str]) -> bool:
    """Whether a command line is a coding agent's, by the name of its program or its script."""
    if not argv:
        return False
    program = argv[0]
    if PurePath(program).name in ("node", "bun"):
        program = next((word for word in argv[1:] if not word.startswith("-")), "")
    named = PurePath(program).name.removesuffix(".js").removesuffix(".exe") in PROGRAMS
    return named or any(f"/node_modules/{package}/" in program for package in PACKAGES)


def environment(pid: int) -> dict[str, str]:
    """A process' environment as it began; {} when it cannot be read."""
    try:
        data = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return _portable(pid)
    pairs = (item.partition(b"=") for item in data.split(b"\0") if item)
    return {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, _, value in pairs}


def _portable(pid: int) -> dict[str, str]:
    import psutil

    try:
        return psutil.Process(pid).environ()
    except (psutil.Error, OSError):
        return {}


def _once(refs: Iterable[ProcessRef]) -> list[ProcessRef]:
    return list({(ref.pid, ref.started): ref for ref in refs}.values())
