"""What the bodies of events are made of."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Relation = Literal["subagent", "fork", "split", "escalation", "iteration"]
MADE = frozenset({"split", "escalation", "iteration"})
"""Relations that orc itself tells of: what a client's own record says of the copy does not replace them."""
HOUSED = frozenset({"split", "iteration"})
"""Relations whose sessions belong to their parent's project, whatever the working tree is called that they have."""
Activity = Literal["idle", "low", "busy"]
"""Processor use of a process tree: idle < 2 % of a core, busy > 5 % (or IO > 64 KiB in a sample), else low."""
MAX_WAIT = 10_000_000
"""Seconds (116 days) above which a wait until the next try is not one."""
Settings = dict[str, str | float | bool | None]
Facts = dict[str, str | int | float | bool | list[str] | None]
"""What a command is asked with, and what its receipt says."""


class ProcessRef(Struct, frozen=True, omit_defaults=True):
    """A process, named so that no other can be mistaken for it (the boot is in `host.started`)."""

    pid: int
    started: int
    """As the kernel tells it (Linux: clock ticks since boot)."""
    uid: int = -1
    """-1 where it cannot be told."""
    program: str = ""
    """Path of its executable; "" where it cannot be read."""
    command: str = ""
    """Its command line, at most 240 characters, not cleaned."""


class Tokens(Struct, frozen=True, omit_defaults=True):
    """Token counts of one response, or a difference between two; the first four are disjoint."""

    input: int = 0
    """Prompt tokens neither read from nor written to a cache."""
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    """All generated tokens, reasoning included."""
    cache_write_1h: int = 0
    """The part of `cache_write` with the one-hour lifetime."""
    reasoning: int = 0
    """The part of `output` that was reasoning."""

    @property
    def prompt(self) -> int:
        """Tokens in the context window of that request."""
        return self.input + self.cache_read + self.cache_write

    @property
    def total(self) -> int:
        """Every token once."""
        return self.input + self.cache_read + self.cache_write + self.output


class Body(Struct, frozen=True, omit_defaults=True, tag_field="type", kw_only=True):
    """What happened; subclasses are the types."""
