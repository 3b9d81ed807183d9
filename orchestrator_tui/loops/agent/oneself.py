"""Which process this is, so that no other can be taken for it."""

from __future__ import annotations

import os
from pathlib import Path


def identity() -> dict[str, int | str]:
    """`pid`, and where the kernel tells them `started` (clock ticks since boot) and `boot`: for a log's header."""
    found: dict[str, int | str] = {"pid": os.getpid()}
    try:
        stat = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
        # A program's name may hold blanks and brackets: the fields are counted from behind the last one.
        found["started"] = int(stat.rpartition(")")[2].split()[19])
        found["boot"] = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError, IndexError):
        return {"pid": os.getpid()}
    return found
