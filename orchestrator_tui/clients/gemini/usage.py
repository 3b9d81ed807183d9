"""Counting Gemini's responses: `tokens: {input, output, cached, thoughts, tool, total}` of a message (0.61.0).

They are `usageMetadata` of the response: `promptTokenCount`, `candidatesTokenCount`, `cachedContentTokenCount`,
`thoughtsTokenCount`, `toolUsePromptTokenCount`, `totalTokenCount`. `input` includes `cached`. `thoughts` and `tool`
(what the service's own tools, such as URL context, fed to the model: billed as input) stand beside `output` and
`input`, and `total` is the sum of the four; some services put them inside, and there `total` tells.
"""

from __future__ import annotations

import re

from orchestrator_tui.clients.gemini.state import NAME
from orchestrator_tui.clients.values import count_of, response_key, tokens_of
from orchestrator_tui.events import Tokens

_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def tokens_in(counts: object) -> Tokens:
    """The counts of one response. Raises ValueError for what is no count, or when a part exceeds its whole."""
    if not isinstance(counts, dict):
        raise ValueError("not an object")
    if counts.get("input") is None or counts.get("output") is None:
        raise ValueError("no input or output")
    prompt, cached, output, thoughts, tool = (
        count_of(counts.get(name)) for name in ("input", "cached", "output", "thoughts", "tool")
    )
    total = counts.get("total")
    for apart in ((thoughts, tool), (thoughts, 0), (0, tool), (0, 0)):
        if prompt + output + sum(apart) == total:
            break
    else:
        apart = (thoughts, tool)
    return tokens_of(input=prompt + apart[1] - cached, cache_read=cached, output=output + apart[0], reasoning=thoughts)


def response_of(session: str, message: str) -> bytes:
    """The key of a message's response: a random id is the same in every copy, any other is its session's own."""
    return response_key(NAME, message.lower()) if _RANDOM.fullmatch(message) else response_key(NAME, session, message)
