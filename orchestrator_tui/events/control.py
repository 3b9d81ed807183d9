"""The host, and commands."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from orchestrator_tui.events.shapes import Body, Settings


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


class CommandRequested(Body, frozen=True, tag="command.requested"):
    """Somebody wants something done; the host answers with an outcome."""

    command_id: str
    verb: str
    arguments: Settings = field(default_factory=dict)
    actor: str = ""
    deadline: int | None = None
    """Not to be started after this time."""


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
    receipt: Settings = field(default_factory=dict)
