"""Each alert with who noticed it when, what was done, what it burned meanwhile, and what ended it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.hands import OWN_ACTOR
from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.fleet.report.gather import Gathered, Series, Told
from orchestrator_tui.fleet.report.shapes import WINDOW, AlertStory, Ending, Used, Who

ENDS = frozenset(
    {
        "kill", "pause", "resume", "message", "approve", "deny", "escalate", "stepdown", "use", "split", "revive",
        "budget", "run", "loop",
    }
)  # fmt: skip
"""Verbs that may end a trouble; the last one that was done before its end is taken to have ended it."""
LOOKS = frozenset({"notify", "would"})
"""Verbs of guards that only tell."""
SETTLES = 5 * SECOND
"""A trouble that is over may be found to be so a little before its command is done."""


def by_person(decision: Decision) -> bool:
    """Whether nobody of the host's own decided it."""
    return not decision.actor.startswith(OWN_ACTOR)


def line_of(names: Mapping[str, Who], session: str) -> list[str]:
    """A session and whom it works for, upwards."""
    line = [session]
    while (who := names.get(session)) is not None and who.relation == "subagent" and who.parent not in (None, *line):
        session = str(who.parent)
        line.append(session)
    return line


def stories(
    gathered: Gathered, decisions: Iterable[Decision], names: Mapping[str, Who], until: int
) -> list[AlertStory]:
    """Every alert of the period, the latest first."""
    about: dict[str, list[Decision]] = {}
    for decision in decisions:
        if decision.session is not None and decision.verb not in LOOKS:
            about.setdefault(decision.session, []).append(decision)
    out = []
    for told in gathered.told:
        line = line_of(names, told.session)
        made = sorted((d for name in line for d in about.get(name, ())), key=lambda d: d.at)
        out.append(_story(gathered, told, line, made, until))
    out.sort(key=lambda story: (-story.raised_at, story.session))
    return out


def _story(gathered: Gathered, told: Told, line: Sequence[str], made: list[Decision], until: int) -> AlertStory:
    end = told.ended_at if told.ended_at is not None else max(until, told.raised_at)
    acts = [d for d in made if _within(d, told.raised_at, end) and d.outcome != "refused"]
    first = acts[0] if acts else None
    words = [at for at in gathered.words.get(told.session, ()) if told.raised_at <= at <= end and not _ours(made, at)]
    acted_at, by, verb = (max(first.at, told.raised_at), first.actor, first.verb) if first else (None, "", "")
    if words and (acted_at is None or words[0] < acted_at):
        acted_at, by, verb = words[0], "a person", "wrote to it"
    looks = [at for name in line for at in gathered.viewed.get(name, ()) if told.raised_at <= at <= end]
    seen = min(looks, default=None)
    hands = [*[max(d.at, told.raised_at) for d in acts if by_person(d)][:1], *words[:1]]
    hand = min(hands, default=None)
    exact = seen is not None and (hand is None or seen <= hand)
    ending, ended_by = _ending(told, acts, words)
    series = gathered.series.get(told.session)
    return AlertStory(
        told.session, told.status, told.severity, told.cause, told.evidence, told.since, told.raised_at, told.red_at,
        told.ended_at, ending,
        _between(series, told.since, end),
        _between(series, told.red_at, end) if told.red_at is not None else Used(),
        seen if exact else hand, exact, acted_at, by, verb, ended_by,
    )  # fmt: skip


def _within(decision: Decision, start: int, end: int) -> bool:
    """Whether it was made while the alert was open, or under way when that was raised."""
    if decision.at >= start:
        return decision.at <= end
    return start - decision.at <= WINDOW and (decision.ended_at is None or decision.ended_at >= start)


def _ours(made: Iterable[Decision], at: int) -> bool:
    """Whether words came from a command of orc's own, not from a person at the terminal."""
    return any(d.at <= at <= (d.ended_at if d.ended_at is not None else d.at) + SETTLES for d in made)


def _ending(told: Told, acts: list[Decision], words: list[int]) -> tuple[Ending, str | None]:
    """What ended it: the last thing that was done before; "itself" where nothing was."""
    if told.ended_at is None:
        return "open", None
    if told.acknowledged:
        ack = next((d for d in reversed(acts) if d.verb == "ack"), None)
        return "acknowledged", ack.command_id if ack is not None else None
    last = next((d for d in reversed(acts) if _may_have_ended(d, told.ended_at)), None)
    if last is not None and (not words or words[-1] <= last.at or last.verb == "message"):
        return "decision", last.command_id
    return ("terminal", None) if words else ("itself", None)


def _may_have_ended(decision: Decision, ended_at: int) -> bool:
    if decision.verb not in ENDS or decision.outcome in ("refused", "failed", "undone"):
        return False
    return decision.started_at is None or decision.started_at <= ended_at + SETTLES


def _between(series: Series | None, start: int, end: int) -> Used:
    """What was used from `start` up to `end`, both included."""
    return series.between(start, end + 1) if series is not None else Used()
