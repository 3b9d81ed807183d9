"""Guards and the governor at work: every second what is due is put on record and carried out by the desk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator_tui.clock import SECOND, day_start
from orchestrator_tui.fleet.governing import Governing
from orchestrator_tui.fleet.guard_rules import Governor, Guard
from orchestrator_tui.fleet.guarding import Guarding
from orchestrator_tui.fleet.troubles import Spent
from orchestrator_tui.store.spending import spent

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host

SUMS_EVERY = SECOND
"""What was spent today is asked for at most this often, and only when something was appended."""


class Guards:
    """One host's; it holds nothing that a host that comes later would need."""

    def __init__(self, host: Host, guards: Sequence[Guard] = (), governor: Governor | None = None) -> None:
        self._host = host
        self.guarding, self.governing = Guarding(guards), Governing(governor)
        self._spent, self._asked_at, self._seq = Spent(), 0, -1

    @property
    def armed(self) -> bool:
        """Whether somebody lives or waits that only the host looks after: then it is needed.

        That is a session that a guard or the governor may have to act on, or a loop in the queue.
        """
        if self._host.queue.waits:
            return True
        rules = self.guarding.rules or self.governing.limited
        return bool(rules) and any(session.pid is not None for session in self._host.fleet.sessions.values())

    def step(self, now: int) -> None:
        """Decide and carry out, beside the host's loop; call it every second, after the sessions were judged."""
        host = self._host
        fleet, hands, statuses = host.fleet, host.fleet.orders.hands, host.alarming.judge.statuses
        today = self._today(now)
        deeds = self.guarding.due(fleet, hands, statuses, today, now)
        chosen = self.governing.choose(fleet, hands, statuses, today, now)
        if chosen is not None and all(deed.session != chosen.session for deed in deeds):
            deeds.append(chosen)
        for deed in deeds:
            host.start(host.commands.decide(deed.verb, deed.session, deed.arguments, deed.why))

    def _today(self, now: int) -> Spent:
        host, day, budgets = self._host, day_start(now), self._host.fleet.budgets
        shared = self.guarding.budgets and (budgets.day is not None or budgets.projects)
        if not (shared or self.governing.rule.usd_per_day):
            return Spent(day)
        stale = host.fleet.seq != self._seq and not 0 <= now - self._asked_at < SUMS_EVERY
        if stale or day != self._spent.day:
            sums = {name: one.cost for name, one in spent(host.reader, day, now + 1, "project").items()}
            self._spent = Spent(day, sum(sums.values()), sums)
            self._asked_at, self._seq = now, host.fleet.seq
        return self._spent
