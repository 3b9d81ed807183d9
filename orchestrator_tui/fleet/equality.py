"""When two calls are the same call: the tool and its arguments, without what is only said about them."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from orchestrator_tui.excerpt import Excerpt
from orchestrator_tui.fleet.commands import NOTHING_SAID, Command, command_of
from orchestrator_tui.fleet.marks import small_key, words
from orchestrator_tui.fleet.outputs import key_of
from orchestrator_tui.fleet.tools import Kind, tool_of

LABEL = 100
"""Characters of a call's subject that are kept while it is open."""
PAGE = 2000
"""Lines that a read without a limit gives (Claude Code, Gemini CLI, Codex)."""
WHOLE_FILE = 1 << 30
COSMETIC = words(
    "description task_progress reason timeout timeout_ms timeoutMs timeout_seconds explanation justification thought"
    " security_risk requires_approval yield_time_ms max_output_tokens toolAction toolSummary instruction wait_ms"
)
"""Arguments that say something about a call and do not change what it does."""
_COMMANDS = ("command", "cmd", "script", "code", "input", "commandLine", "CommandLine", "bash_command", "shell_command")
_ROLES = {
    name: role
    for role, names in {
        "path": "file_path filePath path absolute_path file filename target_file relative_path notebook_path uri",
        "old": "old_string oldString old_str old_text oldText search find old",
        "new": "new_string newString new_str new_text newText content contents file_text text replace code_edit new",
        "first": "offset start_line startLine line_start start from_line begin_line first_line",
        "limit": "limit num_lines lines max_lines count",
        "last": "end_line endLine line_end end to_line end_line_one_indexed_inclusive last_line",
        "span": "view_range line_range range",
    }.items()
    for name in names.split()
}
"""Names of arguments -> what they say of a file."""
_KINDS: dict[str, type] = {
    "path": str, "old": str, "new": str, "first": int, "limit": int, "last": int, "span": list
}  # fmt: skip
_PARTS = frozenset({"first", "limit", "last"})
_STATED = words(
    "timeout timeout_ms timeoutMs yield_time_ms wait_ms timeout_seconds timeoutSeconds timeout_sec seconds duration"
    " wait"
)
_SED = re.compile(r"^\s*sed\s+-n\s+['\"]?(\d{1,9})(?:,(\d{1,9}))?p['\"]?\s+(\S+)\s*$")
_HEAD = re.compile(r"^\s*head\s+-(?:n\s*)?(\d{1,9})\s+(\S+)\s*$")
_CUT_WORD = re.compile(r'"(?:command|cmd|file_path|filePath|path|pattern|query|url|prompt)":"((?:[^"\\]|\\.){1,200})')
_SUBJECTS = ("command", "cmd", "file_path", "filePath", "path", "pattern", "query", "url", "description", "prompt")


class Asked(Struct, array_like=True, gc=False):
    """A tool call, as far as its result will need it."""

    key: int
    """The same for the same call."""
    tool: str
    tool_key: int
    kind: Kind
    at: int
    seq: int
    label: str
    """What it is about, not cleaned."""
    group: int = 0
    """The step it belongs to."""
    polls: bool = False
    remote: bool = False
    changes: bool = False
    """A deed of a tool that is known by its verb only."""
    command: Command = NOTHING_SAID
    scope: int = 0
    """Of a test command: which tests."""
    path: int = 0
    """Of a read or an edit: the file."""
    first: int = -1
    last: int = -1
    """Of a read of a part of a file: its lines, the last not included; -1 for no part."""
    old: int = 0
    new: int = 0
    """Of an edit: what it replaces, and what by."""
    waits: float | None = None
    """Seconds that the call itself allows for; None when it does not say."""
    done: int = 0
    """What a copy of it would have too."""


def asked(tool: str, arguments: Excerpt, at: int, seq: int) -> Asked:
    """What a call asks for."""
    what = tool_of(tool)
    value = _object(arguments)
    label = (subject(arguments.text) if value is None else _subject(value))[:LABEL]
    call = Asked(_key(tool, what.kind, arguments, value), tool, what.key, what.kind, at, seq, label)
    call.remote, call.polls, call.changes = what.remote, what.polls, what.changes
    if value is None:
        if what.kind == "shell" and (found := _CUT_WORD.search(arguments.text)) is not None:
            call.command = command_of(found[1].replace("\\n", "\n"))
        elif what.kind == "edit":
            call.new = call.key
        return call
    call.waits = _stated(value)
    if what.kind in ("shell", "wait"):
        text = _command(value)
        if what.kind == "shell" or text.strip():
            _shell(call, text, value)
        if what.kind == "wait" and str(value.get("chars") or value.get("input") or "").strip():
            # Something is typed: that is no waiting.
            call.kind, call.polls = "other", False
    elif what.kind in ("read", "edit", "query", "other"):
        _file(call, value)
    return call


