"""From the store to a report: one pass over the events that matter, page by page, and sessions played again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from orchestrator_tui.events import Event, decode
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.ledger import Decision, decisions
from orchestrator_tui.fleet.report.build import Material, build
from orchestrator_tui.fleet.report.effects import MEASURED, Measured, span_of
from orchestrator_tui.fleet.report.gather import ALERTS, WANTED, Gathered
from orchestrator_tui.fleet.report.shapes import Report, Who
from orchestrator_tui.fleet.status import status_of
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.load import departed
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import SLOT, spent

PAGE = 2000
MOST = 200_000
"""Events that are played again for decisions, the latest decisions first: some seconds."""


class Period(Struct, frozen=True):
    """From when to when."""

    since: int
    until: int
    """The last instant of it."""
    first_seq: int
    asked: int | None


def period_of(reader: Reader, since: int | None, now: int) -> Period:
    """Whole quarters of an hour, as the roll-ups have them; without `since` everything stored."""
    ((first_at, last_at),) = reader.query("SELECT (SELECT min(at) FROM events), (SELECT max(at) FROM events)")
    # A clock that was set back since leaves events after now.
    now = max(now, last_at or 0)
    start = (first_at or now) if since is None else max(since, 0)
    # Where nothing was before, nothing is shown: rates and curves begin with the first event.
    begin = max(start // SLOT * SLOT, (first_at or 0) // SLOT * SLOT)
    if since is None:
        ((slot,),) = reader.query("SELECT min(slot) FROM spending")
        # What was counted earlier than any event that is kept.
        begin = min(start, slot * SLOT) if slot is not None and (slot + 1) * SLOT <= start else start
    ((seq,),) = reader.query("SELECT coalesce(min(seq), 0) FROM events WHERE at >= ?", begin)
    return Period(begin, now, seq, since)


def report_of(reader: Reader, fleet: Fleet, since: int | None, now: int, session: str | None = None) -> Report:
    """The report of the time from `since` on; `fleet` is the fleet now; what had left it is put back.

    With `session` only its decisions are worked out: the sums are those of all the same.
    At 10^6 events some seconds: give it a thread and a reader of its own where somebody waits.
    """
    period = period_of(reader, since, now)
    now = period.until
    gathered = Gathered(period.since)
    if period.asked is not None:
        for event in _events(reader, ALERTS, 0, (0, period.since - 1), gathered):
            gathered.take(event)
        gathered.begin()
    for event in _events(reader, WANTED, period.first_seq, (period.since, period.until), gathered):
        gathered.take(event)
    made = [d for d in decisions(gathered.commands) if d.at >= period.since]
    spends = spent(reader, period.since, now + 1, "session")
    names = _names(reader, fleet, {*spends, *(t.session for t in gathered.told)}, now)
    measured = measure(reader, [d for d in made if session in (None, d.session)], now)
    material = Material(
        at=now,
        since=period.since,
        asked_since=period.asked,
        looked=_looked(fleet, now, gathered.last_at),
        gathered=gathered,
        decisions=made,
        spends=spends,
        models=_models(reader, period),
        names=names,
        measured=measured,
    )
    return build(material)


def _looked(fleet: Fleet, now: int, last_at: int) -> int:
    """Up to when what is open is known to be so; `last_at`: of the last event that was read."""
    beat = fleet.watch.beat_at
    return now if fleet.watch.looking(now) or beat is None else min(max(beat, last_at), now)


def _events(
    reader: Reader, types: tuple[str, ...], first: int, places: tuple[int, int], gathered: Gathered
) -> Iterator[Event]:
    """Events of some types and times, in the order of numbers; a person's words only where an alert is open."""
    # By its number: by its time SQLite would sort all of it anew for every page.
    sql = (
        "SELECT e.seq, e.at, e.seen_at, e.source_at, s.id, e.type, e.payload FROM events e "
        "LEFT JOIN sessions s ON s.key = e.session "
        f"WHERE e.seq >= ? AND +e.at BETWEEN ? AND ? AND e.type IN ({','.join('?' * len(types))}) "
        f"ORDER BY e.seq LIMIT {PAGE}"
    )
    seq = first
    while rows := reader.query(sql, seq, *places, *types):
        for row in rows:
            if row[5] != "user.message" or gathered.alerted(row[4]):
                yield _event(row)
        if len(rows) < PAGE:
            return
        seq = rows[-1][0] + 1


