"""The embedded model as litellm sees it: `embedded/small` and `embedded/large`, behind a custom provider.

litellm calls `astreaming` for `acompletion(stream=True)` in a worker thread. A request that is refused raises there, so
that the caller meets litellm's own exceptions; one that is answered gives chunks in OpenAI's form. The usage must stand
in a chunk before the last: litellm drops what comes with the finish reason.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from orchestrator_tui.loops.embedded.directives import Directive
from orchestrator_tui.loops.embedded.mind import Response, respond
from orchestrator_tui.loops.embedded.skills import size_of
from orchestrator_tui.loops.embedded.tokens import Cache, Counted

PROVIDER = "embedded"
PACE = "ORC_EMBEDDED_PACE"
"""Seconds that a response takes, so that a demonstration can be followed; 0 when not set."""
_CHUNKS = 24
"""Most chunks of one response's words."""


def register(seed: int) -> None:
    """Make `embedded/small` and `embedded/large` known to litellm; again: only the seed changes. Imports litellm."""
    import litellm as imported

    litellm: Any = imported
    for item in litellm.custom_provider_map:
        if item["provider"] == PROVIDER:
            item["custom_handler"].model.seed = seed
            return
    # litellm keeps the list that is set here; others' providers stay in it.
    litellm.custom_provider_map = [
        *litellm.custom_provider_map,
        {"provider": PROVIDER, "custom_handler": _handler(Model(seed))},
    ]
    litellm.utils.custom_llm_setup()


class Model:
    """What the process remembers: the seed, the prompt caches, and which requests it has already refused."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.cache = Cache()
        self._met: dict[tuple[str, str, int], int] = {}

    def count(self, response: Response, model: str, messages: Sequence[Mapping[str, Any]], tools: Any) -> Counted:
        """What a response counts that is really given."""
        written = len(response.text) + sum(len(name) + len(_arguments(args)) for name, args in response.calls)
        return self.cache.count(model, messages, tools, written)

    def meets(self, directive: Directive, first: str, number: int, times: int) -> bool:
        """Whether this incident happens to this request, and note that it did. `first`: the conversation's start."""
        if directive.after != number:
            return False
        key = (directive.name, first, number)
        self._met[key] = self._met.get(key, 0) + 1
        return self._met[key] <= times


def _arguments(args: dict[str, Any]) -> str:
    return json.dumps(args, ensure_ascii=False)


def _handler(model: Model) -> Any:
    import httpx
    import litellm as imported
    from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices, Usage

    # Its own hints are incomplete: most of what it offers is made when it is asked for.
    litellm: Any = imported

    def refusal(name: str, response: Response, first: str) -> Exception | None:
        for directive in response.directives:
            if directive.name == "rate-limit" and model.meets(
                directive, first, response.number, directive.count("times", 2)
            ):
                seconds = directive.number("seconds", 5)
                request = httpx.Request("POST", "https://embedded.invalid/v1/chat/completions")
                told = httpx.Response(429, headers={"retry-after": f"{seconds:g}"}, request=request)
                words = f"Rate limit reached for embedded/{name}; try again in {seconds:g} s"
                limited: Exception = litellm.RateLimitError(words, llm_provider=PROVIDER, model=name, response=told)
                return limited
            if directive.name == "error" and model.meets(directive, first, response.number, directive.count("times")):
                return _error(litellm, name, directive.values.get("kind", "auth"))
        return None

    async def chunks(name: str, response: Response, counted: Counted, first: str) -> AsyncIterator[Any]:
        identity = f"embedded-{uuid4().hex}"

        def chunk(finish: str | None = None, usage: Counted | None = None, **delta: Any) -> Any:
            choice = StreamingChoices(index=0, delta=Delta(**delta), finish_reason=finish)
            counts: dict[str, Any] = {} if usage is None else {"usage": Usage(**usage.openai())}
            return ModelResponseStream(id=identity, model=f"{PROVIDER}/{name}", choices=[choice], **counts)

        hang = _hang(model, response, first)
        pace = _pace(response)
        pieces = list(_pieces(response.text))
        await asyncio.sleep(pace / 2 if hang is None or hang[1] else hang[0])
        for number, piece in enumerate(pieces):
            yield chunk(role="assistant", content=piece) if not number else chunk(content=piece)
            if hang is not None and hang[1] and number >= len(pieces) // 2:
                await asyncio.sleep(hang[0])
                hang = None
            await asyncio.sleep(pace / 2 / len(pieces))
        for number, (tool, args) in enumerate(response.calls):
            function = {"name": tool, "arguments": _arguments(args)}
            call = {"index": number, "id": f"call_{response.number}_{number}", "type": "function", "function": function}
            yield chunk(tool_calls=[call])
        yield chunk(usage=counted, content="")
        yield chunk("tool_calls" if response.calls else "stop")

    class Embedded(litellm.CustomLLM):  # type: ignore[misc]
        """litellm's way in."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def astreaming(self, model: str, messages: list[Any], *args: Any, **kwargs: Any) -> Any:
            """Chunks of one response; a refusal is raised at once."""
            optional = kwargs.get("optional_params") or {}
            first = _first(messages)
            tools = optional.get("tools")
            response = respond(messages, tools, size_of(model), self.model.seed)
            error = refusal(model, response, first)
            if error is not None:
                raise error
            return chunks(model, response, self.model.count(response, model, messages, tools), first)

        async def acompletion(self, model: str, messages: list[Any], *args: Any, **kwargs: Any) -> Any:
            """The same response in one piece."""
            parts = [part async for part in self.astreaming(model, messages, *args, **kwargs)]
            return litellm.stream_chunk_builder(parts)

    return Embedded()


def _error(litellm: Any, name: str, kind: str) -> Exception:
    known = {"llm_provider": PROVIDER, "model": name}
    if kind == "overload":
        return litellm.ServiceUnavailableError("The embedded model is overloaded", **known)  # type: ignore[no-any-return]
    if kind == "request":
        return litellm.BadRequestError("The request is not valid: messages", **known)  # type: ignore[no-any-return]
    if kind == "context":
        words = "This model's maximum context length is 64000 tokens"
        return litellm.ContextWindowExceededError(words, **known)  # type: ignore[no-any-return]
    return litellm.AuthenticationError("Invalid API key for the embedded model", **known)  # type: ignore[no-any-return]


def _first(messages: Sequence[Mapping[str, Any]]) -> str:
    return next((str(message.get("content")) for message in messages if message.get("role") == "user"), "")


def _hang(model: Model, response: Response, first: str) -> tuple[float, bool] | None:
    for directive in response.directives:
        if directive.name == "stall" and model.meets(directive, first, response.number, directive.count("times", 1)):
            return directive.number("seconds", 3600), "midway" in directive.values
    return None


def _pace(response: Response) -> float:
    """Seconds for this response; some take longer than others, the same ones each time."""
    try:
        pace = max(0.0, float(os.environ.get(PACE, "0")))
    except ValueError:
        pace = 0.0
    slow = [directive.number("seconds", 3) for directive in response.directives if directive.name == "slow"]
    spread = random.Random(f"{response.number} {response.text}").uniform(0.6, 1.4)  # noqa: S311
    return max([pace, *slow]) * spread


def _pieces(text: str) -> Iterator[str]:
    size = max(12, -(-len(text) // _CHUNKS))
    for start in range(0, len(text), size):
        yield text[start : start + size]
