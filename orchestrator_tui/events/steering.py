"""What a session asks of a person, and what a person decides for it."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from orchestrator_tui.events.shapes import Body, ProcessRef
from orchestrator_tui.excerpt import Excerpt


class PermissionAsked(Body, frozen=True, tag="permission.asked"):
    """The client waits for leave to do something, and somebody can give it through orc."""

    request_id: str
    """The client's own, unique within the session."""
    tool: str
    what: Excerpt
    """Exactly what would be allowed: the tool's input."""
    via: Literal["channel", "hook"]
    """By which way an answer reaches the client."""
    words: str = ""
    """The client's own description."""
    until: int | None = None
    """Up to when an answer is waited for; None: until there is one."""


class PermissionAnswered(Body, frozen=True, tag="permission.answered"):
    """Nothing is asked any more."""

    request_id: str
    decision: Literal["allowed", "denied", "gone"]
    """`gone`: answered elsewhere, or withdrawn."""


class Confirmed(Body, frozen=True, tag="control.confirmed"):
    """A person said yes to the first command of this kind to a session that orc did not start."""

    verb: str
    process: ProcessRef | None = None
    proof: str = ""


class BudgetSet(Body, frozen=True, tag="budget.set"):
    """What this session may cost, its sub-agents included; None takes it back to the settings."""

    usd: float | None = None


class ModelRequested(Body, frozen=True, tag="model.requested"):
    """A person, or a guard, wants the session on another model; the next response says whether it is."""

    model: str
    previous: str | None = None
    effort: str | None = None
    direction: Literal["up", "down", "to"] = "to"
    cap_usd: float | None = None
    """What it may cost from here on before it steps down again by itself."""
    note: str = ""
    """What was told to the model about it."""


class SplitMade(Body, frozen=True, tag="split.made"):
    """A session's remaining work was given to others."""

    children: list[str] = field(default_factory=list)
    worktrees: list[str] = field(default_factory=list)


class Adopted(Body, frozen=True, tag="session.adopted"):
    """The session runs under a shim of ours, in this run directory."""

    run: str
    """Name of the run directory."""
    shim: ProcessRef
    channel: str = ""
    """How it is spoken to: `stream-json`, `app-server`, `serve`, `acp`, or "" for none."""


class RegionsArranged(Body, frozen=True, tag="regions.arranged"):
    """How a person has put the map's regions; it replaces what was said before."""

    regions: list[str] = field(default_factory=list)
    """In this order; those that are not named come after them."""
    pinned: list[str] = field(default_factory=list)
    """These stand before all others, and stay when nobody is in them."""
