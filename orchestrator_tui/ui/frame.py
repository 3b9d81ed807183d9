"""One moment of the fleet as the screen needs it: made once per tick, then only read."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field

from orchestrator_tui.events import Event
from orchestrator_tui.fleet.burn import Rate
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status, status_of
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.text import line

ACTIVE = 24 * 3600 * 1_000_000_000
"""Sessions that were active within this time are on the map; and those that live or need somebody."""
SPARK = 8
"""Buckets of a cell's burn curve."""
WIDE_SPARK = 24
"""Buckets of the fleet's."""


class Cell(Struct, frozen=True):
    """One session as it is drawn; every text in it has been cleaned."""

    id: str
    name: str
    """Its title in a few words, or its seat."""
    seat: str
    region: str
    status: Status
    evidence: str
    model: str
    tokens_per_minute: int
    usd_per_minute: float | None
    spark: tuple[int, ...]
    """Tokens per bucket over the last five minutes, oldest first."""
    helpers: tuple[str, ...]
    """Statuses of its sub-agents that are at work, the newest last."""
    spend: Spend


class Region(Struct, frozen=True):
    """The sessions of one project, by seat."""

    name: str
    cells: tuple[Cell, ...]


class Frame(Struct, frozen=True):
    """What is on the screen."""

    now: int
    regions: tuple[Region, ...] = ()
    queue: tuple[Cell, ...] = ()
    """Those that need somebody, in the order in which they should be answered."""
    counts: dict[str, int] = field(default_factory=dict)
    spend: Spend = field(default_factory=Spend)
    tokens_per_minute: int = 0
    output_per_second: float = 0.0
    usd_per_minute: float | None = None
    spark: tuple[int, ...] = ()
    watching: bool = False
    watch_words: str = ""
    """What to say of the host when it does not look."""
    filter: str = ""
    hidden: int = 0
    """Sessions that the filter leaves out."""

    def cell(self, session: str | None) -> Cell | None:
        """A session's cell, when it is on the map."""
        if session is None:
            return None
        return next((cell for region in self.regions for cell in region.cells if cell.id == session), None)

    @property
    def order(self) -> list[str]:
        """Every session on the map, in reading order."""
        return [cell.id for region in self.regions for cell in region.cells]


class Details(Struct, frozen=True):
    """What the inspector shows of the selected session."""

    cell: Cell
    session: Session
    tree: Spend
    children: tuple[tuple[str, str], ...]
    """(status, name) of each child."""
    events: tuple[Event, ...]
    """The last ones, oldest first."""


class Pace(Struct, frozen=True):
    """How fast a session goes, worked out once a second and when it changed."""

    rate: Rate
    spark: tuple[int, ...]
    wide: tuple[int, ...]


STILL = Pace(Rate(60, 0, 0, 0), (), ())


