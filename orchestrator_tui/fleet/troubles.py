"""What guards look for: findings of a session, and the budgets of a loop, of a project's day and of the day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from orchestrator_tui.fleet.budget import NANO, Level
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status, findings_of
from orchestrator_tui.fleet.words import Severity

NAMES = frozenset({"looping", "spinning", "stalled", "errored", "over_budget", "context_nearly_full"})
AT_WORK_ONLY = frozenset({"over_budget", "context_nearly_full"})
"""What is no trouble while nothing is going on: an idle session spends nothing."""
UNKNOWN = frozenset({"paused", "fog"})
"""States in which nobody can tell what would be if it went on."""
MAX_CAUSE = 160
LOOP = "loop"


class Trouble(Struct, frozen=True):
    """One thing that holds."""

    name: str
    severity: Severity
    cause: str
    """The same as long as it is the same trouble; a budget's changes with its limit."""
    since: int
    words: str
    """One line, not cleaned."""


class Spent(Struct, frozen=True):
    """What the fleet has cost since midnight, nano-dollars."""

    day: int = 0
    """That midnight."""
    total: int = 0
    projects: dict[str, int] = field(default_factory=dict)


def troubles(
    fleet: Fleet, session: Session, status: Status, spent: Spent, tree: dict[str, list[Session]] | None, now: int
) -> list[Trouble]:
    """What holds of a session at `now` and is not muted; nothing while it is stopped, or nobody looks.

    `tree` is `fleet.children()`; None where nobody asks for budgets.
    """
    if status.status in UNKNOWN:
        return []
    found: list[Trouble] = []
    if not NAMES.isdisjoint((status.status, *status.badges)) and status.severity != "ok" and seen_live(fleet, session):
        busy = at_work(fleet, session, status)
        for one in findings_of(fleet, session, now):
            if one.name not in NAMES or one.cause in session.alerts.muted or (one.name in AT_WORK_ONLY and not busy):
                continue
            cause = one.cause
            if one.name == "over_budget":
                if is_loop(session):
                    # Counted below, with all that works for it.
                    continue
                # A crossing of another limit is another trouble.
                cause = f"budget session {fleet.budgets.one(session.steering.budget_usd)} {one.severity}"
            found.append(Trouble(one.name, one.severity, cause[:MAX_CAUSE], one.since, one.evidence))
    if tree is not None:
        found += _shared_budgets(fleet, session, status, spent, tree, now)
    return found


def _shared_budgets(
    fleet: Fleet, session: Session, status: Status, spent: Spent, tree: dict[str, list[Session]], now: int
) -> Iterator[Trouble]:
    """Of a loop as a whole, and of a day; a loop's iterations end with it, so that they are not asked."""
    if is_loop(session):
        if session.pid is not None:
            yield from _loop_budget(fleet, session, tree, now)
            yield from _day_budgets(fleet, session, spent, now)
        return
    if (fleet.budgets.day is None and not fleet.budgets.projects) or session.relation == "subagent":
        return
    if at_work(fleet, session, status) and not _in_live_loop(fleet, session):
        yield from _day_budgets(fleet, session, spent, now)


def at_work(fleet: Fleet, session: Session, status: Status) -> bool:
    """Whether a turn is open in a process that lives and runs, and nobody else is waited for."""
    lead = fleet.line(session)[-1]
    process = lead.process
    if lead.pid is None or process is None or process.seen.stopped:
        return False
    return session.turn_open and status.status not in ("waiting", "rate_limited", "finished", "dead", *UNKNOWN)


def is_loop(session: Session) -> bool:
    """Whether it is a loop's own row, not one of its iterations."""
    return session.client == LOOP and session.relation != "iteration"


def loop_of(fleet: Fleet, session: Session) -> Session | None:
    """The loop that a session is, or works for; None without one."""
    seen: set[str] = set()
    one: Session | None = session
    while one is not None and one.id not in seen:
        if is_loop(one):
            return one
        seen.add(one.id)
        one = fleet.sessions.get(one.parent or "")
    return None


def seen_live(fleet: Fleet, session: Session) -> bool:
    """Whether anything of it happened while somebody looked: what is older calls for nobody."""
    since, process = fleet.watch.since, fleet.line(session)[-1].process
    if fleet.watch.always or since is None or session.active_at >= since:
        return True
    return process is not None and max(process.at, process.gone_at or 0) >= since


def _in_live_loop(fleet: Fleet, session: Session) -> bool:
    loop = loop_of(fleet, session)
    return loop is not None and loop is not session and loop.pid is not None


def _loop_budget(fleet: Fleet, session: Session, tree: dict[str, list[Session]], now: int) -> Iterator[Trouble]:
    limit = fleet.budgets.one(session.steering.budget_usd)
    if limit is None:
        return
    total = fleet.totals([session, *fleet.descendants(session, tree)])
    yield from _over(Level(total.cost, limit, total.unpriced), f"budget loop {limit}", "this loop may cost", now)


def _day_budgets(fleet: Fleet, session: Session, spent: Spent, now: int) -> Iterator[Trouble]:
    budgets, name = fleet.budgets, session.project or ""
    limit = budgets.project(session.project)
    if limit is not None:
        used = Level(spent.projects.get(name, 0), limit)
        yield from _over(used, f"budget project {spent.day} {limit}", f"{name or 'no project'} may cost a day", now)
    if budgets.day is not None:
        used = Level(spent.total, budgets.day)
        yield from _over(used, f"budget day {spent.day} {budgets.day}", "the fleet may cost a day", now)


def _over(used: Level, cause: str, what: str, now: int) -> Iterable[Trouble]:
    if used.severity == "ok":
        return []
    least = "at least " if used.unpriced else ""
    words = f"{least}${used.spent / NANO:.2f} of the ${used.limit / NANO:.2f} that {what}"
    return [Trouble("over_budget", used.severity, f"{cause} {used.severity}", now, words)]
