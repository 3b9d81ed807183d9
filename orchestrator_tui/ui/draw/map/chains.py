"""A loop on one line: its name, its iterations in a row, how many they are and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, amount, count_of, fit, line_of, sides, width
from orchestrator_tui.ui.draw.map.look import Look, dot_of, face_of, pings
from orchestrator_tui.ui.frame import Cell

LOOP = "»"
NAME = 24
"""Columns of a loop's name, its signs included."""
FIGURES = 24
"""Columns for what is said behind the chain."""
MOST = 40
"""Iterations that are drawn: the newest."""


@lru_cache(1024)
def iterations_at(count: int, columns: int) -> tuple[int, int, int]:
    """(columns of the name, the first iteration that is drawn, where it stands) on a line of so many columns."""
    name = max(8, min(NAME, columns // 3))
    room = max(1, min(MOST, columns - name - FIGURES - 2 if columns >= 60 else columns - name - 8))
    first = max(0, count - room)
    return name, first, name + 1 + bool(first)


def chain_line(cells: Sequence[Cell], columns: int, look: Look) -> Line:
    """A loop, which is the first of the cells, and its iterations."""
    loop, rounds = cells[0], cells[1:]
    face = face_of(loop, look)
    name, first, _ = iterations_at(len(rounds), columns)
    back = face.tint if loop.status.severity != "ok" or loop.id == look.selected else ""
    tone = face.name.partition(" on ")[0]
    edge = (face.edge[0], face.edge[1].partition(" on ")[0] + back)
    tag = look.tags.get(loop.id, "")
    title = fit(loop.name, name - 6 - len(tag) - bool(tag))
    role = ROLES[loop.status.status]
    left: list[Run] = [
        edge, (LOOP + " ", "dim" + back), (GLYPHS[loop.status.status] + " ", role + back), (title, tone + back),
    ]  # fmt: skip
    left += [(" " + tag, "key bold" + back)] if tag else []
    left = [*line_of(left, name, "text" + back), (" ", "text")]
    if first:
        left.append(("…", "dim"))
    for cell in rounds[first:]:
        stands = cell.id == look.selected or pings(cell, look.now)
        sign, wanted = dot_of(cell.status.status, cell.status.severity, stands)
        left.append((sign, "key bold" if cell.id in look.tags else wanted))
    spend = Spend()
    for cell in rounds:
        spend.merge(cell.spend)
    words = f"{len(rounds)}/{loop.rounds}" if loop.rounds else str(len(rounds))
    if columns >= 60:
        words = f"{words} rounds" if loop.rounds else count_of(len(rounds), "round")
    right: list[Run] = [("  " + words, "text")]
    if spend.requests and columns >= 60:
        cost = amount(spend)
        right.append((cost.rjust(max(width(cost) + 2, FIGURES - 4 - width(words))) + " ", "money"))
    left += [(text, role) for text, role in right] if columns < 60 else []
    return line_of(left, columns) if columns < 60 else sides(left, right, columns)
