"""What all drawings of a session's cell share: how much of it is shown, and what is said of it in passing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from orchestrator_tui.fleet import SECOND
from orchestrator_tui.fleet.status import Severity, StatusName
from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Run, amount, short, tint, usd, width
from orchestrator_tui.ui.draw.overlay import Overlay, heat
from orchestrator_tui.ui.frame import Cell

Zoom = Literal["dots", "tiles", "cards"]
ZOOMS: tuple[Zoom, ...] = ("dots", "tiles", "cards")
"""From far to near."""
PING = 3 * SECOND
NO_TAGS: Mapping[str, str] = MappingProxyType({})
CHILD = "└"
"""Before what came from another session: a fork, a part of a split, its escalation."""
KIN = "┆"
"""At the edge of what the selected session came from, and of what came from it."""
QUIET = ("finished", "fog")
DOUBT = "waiting"
"""The role of the sign of what is done, and may not be well done: no trouble, so it has no tint."""


class Look(Struct, frozen=True):
    """How cells are drawn."""

    zoom: Zoom
    selected: str | None
    kin: frozenset[str]
    """What the selected session came from, and what came from it."""
    overlay: Overlay | None
    """None: colour is status."""
    now: int
    tags: Mapping[str, str]
    """Marks and group numbers, by session."""


def pings(cell: Cell, now: int) -> bool:
    """Whether it came to need somebody just now: it stands out for three seconds, then holds still."""
    return cell.alert_at is not None and 0 <= now - cell.alert_at < PING


@lru_cache(1024)
def dot_of(status: StatusName, severity: Severity, stands_out: bool) -> Run:
    """A status's sign; `stands_out` for the selected one and a ping."""
    role = ROLES[status]
    if stands_out:
        return GLYPHS[status], role + " reverse"
    return GLYPHS[status], role if severity == "amber" and status in QUIET else role + tint(status, severity)


class Face(Struct, frozen=True):
    """What tiles and cards say of a session in the same way."""

    tint: str
    """The background."""
    role: str
    """Of its sign."""
    edge: Run
    """The left edge: selected, new trouble, kin."""
    name: str
    """The role of its name."""
    ends: tuple[Run, ...]
    """At the right of its name: sub-agents at work, what came from it, marks and groups."""
    pace: str
    """Its figure: a rate while it burns, a sum while it stands, what the overlay says."""
    pace_role: str
    burns: bool


def face_of(cell: Cell, look: Look) -> Face:
    """What is to be said of a session."""
    selected = cell.id == look.selected
    state, severity = cell.status.status, cell.status.severity
    seen = look.overlay.of(cell, look.now) if look.overlay is not None else None
    role = ROLES[state]
    if seen is not None and (seen[0] >= 0 or severity == "ok"):
        role = heat(seen[0])
    doubt = severity == "amber" and state in QUIET
    back = (tint(state, severity) if not doubt else "") or " on surface"
    edge = ("▌", "focus" + back) if selected else (" ", "text" + back)
    if not selected and cell.id in look.kin:
        edge = (KIN, "key" + back)
    if pings(cell, look.now):
        edge = ("█", role + back)
    weight = " bold" if selected or (severity != "ok" and not doubt) else ""
    tone = "strong" if selected or cell.unseen or state not in QUIET else "dim"
    # Done and not looked at yet is news.
    role = DOUBT if doubt and seen is None else "key bold" if cell.unseen and seen is None else role
    ends: list[Run] = [(GLYPHS[helper], ROLES[helper] + back) for helper in cell.helpers]
    if cell.heirs:
        ends += [(CHILD, "faint" + back), *((GLYPHS[heir], ROLES[heir] + back) for _, heir in cell.heirs[-3:])]
    tag = look.tags.get(cell.id, "")
    if tag:
        ends.append((" " + tag, "key bold" + back))
    pace, tone_of = pace_of(cell, seen)
    return Face(
        back, role + back, edge, tone + weight + back, tuple(ends), pace, tone_of + back,
        bool(cell.tokens_per_minute and cell.spark),
    )  # fmt: skip


def pace_of(cell: Cell, seen: tuple[int, str] | None) -> Run:
    """The figure of a session."""
    if seen is not None:
        return seen[1], heat(seen[0])
    tone = "money" if cell.tokens_per_minute else "dim"
    if cell.usd_per_minute is not None:
        return usd(cell.usd_per_minute) + "/m", tone
    if cell.tokens_per_minute:
        return short(cell.tokens_per_minute) + "/m", tone
    if cell.spend.requests:
        # A figure that burns is a rate, one that stands is a sum.
        return amount(cell.spend) if cell.spend.cost_usd is not None else short(cell.spend.tokens.total) + " tok", tone
    return "", tone


def size_of(runs: tuple[Run, ...] | list[Run]) -> int:
    """Cells that runs take."""
    return sum(width(text) for text, _ in runs)
