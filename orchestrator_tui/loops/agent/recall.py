"""Going on with a session that has ended: what was said and done in it, read back from its own log."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from orchestrator_tui.loops.agent.conversation import Conversation
from orchestrator_tui.loops.agent.task import WrongTask

MAX_LOG = 256 << 20
"""Bytes of a log that is read back."""
CUT_OFF = "[it was cut off here: look at what is already done]"
_NUMBER = re.compile(r"[a-z]+([0-9]{1,9})")


class Past(Struct):
    """What a session has behind it."""

    lines: list[dict[str, Any]]
    requests: int = 0
    """The largest number that a message bears."""
    calls: int = 0
    ids: set[str] = field(default_factory=set)
    """Of its responses."""

    def tell(self, talk: Conversation) -> None:
        """Put it into a new conversation; what is too much for the window is left out there as ever."""
        message: dict[str, Any] | None = None
        group: object = None
        waited: set[str] = set()
        """Calls whose result is to come."""
        for line in self.lines:
            kind, text = line["kind"], line.get("text")
            words = text if isinstance(text, str) else ""
            if kind == "user" and words and line.get("interrupt") is not True:
                talk.settle(CUT_OFF)
                talk.user(words)
                message = None
                waited.clear()
            elif kind in ("assistant_text", "tool_call"):
                if message is None or line.get("msg") is None or line.get("msg") != group:
                    talk.settle(CUT_OFF)
                    message, group = {"role": "assistant", "content": None}, line.get("msg")
                    talk.answered(message, None, None)
                    waited.clear()
                if kind == "assistant_text":
                    message["content"] = words or "(no answer)"
                else:
                    message.setdefault("tool_calls", []).append(_call(line))
                    waited.add(str(line.get("id")))
            elif kind == "tool_result" and (name := str(line.get("id"))) in waited:
                waited.discard(name)
                talk.result(name, words)
        talk.settle(CUT_OFF)


def past_of(log: Path) -> Past:
    """What a log tells. Raises WrongTask where there is none to go on with."""
    try:
        if log.stat().st_size > MAX_LOG:
            raise WrongTask(f"{log} is too large to be read back")
        data = log.read_bytes()
    except OSError as error:
        raise WrongTask(f"there is no session to go on with: {log}: {error.strerror}") from error
    past = Past([])
    for part in data.split(b"\n"):
        try:
            line = json.loads(part)
        except (ValueError, RecursionError):
            # The last line of one that was killed.
            continue
        if not isinstance(line, dict) or not isinstance(line.get("kind"), str):
            continue
        if line["kind"] in ("user", "assistant_text", "tool_call", "tool_result"):
            past.lines.append(line)
        past.requests = max(past.requests, _number(line.get("msg")))
        if line["kind"] == "tool_call":
            past.calls = max(past.calls, _number(line.get("id")))
        if line["kind"] == "usage" and isinstance(line.get("id"), str):
            past.ids.add(line["id"])
    # A number is not used twice, whatever was asked again in between.
    past.requests = max(past.requests, len(past.ids))
    if not any(line["kind"] == "user" for line in past.lines):
        raise WrongTask(f"nothing was said in the session that is to go on: {log}")
    return past


def _call(line: dict[str, Any]) -> dict[str, Any]:
    args = line.get("args")
    written = json.dumps(args) if isinstance(args, dict) else "{}"
    name = re.sub(r"[^A-Za-z0-9_-]", "_", str(line.get("tool")))[:64] or "_"
    return {"id": str(line.get("id")), "type": "function", "function": {"name": name, "arguments": written}}


def _number(value: object) -> int:
    found = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) if found else 0
