"""Findings that called for somebody, and what a person said of them."""

from __future__ import annotations

from typing import Literal

from orchestrator_tui.events.shapes import Body


class AlertRaised(Body, frozen=True, tag="alert.raised"):
    """A finding began to call for somebody, as it was told then; reports use this, never a recomputation."""

    cause: str
    """What the finding is about; the same cause is one alert."""
    status: str
    severity: Literal["amber", "red"]
    evidence: str
    since: int
    """Since when the finding holds."""


class AlertEscalated(Body, frozen=True, tag="alert.escalated"):
    """An open alert became worse, or its count or cost doubled."""

    cause: str
    status: str
    severity: Literal["amber", "red"]
    evidence: str


class AlertCleared(Body, frozen=True, tag="alert.cleared"):
    """The finding no longer holds."""

    cause: str
    status: str = ""
    """What the session's status became."""


class Acknowledged(Body, frozen=True, tag="acknowledged"):
    """A person said that a cause is no trouble: it stays muted for this session."""

    cause: str
    reason: str = ""


class Snoozed(Body, frozen=True, tag="snoozed"):
    """A person does not want to hear of this session until then; 0 ends a snooze."""

    until: int


class Viewed(Body, frozen=True, tag="viewed"):
    """A person looked at the session: what had finished by then is no news any more."""
