"""When time alone may make a status another one: when to ask again."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

from orchestrator_tui.events import MAX_WAIT
from orchestrator_tui.fleet import MINUTE, SECOND, conflicts
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.limits import refusal
from orchestrator_tui.fleet.rules import quota_end
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.silence import GRACE, NET_STRETCH
from orchestrator_tui.fleet.thresholds import Thresholds

FRESH = 60 * SECOND
"""A session without a known process counts as running for this long after its last line; then it is fog."""
NUDGED = 15 * MINUTE
"""A session that machines prompt is between two turns for this long, not finished."""
OLD = 24 * 60 * MINUTE
"""A trouble older than this is history where no process lives."""
KIDS = 30 * SECOND
"""A session with sub-agents is asked for this often."""


@lru_cache(64)
def _waits(limits: Thresholds) -> tuple[int, ...]:
    """Nanoseconds after a sign of life at which something may be said of the silence, ascending."""
    steady = limits.steady_seconds
    patient = (
        limits.model_seconds, limits.model_long_seconds, limits.stream_seconds, limits.compaction_seconds,
        limits.instant_seconds, limits.instant_auto_seconds, limits.tool_idle_seconds, limits.terminal_seconds,
        limits.remote_seconds, limits.subagent_seconds,
    )  # fmt: skip
    waits = [limits.prompt_seconds, limits.orphan_seconds, FRESH / SECOND, NUDGED / SECOND, OLD / SECOND, 120.0]
    for seconds in patient:
        waits += (seconds / 2, seconds, seconds + steady, 2 * seconds, 2 * seconds + steady)
    # Bytes on the network lengthen the patience with the model.
    waits += (NET_STRETCH * limits.model_seconds, NET_STRETCH * limits.model_long_seconds)
    waits.append(NET_STRETCH * limits.stream_seconds)
    return tuple(sorted({int(seconds * SECOND) for seconds in waits}))


def next_change(fleet: Fleet, session: Session, now: int) -> int:
    """The next time at which a status may become another one by time alone, no later than it may; ages not counted."""
    lead = fleet.line(session)[-1]
    limits = fleet.thresholds_for(lead)
    waits = _waits(limits)
    vital, trace = lead.trace.vital, session.trace
    # What an open call says of how long it takes, and how long it took before.
    own: list[int] = []
    for call in trace.open.values():
        longest = trace.durations.get(call.key, 0) / SECOND
        for usual in (call.waits and call.waits + limits.declared_seconds, 4 * longest):
            if usual:
                ends = (usual / 2, usual + limits.steady_seconds, usual, 2 * usual + limits.steady_seconds)
                own += [int(seconds * SECOND) for seconds in ends]
        if longest:
            own.append(int(limits.slower_than_before * longest * SECOND))
    bases = {
        session.active_at, session.ended_at, session.compacting_at, vital.busy_at, vital.net_at, vital.terminal_since,
        vital.homeless_since, *(call.at for call in trace.open.values()),
    }  # fmt: skip
    # Silence counts from a minute after the machine woke, or somebody began to look.
    bases |= {at + GRACE for at in (vital.woke_at, fleet.watch.since) if at}
    if session.trouble is not None:
        error, at = session.trouble.error, session.trouble.at
        refused = refusal(error, at)
        until = refused.until if refused.until is not None or refused.kind != "quota" else quota_end(session, at)
        bases |= {at, at + int(max(0, min(MAX_WAIT, error.retry_in or 0)) * SECOND), until}
        own.append(0)
    # What a sub-agent does changes what its parent waits for, and is no event of the parent's.
    due = now + (KIDS if fleet.kids(session) else OLD)
    for base in bases:
        if base:
            passed = now - base
            place = bisect_right(waits, passed)
            if place and waits[place - 1] == passed:
                # What is "longer than" that is true only after it.
                due = now + 1
            elif place < len(waits):
                due = min(due, base + waits[place])
            for wait in own:
                if passed <= wait < due - base:
                    due = max(base + wait, now + 1)
    over = conflicts.changes_at(fleet, session, now)
    return due if over is None else min(due, over)
