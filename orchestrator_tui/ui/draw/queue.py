"""The queue of those that need somebody: what it is, where, the proof, how long already."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator_tui.fleet.alerts import WASTEFUL
from orchestrator_tui.fleet.attention import SUGGESTIONS
from orchestrator_tui.text import age
from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, amount, fit, line_of, sides
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
        if not frame.watching:
            return [line_of([(" nobody looks: this is not calm, it is unknown", "waiting")], columns)]
        return [line_of([(" nobody needs you", "dim")], columns)]
    tall = len(frame.queue) * 2 <= rows
    per = 2 if tall else 1
    room = max(1, rows // per)
    cells = list(frame.queue)
    more = 0
    if len(cells) > room:
        first = next((i for i, cell in enumerate(cells) if cell.id == selected), 0)
        start = max(0, min(first - room // 2, len(cells) - room + 1))
        more = len(cells) - (room - 1)
        cells = cells[start : start + room - 1]
    lines: list[Line] = []
    for cell in cells:
        keys = [key for key in map(key_of, answers(cell)) if key][:KEYS]
        lines += _row(frame, cell, columns, tall, cell.id == selected, keys, tags.get(cell.id, ""))
    if more:
        lines.append(line_of([(f" and {more} more", "dim")], columns))
    return lines


def _row(frame: Frame, cell: Cell, columns: int, tall: bool, selected: bool, keys: list[str], tag: str) -> list[Line]:
    tint = tint_of(cell.status.status, cell.status.severity) if selected else ""
    fill = "text" + tint
    mark: Run = ("▌" if selected else "*" if tag.startswith("*") else " ", "focus" + tint)
    role = ROLES[cell.status.status]
    waited = age(frame.now - cell.status.since)
    name = fit(cell.seat or cell.name, 14 if columns >= 100 else 11)
    left: list[Run] = [mark, (GLYPHS[cell.status.status] + " ", role + tint), (name + " ", "strong bold" + tint)]
    alike = frame.alike.get(cell.id, 0)
    others: list[Run] = [(f" and {alike} alike", "waiting" + tint)] if alike else []
    since = cell.since_progress
    lost: list[Run] = []
    if cell.status.status in WASTEFUL and since.requests:
        lost = [(f" {amount(since)}", "money" + tint)]
    offered = " ".join(keys).rjust(2 * KEYS - 1) if columns >= 40 else ""
    right: list[Run] = [*others, *lost, (f" {waited:>5}  ", role + tint)]
    right += [(offered, "key bold" + tint), (" ", fill)] if offered else []
    first = sides([*left, (cell.evidence, fill)], right, columns, fill)
    if not tall:
        return [first]
    second: list[Run] = [mark, ("  ", fill), (fit(cell.name, columns - 6), "dim" + tint)]
    return [first, line_of(second, columns, fill)]
