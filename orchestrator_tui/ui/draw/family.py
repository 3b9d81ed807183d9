"""The tree a session stands in: sub-agents, forks, parts and whom it came from, with statuses and money."""

from __future__ import annotations

from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, amount, fit, line_of, sides
from orchestrator_tui.ui.reading.kin import Kin

WORDS = {"subagent": "sub-agent", "fork": "fork", "split": "part", "escalation": "other model", "iteration": "round"}


def draw_family(kin: list[Kin], columns: int, rows: int) -> list[Line]:
    """The tree's rows; where they do not fit, those around the session."""
    if len(kin) <= 1 or rows < 1:
        return [line_of([(" no relatives: no sub-agent, fork or part", "dim")], columns)][:rows]
    place = next((number for number, one in enumerate(kin) if one.current), 0)
    top = 0
    room = rows if len(kin) <= rows else rows - 1
    if len(kin) > rows:
        # The parent stays in sight where it can; what is below matters more than what is above.
        top = max(0, min(place - min(2, room // 3), len(kin) - room))
    out = [_row(one, columns) for one in kin[top : top + room]]
    if len(kin) > room:
        below, above = len(kin) - top - room, top
        words = ", ".join([f"{above} above"] * bool(above) + [f"{below} below"] * bool(below))
        out.append(line_of([(f" {words}", "dim")], columns))
    return out[:rows]


def _row(one: Kin, columns: int) -> Line:
    bars = "".join("   " if last else "│  " for last in one.lasts[:-1])
    bars += ("└─ " if one.lasts[-1] else "├─ ") if one.lasts else ""
    status = one.status
    name: Run = (one.name, "strong bold" if one.current else "text")
    left: list[Run] = [(" " + bars, "faint"), (GLYPHS[status] + " ", ROLES[status]), name]
    if one.current:
        left.insert(0, ("›", "focus bold"))
        left[1] = (bars, "faint")
    word = WORDS.get(one.relation, "")
    right: list[Run] = [(" " + status.replace("_", " ").ljust(13), ROLES[status])] if columns >= 60 else []
    money = amount(one.spend) if one.spend.requests else ""
    right += [(fit(word, 12), "dim")] if columns >= 50 else []
    right += [(money.rjust(8) + " ", "money")]
    return sides(left, right, columns)
