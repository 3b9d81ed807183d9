"""Where cells are on the map, and which is next to which."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

TILE_ROWS = 3
"""Rows of a tile, its gap included."""
DOT = 2


class Spot(Struct, frozen=True):
    """Where a session's cell is, in the map's own coordinates."""

    x: int
    y: int
    width: int
    height: int


@lru_cache(256)
def spots_of(ids: tuple[str, ...], tiles: bool, columns: int, pitch: int, left: int, top: int) -> dict[str, Spot]:
    """Where the sessions of a region are; they hardly ever move, so it is worked out once."""
    per_row = max(1, columns // pitch)
    rows, size, height = (TILE_ROWS, pitch - 1, 2) if tiles else (1, DOT, 1)
    return {
        name: Spot(left + n % per_row * pitch, top + n // per_row * rows, size, height) for n, name in enumerate(ids)
    }


def neighbour(spots: dict[str, Spot], selected: str | None, direction: str) -> str | None:
    """The cell that a move goes to: the nearest in that direction, straight ahead before aside."""
    if not spots:
        return None
    here = spots.get(selected or "")
    if here is None:
        return next(iter(spots))
    dx, dy = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}[direction]
    best, best_cost = selected, 1 << 30
    for name, spot in spots.items():
        ahead = (spot.x - here.x) * dx + (spot.y - here.y) * dy
        if ahead <= 0:
            continue
        aside = abs((spot.x - here.x) * dy) + abs((spot.y - here.y) * dx) * 4
        # Sideways moves stay in their row.
        if dx and spot.y != here.y:
            continue
        cost = ahead * (1 if dx else 4) + aside * 3
        if cost < best_cost:
            best, best_cost = name, cost
    return best
