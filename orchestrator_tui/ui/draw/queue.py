"""The queue of those that need somebody: what it is, where, the proof, how long already."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator_tui.fleet.alerts import WASTEFUL
from orchestrator_tui.fleet.attention import SUGGESTIONS
from orchestrator_tui.text import age
from orchestrator_tui.ui.draw.ageless import ageless
from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, amount, fit, fit_seat, line_of, sides
from orchestrator_tui.ui.draw.ink import tint as tint_of
from orchestrator_tui.ui.frame import Cell, Frame
from orchestrator_tui.ui.plans import BROKEN

KEYS = 2
"""Keys that a row offers."""


def answers(cell: Cell) -> tuple[str, ...]:
    """The actions that answer a session's state and can be done now, the likeliest first."""
    suggestion = SUGGESTIONS.get(cell.status.status)
    return tuple(name for name in suggestion.actions if _can(cell, name)) if suggestion is not None else ()


def _can(cell: Cell, action: str) -> bool:
    if action in ("approve", "deny"):
        return cell.asks > 0
    if action == "revive":
        return cell.status.status in BROKEN and not cell.alive
    return cell.alive if action in ("kill", "message", "terminal") else True


def draw_queue(
    frame: Frame, columns: int, rows: int, selected: str | None, tags: Mapping[str, str], key_of: Callable[[str], str]
) -> list[Line]:
    """The queue's rows; two for each where there is room, and a last line that says how many more there are.

    `tags`: marks and group numbers by session; `key_of` an action gives its key, "" offers none.
    """
    if not frame.queue:
        return _quiet(frame, columns, key_of)
    tall, cells, more = _shown(frame, rows, selected)
    lines: list[Line] = []
    for cell in cells:
        keys = [key for key in map(key_of, answers(cell)) if key][:KEYS]
        lines += _row(frame, cell, columns, tall, cell.id == selected, keys, tags.get(cell.id, ""))
    if more:
        lines.append(line_of([(f" and {more} more", "dim")], columns))
    return lines


def _shown(frame: Frame, rows: int, selected: str | None) -> tuple[bool, list[Cell], int]:
    """Whether each has two rows, whom there is room for, and how many others there are."""
    tall = len(frame.queue) * 2 <= rows
    room = max(1, rows // (2 if tall else 1))
    cells = list(frame.queue)
    if len(cells) <= room:
        return tall, cells, 0
    first = next((i for i, cell in enumerate(cells) if cell.id == selected), 0)
    if room == 1:
        # One row is for one of them; how many there are stands in the title.
        return tall, cells[first : first + 1], 0
    start = max(0, min(first - room // 2, len(cells) - room + 1))
    return tall, cells[start : start + room - 1], len(cells) - (room - 1)


def session_at(frame: Frame, rows: int, selected: str | None, row: int) -> str | None:
    """The session that stands in a row of the queue."""
    tall, cells, _ = _shown(frame, rows, selected)
    place = row // (2 if tall else 1)
    return cells[place].id if row >= 0 and place < len(cells) else None


def _quiet(frame: Frame, columns: int, key_of: Callable[[str], str]) -> list[Line]:
    """Nobody waits: why that is, and what can be done next."""
    steps: list[tuple[str, str]] = []
    if not frame.watching:
        words, role = "nobody looks: this is not calm, it is unknown", "waiting"
        steps = [("start-host", "starts a host")]
    elif not frame.filter and {status for status, count in frame.counts.items() if count} == {"finished"}:
        words, role = "nobody needs you; all are finished", "dim"
        steps = [("next-free", "goes through them"), ("new", "begins another")]
    else:
        words, role = "nobody that the filter shows needs you" if frame.filter else "nobody needs you", "dim"
    lines = [line_of([(" " + words, role)], columns)]
    shown = [(key_of(name), what) for name, what in steps]
    runs: list[Run] = [run for key, what in shown if key for run in ((f" {key}", "key bold"), (f" {what}  ", "dim"))]
    return [*lines, line_of(runs, columns)] if runs else lines


def _row(frame: Frame, cell: Cell, columns: int, tall: bool, selected: bool, keys: list[str], tag: str) -> list[Line]:
    """What, where, the proof, and the keys; how long already and at what price beside it, or below where it is tall."""
    tint = tint_of(cell.status.status, cell.status.severity) if selected else ""
    fill, role = "text" + tint, ROLES[cell.status.status]
    seat = 14 if columns >= 70 else 11
    waited = age(frame.now - cell.status.since)
    alike = frame.alike.get(cell.id, 0)
    lost = amount(cell.since_progress) if cell.status.status in WASTEFUL and cell.since_progress.requests else ""
    sign = GLYPHS[cell.status.status] + " "
    mark = "▌" if selected else "*" if tag.startswith("*") else " "
    # Runs are what a row costs: a blank before the sign is part of it.
    left: list[Run] = [(mark + sign, role)] if mark == " " else [(mark, "focus" + tint), (sign, role + tint)]
    name = fit_seat(cell.seat or cell.name, seat)
    left += [(name + " ", "strong bold" + tint), (ageless(cell.evidence(frame.now)), fill)]
    if not tall:
        right: list[Run] = [(f" and {alike} alike", "waiting" + tint)] if alike else []
        right += [(f" {lost}", "money" + tint)] if lost else []
        right.append((f" {waited:>5} ", role + tint))
        right += [(" " + " ".join(keys).rjust(2 * KEYS - 1) + " ", "key bold" + tint)] if columns >= 40 else []
        return [sides(left, right, columns, fill)]
    chips: list[Run] = []
    for key in keys if columns >= 40 else ():
        chips += [(" ", fill), (f" {key} ", f"{role} bold reverse")]
    below: list[Run] = [(mark, "focus" + tint), ("  ", fill), (fit(waited, seat) + " ", role + tint)]
    below += [(f"{lost} since progress  ", "money" + tint)] if lost else []
    below += [(f"and {alike} alike  ", "waiting" + tint)] if alike else []
    below.append((cell.name if cell.name != cell.seat else "", "dim" + tint))
    return [
        sides(left, [*chips, (" ", fill)], columns, fill),
        line_of([*line_of(below, columns - 1, fill), (" ", fill)], columns, fill),
    ]
