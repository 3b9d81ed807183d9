"""A session as a card of five rows: name, model and cost, burn, context, and what it is at."""

from __future__ import annotations

from orchestrator_tui.ui.draw.ageless import ageless
from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Run, amount, bar, fit, line_of, short, spark, width
from orchestrator_tui.ui.draw.map.look import CHILD, Look, face_of, size_of
from orchestrator_tui.ui.frame import Cell

SPARK = 8
FULL = 0.8
"""From this share of the context on it is said louder."""


def card(cell: Cell, size: int, look: Look) -> list[list[Run]]:
    """Five rows of so many columns."""
    face = face_of(cell, look)
    back = face.tint
    state = cell.status.status
    begins = CHILD if cell.relation else ""
    name = begins + fit(cell.name, max(0, size - 4 - len(begins) - size_of(face.ends)))
    rows: list[list[Run]] = [[(GLYPHS[state] + " ", face.role), (name, face.name), *face.ends]]
    cost = amount(cell.spend) if cell.spend.requests else ""
    seat = cell.seat if cell.seat != cell.name else ""
    model = cell.model if cell.model != "?" else ""
    about = "  ".join(part for part in (seat, model) if part)
    room = max(0, size - 4 - width(cost))
    money = "money" if cell.tokens_per_minute else "text"
    rows.append([("  ", "text" + back), (fit(fit(about, room - 1), room), "dim" + back), (cost, money + back)])
    curve = spark(cell.spark, SPARK) if face.burns else ""
    doubled = "".join(sign * 2 for sign in curve) if size >= 32 else curve
    pace = face.pace if face.burns or look.overlay is not None else ""
    room = max(0, size - 4 - width(pace))
    rows.append([("  ", "text" + back), (fit(doubled, room), face.role), (pace, face.pace_role)])
    rows.append([("  ", "text" + back), *((text, role + back) for text, role in _context(cell, size - 4))])
    loud = cell.status.severity != "ok"
    tone = ROLES[state] if loud else "dim" if state in ("finished", "fog") else "text"
    rows.append([("  ", "text" + back), (fit(doing(cell, look.now), max(0, size - 4)), tone + back)])
    return [list(line_of([face.edge, *row], size, "text" + back)) for row in rows]


def doing(cell: Cell, now: int) -> str:
    """What it is at: its proof where something is wrong, else what it did last."""
    if cell.status.severity == "ok" and cell.last:
        return cell.last
    # An age in it would repaint the card with each of its steps.
    return ageless(cell.evidence(now))


def _context(cell: Cell, size: int) -> list[Run]:
    """How full its context is."""
    if cell.context is None:
        words = f"{short(cell.context_tokens)} tokens in context" if cell.context_tokens else ""
        return [(fit(words, max(0, size)), "dim")]
    used = f" {cell.context:4.0%}"
    behind = f" {short(cell.context_tokens)}" if cell.context_tokens and size >= 28 else ""
    role = "errored" if cell.context >= 0.95 else "waiting" if cell.context >= FULL else "tool"
    cells = max(2, size - len(used) - len(behind))
    return [*bar(cell.context, cells, role), (used, "text" if cell.context < FULL else role), (behind, "dim")]
