"""Where cells are on the map, and which is next to which."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Spot(Struct, frozen=True, gc=False):
    """Where a session's cell is, in the map's own coordinates."""

    x: int
    y: int
    width: int
    height: int

    def touches(self, left: int, top: int, right: int, bottom: int) -> bool:
        """Whether any of it is within a rectangle, its edges included."""
        return self.x <= right and self.x + self.width > left and self.y <= bottom and self.y + self.height > top


def neighbour(spots: Mapping[str, Spot], selected: str | None, direction: str) -> str | None:
    """The cell that a move goes to: the nearest in that direction, straight ahead before aside."""
    if not spots:
        return None
    here = spots.get(selected or "")
    if here is None:
        return next(iter(spots))
    dx, dy = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}[direction]
    best, best_cost = selected, 1 << 30
    if dx:
        # Sideways moves stay in their row.
        for name, spot in spots.items():
            if spot.y == here.y and 0 < (spot.x - here.x) * dx < best_cost:
                best, best_cost = name, (spot.x - here.x) * dx
        return best
    for name, spot in spots.items():
        ahead = (spot.y - here.y) * dy
        if ahead <= 0 or ahead * 4 >= best_cost:
            continue
        cost = ahead * 4 + abs(spot.x - here.x) * 3
        if cost < best_cost:
            best, best_cost = name, cost
    return best


def at(spots: Mapping[str, Spot], x: int, y: int) -> str | None:
    """The session whose cell is there."""
    for name, spot in spots.items():
        if spot.y <= y < spot.y + spot.height and spot.x <= x < spot.x + spot.width:
            return name
    return None


def within(spots: Mapping[str, Spot], x: int, y: int, other_x: int, other_y: int) -> list[str]:
    """The sessions whose cells are touched by a rectangle, in reading order."""
    left, right, top, bottom = min(x, other_x), max(x, other_x), min(y, other_y), max(y, other_y)
    found = [(spot.y, spot.x, name) for name, spot in spots.items() if spot.touches(left, top, right, bottom)]
    return [name for _, _, name in sorted(found)]
