"""Misbehaviour on purpose: lines like `[[embedded: stall seconds=30 after=2]]` in a task's text.

`[[embedded: NAME key=value ...]]`. Every one takes `after=N` (model responses of real work before it; default below)
and `only=small` or `only=large`. Several lines are several misbehaviours.

| name | what the model does | values |
|---|---|---|
| `loop` | the same call again and again, the answer the same, until a person writes | `times` (no end) |
| `spin` | another useless edit and the tests again, until a person writes | `times` (no end) |
| `paraphrase` | one command in ever other words, the same answer | `times` (no end) |
| `chatter` | messages that say much the same, without a tool call | `times` (6) |
| `stall` | a response that hangs, cut with the connection | `seconds` (3600), `midway=1`: after some words |
| `ask` | asks the person, waits, then works on | |
| `rate-limit` | 429 with Retry-After | `seconds` (5) to wait, `times` (2) attempts |
| `error` | a refused request | `kind` (`auth`, `overload`, `request`, `context`), `times` (no end) |
| `overspend` | writes pages about all it reads before it works | `tokens` (6000) a response, `times` (40) |
| `fill` | prints large outputs until the context is full | `times` (40), `characters` (20000) |
| `sleep` | a command that takes long | `seconds` (600) |
| `claim` | says that all tests pass without having run them | |
| `slow` | every response takes so long | `seconds` (3) |
"""

from __future__ import annotations

import re

from msgspec import Struct

_LINE = re.compile(r"\[\[\s*embedded:\s*([a-z][a-z-]{0,31})((?:\s+[a-z]{1,16}=[\w.-]{1,32}){0,8})\s*\]\]")
_AFTER = {"loop": 2, "spin": 3, "paraphrase": 2, "chatter": 1, "stall": 2, "ask": 1, "rate-limit": 1, "sleep": 1}
INCIDENTS = ("stall", "rate-limit", "error")
"""What happens to a request, not what the model decides."""
ENDED_BY_A_WORD = ("loop", "spin", "paraphrase")
NAMES = (*INCIDENTS, *ENDED_BY_A_WORD, "chatter", "ask", "overspend", "fill", "sleep", "claim", "slow")
FOREVER = 1_000_000


class Directive(Struct, frozen=True):
    """One misbehaviour."""

    name: str
    values: dict[str, str] = {}

    def number(self, key: str, default: float) -> float:
        """A value as a number; what is no number counts as not given."""
        try:
            return max(0.0, float(self.values[key]))
        except (KeyError, ValueError):
            return default

    def count(self, key: str, default: int = FOREVER) -> int:
        """A value as a whole number."""
        return int(min(self.number(key, default), FOREVER))

    @property
    def after(self) -> int:
        """Responses of real work before it."""
        return self.count("after", _AFTER.get(self.name, 0))


def directives(text: str, size: str) -> list[Directive]:
    """What the text asks of a model of that size; unknown names are left out."""
    found = []
    for name, rest in _LINE.findall(text):
        values = dict(pair.split("=", 1) for pair in rest.split())
        if name in NAMES and values.get("only", size) == size:
            found.append(Directive(name, values))
    return found
