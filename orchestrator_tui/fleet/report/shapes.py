"""What a report is made of. Times are nanoseconds, money is nano-dollars; every sum knows how sure it is."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from orchestrator_tui.events import Relation
from orchestrator_tui.fleet import MINUTE
from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.fleet.status import Status
from orchestrator_tui.fleet.tokens import Spend

WINDOW = 10 * MINUTE
"""Before and after a decision."""
PAUSE = 5 * MINUTE
"""Between two responses; a longer one is no time at work."""
Outcome = Literal["reached", "killed", "failed", "stuck", "held", "working", "finished", "unknown"]
OUTCOMES: dict[Outcome, str] = {
    "reached": "goal reached: its check passed",
    "finished": "finished, nothing was checked",
    "working": "at work",
    "held": "waits for a person or a limit",
    "stuck": "stuck",
    "failed": "ended with an error",
    "killed": "killed",
    "unknown": "not known",
}
Ending = Literal["acknowledged", "decision", "terminal", "itself", "open"]
ENDINGS: dict[Ending, str] = {
    "acknowledged": "called no trouble",
    "decision": "a decision",
    "terminal": "a person, in its terminal",
    "itself": "by itself",
    "open": "still open",
}


class Used(Struct, frozen=True):
    """What was used in a stretch of time."""

    cost: int = 0
    tokens: int = 0
    """Of every kind."""
    requests: int = 0
    unpriced: int = 0
    estimated: int = 0
    rough: bool = False
    """Old responses were taken together: the stretch's ends are not exact."""

    def plus(self, other: Used) -> Used:
        """The sum."""
        return Used(
            self.cost + other.cost,
            self.tokens + other.tokens,
            self.requests + other.requests,
            self.unpriced + other.unpriced,
            self.estimated + other.estimated,
            self.rough or other.rough,
        )

    @property
    def basis(self) -> str:
        """`exact`, `estimated`, `partial` (the cost is a lower bound) or `unpriced`, as in docs/contract.md §2."""
        if self.unpriced > 0:
            return "partial" if self.cost or self.unpriced < self.requests else "unpriced"
        return "estimated" if self.estimated > 0 or self.rough else "exact"

    @property
    def usd(self) -> float | None:
        """Dollars; None when nothing of it has a price."""
        return None if self.basis == "unpriced" else self.cost / 1_000_000_000


def used(spend: Spend) -> Used:
    """A spend without its kinds of tokens."""
    return Used(spend.cost, spend.tokens.total, spend.requests, spend.unpriced, spend.estimated)


class Who(Struct):
    """A session as a report names it."""

    id: str
    client: str = ""
    project: str = ""
    title: str = ""
    seat: str = ""
    parent: str | None = None
    relation: Relation | None = None
    started_at: int = 0
    status: Status | None = None
    """At the report's end; None: it is not in the fleet any more."""


class Group(Struct, frozen=True):
    """One row of a sum."""

    name: str
    spend: Spend
    sessions: int
    busy: int | None = None
    """Time at work; an estimate: gaps between responses of up to `PAUSE`."""


class Waste(Struct, frozen=True):
    """What was spent while one kind of trouble was open."""

    cause: str
    """The status: `looping`, `spinning`, `stalled`, `errored`."""
    used: Used
    alerts: int


class Task(Struct, frozen=True):
    """A session and all that descends from it: sub-agents, forks, parts, iterations."""

    root: str
    title: str
    project: str
    tries: int
    """Sessions in it that are no sub-agents, a loop's own log not counted."""
    spend: Spend
    checked: bool
    """Whether a success criterion was run at all."""
    winner: str | None = None
    winner_spend: Spend | None = None
    """What the one that reached the goal cost, its sub-agents included."""


class Success(Struct, frozen=True):
    """Cost per success, with the whole denominator. A success is a task whose check passed."""

    tasks: list[Task] = field(default_factory=list)
    """Those with a check, the dearest first."""
    reached: int = 0
    winners: Spend = field(default_factory=Spend)
    """What the winners alone cost."""
    tries: Spend = field(default_factory=Spend)
    """What all tries at tasks with a check cost, the failed tasks included."""
    unchecked: int = 0
    """Tasks without a check: nobody knows whether they were a success."""
    unchecked_spend: Spend = field(default_factory=Spend)


class AlertStory(Struct, frozen=True):
    """One alert, from the finding to its end."""

    session: str
    status: str
    severity: str
    """The worst it came to."""
    cause: str
    evidence: str
    since: int
    raised_at: int
    red_at: int | None
    ended_at: int | None
    ending: Ending
    burned: Used
    """Spent by the session while the finding held, from `since` on."""
    after_red: Used
    """Spent after it was told as red."""
    noticed_at: int | None = None
    noticed_exact: bool = False
    """Whether a look is on record; else it is at most what it took to act."""
    acted_at: int | None = None
    acted_by: str = ""
    acted: str = ""
    """The verb."""
    ended_by: str | None = None
    """Id of the command that ended it."""

    @property
    def false_alarm(self) -> bool:
        """Whether a person said that it was none."""
        return self.ending == "acknowledged"


class Side(Struct, frozen=True):
    """The time before or after a decision."""

    span: int
    """Nanoseconds, at most `WINDOW`."""
    used: Used
    progress: int | None = None
    """How often there was progress (docs/contract.md §4); None: not worked out."""


class Effect(Struct, frozen=True):
    """A decision and what came of it."""

    decision: Decision
    before: Side
    after: Side
    """Of the session and of what came out of it: parts, copies, iterations begun since."""
    by_person: bool
    status_after: str | None = None
    """At the end of `after`, judged as if somebody had looked; None: not worked out."""
    evidence_after: str | None = None
    heirs: tuple[str, ...] = ()


class Bin(Struct, frozen=True):
    """One column of the curves."""

    at: int
    cost: int
    tokens: int
    threads: float
    """Sessions at work, on average; sub-agents are part of theirs."""
    useful: float
    """Of these without red trouble that goes round for nothing."""
    waiting: float
    """Sessions that waited for a person, on average."""
    people: int
    """Decisions of a person."""
    guards: int


class Report(Struct, frozen=True):
    """What happened in a period, and what there is to learn from it."""

    at: int
    """The end."""
    since: int
    """The beginning: a whole quarter of an hour, or the first event."""
    asked_since: int | None
    looked: int
    """Up to when somebody looked: what was open then is counted up to there."""
    total: Spend
    groups: dict[str, list[Group]]
    """By `project`, `model`, `client`, `loop`, `outcome`; each adds up to `total`."""
    busy: int
    waste: list[Waste]
    wasted: Used
    success: Success
    alerts: list[AlertStory]
    effects: list[Effect]
    bins: list[Bin]
    width: int
    """Of a bin."""
    waited: int
    """Hours that agents waited for a person, added up: nanoseconds."""
    first_red: Used
    """What was spent after the first red of alerts that were no false alarms: an estimate of what acting then saves."""
    names: dict[str, Who]
    notes: list[str] = field(default_factory=list)
    """What is not on record, or not worked out."""
