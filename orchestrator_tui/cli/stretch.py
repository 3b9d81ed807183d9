"""What is wrong with the times of a stretch that a person asks for, in one line."""

from __future__ import annotations

from orchestrator_tui.clock import iso
from orchestrator_tui.errors import UsageError


def check_times(since: int | None, until: int | None, now: int) -> None:
    """Neither end has yet to come, and the end is not before the beginning. Raises UsageError."""
    for name, at in (("--since", since), ("--until", until)):
        if at is not None and at > now:
            raise UsageError(f"{name} lies in the future: {iso(at)}")
    if since is not None and until is not None and since > until:
        raise UsageError(f"--since ({iso(since)}) is after --until ({iso(until)})")
