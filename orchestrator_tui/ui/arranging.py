"""Moving and pinning the map's regions by keys; it is an event, so that it holds after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator_tui.events import Facts
from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.arranged import Arranged
from orchestrator_tui.ui.commanding import NO_HOST

if TYPE_CHECKING:
    from orchestrator_tui.ui.commanding import Commanding

LANDS = 2 * SECOND
"""Within this time what was asked is taken for done, so that a key can be pressed again at once."""


def in_order(names: Sequence[str], arranged: Arranged) -> list[str]:
    """Regions that stand in an order, as they stand when this has been said of them."""
    place = {name: number for number, name in enumerate(arranged.regions)}
    return sorted(names, key=lambda name: (name not in arranged.pinned, place.get(name, len(place))))


def moved(names: Sequence[str], arranged: Arranged, region: str, by: int) -> Arranged | None:
    """One region before its neighbour, or behind it; None where it has none on that side."""
    order = in_order(names, arranged)
    place = order.index(region) + by
    if not 0 <= place < len(order) or (order[place] in arranged.pinned) != (region in arranged.pinned):
        return None
    order.remove(region)
    order.insert(place, region)
    return Arranged((*order, *(name for name in arranged.regions if name not in order)), arranged.pinned)


def pinned(names: Sequence[str], arranged: Arranged, region: str) -> Arranged:
    """A region stands before all that are not pinned; or, if it does, not any more."""
    if region in arranged.pinned:
        return Arranged(arranged.regions, tuple(name for name in arranged.pinned if name != region))
    order = in_order(names, arranged)
    rest = (name for name in arranged.regions if name not in order)
    return Arranged((*order, *rest), (*arranged.pinned, region))


class Arranging:
    """What keys do with the region of the selected session."""

    def __init__(self, acts: Commanding) -> None:
        self._acts = acts
        self._asked: tuple[int, Arranged] = (0, Arranged())

    def do(self, name: str) -> None:
        """`region-back`, `region-on` or `pin`."""
        app = self._acts.app
        cell = app.framer.cell(app.selected or "")
        names = [region.name for region in app.drawn.regions]
        if not app.live.host_runs():
            self._acts.tell(NO_HOST)
        elif cell is None or cell.region not in names:
            self._acts.tell("no session is selected: its region is what is moved")
        elif app.drawn.filter:
            self._acts.tell("regions are moved when all of them are seen: take the filter away first")
        else:
            self._put(name, cell.region, names)

    def _put(self, name: str, region: str, names: list[str]) -> None:
        app = self._acts.app
        at, asked = self._asked
        before = asked if 0 <= app.clock.now() - at < LANDS else app.live.fleet.arranged
        if name == "pin":
            after: Arranged | None = pinned(names, before, region)
            words = "pinned to the top" if after is not None and region in after.pinned else "not pinned any more"
        else:
            after = moved(names, before, region, -1 if name == "region-back" else 1)
            words = "moved"
        if after is None:
            edge = "first" if name == "region-back" else "last"
            self._acts.tell(f"{region} is the {edge} already")
            return
        self._asked = (app.clock.now(), after)
        facts: Facts = {"regions": list(after.regions), "pinned": list(after.pinned)}
        self._acts.send([("arrange", facts, region)])
        self._acts.tell(f"{region}: {words}")
