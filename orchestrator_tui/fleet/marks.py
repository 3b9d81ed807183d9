"""Small parts that the counters of a session's trace are made of: a moment, and a bounded memory of what was seen."""

from __future__ import annotations

from zlib import crc32

from msgspec import Struct

MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


class Mark(Struct, array_like=True, frozen=True, gc=False):
    """A moment in a session, and what it had used by then: what came after it can be told in money."""

    at: int
    seq: int
    cost: int = 0
    """Nano-dollars."""
    tokens: int = 0
    unpriced: int = 0


def words(text: str) -> frozenset[str]:
    """The words of a table that is written as text."""
    return frozenset(text.split())


def small_key(text: str) -> int:
    """32 bits for a text among few: which file, which scope, which error."""
    return crc32(text.encode("utf-8", "replace"))


def mixed(a: int, b: int) -> int:
    """64 bits for an ordered pair of 64-bit numbers."""
    return ((a * _GOLDEN) & MASK) ^ b


def seen_in(memory: bytes, key: int) -> bool:
    """Whether a memory (8 bytes for each of the last keys, oldest first) holds `key`."""
    code = key.to_bytes(8, "big")
    at = memory.find(code)
    while at >= 0:
        if not at & 7:
            return True
        at = memory.find(code, at + 1)
    return False


def with_key(memory: bytes, key: int, limit: int) -> bytes:
    """The memory with `key` as its newest; the oldest quarter goes when there are more than `limit`."""
    if len(memory) >= 8 * limit:
        memory = memory[2 * limit :]
    return memory + key.to_bytes(8, "big")
