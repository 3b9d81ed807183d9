"""Keeping the store within its size: the oldest text goes first; the ledger, money and places in time never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from orchestrator_tui.store.writer import Store

CHUNK = 2_000
"""Events per transaction."""
TEXTS = frozenset(
    {
        "user.message",
        "assistant.message",
        "assistant.thinking",
        "tool.call",
        "tool.result",
        "record.unknown",
        "unparsed",
    }
)
"""Types that hold text; digests and lengths stay when it goes."""


async def keep_within(store: Store, max_bytes: int) -> int:
    """Bring the database under `max_bytes`; returns how many events lost their text.

    Back-filled text goes before text that was observed live, the oldest first.
    """
    stripped = 0
    if await store.size() <= max_bytes:
        return 0
    for late in (True, False):
        ((last,),) = await store.rows("SELECT coalesce(max(seq), 0) FROM events")
        for first in range(1, last + 1, CHUNK):
            stripped += await store.rewrite(first, first + CHUNK - 1, without_text(late))
            if await store.size() <= max_bytes:
                return stripped
    return stripped


def without_text(late: bool) -> Callable[[Any], Any]:
    """Takes the text out of a row of `events` that was found later (`late`), or of any."""

    def change(row: Any) -> Any:
        _, at, seen_at, _, _, kind, *_, payload = row
        if kind not in TEXTS or (late and at >= seen_at):
            return row
        return (*row[:-1], strip(payload))

    return change


def strip(payload: bytes) -> bytes:
    """A stored body without its text."""
    value = msgspec.json.decode(payload)
    for name in ("text", "arguments", "output", "record"):
        part = value.get(name)
        if isinstance(part, dict) and part.get("text"):
            part["text"] = ""
            part.pop("tail", None)
    if value["type"] == "unparsed":
        value.pop("head", None)
    return msgspec.json.encode(value)
