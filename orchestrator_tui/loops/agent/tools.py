"""The agent's tools: what the model is told of them, and doing what it asks; whatever it writes, it gets an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from orchestrator_tui.loops.agent import files, shell
from orchestrator_tui.loops.agent.cutting import OUTPUT, cut
from orchestrator_tui.loops.agent.reply import Call
from orchestrator_tui.text import utf8

LONGEST = 24 * 3600.0
"""Seconds above which no command may ask for more time."""
ASK, DONE = "ask_user", "done"
_SAME: dict[str, tuple[str, ...]] = {
    "path": ("path", "file_path", "filePath", "file", "filename"),
    "old": ("old", "old_string", "oldString", "old_str", "old_text"),
    "new": ("new", "new_string", "newString", "new_str", "new_text"),
    "content": ("content", "contents", "text"),
    "command": ("command", "cmd", "script"),
    "question": ("question", "text", "message"),
    "summary": ("summary", "text", "message", "result"),
}
"""Models know such tools by several names of their arguments."""


def _tool(name: str, words: str, required: tuple[str, ...], **properties: tuple[str, str]) -> dict[str, Any]:
    shapes = {key: {"type": kind, "description": about} for key, (kind, about) in properties.items()}
    parameters = {"type": "object", "properties": shapes, "required": list(required)}
    return {"type": "function", "function": {"name": name, "description": words, "parameters": parameters}}


TOOLS: list[dict[str, Any]] = [
    _tool(
        "bash",
        "Run a shell command in the working directory; every command starts there. Returns its output, stdout and "
        "stderr together. Input is empty. What it leaves running in the background is ended with it.",
        ("command",),
        command=("string", "The command."),
        timeout=("number", "Seconds after which it is killed; leave it out unless it takes long."),
    ),
    _tool(
        "read",
        "Read a text file, or list a directory.",
        ("path",),
        path=("string", "Absolute, or below the working directory."),
        offset=("integer", "First line, counted from 1."),
        limit=("integer", "How many lines."),
    ),
    _tool(
        "edit",
        "Replace a text in a file. The old text must stand there exactly once, blanks included.",
        ("path", "old", "new"),
        path=("string", "The file."),
        old=("string", "The text that is there now."),
        new=("string", "What replaces it."),
    ),
    _tool(
        "write",
        "Write a whole file; it is made where it is missing, and replaced where it is not.",
        ("path", "content"),
        path=("string", "The file."),
        content=("string", "All of its text."),
    ),
    _tool(
        ASK,
        "Ask the person something without which you cannot go on. Often nobody is there: then decide yourself.",
        ("question",),
        question=("string", "The question."),
    ),
    _tool(
        DONE,
        "Say that the task is complete, or that it cannot be done. Call it once, at the very end.",
        ("summary",),
        summary=("string", "What was done, in a few sentences, and what is left."),
    ),
]
NAMES = tuple(tool["function"]["name"] for tool in TOOLS)


class Result(Struct, frozen=True):
    """What came of a call."""

    text: str
    ok: bool = True
    changed: tuple[str, str] | None = None
    """A file that has new content: its absolute path, and a digest of it."""


class Tools:
    """Does what the model asks, as the user who started the agent."""

    def __init__(self, cwd: str, environ: Mapping[str, str], seconds: float) -> None:
        self.cwd, self._environ, self._seconds = cwd, dict(environ), seconds

    async def do(self, call: Call) -> Result:
        """Carry out bash, read, edit or write. Never raises, but for being cancelled."""
        if call.arguments is None:
            head = cut(call.written, 200)
            return Result(f"the arguments are no JSON object, nothing was done. They begin with: {head}", False)
        try:
            result = await self._do(call.tool, call.arguments)
        except files.Wrong as error:
            result = Result(str(error), False)
        except (OSError, ValueError, RecursionError, MemoryError) as error:
            result = Result(f"it failed: {type(error).__name__}: {error}", False)
        return Result(utf8(cut(result.text, OUTPUT + 512)), result.ok, result.changed)

    async def _do(self, tool: str, given: dict[str, Any]) -> Result:
        if tool == "bash":
            seconds = _number(given.get("timeout"), self._seconds, LONGEST)
            outcome = await shell.run(_text(given, "command"), self.cwd, self._environ, seconds)
            return Result(outcome.text, outcome.ok)
        if tool not in ("read", "edit", "write"):
            raise files.Wrong(f"there is no tool {cut(tool, 80)!r}; there are {', '.join(NAMES)}")
        path = files.place(self.cwd, _text(given, "path"))
        if tool == "read":
            offset, limit = _number(given.get("offset"), 1, 1e9), _number(given.get("limit"), files.LINES, 1e9)
            return Result(await asyncio.to_thread(files.read, path, int(offset), int(limit)))
        if tool == "edit":
            digest = await asyncio.to_thread(files.edit, path, _text(given, "old"), _text(given, "new"))
            return Result(f"edited {path}", changed=(str(path), digest))
        content = _text(given, "content")
        digest = await asyncio.to_thread(files.write, path, content)
        return Result(f"wrote {path}: {len(content)} characters", changed=(str(path), digest))


def text_in(call: Call, name: str) -> str:
    """A text among a call's arguments, under any of its names; "" where there is none."""
    try:
        return utf8(_text(call.arguments or {}, name))
    except files.Wrong:
        return ""


def _text(given: dict[str, Any], name: str) -> str:
    for key in _SAME[name]:
        value = given.get(key)
        if isinstance(value, str):
            return value
    raise files.Wrong(f"`{name}` is missing, or no text; it must be there as a string")


def _number(value: object, default: float, most: float) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        return default
    return value
