"""What the parser of a Gemini chat remembers between two lines; all of it bounded (Gemini CLI 0.61.0)."""

from __future__ import annotations

from msgspec import field

from orchestrator_tui.clients.lines import LineState

NAME = "gemini"
MAX_SEEN = 512
"""Messages, calls and results that are remembered as told: a message is written again as its calls finish."""
MAX_COUNTED = 256
"""Usages that are remembered as told; the store knows the older ones."""


class ChatState(LineState):
    """What the parser must remember between two lines."""

    native: str = ""
    """The session's id, from the first header."""
    project_hash: str = ""
    """SHA-256 of the project's directory, in hexadecimal: it proves which of the directories named that is."""
    subagent: bool = False
    prompted: bool = False
    """Somebody has asked something."""
    asked: str = ""
    """The prompt that the turn began with, as a digest."""
    waiting: str = ""
    """The prompt that was the last thing said, as a digest."""
    looping: bool = False
    """That prompt was the client's own, to a model that seemed to loop."""
    open: bool = False
    """Within a turn, as far as the file tells."""
    interrupted: bool = False
    """The turn was cancelled: what comes of its tools opens it no more."""
    copying: bool = False
    """The client writes its history again under new ids, until the `$set` that lists it."""
    prompt: int = 0
    """Tokens in the context window of the last request."""
    compacted: str = ""
    """The last summary, as a digest."""
    seen: list[str] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    plan: list[str] = field(default_factory=list)
    """The to-do list as last told, a digest of each item."""
