"""Every number that a finding depends on, in one table: `[status]`, and per project `[status.projects.NAME]`.

Counts are of equal events; amber is one less, red the count itself. Patience is in seconds of silence; amber is at half
of it, red at the whole. What each rule takes as equal is in docs/status.md.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

PREFIX = "status."
"""Before the name of a threshold among an event's settings; `status.PROJECT/NAME` holds for one project."""


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """`[status]`: when a session counts as stuck."""

    repeat_error: int = 3
    """The same call with the same error, without an edit between."""
    repeat_ok: int = 4
    """The same call with the same good answer, without an edit between."""
    repeat_reworded: int = 4
    """The same call that fails each time, in other words."""
    repeat_among_new: int = 1
    """So many more repeats are needed when other calls between them brought something new."""
    cycle_rounds: int = 3
    """Full rounds of the same two to six calls with the same answers."""
    same_answer_error: int = 5
    """One tool, different arguments, the same error."""
    same_answer: int = 8
    """One tool, different arguments, the same answer that says something."""
    same_answer_weak: int = 20
    """One tool, different arguments, and nothing found each time."""
    poll_answers: int = 12
    """Unchanged answers of a status query; `poll_seconds` must have passed too."""
    poll_seconds: float = 600.0
    """How long a status query may stay unchanged, however often it is asked."""
    sweep_reads: int = 5
    """Reads of parts of one unchanged file that were read before."""
    message_repeats: int = 3
    """Equal messages without a tool call between."""
    message_empty: int = 4
    """Empty messages in a row."""
    chant_repeats: int = 10
    """One sentence within one message, outside code, lists and tables."""
    handoffs: int = 3
    """Hand-offs to sub-agents that ask for nearly the same in other words: possible, never red."""
    file_returns: int = 2
    """Times a file goes back to an earlier content, one after the other."""
    nothing_new: int = 20
    """Calls in a row whose call and answer were both seen before."""
    flat_runs: int = 6
    """Test runs that did not beat the best result so far; `flat_edits` different edits must lie between."""
    flat_edits: int = 4
    """Different edits without a better test result."""
    same_error: int = 6
    """The same error after at least three different edits."""
    compactions: int = 3
    """Compactions, each within three tool results of the one before."""
    verify_repeats: int = 4
    """The same good test result without an edit between: it looks finished."""
    model_seconds: float = 600.0
    """Silence of the model before its first token."""
    model_long_seconds: float = 1200.0
    """The same at high effort or with a prompt of more than 100,000 tokens."""
    stream_seconds: float = 300.0
    """Silence of the model after its first token."""
    compaction_seconds: float = 600.0
    """How long a compaction may take."""
    prompt_seconds: float = 20.0
    """After this a tool that should have been instant probably waits for approval."""
    instant_seconds: float = 300.0
    """How long a tool without a process of its own (read, edit, search, a command never begun) may take."""
    instant_auto_seconds: float = 480.0
    """The same where a classifier approves: it may take minutes."""
    tool_idle_seconds: float = 900.0
    """How long a command may run without any CPU or IO in its process tree."""
    terminal_seconds: float = 180.0
    """How long a command may wait for somebody to type."""
    declared_seconds: float = 60.0
    """Added to a wait that the call itself announced (`sleep 540`, `timeout 5m`, a timeout argument)."""
    remote_seconds: float = 600.0
    """How long a remote tool (MCP, web) may take."""
    subagent_seconds: float = 300.0
    """How long a sub-agent's result may take after the sub-agent ended."""
    slower_than_before: float = 4.0
    """A busy command is amber when it runs this many times longer than it ever did."""
    orphan_seconds: float = 60.0
    """How long a session must have been without a terminal while it works."""
    context_amber: float = 0.80
    """Share of the context window, where nothing compacts it."""
    context_red: float = 0.90
    """The share that is red, where nothing compacts it."""
    context_auto_red: float = 0.95
    """Share of the context window at which automatic compaction should have come long ago."""
    steady_seconds: float = 5.0
    """What is found from silence or the process table alone is red only after it held for this long."""


NAMES = Thresholds.__struct_fields__
DEFAULT = Thresholds()


def checked(name: str, value: object) -> int | float:
    """A threshold's value in its type. Raises ValueError with what is wrong, in one line."""
    if name not in NAMES:
        raise ValueError(f"no threshold {name!r}; docs/status.md names them all")
    kind = type(getattr(DEFAULT, name))
    if isinstance(value, bool):
        raise ValueError(f"{name} must be a number, not {value!r}")
    try:
        number = msgspec.convert(value, float, strict=False)
    except msgspec.ValidationError:
        raise ValueError(f"{name} must be a number, not {value!r}") from None
    if not 0 < number < 1e9:
        raise ValueError(f"{name} must be more than 0 and less than 1e9, not {value!r}")
    if kind is int:
        if number != int(number):
            raise ValueError(f"{name} must be a whole number, not {value!r}")
        return int(number)
    return number


def overridden(settings: dict[str, Any], project: str | None) -> Thresholds:
    """The thresholds in force for a project: the defaults, what is set for all, what is set for it.

    `settings` are an event's, flat; a name or value that this version does not know changes nothing.
    """
    values: dict[str, int | float] = {}
    for scope in ("", f"{project}/") if project else ("",):
        for name in NAMES:
            value = settings.get(f"{PREFIX}{scope}{name}")
            if value is None:
                continue
            try:
                values[name] = checked(name, value)
            except ValueError:
                continue
    return Thresholds(**values) if values else DEFAULT  # type: ignore[arg-type]
