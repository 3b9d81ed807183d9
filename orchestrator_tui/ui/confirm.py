"""The questions that are answered by yes or no: the list of many, the first of its kind, what would be allowed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from orchestrator_tui.events import Facts
from orchestrator_tui.ui.draw.ink import Run
from orchestrator_tui.ui.plans import Plan, listed
from orchestrator_tui.ui.questions import Question

if TYPE_CHECKING:
    from orchestrator_tui.ui.commanding import Commanding

KILL_NOW = "no five seconds to take it back: it ends at once"
MOST = 6
"""Lines on single sessions that a question has; the others are counted."""


def facts_of(made: Plan, *more: Run) -> tuple[Run, ...]:
    """What a question says below its title: for whom it is the first of its kind, and whom it leaves out."""
    facts: list[Run] = list(more)
    alone = len(made.sends) == 1
    for name, words in made.first[:MOST]:
        facts.append((words if alone else f"{name}: {words}", "waiting"))
    if len(made.first) > MOST:
        facts.append((f"and {len(made.first) - MOST} more that orc did not start", "waiting"))
    if made.left:
        facts.append((made.left_words, "dim"))
    return tuple(facts)


def _deed(made: Plan) -> str:
    names = {
        "approve": "allow it",
        "deny": "refuse",
        "revive": "bring back",
        "stepdown": "step down",
        "use": "go on with it",
    }
    return names.get(made.verb, made.verb)


def sure(c: Commanding, made: Plan, more: Facts | None = None, yes: str = "", words: str = "") -> Question:
    """Yes or no, with the list."""
    told: list[Run] = [(words, "errored")] if words else []
    title = made.title.replace("kill", "kill now", 1) if yes == "kill now" else made.title
    return Question(title, yes or _deed(made), lambda _: c.carry_out(made, more), facts_of(made, *told))


def allow(c: Commanding, made: Plan) -> Question:
    """What would be allowed, whole, before it is."""
    asked = tuple((send.name, send.asked) for send in made.sends if send.asked is not None)
    return Question(
        made.title, "allow exactly this, once", lambda _: c.allow(made),
        facts_of(made, ("final: it cannot be taken back", "dim")), asked, careful=True,
    )  # fmt: skip


def second(c: Commanding, made: Plan, patterns: Sequence[str]) -> Question:
    """A policy wants another key."""
    asked = tuple((send.name, send.asked) for send in made.sends if send.asked is not None)
    words = f"{', '.join(patterns)} wants a second key in this project"
    return Question(
        made.title, "again: allow it", lambda _: c.carry_out(made, {"second": True}),
        ((words, "waiting bold"),), asked, careful=True,
    )  # fmt: skip


def judging(name: str, names: Sequence[str], left: int, do: Callable[[], str]) -> Question:
    """Snooze or mute several."""
    verb = "snooze" if name == "snooze" else "mute"
    facts: tuple[Run, ...] = ((f"left out {left}: nothing is told of them", "dim"),) if left else ()
    return Question(f"{verb} {len(names)} sessions: {listed(names)}", verb, lambda _: do(), facts)
