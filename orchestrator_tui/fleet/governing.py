"""The governor: over a limit of the fleet it has the least productive paused, and lets go on what it paused. Pure.

It ends nothing, touches nothing that a person commanded a moment ago, and lets go on only what it paused itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from orchestrator_tui.events import Facts
from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.alerts import WASTEFUL
from orchestrator_tui.fleet.budget import NANO
from orchestrator_tui.fleet.demands import hands_off
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.guard_rules import GOVERNOR, Governor
from orchestrator_tui.fleet.guarding import PERSONS, Deed, busy
from orchestrator_tui.fleet.hands import Hand, Hands
from orchestrator_tui.fleet.queueing import held
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status
from orchestrator_tui.fleet.troubles import Spent, at_work, is_loop

HOUR = 60 * MINUTE
DAY = 24 * HOUR
PACE = 10 * SECOND
"""Between two decisions."""
ROOM = 0.8
"""Share of a limit below which something is let go on."""
SHOWS = 60 * SECOND
"""Until what was let go on shows in the rate."""


class Worker(Struct, frozen=True):
    """A session at work, with its sub-agents."""

    session: Session
    wasting: bool
    """What it spends now is spent for nothing."""
    fruitless: int
    """Nano-dollars since its last progress."""
    burn: int
    """Nano-dollars in the last minute."""

    @property
    def order(self) -> tuple[bool, int, int, str]:
        """The largest is the least productive."""
        return self.wasting, self.fruitless, self.burn, self.session.id


class Governing:
    """One host's governor."""

    def __init__(self, rule: Governor | None = None) -> None:
        self.rule = rule or Governor()
        self._loose: set[tuple[str, int]] = set()
        """(session, when it was paused): somebody let it go on by hand, past orc."""

    @property
    def limited(self) -> bool:
        """Whether it has any limit to keep."""
        return bool(self.rule.usd_per_minute or self.rule.usd_per_day or self.rule.max_parallel)

    def choose(
        self, fleet: Fleet, hands: Hands, statuses: Mapping[str, Status], spent: Spent, now: int
    ) -> Deed | None:  # fmt: skip
        """The one thing that is due now, or None; changes nothing in the fleet."""
        rule = self.rule
        stopped = [
            (fleet.sessions[name], hand) for name, hand in hands.sessions.items()
            if hand.paused_by == GOVERNOR and name in fleet.sessions
        ]  # fmt: skip
        for session, hand in stopped:
            process = session.process
            if process is not None and not process.seen.stopped and process.at > hand.paused_at:
                self._loose.add((session.id, hand.paused_at))
        self._loose = {one for one in self._loose if now - one[1] < 2 * DAY}
        if not (self.limited or stopped) or 0 <= now - hands.governed_at < PACE:
            return None
        workers = _workers(fleet, statuses, now)
        rate = _rate(fleet, now) if rule.usd_per_minute else 0
        if rule.max_parallel and len(workers) > rule.max_parallel:
            why = f"{len(workers)} sessions at work, at most {rule.max_parallel} may be"
        elif rule.usd_per_day and spent.total >= rule.usd_per_day * NANO:
            why = f"${spent.total / NANO:.2f} today, at most ${rule.usd_per_day:.2f} may be spent"
        elif rule.usd_per_minute and rate > rule.usd_per_minute * NANO:
            # To stop what burns nothing would help nothing.
            workers = [worker for worker in workers if worker.burn]
            why = f"${rate / NANO:.2f} a minute, at most ${rule.usd_per_minute:.2f} may be spent"
        else:
            return self._let_go(fleet, hands, workers, stopped, spent, now, rate)
        return self._pause(fleet, hands, workers, spent, why, now)

    # --- pause ------------------------------------------------------------------------------------------------

    def _pause(
        self, fleet: Fleet, hands: Hands, workers: list[Worker], spent: Spent, why: str, now: int
    ) -> Deed | None:  # fmt: skip
        ready = [worker for worker in workers if self._may_pause(fleet, hands, worker.session, spent, now)]
        if not ready:
            return None
        worst = max(ready, key=lambda worker: worker.order)
        facts: Facts = {"guard": GOVERNOR, "burn": worst.burn, "wasting": worst.wasting}
        least = (
            "what it spends is for nothing" if worst.wasting else f"${worst.fruitless / NANO:.2f} since its progress"
        )
        return self._deed(worst.session, "pause", facts, f"{why}; the least productive: {least}")

    def _may_pause(self, fleet: Fleet, hands: Hands, session: Session, spent: Spent, now: int) -> bool:
        hand = hands.of(session.id)
        if hands_off(fleet.settings, session.project) or _is_a_person_s(fleet, hand, session, now):
            return False
        day = spent.day or now - DAY
        if hand.resumed_at >= day or any(name == session.id and at >= day for name, at in self._loose):
            # A person wants it to go on, today.
            return False
        if self.rule.dry_run and 0 < now - hand.told_at < HOUR:
            return False
        # What could not be frozen cannot be as long as it is the same process.
        process = session.process
        return not hand.stuck_at or (process is not None and process.since > hand.stuck_at)

    # --- resume -----------------------------------------------------------------------------------------------

    def _let_go(
        self, fleet: Fleet, hands: Hands, workers: list[Worker], stopped: list[tuple[Session, Hand]], spent: Spent,
        now: int, rate: int,
    ) -> Deed | None:  # fmt: skip
        rule = self.rule
        if rule.usd_per_day and spent.total >= ROOM * rule.usd_per_day * NANO:
            return None
        if rule.max_parallel and len(workers) >= rule.max_parallel:
            return None
        ready = []
        for session, hand in stopped:
            process = session.process
            if process is None or process.gone_at is not None or not process.seen.stopped:
                continue
            if process.since > hand.paused_at or (session.id, hand.paused_at) in self._loose:
                continue
            stuck = hand.stuck_at > hand.paused_at and now - hand.stuck_at < PERSONS
            if not stuck and not _is_a_person_s(fleet, hand, session, now):
                ready.append((hand.wasting, session.since_progress.cost, hand.burn, session.id))
        room = ROOM * rule.usd_per_minute * NANO if rule.usd_per_minute else float("inf")
        for worker in workers:
            hand = hands.of(worker.session.id)
            if 0 <= now - hand.let_go_at < SHOWS:
                rate += max(0, hand.burn - worker.burn)
        # What is too much for the limit even alone goes on when nothing else works: else it never would.
        fitting = [one for one in ready if one[2] <= room]
        wasting, _, burn, name = min(fitting or ready, default=(False, 0, 0, ""))
        if not name or not (rate + burn <= room or (not workers and rate <= room)):
            return None
        facts: Facts = {"guard": GOVERNOR, "wasting": wasting}
        return self._deed(fleet.sessions[name], "resume", facts, "there is room again; the governor paused it")

    def _deed(self, session: Session, verb: str, facts: Facts, why: str) -> Deed:
        if self.rule.dry_run and verb == "pause":
            return Deed(GOVERNOR, session.id, "would", {**facts, "would": verb}, f"dry run of the governor: {why}")
        return Deed(GOVERNOR, session.id, verb, facts, f"governor: {why}")


