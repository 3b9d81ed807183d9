"""The bar of control groups: number, size, the worst state of its sessions, how many need somebody, what it burns."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence

from msgspec import Struct

from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, line_of, short, usd, width
from orchestrator_tui.ui.draw.meters import ORDER
from orchestrator_tui.ui.frame import Cell

GAP = 3
"""Columns between two groups."""


class Group(Struct, frozen=True):
    """One control group at one moment."""

    number: int
    size: int
    """Sessions of it that are still in the fleet."""
    worst: str
    """The status that most needs somebody; of equals the first in the order of the meters."""
    needs: int = 0
    usd: float | None = None
    """Dollars per minute of those that have a price."""
    tokens: int = 0
    """Tokens per minute of those that have none."""


class Bar(Struct, frozen=True):
    """The bar as it is drawn, and where each group is on it."""

    line: Line
    spots: tuple[tuple[int, int, int], ...] = ()
    """(first column, column after the last, number)"""

    def at(self, column: int) -> int | None:
        """The group at a column."""
        return next((number for begin, end, number in self.spots if begin <= column < end), None)


def groups_of(
    groups: Mapping[int, Sequence[str]], known: Container[str], cell_of: Callable[[str], Cell | None]
) -> tuple[Group, ...]:
    """The groups that have sessions, by number; a session without a cell rests, and is counted alone."""
    out: list[Group] = []
    for number in sorted(groups):
        there = [name for name in groups[number] if name in known]
        cells = [cell for cell in map(cell_of, there) if cell is not None]
        if there:
            out.append(_group(number, len(there), cells))
    return tuple(out)


def _group(number: int, size: int, cells: Sequence[Cell]) -> Group:
    needing = [cell.status.status for cell in cells if cell.status.needs_you]
    states = needing or [cell.status.status for cell in cells]
    worst = min(states, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER), default="finished")
    priced = [cell.usd_per_minute for cell in cells if cell.usd_per_minute is not None]
    tokens = sum(cell.tokens_per_minute for cell in cells if cell.usd_per_minute is None)
    return Group(number, size, worst, len(needing), sum(priced) if priced else None, tokens)


def draw_groups(groups: Sequence[Group], columns: int, recalled: int | None = None) -> Bar:
    """One row; with words where all groups fit so, else with signs alone; a last word says how many have no room."""
    for wordy in (True, False):
        parts = [_runs(group, wordy, group.number == recalled) for group in groups]
        if sum(map(_size, parts)) + GAP * (len(parts) - 1) + 1 <= columns:
            break
    runs: list[Run] = [(" ", "text")]
    spots: list[tuple[int, int, int]] = []
    at = 1
    for place, (group, part) in enumerate(zip(groups, parts, strict=True)):
        more = f"+{len(groups) - place}"
        last = place == len(groups) - 1
        if at + _size(part) > columns - (0 if last else GAP + len(more)):
            runs.append((more, "dim"))
            break
        runs += [*part, (" " * GAP, "text")]
        spots.append((at, at + _size(part), group.number))
        at += _size(part) + GAP
    # The gap behind the last group may be cut, but says nothing.
    while runs and sum(width(text) for text, _ in runs) > columns and not runs[-1][0].strip():
        runs.pop()
    return Bar(line_of(runs, columns), tuple(spots))


def _size(runs: Sequence[Run]) -> int:
    return sum(width(text) for text, _ in runs)


def _runs(group: Group, wordy: bool, recalled: bool) -> list[Run]:
    role = ROLES.get(group.worst, "text")
    number = "key bold reverse" if recalled else "key bold on surface"
    runs: list[Run] = [(f" {group.number} ", number), (" ", "text"), (GLYPHS.get(group.worst, "·"), role)]
    runs.append((f" {group.size}", "strong"))
    if group.needs:
        words = f" need{'s' if group.needs == 1 else ''} you" if wordy else "!"
        runs.append((f"  {group.needs}{words}" if wordy else f" {group.needs}{words}", "waiting bold"))
    if group.usd is not None:
        # What has no price may be anything: then the sum is a lower bound.
        figure = f"{'≥' if group.tokens else ''}{usd(group.usd)}"
        runs.append((f"  {figure}/min" if wordy else f" {figure}", "money"))
    elif group.tokens:
        runs.append((f"  {short(group.tokens)} tok/min" if wordy else f" {short(group.tokens)}", "dim"))
    return runs
