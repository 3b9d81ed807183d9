"""One moment of the fleet as the screen needs it: made once per tick, then only read."""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.events import Event
from orchestrator_tui.fleet.budget import Forecast, Level
from orchestrator_tui.fleet.quota import QuotaLeft
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.text import line


class Money(Struct, frozen=True):
    """Sums up to a moment."""

    today: Spend = field(default_factory=Spend)
    week: Spend = field(default_factory=Spend)
    """From Monday on."""
    projects: dict[str, Spend] = field(default_factory=dict)
    """Today's, by project."""
    hour_cost: int = 0
    """Nano-dollars of about the last hour, whole quarters of it."""
    hour_seconds: int = 3600
    midnight: int = 0
    """When today ends."""


class Cell(Struct, frozen=True, gc=False):
    """One session as it is drawn; every text in it has been cleaned."""

    id: str
    name: str
    """Its title in a few words, or its seat."""
    seat: str
    region: str
    status: Status
    model: str
    tokens_per_minute: int
    usd_per_minute: float | None
    spark: tuple[int, ...]
    """Tokens per bucket over the last five minutes, oldest first."""
    helpers: tuple[str, ...]
    """Statuses of its sub-agents that are at work, the newest last."""
    spend: Spend
    since_progress: Spend = field(default_factory=Spend)
    """What was used since the last progress."""
    progress_at: int | None = None
    alert_at: int | None = None
    """When its newest red alert was raised."""
    unseen: bool = False
    """It finished, and nobody has looked at it since."""
    context_tokens: int | None = None
    context: float | None = None
    """Share of the context window in use."""
    asks: int = 0
    """Permissions that wait for an answer which orc can give."""
    alive: bool = False
    """Its process is known, and lives."""
    owner: tuple[int, str] = (-1, "?")
    """Who began it (`ui/owner.py`)."""
    relation: str = ""
    """How it came from another: `fork`, `split`, `escalation`, `iteration`; "" where it did not."""
    parent: str = ""
    """What it came from; "" where it did not."""
    heirs: tuple[tuple[str, str], ...] = ()
    """(id, status) of what came from it, the newest last: forks, parts, escalations, and of a loop its iterations."""
    rounds: int = 0
    """Of a loop: how many it may have; 0 where nothing says so."""
    number: int = 0
    """Its seat in the region, from 1; 0 while it has none."""
    last: str = ""
    """What it did last, or is to do."""
    tokens: int = 0
    """All that it used, as its spend grows on."""

    def evidence(self, now: int) -> str:
        """The proof of its status in one line; it says ages as they are then."""
        return line(self.status.at(now).evidence, 240)


class Shape(Struct, frozen=True, eq=False):
    """Where the cells of a region stand; the same object as long as nobody comes or goes."""

    ids: tuple[str, ...]
    """Of all cells, in their order."""
    slots: tuple[int, ...]
    """Of the first ones: their places from 0 on, rising, with gaps where nobody is."""
    chains: tuple[tuple[int, int], ...] = ()
    """Of the others, which are loops: [from, to) of each; the first of them is the loop, then come its iterations."""

    def same(self, other: Shape) -> bool:
        """Whether the same cells stand at the same places."""
        return self.ids == other.ids and self.slots == other.slots and self.chains == other.chains


NOWHERE = Shape((), ())


class Region(Struct, frozen=True):
    """The sessions of one project: those with a seat by seat, then loops, each with its iterations."""

    name: str
    cells: tuple[Cell, ...]
    shape: Shape = NOWHERE
    needs: int = 0
    """How many of them need somebody."""
    tokens: int = 0
    """What they used together."""
    pinned: bool = False
    """It stands before all that are not, and stays when nobody is in it."""


def region_of(name: str, cells: tuple[Cell, ...], compact: bool = False) -> Region:
    """A region with its cells in order; `compact` leaves no gaps for seats."""
    loops: dict[str, list[Cell]] = {cell.id: [] for cell in cells if cell.relation != "iteration"}
    for cell in cells:
        if cell.relation == "iteration" and cell.parent in loops:
            loops[cell.parent].append(cell)
    mains = [
        cell for cell in cells if not loops.get(cell.id) and (cell.relation != "iteration" or cell.parent not in loops)
    ]
    mains.sort(key=lambda cell: cell.number or 1 << 30)
    slots: list[int] = []
    for cell in mains:
        after = slots[-1] + 1 if slots else 0
        slots.append(after if compact or not cell.number else max(after, cell.number - 1))
    ordered = list(mains)
    chains: list[tuple[int, int]] = []
    for loop in cells:
        if loops.get(loop.id):
            begin = len(ordered)
            ordered += [loop, *loops[loop.id]]
            chains.append((begin, len(ordered)))
    shape = Shape(tuple(cell.id for cell in ordered), tuple(slots), tuple(chains))
    needs = sum(cell.status.needs_you for cell in ordered)
    return Region(name, tuple(ordered), shape, needs, sum(cell.tokens for cell in ordered))


class Frame(Struct, frozen=True):
    """What is on the screen."""

    now: int
    regions: tuple[Region, ...] = ()
    queue: tuple[Cell, ...] = ()
    """Those that need somebody, in the order in which they should be answered; one for each cause."""
    snoozed: int = 0
    alike: dict[str, int] = field(default_factory=dict)
    """How many others an entry of the queue stands for."""
    counts: dict[str, int] = field(default_factory=dict)
    spend: Spend = field(default_factory=Spend)
    tokens_per_minute: int = 0
    output_per_second: float = 0.0
    usd_per_minute: float | None = None
    unpriced_burn: bool = False
    """Something that burns has no price: the rate is a lower bound."""
    spark: tuple[int, ...] = ()
    money: Money = field(default_factory=Money)
    day: Level | None = None
    """How much of the day's budget is used."""
    day_ends: Forecast | None = None
    projects: dict[str, Level] = field(default_factory=dict)
    """Budgets of projects, by name."""
    quotas: tuple[QuotaLeft, ...] = ()
    wasted: int = 0
    """Nano-dollars of the sessions on the map."""
    decided: int = 0
    """Commands of the last hour that orc did not give itself, of those that the fold still holds."""
    watching: bool = False
    watch_words: str = ""
    """What to say of the host when it does not look."""
    filter: str = ""
    hidden: int = 0
    """Sessions that the filter leaves out."""

    @property
    def order(self) -> list[str]:
        """Every session on the map, in reading order."""
        return [cell.id for region in self.regions for cell in region.cells]


class Details(Struct, frozen=True):
    """What the inspector shows of the selected session."""

    cell: Cell
    session: Session
    tree: Spend
    budget: Level | None
    """The session's, with its sub-agents."""
    listed: bool
    """Its client is paid by subscription: figures are what the API would have cost."""
    children: tuple[tuple[str, str], ...]
    """(status, name) of each sub-agent, and of theirs."""
    events: tuple[Event, ...]
    """The last ones, oldest first."""
    proof: tuple[Event, ...] = ()
    """Those that prove what is told of it: of a repetition the first of the equal ones and the last."""
    heirs: tuple[tuple[str, str], ...] = ()
    """(status, name) of each session that came from it: forks, parts, escalations."""
    origin: str = ""
    """What it came from itself, in words."""
