"""What went wrong, and lines that could not be read."""

from __future__ import annotations

from orchestrator_tui.events.shapes import Body
from orchestrator_tui.excerpt import Excerpt


class ApiError(Body, frozen=True, tag="api.error"):
    """The model's service refused or broke off."""

    status: int | None = None
    kind: str | None = None
    text: str = ""
    retry_in: float | None = None
    """Seconds until the client tries again, 0 to `MAX_WAIT`; None when it does not say."""
    attempt: int | None = None
    max_attempts: int | None = None
    final: bool = False
    """The client has given up; the turn is over."""


class Hook(Body, frozen=True, tag="hook"):
    """A client's hook fired."""

    name: str
    kind: str | None = None
    text: str = ""


class Unparsed(Body, frozen=True, tag="unparsed"):
    """A line that could not be read; nothing else of it was used."""

    reason: str
    head: str = ""


class UnknownRecord(Body, frozen=True, tag="record.unknown"):
    """A line of a kind that this version does not know, kept as it was."""

    kind: str
    record: Excerpt