class Framer:
    """Makes frames; what did not change within a second is not worked out again."""

    def __init__(self) -> None:
        self._statuses: dict[str, Status] = {}
        self._paces: dict[str, Pace] = {}
        self._cells: dict[str, tuple[tuple[object, ...], Cell]] = {}
        self._second = -1

    def frame(self, fleet: Fleet, now: int, words: str, wanted: str) -> Frame:
        """The frame at `now`; `wanted` filters by name, project, model or status."""
        self._judge(fleet, now)
        tree = fleet.children()
        regions: dict[str, list[Cell]] = {}
        begun: dict[str, int] = {}
        counts: Counter[str] = Counter()
        spend = Spend()
        hidden = 0
        needle = wanted.casefold()
        queue: list[tuple[int, int, str, Cell]] = []
        sessions = sorted(fleet.sessions.values(), key=lambda s: (s.seat is None, s.seat or 0, s.started_at, s.id))
        for session in sessions:
            status = self._statuses[session.id]
            if session.last_at < now - ACTIVE and session.pid is None and not status.needs_you:
                continue
            counts[status.status] += 1
            spend.merge(session.spend)
            helper = session.relation == "subagent" and session.parent in fleet.sessions
            if helper and not status.needs_you:
                continue
            cell = self._cell(session, status, tree)
            if needle and not _matches(cell, needle):
                hidden += not helper
                continue
            if status.needs_you:
                queue.append((_urgency(status), status.since, cell.id, cell))
            if not helper:
                regions.setdefault(cell.region, []).append(cell)
                begun[cell.region] = min(begun.get(cell.region, now), session.started_at)
        fleet.forget_changes()
        # Regions stand in the order in which their first session began: an arrival never moves the others.
        ordered = sorted(regions, key=lambda name: (begun[name], name))
        paces = [pace for pace in self._paces.values() if pace is not STILL]
        return Frame(
            now=now,
            regions=tuple(Region(name, tuple(regions[name])) for name in ordered),
            queue=tuple(cell for *_, cell in sorted(queue, key=lambda item: item[:3])),
            counts=dict(counts),
            spend=spend,
            tokens_per_minute=sum(pace.rate.total for pace in paces),
            output_per_second=sum(pace.rate.output_per_second for pace in paces),
            usd_per_minute=sum(p.rate.usd_per_minute for p in paces) if any(p.rate.cost for p in paces) else None,
            spark=_add_sparks([pace.wide for pace in paces], WIDE_SPARK),
            watching=fleet.watch.looking(now),
            watch_words=words,
            filter=line(wanted, 40),
            hidden=hidden,
        )

    def details(self, fleet: Fleet, cell: Cell, events: list[Event]) -> Details | None:
        """The inspector's part."""
        session = fleet.sessions.get(cell.id)
        if session is None:
            return None
        below = list(fleet.descendants(session, fleet.children()))
        known = [s for s in below if s.id in self._statuses]
        return Details(
            cell=cell,
            session=session,
            tree=fleet.totals([session, *below]),
            children=tuple((self._statuses[s.id].status, line(s.title or s.id, 60)) for s in known),
            events=tuple(events),
        )

    def _judge(self, fleet: Fleet, now: int) -> None:
        """Statuses and paces anew for what changed; for all once a second, because time alone changes them too."""
        second = now // 1_000_000_000
        everything = second != self._second
        self._second = second
        changed = fleet.changed
        for name, session in fleet.sessions.items():
            touched = name in changed or name not in self._statuses
            if everything or touched or session.parent in changed:
                self._statuses[name] = status_of(fleet, session, now)
            if touched or (everything and self._paces.get(name) is not STILL):
                self._paces[name] = pace_of(session, now)
        if everything and len(self._statuses) > len(fleet.sessions):
            for memory in (self._statuses, self._paces, self._cells):
                for name in memory.keys() - fleet.sessions.keys():
                    del memory[name]

    def _cell(self, session: Session, status: Status, tree: dict[str, list[Session]]) -> Cell:
        pace = self._paces[session.id]
        helpers: tuple[str, ...] = ()
        if session.id in tree:
            states = [self._statuses[s.id].status for s in tree[session.id] if s.relation == "subagent"]
            helpers = tuple(state for state in states if state not in ("finished", "fog"))[-4:]
        key = (status, pace, helpers, session.title, session.place, session.model, session.spend.requests)
        kept = self._cells.get(session.id)
        if kept is not None and kept[0] == key:
            return kept[1]
        cell = Cell(
            id=session.id,
            name=line(session.title or session.place or session.id.partition(":")[2], 48),
            seat=line(session.place or "", 48),
            region=line(session.region or session.project or session.client, 40),
            status=status,
            evidence=line(status.evidence, 240),
            model=line(session.model or "?", 40),
            tokens_per_minute=pace.rate.total,
            usd_per_minute=pace.rate.usd_per_minute if pace.rate.cost else None,
            spark=pace.spark,
            helpers=helpers,
            spend=session.spend,
        )
        self._cells[session.id] = (key, cell)
        return cell


def pace_of(session: Session, now: int) -> Pace:
    """A session's rate and curves."""
    if not session.burn.buckets or session.burn.buckets[-1].second <= now // 1_000_000_000 - 300:
        return STILL
    return Pace(session.burn.rate(now), spark_of(session, now, SPARK), spark_of(session, now, WIDE_SPARK))


def spark_of(session: Session, now: int, buckets: int) -> tuple[int, ...]:
    """Tokens per bucket over the last five minutes, oldest first."""
    if not session.burn.buckets:
        return ()
    width = 300 // buckets
    # Buckets stand on whole multiples, so that a curve moves by a column and never shimmers.
    last = now // 1_000_000_000 // width
    sums = [0] * buckets
    for bucket in session.burn.buckets:
        place = bucket.second // width - last + buckets - 1
        if 0 <= place < buckets:
            sums[place] += bucket.output
    return tuple(sums) if any(sums) else ()


def _add_sparks(sparks: list[tuple[int, ...]], buckets: int) -> tuple[int, ...]:
    sums = [0] * buckets
    for spark in sparks:
        for index, value in enumerate(spark):
            sums[index] += value
    return tuple(sums)


def _urgency(status: Status) -> int:
    """Waits that a person is owed first, then what is broken; within each the oldest first."""
    return {"waiting": 0, "rate_limited": 2, "errored": 1, "dead": 3}.get(status.status, 1)


def _matches(cell: Cell, needle: str) -> bool:
    return any(
        needle in text.casefold() for text in (cell.name, cell.seat, cell.region, cell.model, cell.status.status)
    )