def _event(row: tuple[Any, ...]) -> Event:
    seq, at, seen, source, session, kind, payload = row
    return Event(seq, at, seen, source, session, decode(kind, payload))


def _models(reader: Reader, period: Period) -> dict[str, tuple[Spend, int]]:
    """What each model was used for, and by how many sessions."""
    counts = dict(
        reader.query(
            "SELECT model, count(DISTINCT session) FROM spending WHERE slot >= ? AND slot < ? GROUP BY 1",
            period.since // SLOT,
            -(-(period.until + 1) // SLOT),
        )
    )
    found = spent(reader, period.since, period.until + 1, "model")
    return {name: (spend, counts.get(name, 0)) for name, spend in found.items()}


# --- names ---------------------------------------------------------------------------------------------------


def _names(reader: Reader, fleet: Fleet, wanted: set[str], now: int) -> dict[str, Who]:
    """Every session by its id; title, seat and status of those that the report names."""
    rows = reader.query(
        "SELECT s.id, s.client, s.project, p.id, s.relation FROM sessions s LEFT JOIN sessions p ON p.key = s.parent"
    )
    names = {row[0]: Who(row[0], row[1] or "", row[2] or "", parent=row[3], relation=row[4]) for row in rows}
    sessions = fleet.sessions
    if wanted - sessions.keys():
        for session in departed(reader, fleet, now):
            if session.id in wanted or session.id in names:
                sessions[session.id] = session
    for name, session in sessions.items():
        who = names.setdefault(name, Who(name, session.client))
        who.title, who.seat, who.started_at = session.title or "", session.place or "", session.started_at
        who.project = who.project or session.project or ""
        who.parent, who.relation = session.parent or who.parent, session.relation or who.relation
        if name in wanted:
            who.status = status_of(fleet, session, now)
    return names


# --- what decisions changed ------------------------------------------------------------------------------------


def measure(reader: Reader, made: Iterable[Decision], now: int, most: int = MOST) -> dict[str, Measured]:
    """Progress before and after, and the status afterwards, by playing each session alone once.

    It is judged as if somebody had looked all the time. Stops after `most` events: the rest is not in the answer.
    """
    about: dict[str, list[Decision]] = {}
    for decision in made:
        if decision.session is not None and decision.verb in MEASURED and decision.started_at is not None:
            about.setdefault(decision.session, []).append(decision)
    found: dict[str, Measured] = {}
    for session, wanted in sorted(about.items(), key=lambda item: -item[1][-1].at):
        if most <= 0:
            break
        until = max(span_of(d, now)[2] for d in wanted)
        played = _Played(session, wanted, now)
        for event in reader.of_session(session, until):
            most -= 1
            if most <= 0:
                break
            played.take(event)
        else:
            found.update(played.answer())
    return found


class _Played:
    """One session, event by event, looked at when something was decided about it."""

    def __init__(self, session: str, wanted: list[Decision], now: int) -> None:
        self._fleet = Fleet()
        self._fleet.watch.always = True
        self._name, self._wanted = session, wanted
        self._spans = {d.command_id: span_of(d, now) for d in wanted}
        self._counts = {d.command_id: [0, 0] for d in wanted}
        self._ends = sorted((span[2], command) for command, span in self._spans.items())
        self._found: dict[str, tuple[str, str]] = {}

    def take(self, event: Event) -> None:
        """The session's next event."""
        while self._ends and self._ends[0][0] < event.at:
            self._look(*self._ends.pop(0))
        session = self._fleet.sessions.get(self._name)
        before = session.since_progress if session is not None else None
        self._fleet.apply(event)
        if before is None or self._fleet.sessions[self._name].since_progress is before:
            # Progress begins that sum anew.
            return
        for command, (begin, turn, end) in self._spans.items():
            if begin <= event.at < turn:
                self._counts[command][0] += 1
            elif turn <= event.at <= end:
                self._counts[command][1] += 1

    def _look(self, at: int, command: str) -> None:
        session = self._fleet.sessions.get(self._name)
        if session is None:
            return
        status = status_of(self._fleet, session, at)
        self._found[command] = (status.status, status.evidence)

    def answer(self) -> dict[str, Measured]:
        """For each decision that could be judged."""
        for at, command in self._ends:
            self._look(at, command)
        return {
            command: Measured(self._counts[command][0], self._counts[command][1], *told)
            for command, told in self._found.items()
        }
