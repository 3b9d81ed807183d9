"""What the ask bar asks: one question, the evidence it is about, and what is to be filled in."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

from orchestrator_tui.events import PermissionAsked
from orchestrator_tui.ui.draw.ink import Run

Values = dict[str, str]
"""What was filled in, by the field's name."""
Answer = Callable[[Values], str]
"""Does it; returns "" and the bar closes, or one line on what is wrong and the bar stays."""


class Field(Struct, frozen=True):
    """One thing to be filled in."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    """Shown while it is empty."""
    rows: int = 1
    choices: tuple[str, ...] = ()
    """One of these, instead of a text."""
    lines: bool = False
    """Enter begins a new line, and Ctrl+S sends."""


class Question(Struct, frozen=True):
    """What is asked. It stays as it was when it was opened, whatever happens meanwhile."""

    title: str
    """Cleaned."""
    yes: str
    """What `y`, or Enter, does, in a word or two."""
    answer: Answer
    facts: tuple[Run, ...] = ()
    """Lines below the title, cleaned, each of one role."""
    asked: tuple[tuple[str, PermissionAsked], ...] = ()
    """(session, request): what would be allowed; shown to the last character, and to be seen to its end."""
    fields: tuple[Field, ...] = field(default_factory=tuple)
    digits: bool = False
    """A digit from 1 to 9 answers it, as the value `digit`."""
    careful: bool = False
    """It is final: a key that is held down does not answer it."""

    @property
    def lines(self) -> bool:
        """Whether Enter belongs to a text of several lines."""
        return any(one.lines for one in self.fields)
