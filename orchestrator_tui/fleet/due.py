"""When time alone may make a status another one: when to ask again."""

from __future__ import annotations

from orchestrator_tui.events import MAX_WAIT
from orchestrator_tui.fleet import MINUTE, SECOND, conflicts
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.limits import refusal
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.silence import GRACE

FRESH = 60 * SECOND
"""A session without a known process counts as running for this long after its last line; then it is fog."""
NUDGED = 15 * MINUTE
"""A session that machines prompt is between two turns for this long, not finished."""
OLD = 24 * 60 * MINUTE
"""A trouble older than this is history where no process lives."""
KIDS = 30 * SECOND
"""A session with sub-agents is asked for this often."""


def next_change(fleet: Fleet, session: Session, now: int) -> int:
    """The next time at which a status may become another one by time alone, no later than it may; ages not counted."""
    lead = fleet.line(session)[-1]
    limits = fleet.thresholds_for(lead)
    steady = limits.steady_seconds
    patient = (
        limits.model_seconds, limits.model_long_seconds, limits.stream_seconds, limits.compaction_seconds,
        limits.instant_seconds, limits.instant_auto_seconds, limits.tool_idle_seconds, limits.terminal_seconds,
        limits.remote_seconds, limits.subagent_seconds,
    )  # fmt: skip
    waits = [limits.prompt_seconds, limits.orphan_seconds, FRESH / SECOND, NUDGED / SECOND, OLD / SECOND, 120.0]
    for seconds in patient:
        waits += (seconds / 2, seconds, seconds + steady, 2 * seconds + steady)
    for call in session.trace.open.values():
        longest = session.trace.durations.get(call.key, 0) / SECOND
        for usual in (call.waits and call.waits + limits.declared_seconds, 4 * longest):
            if usual:
                waits += (usual / 2, usual + steady, usual, 2 * usual + steady)
        waits.append(limits.slower_than_before * longest)
    vital = lead.trace.vital
    bases = {
        session.active_at, session.ended_at, session.compacting_at, vital.busy_at, vital.net_at, vital.terminal_since,
        vital.homeless_since, *(call.at for call in session.trace.open.values()),
    }  # fmt: skip
    # Silence counts from a minute after the machine woke, or somebody began to look.
    bases |= {at + GRACE for at in (vital.woke_at, fleet.watch.since) if at}
    if session.trouble is not None:
        error, at = session.trouble.error, session.trouble.at
        until = refusal(error, at).until or 0
        bases |= {at, at + int(max(0, min(MAX_WAIT, error.retry_in or 0)) * SECOND), until}
        waits.append(0)
    # What a sub-agent does changes what its parent waits for, and is no event of the parent's.
    due = now + (KIDS if fleet.kids(session) else OLD)
    for base in bases:
        if base:
            for seconds in waits:
                at = base + int(seconds * SECOND)
                if now < at < due:
                    due = at
    over = conflicts.changes_at(fleet, session, now)
    return due if over is None else min(due, over)
