"""How a client is driven: the command line that starts it, and what is said to it on its own control channel.

Everything here is pure. A `Drive` builds argument lists (never a shell string); a `Dialogue` turns the lines that the
client writes into events, and what a person wants into lines for it. The host owns processes, files and time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct, field

from orchestrator_tui.events import KnownBody

OPEN = "orc-open"
"""`Heard.answered` names it when the session is there; with words, when there will be none."""


class Task(Struct, frozen=True):
    """What a client is started for; every text may be hostile and is only ever one argument, or a line of JSON."""

    prompt: str
    cwd: str
    model: str | None = None
    effort: str | None = None
    resume: str | None = None
    """The client's own id of the session that goes on; with `fork` it is copied, and the copy goes on."""
    fork: bool = False
    session: str | None = None
    """The client's own id that the new session is to have, where the client lets one choose (a UUID)."""
    title: str | None = None


class Launch(Struct, frozen=True):
    """A process to be started."""

    argv: tuple[str, ...]
    cwd: str
    environ: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment."""
    without: tuple[str, ...] = ()
    """Variables that it must not inherit."""
    session: str | None = None
    """The client's own id of its session, where that is known before it runs."""


class Heard(Struct):
    """What one line of the client meant."""

    session: str | None = None
    """The client's own id of the session, once it says so."""
    events: list[KnownBody] = field(default_factory=list)
    """What is to be stored of it: permissions asked and answered. Tokens and turns come from the transcript alone."""
    replies: list[bytes] = field(default_factory=list)
    """Lines to be written to it at once."""
    answered: dict[str, str] = field(default_factory=dict)
    """Our requests that it has answered: id -> "" when it did so, else its words for why not."""
    ready: bool = False
    """It takes messages from here on."""
    idle: bool = False
    """A turn has ended."""
    model: str | None = None
    """The model that it says it runs."""


class Sent(Struct, frozen=True):
    """What is to be written to the client, in order, each a whole line."""

    lines: tuple[bytes, ...]
    awaits: str | None = None
    """The id under which `Heard.answered` will name it; None where the client answers nothing."""


class Unsupported(Exception):
    """The client cannot do that; the text says so, and what can be done instead."""


class Dialogue(Protocol):
    """One session's control channel. Rebuilt after a restart of the host by hearing the whole output again."""

    def opening(self) -> Sequence[bytes]:
        """Lines for a client that has just been started."""

    def heard(self, line: bytes) -> Heard:
        """One line of its output; never raises, whatever it holds."""

    def say(self, text: str) -> Sent:
        """A message from a person; during a turn it is queued or steers, as the client does it."""

    def interrupt(self) -> Sent:
        """Stop the turn. Raises Unsupported."""

    def answer(self, request: str, allow: bool, words: str) -> Sent:
        """Allow or deny what is asked. Raises Unsupported for an unknown request."""

    def use(self, model: str | None, effort: str | None) -> Sent:
        """Go on with another model or effort, in place. Raises Unsupported."""

    def end(self) -> Sent:
        """Ask it to end cleanly. Raises Unsupported."""


class Drive(Protocol):
    """How sessions of one client are started and forked."""

    channel: str
    """What its control channel is called (`Adopted.channel`)."""

    def launch(self, binary: str, task: Task) -> Launch:
        """The process of an owned session, which is then spoken to through a `Dialogue`. Raises Unsupported."""

    def dialogue(self, task: Task) -> Dialogue:
        """The other end of its channel."""

    def resume_words(self, session: str, cwd: str) -> list[str]:
        """The command line with which a person goes on with the session in a terminal."""
