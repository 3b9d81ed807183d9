"""The first command of each kind to a session that orc did not start asks once, with the process and why it is sure."""

from __future__ import annotations

from orchestrator_tui.fleet.session import Session

ASKS = frozenset(
    {
        "kill", "pause", "resume", "revive", "message", "approve", "deny", "escalate", "stepdown", "use", "split",
    }
)  # fmt: skip
"""Verbs that reach into a session; the others only say something about it."""


def question(session: Session, verb: str) -> str:
    """What a person is to say yes to, one line, not cleaned; "" when nothing is to be asked."""
    if verb not in ASKS or session.owned or verb in session.steering.confirmed:
        return ""
    process = session.process
    if process is None or process.gone_at is not None:
        found = "no process of it was found"
    else:
        seen = process.seen
        place = f" on {seen.tty}" if seen.tty else ""
        found = f"process {seen.pid}{place}: {seen.proof or 'its client says so'}"
    return f"first {verb} of a session that orc did not start; {found}"
