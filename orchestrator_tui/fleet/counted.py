"""What is kept of one call, one tool, one file: how often, since when, with which answer."""

from __future__ import annotations

from msgspec import Struct

from orchestrator_tui.fleet.marks import Mark

NEW_CALLS = 3
"""So many calls with something new between two equal ones, and they are no repetition."""


class Answer(Struct, frozen=True, gc=False):
    """A result, as the counters need it."""

    key: int
    """The same for the same answer."""
    error: bool
    """The tool says that it failed, and in words."""
    weak: bool
    """It says nothing, or that nothing was found."""
    done: bool
    """It only confirms a deed."""
    hard: bool
    """An error that asking again does not change."""
    silent: bool
    """No text at all."""
    exact: int
    """As `key`, but scratch paths count: to another question another path is another answer."""


class Entry(Struct, array_like=True, gc=False):
    """One call, and what it was answered."""

    out: int
    error: bool
    first: Mark
    """The first of the equal answers."""
    last: Mark
    group: int
    """The step of the last one."""
    asked_at: int
    novel: int
    """How many calls had brought something new by then."""
    first_group: int
    first_novel: int
    compactions: int
    run: int = 1
    """Equal answers in a row."""
    polls: int = 0
    """Unchanged answers of it asked as a status query, in a row."""
    poll_first: Mark | None = None
    errors: int = 0
    """Errors in a row, in whatever words."""
    error_first: Mark | None = None
    error_group: int = 0
    error_novel: int = 0
    deed: bool = False
    """A deed on a surface (a click, a key) that only answers "done"."""
    tool: str = ""
    label: str = ""


class Same(Struct, array_like=True, gc=False):
    """One tool that gives one answer to different arguments."""

    out: int
    error: bool
    weak: bool
    first: Mark
    last: Mark
    novel: int
    """As in `Entry`, at the last one."""
    group: int
    count: int = 1
    label: str = ""
    tool: str = ""


class Sweep(Struct, array_like=True, gc=False):
    """Which parts of one file were read, and how often again."""

    label: str
    spans: list[tuple[int, int]]
    """Disjoint, ascending, the ends not included."""
    widest: int
    compactions: int
    novel: int
    group: int
    again: int = 0
    first: Mark | None = None
    last: Mark | None = None