# --- how it stands --------------------------------------------------------------------------------------------


def _workers(fleet: Fleet, statuses: Mapping[str, Status], now: int) -> list[Worker]:
    iterations: dict[str, list[Session]] = {}
    for session in fleet.sessions.values():
        if session.relation == "iteration" and session.parent is not None:
            iterations.setdefault(session.parent, []).append(session)
    found = []
    for name, status in statuses.items():
        one = fleet.sessions.get(name)
        if one is None or one.relation == "subagent" or held(one) is not None or not at_work(fleet, one, status):
            continue
        inside = iterations.get(name, []) if is_loop(one) else []
        if any(session.pid is not None for session in inside):
            # A loop's own row spends nothing: its iteration does, in a process of its own.
            continue
        family = _family(fleet, [one, *inside])
        wasting = any(
            member.alerts.wasting
            or ((s := statuses.get(member.id)) is not None and s.severity == "red" and s.status in WASTEFUL)
            for member in family
        )
        fruitless = sum(member.since_progress.cost for member in family)
        found.append(Worker(one, wasting, fruitless, sum(member.burn.rate(now).cost for member in family)))
    return found


def _family(fleet: Fleet, below: list[Session]) -> list[Session]:
    """These and all sub-agents below them, each once."""
    family: dict[str, Session] = {}
    while below:
        one = below.pop()
        if one.id not in family:
            family[one.id] = one
            below += fleet.kids(one)
    return list(family.values())


def _rate(fleet: Fleet, now: int) -> int:
    """Nano-dollars in the last minute; what is stopped by now spends no more."""
    total = 0
    for session in fleet.sessions.values():
        if session.burn.stretches and session.burn.stretches[-1].last > now // SECOND - 60:
            process = fleet.line(session)[-1].process
            if process is None or process.gone_at is not None or not process.seen.stopped:
                total += session.burn.rate(now).cost
    return total


def _is_a_person_s(fleet: Fleet, hand: Hand, session: Session, now: int) -> bool:
    return (bool(hand.person_at) and now - hand.person_at < PERSONS) or busy(fleet.orders, session.id, now)
