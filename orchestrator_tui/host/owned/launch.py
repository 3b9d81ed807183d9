"""Starting a client under its shim: which program, in which environment, and what is ready before it runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from orchestrator_tui.clients.driving import Launch
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned import runs
from orchestrator_tui.host.owned.mail import Mail
from orchestrator_tui.host.owned.runs import Run
from orchestrator_tui.text import line, utf8

PATIENCE = 10.0
"""Seconds for a shim to start its client, or to say why not."""
MARK = "ORC_SESSION"
"""Names the run in the environment of everything that its client starts."""
LOOPS = "ORC_LOOPS"
"""Where the built-in agent keeps its logs."""
SHIM = Path(__file__).with_name("shim.py")
INSIDE = (
    "CLAUDECODE", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_EFFORT",
    "AI_AGENT", "CODEX_SESSION_ID", "CODEX_THREAD_ID", "CODEX_TOOL_CALL_ID", "CODEX_CI", "OPENCODE", "OPENCODE_PID",
    "AGENT", "GEMINI_CLI", "GEMINI_CLI_NO_RELAUNCH", "TMUX", "TMUX_PANE", "STY", "WINDOW", "WINDOWID", "OLDPWD",
)  # fmt: skip
"""What a host that was started inside a session, or in a pane, must not hand on: the client is not in there."""
LOCALE = ("LANG", "LC_ALL", "LC_CTYPE", "PATH")


def find_program(client: str, programs: Mapping[str, str]) -> str:
    """The client's program: the one the settings name, else the one on PATH. Raises Failed saying what to do."""
    named = programs.get(client)
    found = shutil.which(str(Path(named).expanduser()) if named else client)
    if found is None:
        where = f"{line(named, 120)} (clients.programs.{client})" if named else f"{client} on PATH"
        raise Failed(f"there is no program {where}; install it, or name it in [clients] programs")
    return str(Path(found).absolute())


def checked(launch: Launch) -> Launch:
    """The same launch with words that can be given to a program, when it can be one at all. Raises Failed."""
    if not launch.argv or any("\0" in word for word in launch.argv):
        raise Failed("a command line cannot hold a NUL character; take it out of the text")
    cwd = launch.cwd
    if not cwd.startswith("/") or "\0" in cwd or not os.path.isdir(cwd):  # noqa: PTH112
        raise Failed(f"there is no directory {line(cwd, 120)}; name one that exists")
    if utf8(cwd) != cwd:
        raise Failed(f"the name of {line(cwd, 120)} is not UTF-8; rename it, or start the session elsewhere")
    return replace(launch, argv=tuple(map(utf8, launch.argv)))


def environment(own: Mapping[bytes, bytes], launch: Launch, run: str) -> dict[str, str]:
    """The client's whole environment: the host's own, without what says that it is inside another session."""
    environ = {
        name.decode("utf-8", "surrogateescape"): value.decode("utf-8", "surrogateescape") for name, value in own.items()
    }
    for name in (*INSIDE, *launch.without):
        environ.pop(name, None)
    # Some clients believe this rather than the kernel.
    environ["PWD"] = launch.cwd
    return environ | dict(launch.environ) | {MARK: run}


async def start(run: Run, launch: Launch, opening: Sequence[bytes], segment: int | None = None) -> runs.Shim:
    """Start the client with what is to be said to it first. Raises Failed with the reason when it cannot be started."""

    def prepare() -> subprocess.Popen[bytes]:
        environ = environment(os.environb, launch, run.name) | {LOOPS: str(run.path.parent.parent / "loops")}
        run.write_spec(launch.argv, launch.cwd, environ, segment)
        if opening:
            Mail(run).post(opening, "opening")
        return _popen(run)

    return await _begun(run, await asyncio.to_thread(prepare), 0)


async def attach(run: Run) -> runs.Shim:
    """Give a client whose shim was killed a new one. Raises Failed."""
    last = run.shim()
    return await _begun(run, await asyncio.to_thread(_popen, run, "attach"), last.pid if last is not None else 0)


def _popen(run: Run, *words: str) -> subprocess.Popen[bytes]:
    # Without the mark: the shim is no part of the tree that it looks after.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-X", "utf8", str(SHIM), str(run.path), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env={name: os.environ[name] for name in LOCALE if name in os.environ},
    )


async def _begun(run: Run, process: subprocess.Popen[bytes], before: int) -> runs.Shim:
    """Its word that the client runs; `before` is the shim whose word may still lie there."""
    loop = asyncio.get_running_loop()
    deadline, over = loop.time() + PATIENCE, False
    while loop.time() < deadline:
        shim, ended = run.shim(), run.exit()
        if shim is not None and shim.pid != before:
            return shim
        if ended is not None:
            raise Failed(ended.text)
        if over:
            raise Failed(f"its shim ended at once with status {process.returncode}; see {run.path}")
        over = process.poll() is not None
        await asyncio.sleep(0.01)
    # It hands that on to a client that it has started after all.
    process.terminate()
    raise Failed(f"its shim did not start it within {PATIENCE:.0f} s; see {run.path}")
