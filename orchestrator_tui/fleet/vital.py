"""Signs of life of a session's process: when its tools last did something, what they wait for, whether it is homeless.

Observations come when something changed, or as samples; either way each is one event. Between two of them what was
seen first held on.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from orchestrator_tui import events as ev
from orchestrator_tui.fleet import SECOND

BUSY_PERCENT = 5.0
BUSY_BYTES = 64 * 1024
HELD = 60 * SECOND
"""Up to so long before an observation that shows quiet, the work seen before it may have gone on."""
SLEEP = 30 * SECOND
"""The wall clock went on by this much more than the observer's own: the machine slept."""
MAX_CLOCK = 1e10
"""Seconds that no machine has been up for."""
BLIND = 1800 * SECOND
"""A log's writer that saw nothing for longer was not looking; a host (it tells when a process began) tells changes."""
HELPERS = (
    "mcp", "language-server", "languageserver", "language_server", "tsserver", "gopls", "pyright", "rust-analyzer",
    "--stdio", "caffeinate", " lsp",
)  # fmt: skip
"""Helpers that a client keeps running: they are no sign that a command began."""


class Vital(Struct):
    """What the observations of one session's process came to."""

    busy_at: int = 0
    """When a tool's process last used the processor or moved data."""
    net_at: int = 0
    """When bytes last came over the network."""
    quiet_since: int | None = None
    """When the tools were first seen doing nothing, after they last did something."""
    spawned_at: int = 0
    """When one more of them was seen than before."""
    child_at: int = 0
    """When a process below the client was last seen that is no helper of its own."""
    terminal_since: int | None = None
    """Since when one of them waits for somebody to type."""
    homeless_since: int | None = None
    """Since when it has had no terminal and no parent but init."""
    woke_at: int = 0
    """When looking began anew after the machine slept."""
    seen_at: int = 0
    monotonic: float | None = None
    children: int = 0

    def observed(self, at: int, seen: ev.ProcessObserved, last_at: int) -> None:
        """One look; `last_at`: the session's last event of any kind."""
        clock = seen.monotonic if seen.monotonic is not None and abs(seen.monotonic) < MAX_CLOCK else None
        if self.monotonic is not None and clock is not None and self.seen_at:
            awake = int((clock - self.monotonic) * SECOND)
            if at - self.seen_at - awake > SLEEP:
                self._woke(at)
        elif clock is None and seen.started is None and at - max(last_at, self.seen_at) > BLIND:
            self._woke(at)
        was_busy = self.quiet_since is None and self.busy_at > 0
        busy = at_work(seen)
        if was_busy and not busy:
            self.busy_at = max(self.busy_at, at - HELD)
        if busy:
            self.busy_at, self.quiet_since = at, None
        elif self.quiet_since is None:
            self.quiet_since = at
        if seen.net_bytes:
            self.net_at = at
        outer = sum(not is_helper(child.command) for child in seen.children)
        if outer:
            self.child_at = at
        if outer > self.children and self.seen_at:
            self.spawned_at = at
        self.children = outer
        waits = seen.terminal_read or any(child.terminal_read for child in seen.children)
        self.terminal_since = None if not waits or busy else self.terminal_since or at
        homeless = seen.ppid == 1 and not seen.tty and not seen.tmux
        self.homeless_since = None if not homeless else self.homeless_since or at
        self.seen_at, self.monotonic = at, clock

    def _woke(self, at: int) -> None:
        self.woke_at = at
        if self.terminal_since is not None:
            self.terminal_since = at
        if self.homeless_since is not None:
            self.homeless_since = at

    def gone(self) -> None:
        """The process ended."""
        self.quiet_since = self.terminal_since = self.homeless_since = None
        self.busy_at = self.children = 0
        self.monotonic = None


@lru_cache(maxsize=1024)
def is_helper(command: str) -> bool:
    """Whether a command line is a helper's that a client keeps running."""
    lower = command.lower()
    return any(word in lower for word in HELPERS)


def at_work(seen: ev.ProcessObserved) -> bool:
    """Whether the tools below the client do something; the client's own screen costs CPU too, and says nothing."""
    for child in seen.children:
        if (child.cpu_percent or 0.0) > BUSY_PERCENT or (child.io_bytes or 0) > BUSY_BYTES:
            return True
    if seen.activity != "busy" or not seen.children:
        return False
    # A host tells when the whole tree changes, not when work moves from the client to a tool: the share may be old.
    return seen.started is not None or all(child.cpu_percent is None for child in seen.children)
