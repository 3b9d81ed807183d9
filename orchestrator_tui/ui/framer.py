"""From the fleet to frames: what did not change is not worked out again."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from msgspec import Struct

from orchestrator_tui.events import Event, Tokens
from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.burn import Rate
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status, status_of
from orchestrator_tui.fleet.tokens import Spend, add, negative
from orchestrator_tui.text import line
from orchestrator_tui.ui.frame import Cell, Details, Frame, Region
from orchestrator_tui.ui.pace import STILL, WIDE_SPARK, Pace, pace_of, pace_until

ACTIVE = 24 * 3600 * SECOND
"""Sessions that were active within this time are on the map; and those that live or need somebody."""
JUST = 7 * SECOND // 10
"""What was judged this lately is not judged again for the second that begins."""
LONGEST = 10 * SECOND
"""Every status is asked for at least this often."""


class Part(Struct, frozen=True):
    """What the totals hold of one session."""

    status: str
    tokens: Tokens
    requests: int
    cost: int
    unpriced: int


class Seen(Struct):
    """What is known of one session, and until when."""

    session: Session
    order: tuple[object, ...]
    """Its place among the others, and what decides in which region it stands."""
    region: str
    helper: bool
    status: Status | None = None
    due: int = 0
    """Until then time alone does not change its status."""
    pace: Pace = STILL
    pace_due: int = 0
    """In seconds."""
    burnt: tuple[int, ...] = ()
    """The end of the curve that the pace was worked out from."""
    part: Part | None = None
    key: tuple[object, ...] = ()
    cell: Cell | None = None


class Framer:
    """Makes frames; what did not change, and what time alone does not change yet, is not worked out again."""

    def __init__(self) -> None:
        self._start(None)

    def _start(self, fleet: Fleet | None) -> None:
        self._fleet = fleet
        self._seen: dict[str, Seen] = {}
        self._tree: dict[str, list[Session]] = {}
        self._members: dict[str, list[Seen]] = {}
        """Region -> its sessions by seat; helpers stand in none."""
        self._regions: dict[str, tuple[int, int, Region]] = {}
        """Region -> (when it began, how many the filter leaves out, it)."""
        self._dirty: set[str] = set()
        self._urgent: dict[str, Seen] = {}
        self._unjudged: set[str] = set()
        """Who came, or became a helper, or is none any more."""
        self._counts: Counter[str] = Counter()
        self._spend = Spend()
        self._burn = [0, 0, 0, 0]
        """Cost, output and tokens of the last minute; how many sessions spend money."""
        self._wide = [0] * WIDE_SPARK
        self._now = self._second = -1
        self._looking = False
        self._wanted = ""

    def frame(self, fleet: Fleet, now: int, words: str, wanted: str) -> Frame:
        """The frame at `now`; `wanted` filters by name, project, model or status."""
        if fleet is not self._fleet:
            self._start(fleet)
        self._judge(fleet, now)
        fleet.forget_changes()
        needle = wanted.casefold()
        if needle != self._wanted:
            self._wanted = needle
            self._dirty.update(self._members)
        for name in self._dirty:
            self._gather(name, now, needle)
        self._dirty.clear()
        # Regions stand in the order in which their first session began: an arrival never moves the others.
        ordered = sorted(self._regions.values(), key=lambda part: (part[0], part[2].name))
        queue = [
            (_urgency(seen.status), seen.status.since, seen.cell.id, seen.cell)
            for seen in self._urgent.values()
            if seen.cell is not None and seen.status is not None and (not needle or _matches(seen.cell, needle))
        ]
        cost, output, total, priced = self._burn
        rate = Rate(60, cost, output, total)
        return Frame(
            now=now,
            regions=tuple(region for _, _, region in ordered if region.cells),
            queue=tuple(cell for *_, cell in sorted(queue, key=lambda item: item[:3])),
            counts={name: count for name, count in self._counts.items() if count},
            spend=Spend(self._spend.tokens, self._spend.requests, self._spend.cost, self._spend.unpriced),
            tokens_per_minute=total,
            output_per_second=rate.output_per_second,
            usd_per_minute=rate.usd_per_minute if priced else None,
            spark=tuple(self._wide),
            watching=self._looking,
            watch_words=words,
            filter=line(wanted, 40),
            hidden=sum(hidden for _, hidden, _ in ordered),
        )

    def details(self, fleet: Fleet, cell: Cell, events: list[Event]) -> Details | None:
        """The inspector's part."""
        session = fleet.sessions.get(cell.id)
        if session is None:
            return None
        below = list(fleet.descendants(session, self._tree))
        return Details(
            cell=cell,
            session=session,
            tree=fleet.totals([session, *below]),
            children=tuple((self._status(s.id), line(s.title or s.id, 60)) for s in below if s.id in self._seen),
            events=tuple(events),
        )

    def _status(self, name: str) -> str:
        status = self._seen[name].status
        return status.status if status is not None else "fog"

    def _judge(self, fleet: Fleet, now: int) -> None:
        """Statuses and paces anew for what changed; once a second for those that time alone changes by now."""
        second, looking = now // SECOND, fleet.watch.looking(now)
        everything = looking != self._looking or now < self._now or self._now < 0
        step = second != self._second
        self._now, self._second, self._looking = now, second, looking
        known = self._seen
        moved = (name for name in fleet.changed if _moved(fleet.sessions.get(name), known.get(name)))
        if len(known) != len(fleet.sessions) or next(moved, None) is not None:
            self._arrange(fleet)
        changed = [known[name] for name in fleet.changed if name in known]
        wanted = {seen.session.id for seen in changed} | self._unjudged
        self._unjudged = set()
        for seen in changed:
            if seen.session.id in self._tree:
                wanted.update(s.id for s in fleet.descendants(seen.session, self._tree))
        if everything:
            wanted.update(known)
        elif step:
            wanted.update([name for name, seen in known.items() if seen.due <= now])
        paced = {name for name, seen in known.items() if seen.pace_due <= second} - wanted if step else set()
        parents: set[str] = set()
        for name in wanted:
            seen = known[name]
            before = seen.status
            seen.status = status_of(fleet, seen.session, now)
            seen.due = _next_step(fleet, seen.session, now)
            if seen.helper and seen.session.parent and (before is None or before.status != seen.status.status):
                parents.add(seen.session.parent)
            self._pace(seen, now, everything)
        for name in paced:
            self._pace(known[name], now, False)
        for name in wanted | paced | parents:
            self._settle(known[name], now)

    def _arrange(self, fleet: Fleet) -> None:
        """Take up who came, let go of who left, and put all in their places."""
        for name in self._seen.keys() - fleet.sessions.keys():
            gone = self._seen.pop(name)
            self._count(gone.part, -1)
            self._turn(gone.pace, -1)
            self._urgent.pop(name, None)
        self._tree = fleet.children()
        for name, session in fleet.sessions.items():
            order = _order(session)
            seen = self._seen.get(name)
            if seen is None:
                seen = self._seen[name] = Seen(session, order, "", False)
            seen.session, seen.order = session, order
            seen.region = line(session.region or session.project or session.client, 40)
            helper = session.relation == "subagent" and session.parent in fleet.sessions
            if seen.status is None or seen.helper != helper:
                self._unjudged.add(name)
            seen.helper = helper
        self._members = {}
        for seen in sorted(self._seen.values(), key=lambda seen: seen.order[:4]):
            if not seen.helper:
                self._members.setdefault(seen.region, []).append(seen)
        self._regions = {name: part for name, part in self._regions.items() if name in self._members}
        self._dirty.update(self._members)

    def _pace(self, seen: Seen, now: int, everything: bool) -> None:
        buckets = seen.session.burn.buckets
        last = buckets[-1] if buckets else None
        burnt = (last.second, last.cost, last.output, last.total) if last is not None else ()
        if everything or burnt != seen.burnt or seen.pace_due <= self._second:
            pace = pace_of(seen.session, now)
            seen.burnt, seen.pace_due = burnt, pace_until(seen.session, self._second)
            if pace != seen.pace:
                self._turn(seen.pace, -1)
                self._turn(pace, 1)
                seen.pace = pace

    def _turn(self, pace: Pace, sign: int) -> None:
        """Add a pace to the fleet's, or take it away."""
        if pace is STILL:
            return
        rate, burn, wide = pace.rate, self._burn, self._wide
        burn[0] += sign * rate.cost
        burn[1] += sign * rate.output
        burn[2] += sign * rate.total
        burn[3] += sign * bool(rate.cost)
        for index, value in enumerate(pace.wide):
            if value:
                wide[index] += sign * value

    def _count(self, part: Part | None, sign: int) -> None:
        """Add a session to the totals, or take it away."""
        if part is None:
            return
        spend = self._spend
        self._counts[part.status] += sign
        spend.tokens = add(spend.tokens, part.tokens if sign > 0 else negative(part.tokens))
        spend.requests += sign * part.requests
        spend.cost += sign * part.cost
        spend.unpriced += sign * part.unpriced

    def _settle(self, seen: Seen, now: int) -> None:
        """Bring totals, cell and queue up to what was judged."""
        session, status = seen.session, seen.status
        if status is None:
            return
        shown = session.last_at >= now - ACTIVE or session.pid is not None or status.needs_you
        spend, old = session.spend, seen.part
        part = Part(status.status, spend.tokens, spend.requests, spend.cost, spend.unpriced) if shown else None
        if part != old:
            self._count(old, -1)
            self._count(part, 1)
            seen.part = part
        cell = self._cell(seen, session, status) if shown and (status.needs_you or not seen.helper) else None
        if cell is not seen.cell:
            seen.cell = cell
            if not seen.helper:
                self._dirty.add(seen.region)
        if status.needs_you:
            self._urgent[session.id] = seen
        else:
            self._urgent.pop(session.id, None)

    def _gather(self, name: str, now: int, needle: str) -> None:
        """One region's cells anew."""
        members = [seen for seen in self._members.get(name, ()) if seen.cell is not None]
        kept = [seen for seen in members if _matches(seen.cell, needle)] if needle else members  # type: ignore[arg-type]
        begun = min((seen.session.started_at for seen in kept), default=now)
        cells = tuple([seen.cell for seen in kept if seen.cell is not None])
        self._regions[name] = (min(begun, now), len(members) - len(kept), Region(name, cells))

    def _cell(self, seen: Seen, session: Session, status: Status) -> Cell:
        pace = seen.pace
        helpers: tuple[str, ...] = ()
        if session.id in self._tree:
            states = [self._status(s.id) for s in self._tree[session.id] if s.relation == "subagent"]
            helpers = tuple(state for state in states if state not in ("finished", "fog"))[-4:]
        key = (status, pace, helpers, session.title, session.place, session.model, session.spend.requests,
               session.spend.tokens, seen.region)  # fmt: skip
        if seen.cell is not None and seen.key == key:
            return seen.cell
        seen.key = key
        return Cell(
            id=session.id,
            name=short_line(session.title or session.place or session.id.partition(":")[2], 48),
            seat=short_line(session.place or "", 48),
            region=seen.region,
            status=status,
            evidence=line(status.evidence, 240),
            model=short_line(session.model or "?", 40),
            tokens_per_minute=pace.rate.total,
            usd_per_minute=pace.rate.usd_per_minute if pace.rate.cost else None,
            spark=pace.spark,
            helpers=helpers,
            spend=session.spend,
        )


