"""What Claude Code asks leave for on its channel, and the answers that it understands."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
from msgspec import Struct

from orchestrator_tui.clients.driving import Unsupported
from orchestrator_tui.clients.values import decode_object, short, text_of
from orchestrator_tui.events import PermissionAsked
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.text import line, utf8

SHOWN_HEAD, SHOWN_TAIL = 6144, 2048
"""Characters kept of what is asked: its end, too, because that is where something can be hidden."""
QUESTION = "AskUserQuestion"
DENIED = "The person who watches this session said no to this. Do not try it another way; say what you need it for."
_OTHER = re.compile(r"[^\x00-\x7f]")


class Asked(Struct, frozen=True):
    """A permission that is asked for."""

    event: PermissionAsked
    input: str
    """The tool's input as the client wrote it: one JSON object, in ASCII."""


class _Request(Struct):
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _Line(Struct):
    request: _Request


def read_asked(request_id: str, request: dict[str, Any], data: bytes) -> Asked | None:
    """A `can_use_tool` request, of the line that holds it; None when it cannot be answered as it stands."""
    tool = short(request.get("tool_name"))
    if tool is None or not isinstance(request.get("input"), dict):
        return None
    try:
        # To the byte: what is allowed must be what was shown, whatever numbers and keys are in it.
        shown = bytes(msgspec.json.decode(data, type=_Line).request.input).decode()
    except (msgspec.MsgspecError, ValueError, UnicodeError, RecursionError):
        try:
            # Half a character, which Node writes when it cuts one, is kept as it was escaped.
            shown = json.dumps(json.loads(data)["request"]["input"], allow_nan=False)
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
    shown = utf8(shown)
    event = PermissionAsked(
        request_id=request_id,
        tool=tool,
        what=excerpt(shown, SHOWN_HEAD, SHOWN_TAIL),
        via="channel",
        words=short(request.get("description"), 500) or "",
    )
    return Asked(event, _OTHER.sub(_escaped, shown))


def allowed(asked: Asked, words: str) -> str:
    """The answer that allows it, as JSON. Raises Unsupported for a question that is not answered in words."""
    given = asked.input
    if asked.event.tool == QUESTION:
        given = _answered(asked.input, words)
    return f'{{"behavior":"allow","updatedInput":{given}}}'


def denied(words: str) -> str:
    """The answer that denies it, as JSON; `words` are what the model is told."""
    return json.dumps({"behavior": "deny", "message": utf8(words.strip("\0 \t\r\n")).replace("\0", "�") or DENIED})


def _answered(given: str, words: str) -> str:
    """The input of a question with its answers: one line each, or all the words for a single one."""
    value = decode_object(given.encode()) or {}
    asks = value.get("questions")
    questions = [item for item in asks if isinstance(item, dict)] if isinstance(asks, list) else []
    named = [text_of(item.get("question")) or "" for item in questions]
    said = [part.strip() for part in utf8(words).replace("\0", "�").splitlines() if part.strip()]
    if len(named) == 1 and said:
        said = [" ".join(said)]
    if not named or len(said) != len(named):
        raise Unsupported(f"it asks a question; answer it in words, one line each: {_options(questions)}")
    return json.dumps({**value, "answers": dict(zip(named, said, strict=True))})


def _options(questions: list[dict[str, Any]]) -> str:
    parts = []
    for item in questions[:4]:
        options = item.get("options")
        labels = [o.get("label") for o in options if isinstance(o, dict)] if isinstance(options, list) else []
        choice = ", ".join(label for label in labels if isinstance(label, str))
        parts.append(line(f"{text_of(item.get('question')) or '?'} ({choice})", 300))
    return "; ".join(parts)


def _escaped(match: re.Match[str]) -> str:
    """A character as JSON escapes it: a line separator within a string would end the line for some readers."""
    return json.dumps(match[0])[1:-1]
