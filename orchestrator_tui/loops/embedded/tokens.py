"""What a request counts: four characters of what was really sent or answered are a token, and a simple prompt cache.

The cache: a prompt of at least 1,024 tokens is written; what of the previous request's messages stands unchanged at
the start of the next one is read, from 1,024 tokens on. Each model has its own cache, and it lives with the process.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

PER_TOKEN = 4
CACHED_FROM = 1_024
_KEPT = 64
"""Conversations remembered."""


class Counted(Struct, frozen=True):
    """Tokens of one response; `input`, `cache_read` and `cache_write` are disjoint and sum to the prompt."""

    input: int
    cache_read: int
    cache_write: int
    output: int

    def openai(self) -> dict[str, Any]:
        """As litellm's `Usage` takes it: `prompt_tokens` has the cached ones in it."""
        prompt = self.input + self.cache_read + self.cache_write
        return {
            "prompt_tokens": prompt,
            "completion_tokens": self.output,
            "total_tokens": prompt + self.output,
            "prompt_tokens_details": {"cached_tokens": self.cache_read, "cache_creation_tokens": self.cache_write},
            "cache_read_input_tokens": self.cache_read,
            "cache_creation_input_tokens": self.cache_write,
        }


def tokens(characters: int) -> int:
    """Tokens of so many characters, rounded up."""
    return -(-characters // PER_TOKEN)


class Cache:
    """The prompt caches of one process."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, ...], list[str]] = OrderedDict()

    def count(
        self, model: str, messages: Sequence[Mapping[str, Any]], tools: object, output_characters: int
    ) -> Counted:
        """What this request counts; it is remembered as the conversation's last."""
        sent = [_encoded(tools), *(_encoded(message) for message in messages)]
        total = tokens(sum(len(part) for part in sent))
        opening = next((n for n, message in enumerate(messages, 2) if message.get("role") == "user"), len(sent))
        key = (model, *sent[:opening])
        read = 0
        for one, before in zip(sent, self._last.pop(key, ()), strict=False):
            if one != before:
                break
            read += len(one)
        cached = tokens(read) if tokens(read) >= CACHED_FROM else 0
        written = total - cached if total >= CACHED_FROM else 0
        self._last[key] = sent
        while len(self._last) > _KEPT:
            self._last.popitem(last=False)
        return Counted(total - cached - written, cached, written, tokens(output_characters))


def _encoded(value: object) -> str:
    """As it goes over the wire; what is no JSON counts by its words."""
    return json.dumps(value, ensure_ascii=False, default=str)
