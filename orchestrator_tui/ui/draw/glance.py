"""The fleet for two metres away: large figures, the one thing that most needs somebody, all sessions as blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct

from orchestrator_tui.fleet.alerts import WASTEFUL
from orchestrator_tui.text import age
from orchestrator_tui.ui.actions import BY_ID
from orchestrator_tui.ui.draw.ageless import ageless
from orchestrator_tui.ui.draw.bigfont import begun, big, broken, columns_of, plain, rows_of
from orchestrator_tui.ui.draw.dotmap import dot_map
from orchestrator_tui.ui.draw.figures import budget_row, counts_row, draw_figures, numbers
from orchestrator_tui.ui.draw.ink import (
    GLYPHS,
    ROLES,
    Line,
    Run,
    amount,
    line_of,
    sides,
    wrapped,
)
from orchestrator_tui.ui.draw.queue import answers
from orchestrator_tui.ui.frame import Cell, Frame

STATES = {"tool_running": "running a tool", "rate_limited": "rate-limited", "waiting": "waits for you"}
FEW = 16
"""Fewer rows than this hold no large figures."""
THIN = 48
"""Fewer columns than this hold no large letters."""
BROAD = 90
"""Fewer columns than this hold no proof in large letters."""
TALL = 44
"""From this many rows on the keys are large, too."""
MOST_KEYS = 3
SCALES = (3, 2, 1)


class Told(Struct, frozen=True):
    """What fills the middle: the one thing, or that there is none."""

    head: tuple[Run, ...]
    right: tuple[Run, ...]
    name: str
    role: str
    evidence: str
    keys: tuple[tuple[str, str], ...]
    """(key, what it does)"""


def one_of(frame: Frame, selected: str | None) -> Cell | None:
    """The session of the queue that is looked at, else its first."""
    return next((cell for cell in frame.queue if cell.id == selected), frame.queue[0] if frame.queue else None)


def draw_glance(
    frame: Frame, columns: int, rows: int, selected: str | None, key_of: Callable[[str], str], marked: int = 0,
    ascii_only: bool = False,
) -> list[Line]:  # fmt: skip
    """Exactly so many rows. Where things stand depends on the size alone: nothing moves when a word changes.

    `key_of` an action gives its key, "" offers none; `marked`: sessions to which a key would go in place of the one.
    """
    inner = columns - 4 if columns >= THIN else columns
    told = _told(frame, one_of(frame, selected), key_of, marked)
    small = rows < FEW or inner < THIN - 4
    unit = 2 if ascii_only else 1
    step = 1 if small else max(1, min(3, rows // 20 // unit))
    lines: list[Line] = []
    if not small:
        lines += [*draw_figures(frame, inner, step, ascii_only), *budget_row(frame, inner), line_of([], inner)]
    else:
        lines += [line_of(counts_row(frame), inner)][: max(0, rows - 4)]
    room = rows - len(lines)
    one = _one(told, inner, room, step, rows >= TALL * unit, ascii_only) if not small else _small(told, inner, room)
    lines += one
    rest = rows - len(lines)
    if rest > 1:
        current = one_of(frame, selected)
        lines += [line_of([], inner), *dot_map(frame, inner, rest - 1, current.id if current else None)]
    lines = [*lines, *(line_of([], inner) for _ in range(rows - len(lines)))][:rows]
    return [((("  ", "text"), *part, ("  ", "text")) if inner < columns else part) for part in lines]


# --- the one thing --------------------------------------------------------------------------------------------


def _told(frame: Frame, cell: Cell | None, key_of: Callable[[str], str], marked: int) -> Told:
    back = key_of("glance") or key_of("back")
    right: tuple[Run, ...] = ((f"  {back}", "key"), (" map", "dim")) if back else ()
    if marked:
        right = (
            (f"  {marked} marked: keys go to them  ", "waiting bold"),
            (key_of("unmark"), "key"),
            (" none", "dim"),
            *right,
        )
    if not frame.watching:
        words = frame.watch_words or "nobody looks"
        head: tuple[Run, ...] = ((f"{GLYPHS['fog']} nobody looks: this is not calm, it is unknown", "waiting bold"),)
        return Told(head, right, words.partition(" since ")[0], "waiting", words + "; orc host starts one", ())
    if cell is None:
        stuck = numbers(frame)[2]
        quiet = f"{stuck} stuck, known or muted" if stuck else "nothing waits, nothing is stuck"
        snoozed = f"  {frame.snoozed} snoozed" if frame.snoozed else ""
        words = "nothing new" if stuck or frame.snoozed else "all is well" if frame.counts else "no session yet"
        head = ((f"{GLYPHS['finished']} nobody needs you: ", "working"), (quiet + snoozed, "dim"))
        return Told(head, right, words, "dim", "", ())
    status, role = cell.status.status, ROLES[cell.status.status]
    title = f"   {cell.name}" if cell.seat and cell.name != cell.seat else ""
    head = (
        (GLYPHS[status] + " ", f"{role} bold"), (STATES.get(status, status), f"{role} bold"),
        (f"  {age(frame.now - cell.status.since)}", "strong bold"),
    )  # fmt: skip
    if status in WASTEFUL and cell.since_progress.requests:
        head = (*head, (f"  {amount(cell.since_progress)}", "money bold"), (" since progress", "dim"))
    alike = frame.alike.get(cell.id, 0)
    if alike:
        head = (*head, (f"  and {alike} alike", "waiting"))
    head = (*head, (title, "dim"))
    if not marked and len(frame.queue) > 1:
        place = next((n for n, one in enumerate(frame.queue, 1) if one.id == cell.id), 1)
        right = (
            (f"  {place} of {len(frame.queue)}  ", "dim"),
            (key_of("next-needs-you"), "key"),
            (" next  ", "dim"),
            *right,
        )
    keys = [(key_of(name), BY_ID[name].label) for name in answers(cell)]
    return Told(
        head,
        right,
        cell.seat or cell.name,
        role,
        ageless(cell.evidence(frame.now)),
        tuple(k for k in keys if k[0])[:MOST_KEYS],
    )


def _one(told: Told, columns: int, rows: int, step: int, tall: bool, ascii_only: bool) -> list[Line]:
    """The one thing in large letters: what it is, where, the proof, the keys."""
    lines = [sides(list(told.head), list(told.right), columns)]
    unit = 2 if ascii_only else 1
    name_rows, keys_rows = rows_of(step, ascii_only), 4 * unit if tall else 1
    if not told.evidence:
        return [*lines, *_letters(told.name, columns, name_rows, f"{told.role} bold", ascii_only, step)][:rows]
    most = 3 if columns < BROAD else 1 + 4 * unit * (2 if step < 3 else 4)
    proof_rows = max(2, min(rows - len(lines) - name_rows - keys_rows - 5, most))
    lines += _letters(told.name, columns, name_rows, f"{told.role} bold", ascii_only, step)
    proof = _letters(told.evidence, columns, proof_rows, "strong", ascii_only, step - 1 or 1)
    lines += [*proof, line_of([], columns)]
    return [*lines, *_keys(told.keys, columns, keys_rows, ascii_only)][:rows]


def _letters(text: str, columns: int, rows: int, role: str, ascii_only: bool, most: int) -> list[Line]:
    """A text in letters as large as it fits whole into these rows.

    Where it does not, its beginning is large and the whole stands below; what cannot be drawn is plain.
    """
    drawn, high = plain(text), rows_of(1, ascii_only)
    lines: list[Line] = []
    if (drawn is not None and columns >= BROAD) or (drawn is not None and rows == high):
        for scale in range(most, 0, -1):
            parts = broken(drawn, columns, rows // rows_of(scale, ascii_only), scale)
            if parts:
                lines = [line_of([(row, role)], columns) for part in parts for row in big(part, scale, ascii_only)]
                break
        if not lines and rows > high:
            parts = begun(drawn, columns, (rows - 1) // high)
            lines = [line_of([(row, role)], columns) for part in parts for row in big(part, 1, ascii_only)]
            lines.append(line_of([(text, "dim")], columns))
    if not lines:
        bold = role if "bold" in role else f"{role} bold"
        lines = [line_of([(part, bold)], columns) for part in wrapped(text, columns, rows)]
    return [*lines, *(line_of([], columns) for _ in range(rows - len(lines)))][:rows]


def _keys(keys: tuple[tuple[str, str], ...], columns: int, rows: int, ascii_only: bool) -> list[Line]:
    """The keys that answer it: large where there is room, else as one row."""
    if rows > 1 and keys and all(plain(key + label) is not None for key, label in keys):
        parts = [(columns_of(key), columns_of(label)) for key, label in keys]
        if sum(key + label + 18 for key, label in parts) <= columns:
            return _large_keys(keys, columns, ascii_only)
    runs: list[Run] = []
    for key, label in keys:
        runs += [(f" {key} ", "key bold reverse"), (f" {label}    ", "text")]
    return [line_of(runs, columns), *(line_of([], columns) for _ in range(rows - 1))]


@lru_cache(64)
def _large_keys(keys: tuple[tuple[str, str], ...], columns: int, ascii_only: bool) -> list[Line]:
    rows: list[list[Run]] = [[] for _ in range(rows_of(1, ascii_only))]
    for key, label in keys:
        for runs, one, two in zip(rows, big(key, 1, ascii_only), big(label, 1, ascii_only), strict=True):
            runs += [(one, "key bold"), (" " * 5, "text"), (two, "dim"), (" " * 12, "text")]
    return [line_of(runs, columns) for runs in rows]


def _small(told: Told, columns: int, rows: int) -> list[Line]:
    """The same in plain letters, for the smallest screens."""
    lines = [
        sides(list(told.head), list(told.right[-2:]), columns),
        line_of([(told.name, f"{told.role} bold")], columns),
    ]
    lines += [line_of([(part, "text")], columns) for part in wrapped(told.evidence, max(1, columns), 2)]
    return [*lines, *_keys(told.keys, columns, 1, False)][: max(0, rows)]
