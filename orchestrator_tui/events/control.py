"""The host, and commands."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from orchestrator_tui.events.shapes import Body, Facts, ProcessRef, Settings


class HostStarted(Body, frozen=True, tag="host.started"):
    """A host began to look."""

    host_id: str
    boot_id: str
    pid: int
    version: str


class HostStopped(Body, frozen=True, tag="host.stopped"):
    """A host ended on purpose; from here on nobody looks."""

    reason: str = ""


class Beat(Body, frozen=True, tag="beat"):
    """The host was looking; every 30 s."""


class SettingsChanged(Body, frozen=True, tag="settings.changed"):
    """Settings that answers depend on, as they are from here on."""

    settings: Settings = field(default_factory=dict)


class Moment(Struct, frozen=True, omit_defaults=True):
    """How a session stood when something was decided about it."""

    session: str
    status: str | None = None
    severity: str | None = None
    evidence: str | None = None
    cost_usd: float | None = None
    """None while something in it has no price."""
    tokens: int = 0
    requests: int = 0


class CommandRequested(Body, frozen=True, tag="command.requested"):
    """Somebody wants something done; the host answers with an outcome."""

    command_id: str
    verb: str
    arguments: Facts = field(default_factory=dict)
    """`session`: the one it is about."""
    actor: str = ""
    """`dashboard`, `orc kill`, or the guard that decided."""
    deadline: int | None = None
    """Not to be started after this time."""
    why: str = ""
    chain: list[ProcessRef] = field(default_factory=list)
    """The process that asks, its parent, and so on up; empty of what the host itself decides."""


class CommandStarted(Body, frozen=True, tag="command.started"):
    """It is being done from here on; appended before the first effect."""

    command_id: str
    moment: Moment | None = None
    tree: list[ProcessRef] = field(default_factory=list)
    """Every process that it may touch, the client's own first."""
    until: int | None = None
    """Up to then it can be undone."""
    text: str = ""


class CommandCommitted(Body, frozen=True, tag="command.committed"):
    """From here on it cannot be undone; appended before the effect that is final."""

    command_id: str


class CommandProgressed(Body, frozen=True, tag="command.progressed"):
    """How far a long command is."""

    command_id: str
    done: int = 0
    total: int = 0
    note: str = ""


class CommandEnded(Body, frozen=True, tag="command.ended"):
    """A command's outcome."""

    command_id: str
    outcome: Literal["done", "refused", "failed", "undone"]
    text: str = ""
    receipt: Facts = field(default_factory=dict)
    moment: Moment | None = None
    """Of a command that never started."""


class CommandFollowed(Body, frozen=True, tag="command.followed"):
    """What was seen of the session after the command had ended: responses that were under way are still billed."""

    command_id: str
    receipt: Facts = field(default_factory=dict)


class GroupAssigned(Body, frozen=True, tag="group.assigned"):
    """A control group: these sessions answer to that number."""

    number: int
    sessions: list[str] = field(default_factory=list)
