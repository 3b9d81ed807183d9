"""Keeping the store within its ages and its size: texts go, raw outputs first; ledger, money and places in time never.

No event is ever taken out: the fleet at T stays the fold of the same events, and what was said of it stays true.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from orchestrator_tui.clock import DAY
from orchestrator_tui.store.writer import Store

CHUNK = 2_000
"""Events per transaction."""
OUTPUTS = frozenset({"tool.result", "assistant.thinking", "record.unknown", "unparsed"})
"""Types that hold raw outputs; digests and lengths stay when their text goes."""
TEXTS = frozenset({"user.message", "assistant.message", "tool.call"})
"""Types that hold what was said and asked for."""
GONE = "texts_gone_until"
"""In `meta`: no text older than this can be counted on."""


class Ages(Struct, frozen=True):
    """How long texts are kept, in days; 0 is for ever."""

    outputs: float = 0.0
    texts: float = 0.0


class Pruned(Struct):
    """What one pass took out."""

    outputs: int = 0
    """Events whose raw output went."""
    texts: int = 0
    until: int = 0
    """Place in time of the newest that lost its text, in ns since 1970; 0: none did."""


async def prune(store: Store, ages: Ages, max_bytes: int, now: int) -> Pruned:
    """First by age, then by size; what is gone until when is written down."""
    pruned = Pruned()
    pruned.outputs += await _by_age(store, "outputs", OUTPUTS, ages.outputs, now, pruned)
    pruned.texts += await _by_age(store, "texts", TEXTS, ages.texts, now, pruned)
    await keep_within(store, max_bytes, pruned)
    if pruned.until:
        ((before,),) = await store.rows(
            "SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM meta WHERE name = ?", GONE
        )
        await store.rows("INSERT OR REPLACE INTO meta VALUES(?, ?)", GONE, str(max(before, pruned.until)))
    return pruned


async def keep_within(store: Store, max_bytes: int, pruned: Pruned | None = None) -> int:
    """Bring the database under `max_bytes`; returns how many events lost their text.

    Back-filled text goes before text that was observed live, raw outputs before words, the oldest first.
    """
    pruned, stripped = pruned or Pruned(), 0
    if await store.size() <= max_bytes:
        return 0
    ((last,),) = await store.rows("SELECT coalesce(max(seq), 0) FROM events")
    for late in (True, False):
        for kinds in (OUTPUTS, TEXTS):
            for first in range(1, last + 1, CHUNK):
                count = await store.rewrite(first, first + CHUNK - 1, without_text(kinds, late, pruned=pruned))
                stripped += count
                if kinds is OUTPUTS:
                    pruned.outputs += count
                else:
                    pruned.texts += count
                if await store.size() <= max_bytes:
                    return stripped
    return stripped


async def _by_age(store: Store, name: str, kinds: frozenset[str], days: float, now: int, pruned: Pruned) -> int:
    """Only what came of age since the last pass is looked at, and what was found since that is older."""
    if days <= 0:
        return 0
    limit = now - int(days * DAY)
    marks = dict(await store.rows("SELECT name, value FROM meta WHERE name LIKE ?", f"{name}_aged_%"))
    done, found = int(marks.get(f"{name}_aged_until", 0)), int(marks.get(f"{name}_aged_seq", 0))
    ((last,),) = await store.rows("SELECT coalesce(max(seq), 0) FROM events")
    wanted = ", ".join(f"'{kind}'" for kind in sorted(kinds))
    windows = await store.rows(
        f"SELECT seq / {CHUNK} FROM events WHERE at >= ?1 AND at < ?2 AND type IN ({wanted})"
        f" UNION SELECT seq / {CHUNK} FROM events WHERE seq > ?3 AND at < ?1 AND type IN ({wanted}) ORDER BY 1",
        min(done, limit), limit, found,
    )  # fmt: skip
    stripped = 0
    for (window,) in windows:
        change = without_text(kinds, False, limit, pruned)
        stripped += await store.rewrite(window * CHUNK, (window + 1) * CHUNK - 1, change)
    for mark, value in ((f"{name}_aged_until", max(done, limit)), (f"{name}_aged_seq", last)):
        await store.rows("INSERT OR REPLACE INTO meta VALUES(?, ?)", mark, str(value))
    return stripped


def without_text(
    kinds: frozenset[str], late: bool, before: int = 1 << 62, pruned: Pruned | None = None
) -> Callable[[Any], Any]:
    """Takes the text out of a row of `events` of these types, placed `before`; with `late` only if found later."""

    def change(row: Any) -> Any:
        _, at, seen_at, _, _, kind, *_, payload = row
        if kind not in kinds or at >= before or (late and at >= seen_at):
            return row
        bare = strip(payload)
        if bare == payload:
            return row
        if pruned is not None:
            pruned.until = max(pruned.until, at)
        return (*row[:-1], bare)

    return change


def strip(payload: bytes) -> bytes:
    """A stored body without its text; the same bytes where there is none."""
    value = msgspec.json.decode(payload)
    held = False
    for name in ("text", "arguments", "output", "record"):
        part = value.get(name)
        if isinstance(part, dict) and part.get("text"):
            held = True
            part["text"] = ""
            part.pop("tail", None)
    if value["type"] == "unparsed" and "head" in value:
        held = True
        value.pop("head", None)
    return msgspec.json.encode(value) if held else payload
