"""What is announced, and in which words: from events to notices. Pure.

Whoever announces (the dashboard, the host) shows the events as they come, and asks again and again what is due. A cause
is announced once, and once more when it grew worse or its cost doubled; what comes together is one notice with a count.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from orchestrator_tui import events as ev
from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.apply import END_OF_TURN
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.text import line

HOLD = SECOND
"""A notice waits so long for others like it."""
GAP = 10 * SECOND
"""Between two notices of one status: a limit that sessions hit one after the other is one trouble."""
REST = 10 * MINUTE
"""A cause that was gone for less than this comes back unannounced: it trembles at its threshold."""
SETTLE = 30 * SECOND
"""What began before somebody announced, and is raised within this, was there already."""
FRESH = 60 * SECOND
"""Events older than this are no news, as after a suspended terminal."""
MAX_KNOWN = 4000
MAX_NAME, MAX_BODY = 60, 200
"""Characters."""
NAMED = 3
"""Sessions that a notice of several names."""
_RANK = {"amber": 1, "red": 2}
WORDS: dict[str, tuple[str, str]] = {
    "waiting": ("waits for you", "wait for you"),
    "rate_limited": ("is held by a limit", "are held by a limit"),
    "looping": ("is looping", "are looping"),
    "spinning": ("is spinning", "are spinning"),
    "stalled": ("is stalled", "are stalled"),
    "errored": ("has an error", "have an error"),
    "dead": ("died", "died"),
    "orphaned": ("lost its terminal", "lost their terminals"),
    "finished": ("finished", "finished"),
}
_OTHER = ("needs a look", "need a look")


class Wishes(Struct, frozen=True):
    """What a person wants to hear of, and when."""

    on: frozenset[str] = frozenset({"red", "waiting"})
    """Of `red`, `waiting`, `amber`, `finished`; empty is silence."""
    quiet: tuple[int, int] | None = None
    """From one minute of the local day until before another, over midnight where the first is the later."""
    min_turn: int = 0
    """Nanoseconds from a turn's start within which whoever asked is taken to be still looking."""


class Notice(Struct, frozen=True):
    """One announcement; every text in it is one cleaned line."""

    title: str
    body: str
    session: str
    severity: str
    """`ok` (something finished), `amber`, `red`."""
    cause: str
    status: str
    name: str
    """The session's seat, or what else names it."""
    key: tuple[str, str]
    """(session, cause), not cleaned: what it is known by, never shown."""
    count: int = 1
    """How many sessions it stands for."""


def is_quiet(quiet: tuple[int, int] | None, minute: int) -> bool:
    """Whether a minute of the day, 0 to 1439, is within the quiet hours."""
    if quiet is None:
        return False
    start, end = quiet
    return start <= minute < end if start < end else minute >= start or minute < end


def notice_of(fleet: Fleet, event: ev.Event, wishes: Wishes, minute: int) -> Notice | None:
    """What an event, folded in already, announces at this minute of the local day; None when nothing."""
    session = fleet.sessions.get(event.session or "")
    if session is None or not event.live or is_quiet(wishes.quiet, minute):
        return None
    if session.alerts.snoozed_until > event.at or _too_early(session, event.at, wishes):
        return None
    body = event.body
    if isinstance(body, ev.AlertRaised | ev.AlertEscalated):
        wanted = body.severity in wishes.on or (body.status == "waiting" and "waiting" in wishes.on)
        if not wanted or body.cause in session.alerts.muted:
            return None
        return _worded(session, body.status, body.severity, body.cause, body.evidence)
    if "finished" in wishes.on and _finished(session, event):
        return _worded(session, "finished", "ok", f"finished:{event.at}", "")
    return None


def _too_early(session: Session, at: int, wishes: Wishes) -> bool:
    # A headless session has nobody in front of it who would see.
    if session.turn_at is None or session.interactive is False:
        return False
    return 0 <= at - session.turn_at < wishes.min_turn


def _finished(session: Session, event: ev.Event) -> bool:
    """Whether this event ended a turn of the session itself, well and without a question."""
    body = event.body
    if isinstance(body, ev.AssistantMessage):
        ends = body.stop_reason in END_OF_TURN and not body.replayed
    else:
        ends = isinstance(body, ev.TurnEnded) or (isinstance(body, ev.SessionEnded) and not body.is_error)
    question = session.trace.talk.question
    return (
        ends
        and session.relation != "subagent"
        and not session.turn_open
        and session.ended_at == event.at
        and session.trouble is None
        and session.interrupted_at is None
        and (question is None or not question.blocking)
    )


def _worded(session: Session, status: str, severity: str, cause: str, evidence: str) -> Notice:
    name = line(session.place or session.project or session.client or session.id, MAX_NAME).strip() or "a session"
    about = [line(part, MAX_BODY).strip() for part in (session.title or "", evidence)]
    return Notice(
        title=f"{name} {WORDS.get(status, _OTHER)[0]}{_doubt(severity)}",
        body=line(": ".join(part for part in about if part), MAX_BODY),
        session=line(session.id, MAX_BODY),
        severity=severity,
        cause=line(cause, MAX_BODY),
        status=line(status, MAX_NAME),
        name=name,
        key=(session.id, cause),
    )


