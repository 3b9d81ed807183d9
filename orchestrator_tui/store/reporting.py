"""From the store to a report: one pass over the events that matter, page by page, and sessions played again."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from orchestrator_tui.events import Event, Usage, decode
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.ledger import decisions
from orchestrator_tui.fleet.report.build import Material, build
from orchestrator_tui.fleet.report.gather import ALERTS, WANTED, Gathered
from orchestrator_tui.fleet.report.shapes import Report, Who
from orchestrator_tui.fleet.status import status_of
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.store.load import departed
from orchestrator_tui.store.measuring import event_of, measure
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import SLOT, change_of, spent

PAGE = 2000


class Period(Struct, frozen=True):
    """From when to when."""

    since: int
    until: int
    """The last instant of it."""
    first_seq: int
    asked: int | None


def period_of(reader: Reader, since: int | None, now: int, *, past: bool = False) -> Period:
    """From a whole quarter of an hour on, as the roll-ups have them; without `since` everything stored.

    `past`: it ends at `now` exactly, whatever came after.
    """
    ((first_at, last_at),) = reader.query("SELECT (SELECT min(at) FROM events), (SELECT max(at) FROM events)")
    # A clock that was set back since leaves events after now.
    now = now if past else max(now, last_at or 0)
    start = min((first_at or now) if since is None else max(since, 0), now)
    # Where nothing was before, nothing is shown: rates and curves begin with the first event.
    begin = max(start // SLOT * SLOT, (first_at or 0) // SLOT * SLOT)
    if since is None:
        ((slot,),) = reader.query("SELECT min(slot) FROM spending")
        # What was counted earlier than any event that is kept.
        begin = min(start, slot * SLOT) if slot is not None and (slot + 1) * SLOT <= start else start
    ((seq,),) = reader.query("SELECT coalesce(min(seq), 0) FROM events WHERE at >= ?", begin)
    return Period(begin, now, seq, since)


def report_of(
    reader: Reader, fleet: Fleet, since: int | None, now: int, session: str | None = None, *, past: bool = False
) -> Report:
    """The report of the time from `since` on; `fleet` is the fleet now; what had left it is put back.

    With `session` only its decisions are worked out: the sums are those of all the same.
    With `past` it is the report as of `now`: nothing that came after is in it, and `fleet` is the fleet of that time.
    At 10^6 events some seconds: give it a thread and a reader of its own where somebody waits.
    """
    period = period_of(reader, since, now, past=past)
    now = period.until
    gathered = Gathered(period.since)
    if period.asked is not None:
        for event in _events(reader, ALERTS, 0, (0, period.since - 1), gathered):
            gathered.take(event)
        gathered.begin()
    for event in _events(reader, WANTED, period.first_seq, (period.since, period.until), gathered):
        gathered.take(event)
    made = [d for d in decisions(gathered.commands) if d.at >= period.since]
    spends, models = _used(reader, fleet, period, past)
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
        models=models,
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
                yield event_of(row)
        if len(rows) < PAGE:
            return
        seq = rows[-1][0] + 1


def _used(
    reader: Reader, fleet: Fleet, period: Period, past: bool
) -> tuple[dict[str, Spend], dict[str, tuple[Spend, int]]]:
    """What each session used, and what each model was used for and by how many sessions."""
    # Whole quarters; of one that went on after the end of a past period only the part before it.
    until = period.until // SLOT * SLOT if past else -(-(period.until + 1) // SLOT) * SLOT
    sessions = spent(reader, period.since, until, "session")
    models = spent(reader, period.since, until, "model")
    users = {
        (str(model), str(name))
        for model, name in reader.query(
            "SELECT DISTINCT p.model, s.id FROM spending p JOIN sessions s ON s.key = p.session "
            "WHERE p.slot >= ? AND p.slot < ?",
            period.since // SLOT, until // SLOT,
        )
    }  # fmt: skip
    if past:
        for name, model, change in _part(reader, fleet, max(until, period.since), period.until):
            sessions.setdefault(name, Spend()).merge(change)
            models.setdefault(model, Spend()).merge(change)
            users.add((model, name))
    counts: dict[str, int] = {}
    for model, _ in users:
        counts[model] = counts.get(model, 0) + 1
    return sessions, {name: (spend, counts.get(name, 0)) for name, spend in models.items()}


def _part(reader: Reader, fleet: Fleet, start: int, end: int) -> Iterator[tuple[str, str, Spend]]:
    """(session, model, what was added) of everything counted in a stretch of less than a quarter, both ends in it."""
    sql = (
        "SELECT e.at, e.seq, s.id, e.type, CASE WHEN e.type GLOB 'usage*' THEN e.payload END FROM events e "
        f"LEFT JOIN sessions s ON s.key = e.session WHERE (e.at, e.seq) > (?, ?) AND e.at <= ? "
        f"ORDER BY e.at, e.seq LIMIT {PAGE}"
    )
    place, last = (start - 1, 1 << 62), dict[str, str]()
    while rows := reader.query(sql, *place, end):
        for _, _, name, kind, payload in rows:
            body = decode(kind, payload) if payload is not None else None
            change = change_of(body) if body is not None else None
            if change is None:
                continue
            session = fleet.sessions.get(name)
            # A correction does not say of which model it is: of the one that the session used last.
            known = last.get(name) or (session.model if session is not None else None) or ""
            model = last[name] = (body.model if isinstance(body, Usage) else None) or known
            yield name, model, change
        place = (rows[-1][0], rows[-1][1])


# --- names ---------------------------------------------------------------------------------------------------


def _names(reader: Reader, fleet: Fleet, wanted: set[str], now: int) -> dict[str, Who]:
    """Every session by its id; title, seat and status of those that the report names."""
    rows = reader.query(
        "SELECT s.id, s.client, s.project, p.id, s.relation FROM sessions s LEFT JOIN sessions p ON p.key = s.parent "
        "LEFT JOIN events e ON e.seq = s.first_seq WHERE coalesce(e.at, 0) <= ?",
        now,
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
