"""One of two sessions that stand side by side: its figures above, its transcript as it grew below."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from orchestrator_tui.fleet.session import Session
from orchestrator_tui.ui.draw.curves import draw_burn, draw_context
from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, amount, bar, count_of, line_of, short, sides, usd
from orchestrator_tui.ui.frame import Cell
from orchestrator_tui.ui.reading.lately import Scale, Use

HIGH, MIDDLE, LOW = 30, 18, 8
"""Rows from which the curves have all their rows, from which they are there at all, and figures rows of their own."""
BAR = 16


class Figures(Struct, frozen=True):
    """What is told of one of them at this time."""

    session: Session | None
    """None: it is not in the fleet."""
    cell: Cell | None
    """None: it is not on the map."""
    uses: Sequence[Use]
    context: Sequence[tuple[int, int]]
    scale: Scale
    """The same for both."""
    now: int


def draw_figures(told: Figures, columns: int, rows: int) -> list[Line]:
    """Status, money, context, and the curves of both where there is room; `rows` are those of the whole panel."""
    session, low = told.session, rows < LOW
    lines = [_status(told, columns, low)]
    if session is not None and not low:
        lines += [_money(session, told.cell, columns), _context(session, columns)]
    if session is not None and rows >= MIDDLE:
        high = 4 if rows >= HIGH else 3
        rate = told.cell.usd_per_minute if told.cell is not None else None
        # One axis of time for both curves, under the lower one.
        burn = draw_burn(told.uses, told.scale, told.now, columns, high, rate)
        lines += burn[: high - 1] if len(burn) == high else burn
        lines += draw_context(told.context, session.window, told.scale, told.now, columns, high)
    if rows >= 6:
        lines.append(line_of([("─" * columns, "border")], columns))
    return lines[: max(0, rows - 1)]


def _status(told: Figures, columns: int, low: bool) -> Line:
    """`low`: there is no row of their own for money and context."""
    cell, session = told.cell, told.session
    if cell is None:
        words = "had not begun" if told.session is None else "not on the map at this time"
        return line_of([(f" {words}", "dim")], columns)
    role = ROLES[cell.status.status]
    word = cell.status.status.replace("_", " ")
    runs: list[Run] = [(f" {GLYPHS[cell.status.status]} {word}", role), (f"  {cell.evidence(told.now)}", "text")]
    if not low or session is None:
        return line_of(runs, columns)
    used, window = session.context_tokens, session.window
    share = f"{used / window:.0%}" if used is not None and window else short(used) if used is not None else "?"
    right: list[Run] = [(f"  {amount(session.spend)}", "money bold"), (f"  ctx {share} ", "dim")]
    return sides(runs, right, columns)


def _money(session: Session, cell: Cell | None, columns: int) -> Line:
    spend = session.spend
    rate = cell.usd_per_minute if cell is not None else None
    runs: list[Run] = [(" ", "text"), (amount(spend), "money bold")]
    if rate is not None:
        runs += [("  ", "text"), (usd(rate), "money"), ("/min", "dim")]
    runs += [("  ", "text"), (short(spend.tokens.total), "strong"), (" tokens", "dim")]
    runs.append((f"  {count_of(spend.requests, 'response')}  {count_of(session.turns, 'turn')}", "dim"))
    return line_of(runs, columns)


def _context(session: Session, columns: int) -> Line:
    used, window = session.context_tokens, session.window
    if used is None:
        return line_of([(" context ?", "dim")], columns)
    if not window:
        return line_of([(" context ", "dim"), (short(used), "strong"), (" of ?", "dim")], columns)
    share = min(1.0, used / window)
    role = "errored" if share >= 0.9 else "waiting" if share >= 0.8 else "tool"
    words = f" {short(used)} of {short(window)}  {share:.0%}"
    return line_of([(" context ", "dim"), *bar(share, BAR, role), (words, "text")], columns)
