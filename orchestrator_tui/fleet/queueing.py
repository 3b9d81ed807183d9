"""The queue: which loops begin now, which never will, and what the others wait for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal

from msgspec import Struct

from orchestrator_tui.errors import UsageError
from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.equality import subject
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.words import Finding
from orchestrator_tui.text import age, line

Standing = Literal["waiting", "running", "succeeded", "failed", "skipped"]
_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
MAX_NAMED = 8
"""Loops that a sentence names."""
QUEUE, QUEUED = "wait", "queued-"
"""The tool whose open call says that a loop waits for its turn; how the ids of such calls begin."""


class Waiting(Struct, frozen=True):
    """A loop that has not begun."""

    id: str
    after: tuple[str, ...] = ()
    """Loops that have to succeed first."""
    at: int | None = None
    """Not before: nanoseconds since the epoch."""
    window: str = ""
    """Hours of the day in which it may begin, e.g. `22:00-06:00`; "" is always."""
    max_parallel: int | None = None
    """It begins only while fewer loops than this run."""


class Start(Struct, frozen=True):
    """A loop that is to begin now."""

    id: str


class Skip(Struct, frozen=True):
    """A loop that never will."""

    id: str
    why: str


def standing(outcome: str | None, begun: bool) -> Standing:
    """How a loop stands for those that wait for it, from what its own state says (`loops.state.LoopState`)."""
    if outcome is None:
        return "running" if begun else "waiting"
    return "succeeded" if outcome == "passed" else "skipped" if outcome == "skipped" else "failed"


def ready(
    specs: Sequence[Waiting], states: Mapping[str, Standing], now: int, zone: tzinfo | None = None
) -> list[Start | Skip]:  # fmt: skip
    """What is decided now, in the order of `specs`, the first that was added first.

    `states` has every loop that is known; of those in `specs` only the ones that are `waiting` (or not in it) count.
    What is skipped has all skipped that waits for it. `zone`: of the window; None: this machine's.
    """
    known: dict[str, Standing] = dict.fromkeys((spec.id for spec in specs), "waiting")
    known |= states
    open_ = [spec for spec in specs if known[spec.id] == "waiting"]
    skipped: dict[str, str] = {}
    for spec in open_:
        if ring := cycle(open_, spec):
            skipped[spec.id] = f"it waits for itself: {_named(ring)}"
    while fresh := {
        spec.id: why for spec in open_ if spec.id not in skipped and (why := _hopeless(spec, known, skipped))
    }:
        skipped |= fresh
    running = sum(state == "running" for state in known.values())
    out: list[Start | Skip] = []
    for spec in open_:
        if spec.id in skipped:
            out.append(Skip(spec.id, skipped[spec.id]))
        elif not _why(spec, known, running, now, zone):
            out.append(Start(spec.id))
            running += 1
    return out


def waits_for(spec: Waiting, states: Mapping[str, Standing], now: int, zone: tzinfo | None = None) -> str:
    """What a loop waits for, one line; "" when it could begin now."""
    return _why(spec, states, sum(state == "running" for state in states.values()), now, zone)


def waits_until(spec: Waiting, states: Mapping[str, Standing], now: int, zone: tzinfo | None = None) -> str:
    """The same in words that stay as they are while time passes."""
    running = sum(state == "running" for state in states.values())
    return _why(spec, states, running, now, zone, plain=True)


def held(session: Session) -> Finding | None:
    """That a loop waits for its turn: it stands still because it was told to, and nobody is owed anything."""
    if session.client != "loop" or session.relation == "iteration":
        return None
    for name, call in session.calls.items():
        if call.tool == QUEUE and name.startswith(QUEUED):
            return Finding("paused", "ok", call.at, f"queued, waits {subject(call.arguments)}")
    return None


def checked(specs: Iterable[Waiting], new: Waiting) -> Waiting:
    """The same, when it may be added to these. Raises UsageError for a cycle, a wrong window, a limit below one."""
    found = _WINDOW.fullmatch(new.window)
    if new.window and (found is None or new.window[:5] == new.window[6:]):
        raise UsageError(f"--window {line(new.window, 40)!r} is no part of a day; write it as 22:00-06:00")
    if new.max_parallel is not None and new.max_parallel < 1:
        raise UsageError("--max-parallel is a number of loops from 1")
    ring = cycle([*(spec for spec in specs if spec.id != new.id), new], new)
    if ring:
        raise UsageError(f"loop {line(new.id, 80)} would wait for itself: {_named(ring)}")
    return new


def cycle(specs: Iterable[Waiting], spec: Waiting) -> tuple[str, ...]:
    """The way from a loop through what it waits for back to itself, both ends named; () where there is none."""
    after = {one.id: one.after for one in specs} | {spec.id: spec.after}
    came: dict[str, str] = {}
    queue = [spec.id]
    while queue:
        here = queue.pop(0)
        for other in after.get(here, ()):
            if other == spec.id:
                way = [other]
                while here != spec.id:
                    way.append(here)
                    here = came[here]
                return (spec.id, *reversed(way))
            if other not in came:
                came[other] = here
                queue.append(other)
    return ()


# --- time -----------------------------------------------------------------------------------------------------


def in_window(window: str, now: int, zone: tzinfo | None = None) -> bool:
    """Whether a time is within the hours, over midnight too; never in what is no window.

    Where the clock is put forward over an end of it, that end is so much later; where an hour comes twice, its first.
    """
    return any(begin <= now < end for begin, end in _spans(window, now, zone))


def opens_at(window: str, now: int, zone: tzinfo | None = None) -> int | None:
    """When it next opens, nanoseconds; `now` while it is open; None for what is no window."""
    spans = _spans(window, now, zone)
    if any(begin <= now < end for begin, end in spans):
        return now
    return min((begin for begin, _ in spans if begin > now), default=None)


def _spans(window: str, now: int, zone: tzinfo | None) -> list[tuple[int, int]]:
    found = _WINDOW.fullmatch(window)
    if found is None:
        return []
    first, last = (int(found[1]), int(found[2])), (int(found[3]), int(found[4]))
    today = datetime.fromtimestamp(now // SECOND, UTC).astimezone(zone).date()
    over = timedelta(days=1 if last <= first else 0)
    days = [today + timedelta(days=n) for n in (-1, 0, 1, 2)]
    return [(_instant(day, first, zone), _instant(day + over, last, zone)) for day in days]


def _instant(day: date, time: tuple[int, int], zone: tzinfo | None) -> int:
    # Without a zone a time is this machine's own; what the clock leaves out is counted on from before.
    return int(datetime(day.year, day.month, day.day, *time, tzinfo=zone).timestamp()) * SECOND


# --- what is waited for ---------------------------------------------------------------------------------------


def _hopeless(spec: Waiting, known: Mapping[str, Standing], skipped: Mapping[str, str]) -> str:
    for other in spec.after:
        name = line(other, 80)
        if other not in known:
            return f"loop {name}, which it waits for, is not there"
        if known[other] == "failed":
            return f"loop {name}, which it waits for, did not succeed"
        if known[other] == "skipped" or other in skipped:
            return f"loop {name}, which it waits for, was skipped"
    if spec.window and _WINDOW.fullmatch(spec.window) is None:
        return f"{line(spec.window, 40)!r} is no part of a day"
    return ""


def _why(
    spec: Waiting, known: Mapping[str, Standing], running: int, now: int, zone: tzinfo | None, plain: bool = False
) -> str:  # fmt: skip
    for other in spec.after:
        if known.get(other) != "succeeded":
            return f"for loop {line(other, 80)}"
    if spec.at is not None and now < spec.at:
        when = datetime.fromtimestamp(spec.at // SECOND, UTC).astimezone(zone)
        return f"until {when:%Y-%m-%d %H:%M}" if plain else f"{age(spec.at - now)} for its time"
    if spec.window and not in_window(spec.window, now, zone):
        if plain:
            return f"for {line(spec.window, 40)}"
        opens = opens_at(spec.window, now, zone)
        return f"for {line(spec.window, 40)}" + (f", in {age(opens - now)}" if opens is not None else "")
    if spec.max_parallel is not None and running >= spec.max_parallel:
        return f"until fewer than {spec.max_parallel} loops run"
    return ""


def _named(ring: tuple[str, ...]) -> str:
    shown = ring if len(ring) <= MAX_NAMED else (*ring[: MAX_NAMED - 2], "...", ring[-1])
    return " -> ".join(line(name, 80) for name in shown)
