"""The model at work without litellm and without an agent: its own moves, made in a directory until it is done.

This is how a scratch repository is found to be solvable, and by whom: nothing is known beforehand.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from orchestrator_tui.loops.embedded.mind import respond
from orchestrator_tui.loops.embedded.skills import SKILLS, Size

TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": name, "parameters": {"properties": {key: {} for key in names}}}}
    for name, names in {
        "bash": ("command",), "read": ("path",), "edit": ("path", "old", "new"), "write": ("path", "content"),
        "ask": ("question",), "done": ("summary",),
    }.items()
]  # fmt: skip
_TIMEOUT = 60.0
_MOST = 16
"""Responses after which a search is over: both models have solved what they can well before."""


class Played(Struct):
    """A whole conversation, and whether the model said that it is done."""

    messages: list[dict[str, Any]]
    done: bool
    responses: int


def play(
    directory: Path, task: str, size: Size, seed: int = 0, most: int = 30, answer: str = "As you think best."
) -> Played:
    """Let the model work in a directory, at most so many responses. Commands run as the user, for a minute each.

    It ends, too, when the same calls meet the same files a second time: nothing new will come of it.
    """
    played = Played([{"role": "user", "content": task}], False, 0)
    met: set[tuple[str, bytes]] = set()
    while not played.done and played.responses < most:
        response = respond(played.messages, TOOLS, size, seed)
        state = (repr(response.calls), _digest(directory))
        if state in met:
            break
        met.add(state)
        calls = [
            {"id": f"call_{number}", "function": {"name": name, "arguments": msgspec.json.encode(args).decode()}}
            for number, (name, args) in enumerate(response.calls)
        ]
        played.messages.append({"role": "assistant", "content": response.text, "tool_calls": calls})
        played.responses += 1
        for call, (name, args) in zip(calls, response.calls, strict=True):
            played.done |= name == "done"
            result = answer if name == "ask" else perform(directory, name, args)
            played.messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
        if not calls:
            played.messages.append({"role": "user", "content": "Go on."})
    return played


def _digest(directory: Path) -> bytes:
    digest = blake2b()
    for path in sorted(directory.rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.digest()


def perform(directory: Path, tool: str, args: dict[str, Any]) -> str:
    """Do one call in a directory and return its result."""
    if tool == "bash":
        return run(args["command"], directory)[1]
    path = directory / args.get("path", "")
    if tool == "read":
        return path.read_text(encoding="utf-8") if path.is_file() else f"error: there is no file {path.name}"
    if tool == "write":
        path.write_text(args["content"], encoding="utf-8")
    elif tool == "edit":
        text = path.read_text(encoding="utf-8")
        if text.count(args["old"]) != 1:
            return f"error: `old` stands there {text.count(args['old'])} times; it must be once"
        path.write_text(text.replace(args["old"], args["new"]), encoding="utf-8")
    return "ok"


def run(command: str, directory: Path) -> tuple[bool, str]:
    """A line of shell: whether it ended well, and what it printed."""
    # The interpreter that runs this comes first: what `python3` means elsewhere may be a slow wrapper.
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PATH=paths)
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=directory,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_TIMEOUT,
        check=False,
    )
    status = "" if done.returncode == 0 else f"[exit status {done.returncode}]"
    return done.returncode == 0, done.stdout + status


def solved_by(
    directory: Path, task: str, check: str, seed: int = 0, sizes: tuple[Size, ...] = tuple(SKILLS)
) -> tuple[Size | None, int]:
    """The smallest model that makes `check` pass, each in a copy beside the directory; and its responses."""
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix=".orc-search-", dir=directory.parent) as scratch:
            copy = Path(scratch) / "copy"
            shutil.copytree(directory, copy, symlinks=True)
            played = play(copy, task, size, seed, _MOST)
            if played.done and run(check, copy)[0]:
                return size, played.responses
    return None, 0
