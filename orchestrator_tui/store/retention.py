"""Keeping the store within its size: the oldest text goes first; the ledger, money and places in time never."""

from __future__ import annotations

import msgspec

from orchestrator_tui.store.writer import Store

CHUNK = 5_000
"""Rows per transaction."""
TEXTS = (
    "user.message",
    "assistant.message",
    "assistant.thinking",
    "tool.call",
    "tool.result",
    "record.unknown",
    "unparsed",
)
"""Types that hold text; digests and lengths stay when it goes."""
MAX_ROUNDS = 200


async def keep_within(store: Store, max_bytes: int) -> int:
    """Bring the file under `max_bytes`; returns how many events lost their text.

    Back-filled text goes before text that was observed live, the oldest first.
    """
    stripped = 0
    for condition in ("at < seen_at", "at >= seen_at"):
        for _ in range(MAX_ROUNDS):
            if await store.size() <= max_bytes:
                return stripped
            count = await store.strip_text(condition, TEXTS, CHUNK, strip)
            if not count:
                break
            stripped += count
    return stripped


def strip(payload: bytes) -> bytes:
    """A stored body without its text."""
    value = msgspec.json.decode(payload)
    for name in ("text", "arguments", "output", "record"):
        part = value.get(name)
        if isinstance(part, dict):
            part["text"] = ""
            part.pop("tail", None)
    value.pop("head", None) if value.get("type") == "unparsed" else None
    return msgspec.json.encode(value)
