"""The agent's tools by their schemas: which of them reads, edits, runs; and how each names its arguments."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator_tui.loops.embedded.steps import Call

_TOOLS = {
    "bash": ("bash", "shell", "run", "run_command", "exec"),
    "read": ("read", "read_file", "view"),
    "edit": ("edit", "edit_file", "str_replace"),
    "write": ("write", "write_file", "create_file"),
    "ask": ("ask", "question", "ask_user"),
    "done": ("done", "finish", "submit"),
}
_ARGUMENTS = {
    "command": ("command", "cmd", "script"),
    "path": ("path", "file_path", "file", "filename"),
    "old": ("old", "old_string", "old_str", "old_text", "search", "find"),
    "new": ("new", "new_string", "new_str", "new_text", "replace", "replacement"),
    "content": ("content", "text", "contents"),
    "question": ("question", "text", "prompt", "message"),
    "summary": ("summary", "message", "text", "result", "answer", "reason"),
}


class Toolbox:
    """What the request's `tools` (OpenAI's format) offer."""

    def __init__(self, tools: Iterable[Mapping[str, Any]] | None) -> None:
        offered: dict[str, list[str]] = {}
        for tool in tools or ():
            function = tool.get("function") or {}
            schema = function.get("parameters") or {}
            offered[str(function.get("name"))] = list(schema.get("properties") or {})
        self._names = {kind: name for kind, names in _TOOLS.items() for name in reversed(names) if name in offered}
        self._arguments = {
            kind: {own: word for own, words in _ARGUMENTS.items() for word in reversed(words) if word in offered[name]}
            for kind, name in self._names.items()
        }

    def has(self, kind: str) -> bool:
        """Whether the agent offers such a tool."""
        return kind in self._names

    def put(self, call: Call) -> tuple[str, dict[str, Any]] | None:
        """The call as the agent knows it, or None when nothing it offers does that."""
        if call.tool in self._names:
            known = self._arguments[call.tool]
            return self._names[call.tool], {known.get(name, name): value for name, value in call.args.items()}
        if call.tool == "read" and "bash" in self._names:
            return self.put(Call("bash", {"command": f"cat -- {shlex.quote(call.args['path'])}"}))
        return None
