"""From the fleet to frames: what did not change is not worked out again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from copy import copy
from itertools import islice

from orchestrator_tui.events import Event
from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.attention import need_of, queue
from orchestrator_tui.fleet.budget import forecast, level, listed_clients
from orchestrator_tui.fleet.burn import Rate
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.hands import OWN_ACTOR
from orchestrator_tui.fleet.judging import Judge, at_once
from orchestrator_tui.fleet.quota import QuotaLeft, quotas
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.text import line
from orchestrator_tui.ui.cells import Part, Seen, cell_of, matches
from orchestrator_tui.ui.frame import Cell, Details, Frame, Money
from orchestrator_tui.ui.owner import owner_of
from orchestrator_tui.ui.pace import STILL, WIDE_SPARK, Pace, pace_of, pace_until
from orchestrator_tui.ui.regions import Regions

ACTIVE = 24 * 3600 * SECOND
"""Sessions that were active within this time are on the map; and those that live or need somebody."""
HOUR = 3600 * SECOND
HEIRS = {"fork": "a fork of", "split": "a part of", "escalation": "it goes on for", "iteration": "the next round of"}
"""Relations of sessions that stand on the map by themselves, in words."""
AT_ONCE = 200
"""So many sessions are judged for one frame of the present."""
ALL = 1 << 62
"""For one of the past: nothing of it may be later than its time."""
MAX_HEIRS = 8
"""So many of them a cell tells of, the newest."""


class Framer:
    """Makes frames; what did not change, and what time alone does not change yet, is not worked out again."""

    def __init__(self, most: int = AT_ONCE) -> None:
        """`most`: so many sessions that changed are judged for one frame; the others with the next ones."""
        self._most = most
        self._start(None)

    def _start(self, fleet: Fleet | None) -> None:
        self._fleet = fleet
        self._seen: dict[str, Seen] = {}
        self._tree: dict[str, list[Session]] = {}
        self._regions = Regions()
        self._urgent: dict[str, Seen] = {}
        self._unjudged: dict[str, None] = {}
        """Who came, or became a helper, or is none any more; and whose turn has not come yet."""
        self._counts: Counter[str] = Counter()
        self._spend = Spend()
        self._wasted = 0
        self._burn = [0, 0, 0, 0, 0, 0]
        """Cost, output and tokens of the last minute; how many sessions spend money; what has no price in it; cost of
        the last five minutes."""
        self._quotas: tuple[int, tuple[QuotaLeft, ...]] = (-1, ())
        self._wide = [0] * WIDE_SPARK
        self._judge_of = Judge(shown=True)
        self._now = self._second = -1
        self._looking = False

    def frame(
        self, fleet: Fleet, now: int, words: str, wanted: str, money: Money | None = None,
        pause: Callable[[], None] = at_once,
    ) -> Frame:  # fmt: skip
        """The frame at `now`; `wanted` filters by name, project, model or status; `money` is the store's sums.

        `pause` is called between two sessions: what is more urgent has its turn there.
        """
        if fleet is not self._fleet:
            self._start(fleet)
        self._judge(fleet, now, pause)
        fleet.forget_changes()
        needle = wanted.casefold()
        waiting = self._queue(now, needle)
        cost, output, total, priced, unpriced, recent = self._burn
        rate = Rate(60, cost, output, total)
        money = money or Money()
        budgets = fleet.budgets
        day = level(money.today, budgets.day)
        long = money.hour_cost / max(1, money.hour_seconds)
        limits = {name: level(spend, budgets.project(name)) for name, spend in money.projects.items()}
        return Frame(
            now=now,
            regions=self._regions.bring_up(fleet.arranged, now, needle),
            queue=tuple(cell for cell, _ in waiting),
            snoozed=sum(seen.session.alerts.snoozed_until > now for seen in self._urgent.values()),
            alike={cell.id: more for cell, more in waiting if more},
            counts={name: count for name, count in self._counts.items() if count},
            spend=copy(self._spend),
            tokens_per_minute=total,
            output_per_second=rate.output_per_second,
            usd_per_minute=rate.usd_per_minute if priced else None,
            unpriced_burn=unpriced > 0,
            spark=tuple(self._wide),
            money=money,
            day=day,
            day_ends=forecast(day, now, money.midnight, recent / 300, long) if day is not None else None,
            projects={name: used for name, used in limits.items() if used is not None},
            quotas=self._quotas_at(fleet, now),
            wasted=self._wasted,
            decided=_decided(fleet, now),
            watching=self._looking,
            watch_words=words,
            filter=line(wanted, 40),
            hidden=self._regions.hidden,
        )

    def cell(self, session: str) -> Cell | None:
        """A session's cell, also where a filter hides it; None for one that has none."""
        seen = self._seen.get(session)
        return seen.cell if seen is not None else None

    def _queue(self, now: int, needle: str) -> list[tuple[Cell, int]]:
        """Who needs somebody, the dearest first, each with how many others have the same cause."""
        found = []
        for seen in self._urgent.values():
            if seen.cell is None or seen.status is None or (needle and not matches(seen.cell, needle)):
                continue
            need = need_of(seen.session, seen.status, now, 1 + len(seen.cell.helpers))
            if need is not None:
                found.append((need, seen.status))
        cells = ((self._seen[need.session].cell, need.more) for need in queue(found))
        return [(cell, more) for cell, more in cells if cell is not None]

    def details(self, fleet: Fleet, cell: Cell, events: list[Event], proof: tuple[Event, ...] = ()) -> Details | None:
        """The inspector's part."""
        session = fleet.sessions.get(cell.id)
        if session is None:
            return None
        below = list(fleet.descendants(session, self._tree))
        tree = fleet.totals([session, *below])
        return Details(
            cell=cell,
            session=session,
            tree=tree,
            budget=level(tree, fleet.budgets.one(session.steering.budget_usd)),
            listed=session.client in listed_clients(fleet.settings),
            children=self._named(s for s in below if s.relation not in HEIRS),
            events=tuple(events),
            proof=proof,
            heirs=self._named(s for s in below if s.relation in HEIRS and s.parent == session.id),
            origin=_origin(fleet, session),
        )

    def _named(self, sessions: Iterable[Session]) -> tuple[tuple[str, str], ...]:
        return tuple((self._status(s.id), line(s.title or s.place or s.id, 60)) for s in sessions if s.id in self._seen)

    def _quotas_at(self, fleet: Fleet, now: int) -> tuple[QuotaLeft, ...]:
        """What is left of subscriptions; looked for among the sessions once in ten seconds."""
        due = now // SECOND // 10
        if self._quotas[0] != due:
            self._quotas = (due, tuple(quotas(fleet.sessions.values(), now)))
        return self._quotas[1]

    def _status(self, name: str) -> str:
        status = self._seen[name].status
        return status.status if status is not None else "fog"

    def _judge(self, fleet: Fleet, now: int, pause: Callable[[], None]) -> None:
        """Statuses and paces anew for what changed; once a second for those that time alone changes by now."""
        second, looking = now // SECOND, fleet.watch.looking(now)
        back = now < self._now
        everything = looking != self._looking or self._now < 0
        step = second != self._second or back
        self._now, self._second, self._looking = now, second, looking
        known = self._seen
        moved = (name for name in fleet.changed if _moved(fleet.sessions.get(name), known.get(name)))
        if len(known) != len(fleet.sessions) or next(moved, None) is not None:
            self._arrange(fleet)
        waiting = self._unjudged
        waiting.update(dict.fromkeys(fleet.changed))
        # Of very many at once those that have waited longest come first: a key is answered in between.
        most = len(waiting) if everything or back else self._most
        turn = list(islice(waiting, most))
        self._unjudged = dict.fromkeys(islice(waiting, most, None))
        wanted = self._judge_of.update(fleet, now, turn, self._tree, step, pause)
        paced = {name for name, seen in known.items() if back or seen.pace_due <= second} - wanted if step else set()
        parents: set[str] = set()
        for name in wanted:
            seen = known[name]
            before, seen.status = seen.status, self._judge_of.statuses[name]
            parent = seen.session.parent
            if parent in known and (before is None or before.status != seen.status.status):
                parents.add(parent)
            self._pace(seen, now, everything or back)
        if back:
            # How fast they went then: of most the same as later, nothing.
            paced = {name for name in paced if self._pace(known[name], now, True)}
        else:
            for name in paced:
                pause()
                self._pace(known[name], now, False)
        for name in wanted | paced | parents:
            pause()
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
                self._unjudged[name] = None
            seen.helper = helper
        self._regions.take(self._seen.values())

    def _pace(self, seen: Seen, now: int, everything: bool) -> bool:
        """Work a pace out anew where that may be due; tells whether it is another one."""
        stretches = seen.session.burn.stretches
        last = stretches[-1] if stretches else None
        burnt = (last.last, last.cost, last.output, last.total) if last is not None else ()
        if everything or burnt != seen.burnt or seen.pace_due <= self._second:
            pace = pace_of(seen.session, now)
            seen.burnt, seen.pace_due = burnt, pace_until(seen.session, self._second, len(self._seen))
            if pace != seen.pace:
                self._turn(seen.pace, -1)
                self._turn(pace, 1)
                seen.pace = pace
                return True
        return False

    def _turn(self, pace: Pace, sign: int) -> None:
        """Add a pace to the fleet's, or take it away."""
        if pace is STILL:
            return
        rate, burn, wide = pace.rate, self._burn, self._wide
        burn[0] += sign * rate.cost
        burn[1] += sign * rate.output
        burn[2] += sign * rate.total
        burn[3] += sign * bool(rate.cost)
        burn[4] += sign * rate.unpriced
        burn[5] += sign * pace.recent_cost
        for index, value in enumerate(pace.wide):
            if value:
                wide[index] += sign * value

    def _count(self, part: Part | None, sign: int) -> None:
        """Add a session to the totals, or take it away."""
        if part is None:
            return
        self._counts[part.status] += sign
        self._spend.merge(part.spend, sign)
        self._wasted += sign * part.wasted

    def _settle(self, seen: Seen, now: int) -> None:
        """Bring totals, cell and queue up to what was judged."""
        session, status = seen.session, seen.status
        if status is None:
            return
        shown = session.last_at >= now - ACTIVE or session.pid is not None or status.needs_you
        old = seen.part
        part = Part(status.status, copy(session.spend), session.alerts.wasted) if shown else None
        if part != old:
            self._count(old, -1)
            self._count(part, 1)
            seen.part = part
        cell = self._cell_of(seen, status) if shown and (status.needs_you or not seen.helper) else None
        if cell is not seen.cell:
            self._regions.change(seen, cell)
        if status.needs_you:
            self._urgent[session.id] = seen
        else:
            self._urgent.pop(session.id, None)

    def _cell_of(self, seen: Seen, status: Status) -> Cell:
        parent = self._seen.get(seen.session.parent) if seen.session.parent else None
        owner = owner_of(seen.session, parent.session if parent is not None else None)
        kids = self._tree.get(seen.session.id)
        if not kids:
            return cell_of(seen, status, (), owner)
        states = [self._status(s.id) for s in kids if s.relation == "subagent"]
        helpers = tuple(state for state in states if state not in ("finished", "fog"))[-4:]
        names = [s.id for s in kids if s.relation in HEIRS][-MAX_HEIRS:]
        return cell_of(seen, status, helpers, owner, tuple((name, self._status(name)) for name in names))


def _decided(fleet: Fleet, now: int) -> int:
    orders = (*fleet.orders.open.values(), *fleet.orders.ended.values())
    return sum(0 <= now - order.at < HOUR and not order.actor.startswith(OWN_ACTOR) for order in orders)


def _origin(fleet: Fleet, session: Session) -> str:
    if session.relation not in HEIRS or session.parent is None:
        return ""
    parent = fleet.sessions.get(session.parent)
    name = (parent.place or parent.title or parent.id) if parent is not None else session.parent
    return f"{HEIRS[session.relation]} {line(name, 60)}"


def _order(s: Session) -> tuple[object, ...]:
    return (s.seat is None, s.seat or 0, s.started_at, s.id, s.region, s.project, s.client, s.parent, s.relation)


def _moved(session: Session | None, seen: Seen | None) -> bool:
    return session is not None and (seen is None or seen.session is not session or seen.order != _order(session))
