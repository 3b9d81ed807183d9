"""One moment of the fleet as the screen needs it: made once per tick, then only read."""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.events import Event
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status
from orchestrator_tui.fleet.tokens import Spend


class Cell(Struct, frozen=True):
    """One session as it is drawn; every text in it has been cleaned."""

    id: str
    name: str
    """Its title in a few words, or its seat."""
    seat: str
    region: str
    status: Status
    evidence: str
    model: str
    tokens_per_minute: int
    usd_per_minute: float | None
    spark: tuple[int, ...]
    """Tokens per bucket over the last five minutes, oldest first."""
    helpers: tuple[str, ...]
    """Statuses of its sub-agents that are at work, the newest last."""
    spend: Spend


class Region(Struct, frozen=True):
    """The sessions of one project, by seat."""

    name: str
    cells: tuple[Cell, ...]


class Frame(Struct, frozen=True):
    """What is on the screen."""

    now: int
    regions: tuple[Region, ...] = ()
    queue: tuple[Cell, ...] = ()
    """Those that need somebody, in the order in which they should be answered."""
    counts: dict[str, int] = field(default_factory=dict)
    spend: Spend = field(default_factory=Spend)
    tokens_per_minute: int = 0
    output_per_second: float = 0.0
    usd_per_minute: float | None = None
    spark: tuple[int, ...] = ()
    watching: bool = False
    watch_words: str = ""
    """What to say of the host when it does not look."""
    filter: str = ""
    hidden: int = 0
    """Sessions that the filter leaves out."""

    def cell(self, session: str | None) -> Cell | None:
        """A session's cell, when it is on the map."""
        if session is None:
            return None
        return next((cell for region in self.regions for cell in region.cells if cell.id == session), None)

    @property
    def order(self) -> list[str]:
        """Every session on the map, in reading order."""
        return [cell.id for region in self.regions for cell in region.cells]


class Details(Struct, frozen=True):
    """What the inspector shows of the selected session."""

    cell: Cell
    session: Session
    tree: Spend
    children: tuple[tuple[str, str], ...]
    """(status, name) of each child."""
    events: tuple[Event, ...]
    """The last ones, oldest first."""
