"""Sums by project, model, client, loop and outcome, and the cost of a success with its whole denominator."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.fleet.report.gather import Gathered
from orchestrator_tui.fleet.report.shapes import OUTCOMES, Group, Outcome, Success, Task, Who
from orchestrator_tui.fleet.report.stories import by_person, line_of
from orchestrator_tui.fleet.tokens import Spend

NONE = "(none)"
REACHED = frozenset({"passed"})
"""How a loop calls that its check passed."""
STUCK = frozenset({"looping", "spinning", "stalled"})
HELD = frozenset({"waiting", "rate_limited", "paused"})
FAILED = frozenset({"errored", "dead", "orphaned"})


def groups(
    spends: Mapping[str, Spend],
    models: Mapping[str, tuple[Spend, int]],
    names: Mapping[str, Who],
    gathered: Gathered,
    outcomes: Mapping[str, Outcome],
) -> dict[str, list[Group]]:
    """`spends`: by session; `models`: by model, with how many sessions used it. Each list adds up to all."""
    known = {who.parent for who in names.values() if who.relation == "iteration" and who.parent is not None}
    loops = {name: loop_of(names, known, name) for name in spends}

    def loop(name: str) -> str:
        found = loops[name]
        return _titled(names, found) if found is not None else "outside loops"

    by: dict[str, list[Group]] = {
        "project": _by(spends, gathered, lambda name: _who(names, name).project or NONE),
        "client": _by(spends, gathered, lambda name: _who(names, name).client or name.partition(":")[0]),
        "model": [
            Group(name or NONE, spend, count, gathered.models.get(name, 0)) for name, (spend, count) in models.items()
        ],
        "loop": _by(spends, gathered, loop),
        "outcome": _by(spends, gathered, lambda name: OUTCOMES[outcomes.get(name, "unknown")]),
    }
    return {key: sorted(rows, key=lambda row: (-row.spend.cost, row.name)) for key, rows in by.items()}


def _who(names: Mapping[str, Who], name: str) -> Who:
    return names.get(name) or Who(name, name.partition(":")[0])


def _titled(names: Mapping[str, Who], name: str) -> str:
    who = _who(names, name)
    return f"{who.title} ({name})" if who.title else name


def _by(spends: Mapping[str, Spend], gathered: Gathered, key: Callable[[str], str]) -> list[Group]:
    sums: dict[str, Spend] = {}
    counts: dict[str, int] = {}
    busy: dict[str, int] = {}
    for name, spend in spends.items():
        group = key(name)
        sums.setdefault(group, Spend()).merge(spend)
        counts[group] = counts.get(group, 0) + 1
        busy[group] = busy.get(group, 0) + busy_of(gathered, name)
    return [Group(name, sums[name], counts[name], busy[name]) for name in sums]


def busy_of(gathered: Gathered, session: str) -> int:
    """Time at work of one session."""
    return sum(end - start for start, end in gathered.spans.get(session, ()))


def root_of(names: Mapping[str, Who], session: str) -> str:
    """From whom a session descends, over any relation."""
    seen = {session}
    while (who := names.get(session)) is not None and who.parent is not None and who.parent not in seen:
        session = who.parent
        seen.add(session)
    return session


def loop_of(names: Mapping[str, Who], loops: Collection[str], session: str) -> str | None:
    """The loop that a session is, or works for; None outside of loops."""
    seen: set[str] = set()
    while session not in seen:
        if session in loops:
            return session
        seen.add(session)
        who = names.get(session)
        if who is None or who.parent is None:
            return None
        session = who.parent
    return None


def reached(gathered: Gathered, session: str) -> bool:
    """Whether the last success criterion that was run in it passed."""
    end, check = gathered.ends.get(session), gathered.checks.get(session)
    if end is not None and end[2] in REACHED and not end[1]:
        return True
    # A check that passes before any work is no success.
    return check is not None and check.ok and not (end is not None and end[2] == "already")


def outcomes(
    sessions: Iterable[str], names: Mapping[str, Who], gathered: Gathered, decisions: Iterable[Decision]
) -> dict[str, Outcome]:
    """How each session stands at the end; a sub-agent and an iteration as they stand themselves."""
    killed = {d.session for d in decisions if d.verb == "kill" and d.outcome == "done"}
    return {name: _outcome(name, names, gathered, name in killed) for name in sessions}


def _outcome(name: str, names: Mapping[str, Who], gathered: Gathered, killed: bool) -> Outcome:
    if reached(gathered, name):
        return "reached"
    if killed:
        return "killed"
    status = _who(names, name).status
    if status is None or status.status == "fog":
        return "unknown"
    if status.status in FAILED:
        return "failed"
    if status.status in STUCK:
        return "stuck"
    if status.status in HELD:
        return "held"
    return "finished" if status.status == "finished" else "working"


def success(spends: Mapping[str, Spend], names: Mapping[str, Who], gathered: Gathered) -> Success:
    """Tasks with a check, what their winners cost, and what all tries cost."""
    families: dict[str, list[str]] = {}
    for name in {*spends, *gathered.checks}:
        families.setdefault(root_of(names, name), []).append(name)
    tasks, unchecked, beside = [], 0, Spend()
    won, tries = Spend(), Spend()
    for root, members in families.items():
        total = _sum(spends, members)
        if not any(name in gathered.checks for name in members):
            unchecked += 1
            beside.merge(total)
            continue
        task = _task(root, members, total, spends, names, gathered)
        tasks.append(task)
        tries.merge(total)
        if task.winner_spend is not None:
            won.merge(task.winner_spend)
    tasks.sort(key=lambda task: (-task.spend.cost, task.root))
    done = sum(task.winner is not None for task in tasks)
    return Success(tasks, done, won, tries, unchecked, beside)


def _task(
    root: str, members: list[str], total: Spend, spends: Mapping[str, Spend], names: Mapping[str, Who],
    gathered: Gathered,
) -> Task:  # fmt: skip
    who = _who(names, root)
    iterations = [name for name in members if _who(names, name).relation == "iteration"]
    tried = [name for name in members if _who(names, name).relation != "subagent" and (name != root or not iterations)]
    winner = next((name for name in members if reached(gathered, name)), None)
    if winner is not None and iterations and winner not in iterations:
        # A loop's check ran after its last iteration.
        winner = max(iterations, key=lambda name: (_who(names, name).started_at, name))
    spend = _sum(spends, [n for n in members if winner in line_of(names, n)]) if winner is not None else None
    return Task(root, who.title, who.project, len(tried), total, True, winner, spend)


def _sum(spends: Mapping[str, Spend], members: Iterable[str]) -> Spend:
    total = Spend()
    for name in members:
        if name in spends:
            total.merge(spends[name])
    return total


def people(decisions: Iterable[Decision]) -> int:
    """Decisions that a person made, refused ones left out."""
    return sum(by_person(d) and d.outcome != "refused" for d in decisions)
