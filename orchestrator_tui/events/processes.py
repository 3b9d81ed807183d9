"""What was seen of a session's process, and what its client says of it."""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.events.shapes import Activity, Body


class Child(Struct, frozen=True, omit_defaults=True):
    """One direct tool of a session's process."""

    command: str
    cpu_percent: float | None = None
    """Of one core, its own children included."""
    state: str | None = None
    io_bytes: int | None = None
    """Read and written since the last sample."""
    terminal_read: bool = False


class ProcessObserved(Body, frozen=True, tag="process.observed"):
    """What was seen of a session's process; appended when something about it changed."""

    pid: int
    started: int | None = None
    """Start time as the kernel tells it (Linux: clock ticks since boot); with pid and boot id the identity."""
    alive: bool = True
    stopped: bool = False
    """By job control or SIGSTOP."""
    ppid: int | None = None
    tty: str | None = None
    tmux: str | None = None
    activity: Activity | None = None
    cpu_percent: float | None = None
    children: list[Child] = field(default_factory=list)
    terminal_read: bool = False
    net_bytes: int | None = None
    proof: str = ""
    """Why it is the session's."""
    monotonic: float | None = None
    """The observer's monotonic seconds, where the observer is not this host."""


class ProcessGone(Body, frozen=True, tag="process.gone"):
    """The process ended: confirmed by two looks, or by a registry entry that it left behind."""

    pid: int
    started: int | None = None
    reason: str = ""
    by: str = ""
    """Who had it ended through orc: `person`, `agent`, a guard's title; "" where nobody did."""


class ClientStatus(Body, frozen=True, tag="client.status"):
    """What the client says about itself in its registry of running processes."""

    status: str | None = None
    """The client's own word (Claude Code 2.1: `idle`, `busy`, `waiting`); None when it does not say."""
    waiting_for: str | None = None
    pid: int | None = None
    started: int | None = None
