"""How a person has put the map's regions."""

from __future__ import annotations

from msgspec import Struct

from orchestrator_tui import events as ev

MAX_REGIONS = 500
"""So many names are kept."""


class Arranged(Struct, frozen=True):
    """Names of regions."""

    regions: tuple[str, ...] = ()
    """In this order; those that are not named come after them."""
    pinned: tuple[str, ...] = ()
    """Before all others, and there also when nobody is in them."""


def arranged_of(body: ev.RegionsArranged) -> Arranged:
    """As it was said last; each name once."""
    regions, pinned = (tuple(dict.fromkeys(names))[:MAX_REGIONS] for names in (body.regions, body.pinned))
    return Arranged(regions, pinned)