def _doubt(severity: str) -> str:
    return ", probably" if severity == "amber" else ""


def together(notices: list[Notice]) -> Notice:
    """Notices of one status as one, with a count of sessions."""
    latest = list({notice.key[0]: notice for notice in notices}.values())
    first = max(latest, key=lambda notice: _RANK.get(notice.severity, 0))
    if len(latest) == 1:
        return first
    names = ", ".join(notice.name for notice in latest[:NAMED])
    more = f" and {len(latest) - NAMED} more" if len(latest) > NAMED else ""
    return replace(
        first,
        title=f"{len(latest)} sessions {WORDS.get(first.status, _OTHER)[1]}{_doubt(first.severity)}",
        body=line(f"{names}{more}: {first.body}", MAX_BODY),
        count=len(latest),
    )


class _Known(Struct):
    """A cause as it was told last."""

    status: str
    severity: str
    rank: int
    """Of the worst so far."""
    gone_at: int | None = None


class Notices:
    """What was announced, and what waits for others like it."""

    def __init__(self, wishes: Wishes, fleet: Fleet, now: int) -> None:
        """`fleet` is the fleet now: what is open in it is no news."""
        self.wishes, self._began = wishes, now
        self._known: dict[tuple[str, str], _Known] = {}
        self._held: dict[str, tuple[int, list[Notice]]] = {}
        """By status: since when, and what."""
        self._told: dict[str, int] = {}
        """By status: when."""
        for session in fleet.sessions.values():
            for cause, alert in session.alerts.open.items():
                self._known[session.id, cause] = _Known(alert.status, alert.severity, _RANK.get(alert.severity, 0))

    def see(self, fleet: Fleet, events: Iterable[ev.Event], now: int, minute: int) -> None:
        """Take up events that were folded into the fleet just now; `minute` of the local day."""
        if not self.wishes.on:
            return
        for event in events:
            body, name = event.body, event.session
            if type(body) not in _TOLD or name is None:
                continue
            match body:
                case ev.AlertCleared(cause=cause) | ev.Acknowledged(cause=cause):
                    self._gone(name, cause, event.at)
                case ev.Snoozed(until=until):
                    if until > now:
                        self._drop(name)
                case ev.AlertRaised() | ev.AlertEscalated():
                    if self._is_news(fleet, event, body) and now - event.seen_at < FRESH:
                        self._hold(notice_of(fleet, event, self.wishes, minute), now)
                case _:
                    if now - event.seen_at < FRESH:
                        self._hold(notice_of(fleet, event, self.wishes, minute), now)

    def due(self, now: int) -> list[Notice]:
        """What is to be announced now, one notice of each status; each once."""
        out = []
        for status, (since, held) in list(self._held.items()):
            told = self._told.get(status)
            # A clock that was set back makes everything due.
            if 0 <= now - since < HOLD or (told is not None and 0 <= now - told < GAP):
                continue
            del self._held[status]
            self._told[status] = now
            out.append(together(held))
        return out

    def _hold(self, notice: Notice | None, now: int) -> None:
        if notice is not None:
            self._held.setdefault(notice.status, (now, []))[1].append(notice)

    def _drop(self, name: str, cause: str | None = None) -> bool:
        """Announce no more of a session (of one cause of it); whether something was held."""
        dropped = False
        for status, (since, held) in list(self._held.items()):
            kept = [notice for notice in held if notice.key[0] != name or cause not in (None, notice.key[1])]
            dropped |= len(kept) < len(held)
            if kept:
                self._held[status] = (since, kept)
            else:
                del self._held[status]
        return dropped

    def _gone(self, name: str, cause: str, at: int) -> None:
        key = (name, cause)
        if self._drop(name, cause):
            # Nobody heard of it: if it comes back it is new.
            self._known.pop(key, None)
        elif key in self._known:
            self._known[key].gone_at = at

    def _is_news(self, fleet: Fleet, event: ev.Event, body: ev.AlertRaised | ev.AlertEscalated) -> bool:
        """Whether a cause is new, worse than it ever was, or has doubled; from here on it is known so."""
        key, rank = (event.session or "", body.cause), _RANK[body.severity]
        before = self._known.pop(key, None)
        self._known[key] = _Known(body.status, body.severity, max(rank, before.rank if before is not None else 0))
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
        if isinstance(body, ev.AlertRaised):
            if body.since < self._began and event.at - self._began < SETTLE:
                return False
            return before is None or rank > before.rank or event.at - (before.gone_at or event.at) >= REST
        # Of the same status and severity it is told again because it doubled; another status alone is no news.
        return before is None or rank > before.rank or (before.status, before.severity) == (body.status, body.severity)


_TOLD = frozenset(
    {
        ev.AlertRaised, ev.AlertEscalated, ev.AlertCleared, ev.Acknowledged, ev.Snoozed,
        ev.AssistantMessage, ev.TurnEnded, ev.SessionEnded,
    }
)  # fmt: skip
"""Events that change what is announced."""
