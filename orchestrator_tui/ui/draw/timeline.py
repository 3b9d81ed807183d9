"""The timeline of a look back: burn, what called for somebody, marks, hours, and where one is."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from orchestrator_tui.clock import DAY, HOUR, MINUTE, SECOND
from orchestrator_tui.fleet.moments import Column, Mark, statuses_in
from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, SPARKS, Line, Run, fit, framed, line_of, sides, width

LABEL = 14
"""Columns of the names at the left, where there is room for them."""
NARROW = 100
TICKS = (
    MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR,
    12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY,
)  # fmt: skip
GRAVE = ("dead", "errored", "stalled", "looping", "spinning", "waiting", "orphaned", "rate_limited", "paused")
"""Which status a column shows that has several, the first first."""
Cells = list[tuple[str, str]]
"""One character and its role per column."""


class Timeline(Struct):
    """What is drawn."""

    columns: list[Column]
    start: int
    step: int
    """Nanoseconds of a column."""
    at: int
    """Where one is."""
    end: int
    """Up to when there is anything: the present."""
    speed: int = 1
    playing: bool = False
    skips: bool = False
    loop: tuple[int, ...] = ()
    """Where the stretch that is played again and again begins, and ends."""
    words: str = ""
    """What is said, cleaned."""
    keys: tuple[tuple[str, str], ...] = ()
    """(key, word) for the upper edge."""


def label_cells(columns: int) -> int:
    """Columns of the names at the left."""
    return LABEL if columns >= NARROW else 2


def strip_cells(columns: int) -> int:
    """Columns of time in a panel of this width."""
    return max(1, columns - 2 - label_cells(columns) - 1)


def draw_timeline(view: Timeline, columns: int, rows: int) -> list[Line]:
    """The panel. Four rows carry the least of it; more show more statuses, and a higher curve."""
    inner = columns - 2
    if inner < 12 or rows < 3:
        return [line_of([(" REPLAY ", "waiting bold reverse"), (f" {moment(view.at)}", "strong")], columns)][:rows]
    height, labels = rows - 2, label_cells(columns)
    axis = 1 if height >= 4 else 0
    marks = 1 if height >= 2 else 0
    bands = max(1, min(height - axis - marks - 1, 1 + (height - 4) // 2)) if height >= 3 else 0
    burn = height - axis - marks - bands
    names = [name for name in statuses_in(view.columns) if name in GLYPHS]
    body: list[tuple[list[Run], Cells]] = []
    body += [(_name("burn" if not row else "", "", labels), cells) for row, cells in enumerate(_burn(view, burn))]
    own = names[: bands - 1] if bands and len(names) > 1 else []
    if bands:
        body.append((_name("needs you", "◆", labels), _worst(view)))
    for name in own:
        body.append((_name(name.replace("_", " "), GLYPHS[name], labels), _one(view, name)))
    # Rows that no status needs make the curve higher.
    spare = bands - 1 - len(own)
    if bands and spare > 0:
        body[:burn] = [
            (_name("burn" if not row else "", "", labels), cells) for row, cells in enumerate(_burn(view, burn + spare))
        ]
    if marks:
        body.append((_name("marks", "", labels), _marks(view)))
    lines = [line_of([*name, *_runs(_cursor(view, cells))], inner) for name, cells in body]
    if axis:
        lines.append(line_of([(" " * labels, "text"), *_axis(view)], inner))
    foot = [(f"{view.words} ", "waiting")] if view.words else []
    return framed(lines, columns, rows, _title(view), _keys(view, columns), "waiting", foot)


def moment(ns: int) -> str:
    """A time as the timeline says it: `fri 20 nov 14:02:58`."""
    return datetime.fromtimestamp(ns // SECOND, UTC).astimezone().strftime("%a %d %b  %H:%M:%S").lower()


def stamped(line: Line, columns: int) -> Line:
    """A line, nine columns short, with the word REPLAY at its right end."""
    badge: list[Run] = [(" REPLAY ", "waiting bold reverse")]
    if columns < 12:
        return line_of(badge, columns)
    return sides(list(line), badge, columns)


def _title(view: Timeline) -> list[Run]:
    how = f"×{view.speed}" if view.playing else f"paused ×{view.speed}"
    runs: list[Run] = [
        (" REPLAY ", "waiting bold reverse"), (f"  {moment(view.at)}", "strong bold"),
        (f"  {'▶' if view.playing else '║'} {how}", "key" if view.playing else "text"),
    ]  # fmt: skip
    if view.loop:
        runs.append(("  loop" if len(view.loop) == 2 else "  loop from here", "key"))
    if view.skips:
        runs.append(("  skips idle", "dim"))
    return runs


def _keys(view: Timeline, columns: int) -> list[Run]:
    """As many as fit beside the title."""
    room = columns - sum(width(text) for text, _ in _title(view)) - 12
    runs: list[Run] = []
    for key, word in reversed(view.keys):
        size = width(key) + width(word) + 3
        if size > room:
            break
        room -= size
        runs = [(key, "key"), (f" {word}", "dim"), *([("  ", "dim")] if runs else []), *runs]
    return runs


def _name(word: str, sign: str, cells: int) -> list[Run]:
    text = f" {sign} {word}" if sign else f" {word}"
    if cells < LABEL:
        text = f"{sign or ' '}"
    return [(fit(text, cells), "dim")]


def _burn(view: Timeline, rows: int) -> list[Cells]:
    """The curve, `rows` high: money, or tokens where nothing has a price."""
    values = [column.cost for column in view.columns]
    if not any(values):
        values = [column.tokens for column in view.columns]
    top = max(values, default=0)
    lines: list[Cells] = []
    for row in range(rows):
        below = (rows - 1 - row) * 8
        cells: Cells = []
        for value in values:
            eighths = -(-value * rows * 8 // top) if top and value > 0 else 0
            part = max(0, min(8, eighths - below))
            cells.append((SPARKS[part], "money"))
        lines.append(cells)
    return lines


def _worst(view: Timeline) -> Cells:
    """The gravest status that was told in each column; a sign at the beginning of each stretch."""
    cells: Cells = []
    before = ""
    for column in view.columns:
        status = next((name for name in GRAVE if name in column.open), next(iter(column.open), ""))
        if column.start >= view.end:
            cells.append((" ", "text"))
        elif status:
            cells.append((GLYPHS.get(status, "!") if status != before else "━", ROLES.get(status, "waiting")))
        elif not column.counted and not column.events:
            cells.append(("·", "faint"))
        elif not column.watched:
            cells.append(("░", "fog"))
        else:
            cells.append(("─", "working" if column.events else "faint"))
        before = status
    return cells


def _one(view: Timeline, status: str) -> Cells:
    """How many alerts of one status were open: a digit where they change, a line between."""
    cells: Cells = []
    before = 0
    for column in view.columns:
        count = column.open.get(status, 0) if column.start < view.end else 0
        sign = " " if not count else "━" if count == before else str(count) if count < 10 else "+"
        cells.append((sign, ROLES.get(status, "waiting")))
        before = count
    return cells


def _marks(view: Timeline) -> Cells:
    return [_sign(column.mark) if column.mark is not None else (" ", "text") for column in view.columns]


def _sign(mark: Mark) -> tuple[str, str]:
    if mark.kind == "command":
        return mark.sign, "key bold"
    if mark.kind == "check":
        return ("√", "working") if mark.sign == "ok" else ("╳", "errored")
    if mark.kind == "budget":
        return "$", "money bold"
    if mark.kind == "death":
        return GLYPHS["dead"], ROLES["dead"]
    return GLYPHS.get(mark.sign, "!"), ROLES.get(mark.sign, "waiting")


def _cursor(view: Timeline, cells: Cells) -> Cells:
    """What comes after the time shown is pale; that time is a bar through all rows, the loop's ends are brackets."""
    here = (view.at - view.start) // view.step
    out: Cells = [(sign, role if index <= here else "faint") for index, (sign, role) in enumerate(cells)]
    for number, at in enumerate(view.loop):
        index = (at - view.start) // view.step
        if 0 <= index < len(out):
            out[index] = ("]" if number else "[", "key bold")
    if 0 <= here < len(out):
        out[here] = ("┃", "strong bold")
    return out


def _runs(cells: Cells) -> list[Run]:
    runs: list[Run] = []
    for sign, role in cells:
        if runs and runs[-1][1] == role:
            runs[-1] = (runs[-1][0] + sign, role)
        else:
            runs.append((sign, role))
    return runs


def _axis(view: Timeline) -> list[Run]:
    """Times of day below the columns they belong to."""
    count = len(view.columns)
    span = count * view.step
    tick = next((tick for tick in TICKS if tick * count >= 9 * span), TICKS[-1])
    # Ticks stand on whole hours of this machine's time.
    offset = datetime.fromtimestamp(view.start // SECOND, UTC).astimezone().utcoffset()
    shift = int(offset.total_seconds()) * SECOND if offset is not None else 0
    text = ""
    at = -(-(view.start + shift) // tick) * tick - shift
    while at < view.start + span:
        index = (at - view.start) // view.step
        form = "%a %d" if tick >= DAY else "%H:%M"
        word = datetime.fromtimestamp(at // SECOND, UTC).astimezone().strftime(form).lower()
        if index >= len(text) and index + len(word) <= count:
            text += " " * (index - len(text)) + word
        at += tick
    return [(text, "dim")]
