"""Adding a hook to Claude Code's `settings.json` and taking it out again, without touching anything else in the text.

The hook is spliced in as text and cut out as the same text: what a person wrote, its order and its spacing, stays byte
for byte. Hooks are read when a session starts (Claude Code 2.1; the format: its settings documentation).
"""

from __future__ import annotations

import json
import shlex
from json.decoder import JSONDecodeError
from typing import Any

EVENT = "PermissionRequest"
_SPACE = " \t\r\n"
_decoder = json.JSONDecoder()


class Unusable(Exception):
    """The settings cannot be edited; the text says why."""


def entry(script: str, spool: str, seconds: int) -> dict[str, Any]:
    """The hook as the settings have it: a command line for a shell, its words quoted."""
    command = {"type": "command", "command": shlex.join(["sh", script, spool]), "timeout": seconds}
    return {"matcher": "*", "hooks": [command]}


def with_hook(text: str, script: str, spool: str, seconds: int) -> tuple[str, str]:
    """(the settings with the hook, exactly what was put in); raises Unusable."""
    if not text.strip():
        new = json.dumps({"hooks": {EVENT: [entry(script, spool, seconds)]}}, indent=2) + "\n"
        return text + new, new
    _parsed(text)
    start, keys = _object(text, _skip(text, 0))
    value: Any = [entry(script, spool, seconds)]
    if "hooks" not in keys:
        return _put(text, start, bool(keys), f'"hooks": {json.dumps({EVENT: value})}')
    place = keys["hooks"]
    if text[place] != "{":
        raise Unusable('"hooks" is no object')
    start, keys = _object(text, place)
    if EVENT not in keys:
        return _put(text, start, bool(keys), f'"{EVENT}": {json.dumps(value)}')
    place = keys[EVENT]
    if text[place] != "[":
        raise Unusable(f'"hooks.{EVENT}" is no list')
    full = text[_skip(text, place + 1)] != "]"
    return _put(text, place + 1, full, json.dumps(value[0]))


def without_hook(text: str, put_in: str, script: str) -> str:
    """The settings without the hook: as they were, where what was put in is still there; else rewritten without it."""
    if put_in and text.count(put_in) == 1:
        cut = text.replace(put_in, "")
        if not cut.strip() or _valid(cut):
            return cut
    settings = _parsed(text)
    hooks = settings.get("hooks")
    if not isinstance(hooks, dict) or not has_hook(text, script):
        return text
    hooks[EVENT] = [item for item in hooks[EVENT] if not _is_ours(item, script)]
    if not hooks[EVENT]:
        del hooks[EVENT]
    if not hooks:
        del settings["hooks"]
    return json.dumps(settings, indent=2, ensure_ascii=False) + "\n"


def has_hook(text: str, script: str) -> bool:
    """Whether the hook is in the settings; raises Unusable when they are no JSON object."""
    if not text.strip():
        return False
    hooks = _parsed(text).get("hooks")
    listed = hooks.get(EVENT) if isinstance(hooks, dict) else None
    return isinstance(listed, list) and any(_is_ours(item, script) for item in listed)


def _is_ours(item: Any, script: str) -> bool:
    hooks = item.get("hooks") if isinstance(item, dict) else None
    commands = [hook.get("command") for hook in hooks if isinstance(hook, dict)] if isinstance(hooks, list) else []
    return any(isinstance(command, str) and shlex.quote(script) in command for command in commands)


def _put(text: str, place: int, more: bool, what: str) -> tuple[str, str]:
    put_in = what + (", " if more else "")
    new = text[:place] + put_in + text[place:]
    if not _valid(new):
        raise Unusable("they cannot be edited safely")
    return new, put_in


def _object(text: str, place: int) -> tuple[int, dict[str, int]]:
    """(offset after the opening brace, key -> offset of its value) of the object that begins there."""
    keys: dict[str, int] = {}
    at = _skip(text, place + 1)
    while text[at] == '"':
        key, at = _decoder.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        keys[key] = at
        _, at = _decoder.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] != ",":
            break
        at = _skip(text, at + 1)
    return place + 1, keys


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _parsed(text: str) -> dict[str, Any]:
    try:
        settings = json.loads(text)
    except (JSONDecodeError, RecursionError) as error:
        raise Unusable(f"they are no JSON: {error}") from error
    if not isinstance(settings, dict):
        raise Unusable("they are no JSON object")
    return settings


def _valid(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (JSONDecodeError, RecursionError):
        return False