def subject(arguments: str) -> str:
    """What a tool call is about: the command, the path, the pattern; else the first string among its arguments."""
    try:
        value = _json.decode(arguments)
    except (msgspec.MsgspecError, RecursionError):
        found = _CUT_WORD.search(arguments[:4096])
        return found[1][:120] if found else arguments[:120]
    return _subject(value) if isinstance(value, dict) else str(value)[:120]


def _subject(value: dict[str, Any]) -> str:
    for name in _SUBJECTS:
        item = value.get(name)
        if isinstance(item, list):
            item = _joined(item)
        if isinstance(item, str) and item:
            return item[:120]
    return next((item[:120] for item in value.values() if isinstance(item, str) and item), "")


def _object(arguments: Excerpt) -> dict[str, Any] | None:
    if not arguments.whole or not arguments.text:
        return None
    try:
        value = _json.decode(arguments.text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _key(tool: str, kind: Kind, arguments: Excerpt, value: dict[str, Any] | None) -> int:
    if value is None:
        # What was cut off is known by the length and the digest of the whole.
        return key_of(tool, arguments.text, arguments.digest, str(arguments.length))
    text = arguments.text
    if kind in ("edit", "agent", "note", "act", "ask"):
        return key_of(tool, text)
    plain = COSMETIC.isdisjoint(value)
    kept = value if plain else {name: item for name, item in value.items() if name not in COSMETIC}
    if len(kept) == 1:
        ((name, item),) = kept.items()
        if isinstance(item, str):
            return key_of(tool, name, item)
    if kept and not plain:
        text = _encode(kept).decode()
    return key_of(tool, text)


def _command(value: dict[str, Any]) -> str:
    for name in _COMMANDS:
        item = value.get(name)
        if isinstance(item, str):
            return item
        if isinstance(item, list):
            return _joined(item)
    return ""


def _joined(item: list[Any]) -> str:
    parts = [str(part) for part in item]
    if len(parts) >= 3 and parts[0].endswith("sh") and parts[1].startswith("-"):
        return parts[2]
    return " ".join(parts)


def _shell(call: Asked, text: str, value: dict[str, Any]) -> None:
    command = call.command = command_of(text)
    # Nothing typed into a running command is how some clients wait for more of its output.
    call.polls = call.polls or command.polls or not text.strip()
    if not text.strip():
        call.kind = "wait"
    if command.tests:
        call.scope = small_key(command.scope)
    elif not command.looks:
        call.scope = call.key
    if command.limit is not None or command.sleeps:
        call.waits = max(call.waits or 0.0, command.limit or 0.0, command.sleeps)
    if found := _SED.match(text):
        first = int(found[1])
        call.path, call.first, call.last = small_key(found[3]), first, int(found[2] or first) + 1
    elif found := _HEAD.match(text):
        call.path, call.first, call.last = small_key(found[2]), 1, int(found[1]) + 1


def _file(call: Asked, value: dict[str, Any]) -> None:
    """Which file, which part of it, what for what; the first of several names for one thing counts."""
    said: dict[str, Any] = {}
    for name, item in value.items():
        role = _ROLES.get(name)
        if role is not None and role not in said and isinstance(item, _KINDS[role]) and not isinstance(item, bool):
            said[role] = item
    if not said:
        return
    if call.kind == "edit":
        if str(value.get("command") or "") == "view":
            call.kind = "read"
        else:
            call.old = small_key(said["old"]) if "old" in said else 0
            call.new = small_key(said["new"]) if "new" in said else call.key
    if "path" in said:
        call.path = small_key(said["path"])
        if call.kind != "edit":
            _part(call, said)


def _part(call: Asked, said: dict[str, Any]) -> None:
    span = said.get("span")
    if span is not None and len(span) == 2 and all(isinstance(item, int) for item in span):
        first, last = span
        call.first, call.last = max(0, first), (last if last >= 0 else WHOLE_FILE) + 1
    elif not _PARTS.isdisjoint(said):
        call.first = max(0, said.get("first", 0))
        call.last = said["last"] + 1 if "last" in said else call.first + said.get("limit", PAGE)
    if not 0 <= call.first < call.last <= WHOLE_FILE + 1:
        call.first = call.last = -1


def _stated(value: dict[str, Any]) -> float | None:
    """Seconds that the arguments allow: a timeout in milliseconds or seconds, whichever it can be."""
    if _STATED.isdisjoint(value):
        return None
    for name in sorted(_STATED & value.keys()):
        item = value[name]
        if isinstance(item, bool) or not isinstance(item, int | float) or not 0 < item < 1e9:
            continue
        thousandths = name.endswith(("ms", "Ms")) or (item >= 1000 and name in ("timeout", "wait", "duration"))
        return item / 1000 if thousandths else float(item)
    return None


_json = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode
