"""What is kept of a text: a bounded part to read, its full length, and a digest of the whole.

The digest is taken of the *normalised* text, so that two runs of one command that differ only in times,
durations, addresses, process ids, uuids or scratch paths count as the same answer.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from msgspec import Struct

from orchestrator_tui.text import utf8

MESSAGE = 2048
"""Characters kept of a message."""
MESSAGE_TAIL = 512
"""Characters kept of a long message's end: that is where it asks."""
OUTPUT_HEAD = 1024
OUTPUT_TAIL = 1024
"""Characters kept of a tool's output, at its start and at its end."""
ARGUMENTS = 1024
"""Characters kept of a tool call's arguments."""
WHOLE = 256 * 1024
"""Characters up to which a text is normalised whole."""

# Each begins with a set of characters, and the rarer ones run only where their sign is: 5x faster than one pattern.
# No repetition gives back what it took, and a number is tried only at its first digit: cost is linear.
_COLOUR = re.compile(r"\x1b\[[0-?]*+[ -/]*+[@-~]")
_NUMBER = re.compile(
    r"\d(?<!\d\d)(?:\d{3}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d++)?)?(?:Z|[+-]\d\d:?\d\d)?)?"  # dates, timestamps
    r"|\d?:\d\d:\d\d(?:[.,]\d++)?"  # clock times
    r"|(?<=0)x[0-9a-fA-F]++"  # addresses
    r"|\d*+(?:\.\d++)? ?(?:ns|us|µs|ms|s|sec|secs|seconds|min|minutes)\b)"  # durations
)
_UUID_MIDDLE = re.compile(r"-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-")
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
# A bare number after `process` is an id only from three digits on: `process 2 failed` is a count or a place.
_PROCESS = re.compile(
    r"[pP](?<!\w.)(?:(?:id|ID|rocess (?:id|ID))[ =:#]{0,2}\d++|rocess(?: \d{3,}+| ?#\d{3,}+|\[\d++\]))"
)
# Names that a service gives to one call or request; a client files a long answer under such a name, too.
_TICKET = re.compile(r"(?<![A-Za-z0-9])(?:toolu|call|req|msg|resp|chatcmpl)[_-](?=[A-Za-z]{0,64}[0-9])[A-Za-z0-9]{8,}+")
_SCRATCH = re.compile(r"/(?:tmp|var/tmp|private/tmp|var/folders|dev/shm)/[^\s'\"<>)\]]*+")


class Excerpt(Struct, frozen=True, omit_defaults=True):
    """A bounded part of a text and what identifies the whole."""

    text: str
    """The text, or its head, as it was written (not cleaned: `text.clean` is for the way to a screen)."""
    length: int = 0
    """Characters of the whole."""
    digest: str = ""
    """16 hexadecimal digits over the normalised whole."""
    tail: str = ""
    """The end of the text when more than the head was cut off; the middle is what is missing."""

    @property
    def whole(self) -> bool:
        """Whether nothing was cut."""
        return not self.tail and len(self.text) >= self.length


def normalise(text: str) -> str:
    """The text without what differs between two equal runs; trailing space is not content."""
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    # Paths and uuids go first: a date or a duration inside one would leave a torn rest behind.
    if "/tmp/" in text or "/folders/" in text or "/shm/" in text:  # noqa: S108
        text = _SCRATCH.sub("·", text)
    if "oolu_" in text or "req_" in text or "call_" in text or "msg_" in text or "resp_" in text or "cmpl-" in text:
        text = _TICKET.sub("·", text)
    if _UUID_MIDDLE.search(text):
        text = _UUID.sub("·", text)
    if "pid" in text or "PID" in text or "rocess" in text:
        text = _PROCESS.sub("·", text)
    return _NUMBER.sub("·", text).strip()


def digest(text: str) -> str:
    """16 hexadecimal digits that two texts share when they say the same (see `normalise`).

    Of a text over 256 KiB the two ends are normalised and the rest taken as it is: cost stays bounded.
    """
    code = blake2b(digest_size=8)
    if len(text) > WHOLE:
        half = WHOLE // 2
        code.update(text[half:-half].encode("utf-8", "replace"))
        text = text[:half] + text[-half:]
    code.update(normalise(text).encode("utf-8", "replace"))
    return code.hexdigest()


def excerpt(text: str, head: int = MESSAGE, tail: int | None = None) -> Excerpt:
    """Keep `head` characters from the start and `tail` from the end of `text`; of a message 512."""
    if tail is None:
        tail = MESSAGE_TAIL if head == MESSAGE else 0
    text = utf8(text)
    if len(text) <= head + tail:
        return Excerpt(text, len(text), digest(text))
    return Excerpt(text[:head], len(text), digest(text), text[len(text) - tail :] if tail else "")


def output(text: str) -> Excerpt:
    """What is kept of a tool's output: 1 KiB of its start and 1 KiB of its end."""
    return excerpt(text, OUTPUT_HEAD, OUTPUT_TAIL)
