"""Who needs a person, in which order, with which suggestion.

The order is by what waiting costs: money that burns for nothing first (rate times how sure it is), then people-owed
waits (how long, times how many agents stand behind them), then what is broken and costs nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from orchestrator_tui.fleet import MINUTE
from orchestrator_tui.fleet.alerts import WASTEFUL
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status

CERTAIN, LIKELY = 1.0, 0.5
"""How much of a rate counts as burnt for nothing: of a red finding, of an amber one."""
SHARED = frozenset({"errored", "rate_limited"})
"""States whose cause may be one for many sessions: an expired login, a limit of the account."""


class Suggestion(Struct, frozen=True):
    """What to do about a state: words, and the actions that do it, the likeliest first."""

    words: str
    actions: tuple[str, ...]


SUGGESTIONS: dict[str, Suggestion] = {
    "waiting": Suggestion("answer it", ("approve", "deny", "message", "terminal")),
    "looping": Suggestion("a larger model, or end it", ("escalate", "kill", "message")),
    "spinning": Suggestion("a larger model, or split the task", ("escalate", "split", "kill")),
    "stalled": Suggestion("ask it, or end it", ("message", "kill", "revive")),
    "errored": Suggestion("see its terminal, then bring it back", ("terminal", "revive")),
    "dead": Suggestion("bring it back", ("revive",)),
    "orphaned": Suggestion("end it, or take it over", ("kill", "terminal")),
    "rate_limited": Suggestion("bring it back when the limit ends", ("revive", "message")),
}


class Need(Struct, frozen=True):
    """One entry of the queue."""

    session: str
    order: tuple[int, int, int, str]
    """Ascending is more urgent; it moves by steps, so that the queue does not flicker."""
    more: int = 0
    """Further sessions with the same cause."""


def need_of(session: Session, status: Status, now: int, size: int = 1) -> Need | None:
    """A session's entry; None when it needs nobody, or is snoozed. `size` is how many agents its tree has."""
    if not status.needs_you or session.alerts.snoozed_until > now:
        return None
    sure = CERTAIN if status.severity == "red" else LIKELY
    if status.status in WASTEFUL or status.status == "orphaned":
        burnt = session.burn.rate(now).cost * sure
        if burnt >= 1:
            # By powers of two: a rate that trembles moves nobody.
            return Need(session.id, (0, -int(burnt).bit_length(), status.since, session.id))
    if status.status == "waiting":
        cost = max(1, (now - status.since) // MINUTE + 1) * size
        place = 1 if status.severity == "red" else 3
        return Need(session.id, (place, -int(cost).bit_length(), status.since, session.id))
    return Need(session.id, (2, 0, status.since, session.id))


def queue(needs: Iterable[tuple[Need, Status]]) -> list[Need]:
    """The entries in order, one for each cause."""
    ordered = sorted(needs, key=lambda item: item[0].order)
    first: dict[str, int] = {}
    out: list[Need] = []
    for need, status in ordered:
        shared = f"{status.status} {status.cause}" if status.status in SHARED and status.cause else ""
        if shared and shared in first:
            place = first[shared]
            out[place] = Need(out[place].session, out[place].order, out[place].more + 1)
            continue
        if shared:
            first[shared] = len(out)
        out.append(need)
    return out