@lru_cache(8192)
def short_line(text: str, limit: int) -> str:
    """`text.line` for names, of which there are few and which stay."""
    return line(text, limit)


def _order(s: Session) -> tuple[object, ...]:
    return (s.seat is None, s.seat or 0, s.started_at, s.id, s.region, s.project, s.client, s.parent, s.relation)


def _moved(session: Session | None, seen: Seen | None) -> bool:
    return session is not None and (seen is None or seen.session is not session or seen.order != _order(session))


def _next_step(fleet: Fleet, session: Session, now: int) -> int:
    """Until when time alone does not change a status: an age in it steps, or a patience ends, no sooner.

    Ages count from a session's own times, a sub-agent's from those above it too; a rule that knows other times is
    still asked every ten seconds.
    """
    young = now - MINUTE
    if session.last_at > young or session.trouble is not None or not fleet.watch.looking(now):
        return now + JUST
    due = now + LONGEST
    family = {session.id: session}
    while session.relation == "subagent" and session.parent in fleet.sessions and session.parent not in family:
        session = family[session.parent] = fleet.sessions[session.parent]
    for one in family.values():
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


def _urgency(status: Status) -> int:
    """Waits that a person is owed first, then what is broken; what is certain before what is likely."""
    kind = {"waiting": 0, "rate_limited": 2, "errored": 1, "dead": 3}.get(status.status, 1)
    return 2 * kind + (status.severity != "red") * 2 * 4


def _matches(cell: Cell, needle: str) -> bool:
    return any(
        needle in text.casefold() for text in (cell.name, cell.seat, cell.region, cell.model, cell.status.status)
    )
