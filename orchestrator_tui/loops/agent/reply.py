"""One response of the model, put together from what streams in; whatever a server sends, it stays bounded."""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec import Struct, field

from orchestrator_tui.events import Tokens
from orchestrator_tui.text import utf8

MAX_TEXT = 4 << 20
"""Characters of one response above which it is broken off."""
MAX_CALLS = 32
"""Tool calls of one response that are carried out."""
MAX_COUNT = 1 << 40
# Gemini's ids carry a signature that must come back as it was.
_ID = re.compile(r"[A-Za-z0-9_\-.:+/=]{1,16384}")


class TooLong(Exception):
    """The response does not end."""


class Call(Struct):
    """A tool call."""

    id: str
    """As the server named it, or a name of ours where that is none."""
    tool: str
    arguments: dict[str, Any] | None
    """None where what the model wrote is no JSON object."""
    written: str
    """What it wrote."""

    def again(self) -> str:
        """The arguments as they go back to the model."""
        try:
            return json.dumps(self.arguments or {})
        except (ValueError, RecursionError):
            return "{}"


class Counted(Struct, frozen=True):
    """Tokens of a response as the server counted them, apart from each other (docs/contract.md §3)."""

    tokens: Tokens
    prompt: int
    """All of the prompt, cached or not."""


class Reply(Struct):
    """What the model said."""

    id: str = ""
    text: str = ""
    calls: list[Call] = field(default_factory=list)
    finish: str = ""
    counted: Counted | None = None
    """None where the server told no usage."""
    thinking: list[Any] = field(default_factory=list)
    """Blocks that Anthropic wants back as they were."""

    def message(self) -> dict[str, Any]:
        """The response as it goes back to the model with the next request."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        if self.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {
                        "name": plain_name(call.tool),
                        # Servers parse it: what is no object goes back as an empty one, and the result says so.
                        "arguments": call.again(),
                    },
                }
                for call in self.calls
            ]
        if self.thinking:
            message["thinking_blocks"] = self.thinking
        if not self.text and not self.calls:
            message["content"] = "(no answer)"
        return message


class Gathering:
    """Takes up the pieces of one response."""

    def __init__(self) -> None:
        self.size = 0
        """Characters so far, thoughts included."""
        self.id = ""
        self.finish = ""
        self.thinks = False
        self._text: list[str] = []
        self._calls: dict[int, list[Any]] = {}
        """Index -> [id, name, pieces of the arguments]."""
        self._by_id: dict[str, int] = {}

    def add(self, chunk: Any) -> None:
        """A piece, as litellm hands it over. Raises TooLong."""
        self.id = self.id or str(getattr(chunk, "id", None) or "")
        for choice in (getattr(chunk, "choices", None) or ())[:1]:
            self.finish = str(getattr(choice, "finish_reason", None) or "") or self.finish
            delta = getattr(choice, "delta", None)
            if delta is None:
                continue
            text = getattr(delta, "content", None)
            if isinstance(text, str) and text:
                self._text.append(text)
                self._grew(len(text))
            thought = getattr(delta, "reasoning_content", None)
            if isinstance(thought, str):
                self._grew(len(thought))
            self.thinks = self.thinks or bool(getattr(delta, "thinking_blocks", None))
            for call in getattr(delta, "tool_calls", None) or ():
                self._call(call)

    def _call(self, call: Any) -> None:
        function = getattr(call, "function", None)
        name, arguments = getattr(function, "name", None), getattr(function, "arguments", None)
        index, known = getattr(call, "index", None), getattr(call, "id", None)
        if not isinstance(index, int):
            index = len(self._calls) if known or not self._calls else max(self._calls)
        # Some servers number every call 0, and tell them apart by their ids alone.
        if isinstance(known, str) and known:
            held = self._calls.get(index)
            if held is not None and held[0] and held[0] != known:
                index = self._by_id.get(known, max(self._calls) + 1)
            self._by_id[known] = index
        if index not in self._calls and len(self._calls) >= 4 * MAX_CALLS:
            raise TooLong("it asked for more tools at once than can be carried out")
        held = self._calls.setdefault(index, ["", "", []])
        held[0] = held[0] or (known if isinstance(known, str) else "")
        if isinstance(name, str) and name != held[1]:
            held[1] = (held[1] + name)[:256]
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments)
        if isinstance(arguments, str):
            held[2].append(arguments)
            self._grew(len(arguments))

    def _grew(self, by: int) -> None:
        self.size += by
        if self.size > MAX_TEXT:
            raise TooLong(f"its answer has more than {MAX_TEXT} characters")

    def reply(self, turn: int) -> Reply:
        """The whole of it; `turn` makes ids of ours unique within the session."""
        calls, used = [], set()
        for number, (known, name, pieces) in enumerate(self._calls[index] for index in sorted(self._calls)):
            known = known if _ID.fullmatch(known) and known not in used else f"call_{turn}_{number}"
            used.add(known)
            written = utf8("".join(pieces))
            calls.append(Call(known, utf8(name) or "?", _object(written), written))
        return Reply(utf8(self.id)[:128], utf8("".join(self._text)), calls, utf8(self.finish)[:64])


def count(usage: Any, foreign: bool = False) -> Counted | None:
    """A server's counts, made disjoint; None for what cannot be one.

    litellm hands over a prompt that INCLUDES what was read from and written to a cache, of every provider (OpenAI's own
    form; it adds Anthropic's up). `foreign`: the provider tells no reasoning, and litellm's figure for it is a guess.
    """
    prompt, output = _whole(_of(usage, "prompt_tokens")), _whole(_of(usage, "completion_tokens"))
    if prompt is None or output is None:
        return None
    details, made = _of(usage, "prompt_tokens_details"), _of(usage, "completion_tokens_details")
    read = _whole(_of(details, "cached_tokens")) or _whole(_of(usage, "cache_read_input_tokens")) or 0
    wrote = (
        _whole(_of(usage, "cache_creation_input_tokens")) or _whole(_of(details, "cache_creation_tokens"))
        or _whole(_of(details, "cache_write_tokens")) or 0
    )  # fmt: skip
    hour = _whole(_of(_of(details, "cache_creation_token_details"), "ephemeral_1h_input_tokens")) or 0
    reasoning = 0 if foreign else _whole(_of(made, "reasoning_tokens")) or 0
    # Parts that are more than the whole are no parts of it.
    read = min(read, prompt)
    wrote = min(wrote, prompt - read)
    return Counted(Tokens(prompt - read - wrote, read, wrote, output, min(hour, wrote), min(reasoning, output)), prompt)


def plain_name(tool: str) -> str:
    """A tool's name as every server takes it."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", tool)[:64] or "unknown"


def _object(written: str) -> dict[str, Any] | None:
    if not written.strip():
        return {}
    value: Any = written
    # A server that encodes twice sends a text of JSON.
    for _ in range(2):
        try:
            # NaN is no JSON, and nobody could write it down.
            value = json.loads(value, parse_constant=str) if isinstance(value, str) else value
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MAX_COUNT else None
