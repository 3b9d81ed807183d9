"""Work handed to sub-agents again in other words: a guess, told as possible and never red.

Two signals, counted over hand-offs one after the other: an instruction that is nearly one of the last four, and one
that names nothing new and is much like one of them. An edit, three calls between that brought something new, and a
person's word end the count; hand-offs of one message are one step.
"""

from __future__ import annotations

import re

from msgspec import Struct, field

from orchestrator_tui.fleet.counted import NEW_CALLS
from orchestrator_tui.fleet.equality import Asked
from orchestrator_tui.fleet.marks import Mark, seen_in, small_key, with_key, words

LATEST = 4
"""Instructions that a new one is held against."""
NEARLY, MUCH = 0.75, 0.4
"""Share of common words (Jaccard)."""
FEWEST = 4
"""Words of an instruction that can be compared."""
LONGEST = 1_000
"""Characters that are compared."""
MAX_TARGETS = 128
STEM = 5
_TOKEN = re.compile(r"[\w./:~-]+")
_NAMES = re.compile(r"[\w~][/_.:-]\w|\d|[a-z][A-Z]")
"""What makes a piece of text an address, a path, an identifier or a figure."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_COMMON = words(
    "the and for with this that these those from into onto your you our its his her are was were been being have has "
    "had will would shall should can could may might must not but all any each every some such than then them they "
    "their there here when where which while who whom whose what why how also just only very more most other again "
    "please now about after before over under make made use using need needs "
    "description prompt subagent type agent task message name input instructions background run"
)


class Handoffs(Struct):
    """The counters of one session."""

    latest: list[frozenset[int]] = field(default_factory=list)
    targets: bytes = b""
    """What was named: urls, paths, names with digits or signs in them."""
    group: int = -1
    edits: int = 0
    """Edits that had been made by then."""
    novel: int = 0
    """Calls that had brought something new by then."""
    again: int = 0
    """In a row: nearly one of the last four."""
    turning: int = 0
    """In a row: nothing new named, much like one of the last four."""
    first: Mark | None = None
    last: Mark | None = None
    label: str = ""

    def forget(self) -> None:
        """What was handed on before counts no more."""
        if self.latest:
            self.latest, self.targets = [], b""
            self.again = self.turning = 0

    def gave(self, call: Asked, text: str, edits: int, novel: int, mark: Mark) -> None:
        """A sub-agent was given an instruction."""
        if edits != self.edits or novel - self.novel >= NEW_CALLS:
            self.forget()
        self.edits, self.novel = edits, novel
        given = text[:LONGEST]
        said = frozenset(small_key(word[:STEM]) for word in _WORD.findall(given.casefold()) if word not in _COMMON)
        named = [small_key(token.rstrip(".:")) for token in _TOKEN.findall(given) if _NAMES.search(token)]
        fresh = [key for key in named if not seen_in(self.targets, key)]
        likeness = max((_likeness(said, other) for other in self.latest), default=0.0)
        for key in fresh:
            self.targets = with_key(self.targets, key, MAX_TARGETS)
        if call.group == self.group:
            # Of one message: parts of one step.
            self.latest = [*self.latest, said][-LATEST:]
            return
        self.group = call.group
        self.latest = [*self.latest, said][-LATEST:]
        self.again = self.again + 1 if likeness >= NEARLY and not fresh else 0
        self.turning = self.turning + 1 if likeness >= MUCH and not fresh else 0
        if not self.turning:
            self.first = mark
        self.last, self.label = mark, call.label


def _likeness(one: frozenset[int], two: frozenset[int]) -> float:
    if len(one) < FEWEST or len(two) < FEWEST:
        return 0.0
    return len(one & two) / len(one | two)
