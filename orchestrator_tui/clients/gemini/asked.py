"""What Gemini CLI asks a person to allow, as it says so on its control channel."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from orchestrator_tui.events import PermissionAsked
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.text import line

HEAD, TAIL = 6144, 2048
"""Characters kept of what is asked: 8 KiB."""
DIFFED = 64 * 1024
"""Characters up to which two versions of a file are compared; the cost of that can grow with the square."""
_CALL = re.compile(r"[A-Za-z0-9_:@+\-]{1,128}")
_TOOL = re.compile(r"([a-zA-Z0-9_]+?)__\1_\d+_\d+")
"""The id of a call, as the client makes it: its tool's name twice, and when it was."""


def read_asked(call: Mapping[str, Any], number: int | str) -> PermissionAsked:
    """What the client asks; its own id for the call can come again in a later process, its number in this one not."""
    own, title, kind = (call.get(name) for name in ("toolCallId", "title", "kind"))
    own = own if isinstance(own, str) and _CALL.fullmatch(own) else "call"
    made = _TOOL.fullmatch(own)
    tool = made[1] if made else line(kind, 64) if isinstance(kind, str) and kind else "tool"
    content = call.get("content")
    changes: list[str] = []
    words: list[str] = []
    for item in content if isinstance(content, list) else []:
        if isinstance(item, dict) and item.get("type") == "diff":
            changes.append(_change(item))
        elif isinstance(item, dict) and isinstance(inner := item.get("content"), dict):
            words.append(str(inner.get("text", "")))
    # Of a command the title is the whole of it; of other tools the input stands in the words.
    parts = [title] if isinstance(title, str) and title else []
    parts += changes if kind == "execute" or changes else words
    what = "\n".join(parts) or msgspec.json.encode(call).decode()
    return PermissionAsked(
        request_id=f"{own}.{number}",
        tool=tool,
        what=excerpt(what, HEAD, TAIL),
        via="channel",
        words=line(" ".join(words), 500),
    )


def _change(item: Mapping[str, Any]) -> str:
    path, old, new = (
        value if isinstance(value := item.get(key), str) else "" for key in ("path", "oldText", "newText")
    )
    if not old or len(old) + len(new) > DIFFED:
        return f"{path}\n{new}"
    return "\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), path, path, n=1, lineterm=""))
