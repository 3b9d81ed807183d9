"""When what is said of a session has to be said anew because time has passed."""

from __future__ import annotations

from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session

JUST = 7 * SECOND // 10
"""What was judged this lately is not judged again for the second that begins."""
LONGEST = 10 * SECOND
"""Every status is asked for at least this often."""


def next_step(fleet: Fleet, session: Session, now: int) -> int:
    """Until when time alone does not change a status: an age in it steps, or a patience ends, no sooner.

    Ages count from a session's own times, a sub-agent's from those above it too; a rule that knows other times is
    still asked every ten seconds.
    """
    young = now - MINUTE
    if session.last_at > young or session.trouble is not None or not fleet.watch.looking(now):
        return now + JUST
    due = now + LONGEST
    for one in fleet.line(session):
        if one.last_at > young:
            return now + JUST
        for at in _times(one):
            old = now - at
            # As `text.age` steps. On the very edge of a step, what is "longer than" is true only after it.
            step = 10 * SECOND if old < 10 * MINUTE else MINUTE
            due = min(due, at + (old // step + 1) * step) if old % step else now
    return due


def _times(s: Session) -> list[int]:
    times = [s.active_at, s.ended_at, s.asked_at, s.interrupted_at, s.compacting_at, s.wrote_at]
    if s.report is not None:
        times.append(s.report.at)
    if s.process is not None:
        times += [s.process.at, s.process.since, s.process.gone_at]
    times += [call.at for call in s.calls.values()]
    return [at for at in times if at is not None]
