"""The after-action report as a score page: figures, curves, tables; the same sheet as Markdown and HTML show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator_tui.fleet.report.saying import LEGEND
from orchestrator_tui.fleet.report.sheet import Curve, Figure, Sheet
from orchestrator_tui.fleet.report.tables import Table
from orchestrator_tui.ui.draw.ink import SPARKS, Line, Run, fit, framed, line_of, sides, width, wrapped

WIDE = 130
"""Columns from which figures and curves stand side by side."""
CELL = 54
"""Columns of a table that stands beside others."""
FIRST = 22
"""Columns that the names of a narrow table take at least, so that tables below each other are in line."""
LEAST = 12
"""Columns that the widest column of a table keeps; below, another column goes first."""
GAP = 2
BESIDE = 24
"""Columns below which the words of a figure stand below it."""
ROLES = {"good": "working", "bad": "errored", "amber": "waiting", "money": "money", "dim": "dim", "": "text"}
STILL = "working it out ..."


def draw_report(
    sheet: Sheet | None,
    words: str,
    page: Sequence[Line],
    top: int,
    columns: int,
    rows: int,
    key_of: Callable[[str], str],
) -> list[Line]:
    """The page from line `top` on, in a frame; `words` instead where there is no sheet yet."""
    title: list[Run] = [("after-action report" if columns >= 48 else "report", "strong")]
    keys: list[Run] = []
    for names, does in ((("left", "right"), "period"), (("report",), "anew"), (("back",), "back")):
        shown = " ".join(key for key in map(key_of, names) if key)
        keys += [(shown, "key"), (f" {does}{'' if does == 'back' else '  '}", "dim")] if shown else []
    if sheet is None:
        body = [line_of([(" ", "text"), (part, "dim")], max(1, columns - 2)) for part in wrapped(words, columns - 4, 9)]
        return framed(body, columns, rows, title, keys, "border")
    title += [(f"  {words}", "dim")]
    # Where not all keys fit, the way back is the last to go.
    room = columns - 7 - sum(width(text) for text, _ in title)
    while len(keys) > 2 and sum(width(text) for text, _ in keys) + 1 > room:
        keys = keys[2:]
    inside = max(1, rows - 2)
    last = min(len(page), top + inside)
    foot: list[Run] = [(f"lines {top + 1}-{last} of {len(page)}", "dim"), (" ", "border")]
    return framed(list(page[top:last]), columns, rows, title, keys, "border", foot if len(page) > inside else None)


def page_of(sheet: Sheet, columns: int) -> list[Line]:
    """The whole page in lines of so many columns; made once for a sheet and a width."""
    if columns < 8:
        return []
    inner = columns - 2
    head = [line_of([(part, "dim")], inner) for part in wrapped(f"{sheet.period} (UTC)", inner, 2)]
    head.append(line_of([], inner))
    if columns >= WIDE:
        left = min(96, inner * 11 // 20)
        figures, curves = _figures(sheet.figures, left), _curves(sheet, inner - left - 4)
        body = _beside([figures, curves], [left, inner - left - 4], 4)
    else:
        body = [*_figures(sheet.figures, inner), line_of([], inner), *_curves(sheet, inner)]
    body = [*head, *body, line_of([], inner), *_tables(sheet.tables, inner)]
    body += [line_of([(part, "dim")], inner) for part in wrapped(LEGEND, inner, 4)]
    for note in sheet.notes:
        body += [line_of([(part, "dim")], inner) for part in wrapped(f"not on record: {note}", inner, 4)]
    return [line_of([(" ", "text"), *part], columns) for part in body]


# --- figures and curves --------------------------------------------------------------------------------------------


def _figures(figures: Sequence[Figure], columns: int) -> list[Line]:
    """One to a line: what, how much, and what it rests on; words that do not fit go on below."""
    label = min(max((width(f.label) for f in figures), default=0), columns // 3)
    value = min(max((width(f.value) for f in figures), default=0), columns // 3)
    room = columns - label - value - 2 * GAP
    lines: list[Line] = []
    for figure in figures:
        beside = room >= BESIDE
        parts = wrapped(figure.words, room, 3) if beside else []
        shown = fit(" " * (value - width(figure.value)) + figure.value, value)
        head: list[Run] = [(fit(figure.label, label), "dim"), (" " * GAP, "text")]
        head += [(shown, f"{ROLES[figure.tone]} bold"), (" " * GAP, "text")]
        lines.append(line_of([*head, (parts[0] if parts else "", "dim")], columns))
        pad = " " * (label + value + 2 * GAP if beside else GAP)
        if not beside and columns > 2 * GAP:
            parts = ["", *wrapped(figure.words, columns - GAP, 3)]
        lines += [line_of([(pad, "text"), (part, "dim")], columns) for part in parts[1:]]
    return lines


def _curves(sheet: Sheet, columns: int) -> list[Line]:
    if columns < 10:
        return []
    lines: list[Line] = []
    for curve in sheet.curves:
        lines += curve_lines(curve, columns, 3)
    if lines:
        lines.append(sides([(sheet.begin, "dim")], [(sheet.end, "dim")], columns))
    return lines


def curve_lines(curve: Curve, columns: int, rows: int) -> list[Line]:
    """A title with the peak, and the curve below it."""
    lines = [sides([(curve.title, "dim")], [(f"peak {curve.peak}", "dim")], columns)]
    top = max((*curve.values, *curve.behind, 0.0))
    front, behind = stretched(curve.values, columns), stretched(curve.behind, columns)
    role = ROLES[curve.tone] if curve.tone else "tool"
    for row in range(rows - 1, -1, -1):
        runs: list[Run] = []
        for at in range(columns):
            text, here = _eighth(front, at, row, rows, top), role
            if text == " " and behind:
                text, here = _eighth(behind, at, row, rows, top), "faint"
            if text == " " and row == 0:
                text, here = "▁", "faint"
            if runs and runs[-1][1] == here:
                runs[-1] = (runs[-1][0] + text, here)
            else:
                runs.append((text, here))
        lines.append(line_of(runs, columns))
    return lines


def _eighth(values: Sequence[float], at: int, row: int, rows: int, top: float) -> str:
    if top <= 0 or at >= len(values):
        return " "
    level = -(-int(values[at] * rows * 8 * 1000 / top) // 1000) - row * 8
    return SPARKS[max(0, min(8, level))]


def stretched(values: Sequence[float], columns: int) -> list[float]:
    """So many columns: the highest of neighbours where there are fewer, the same again where there are more."""
    count = len(values)
    if not count:
        return []
    out = []
    for at in range(columns):
        first = at * count // columns
        out.append(max(values[first : max(first + 1, (at + 1) * count // columns)]))
    return out


# --- tables --------------------------------------------------------------------------------------------------------


def _tables(tables: Sequence[Table], columns: int) -> list[Line]:
    """Narrow ones side by side where there is room, wide ones below each other."""
    abreast = max(1, min(3, (columns + 4) // (CELL + 4)))
    lines: list[Line] = []
    beside: list[Table] = []
    for table in tables:
        if table.narrow:
            beside.append(table)
            continue
        lines += _rows_of(beside, columns, abreast)
        beside = []
        lines += [*table_lines(table, columns), line_of([], columns)]
    return lines + _rows_of(beside, columns, abreast)


def _rows_of(tables: Sequence[Table], columns: int, abreast: int) -> list[Line]:
    lines: list[Line] = []
    size = (columns - 4 * (abreast - 1)) // abreast
    for start in range(0, len(tables), abreast):
        part = [table_lines(table, size) for table in tables[start : start + abreast]]
        lines += [line_of(list(line), columns) for line in _beside(part, [size] * len(part), 4)]
        lines.append(line_of([], columns))
    return lines


def _beside(parts: Sequence[Sequence[Line]], sizes: Sequence[int], gap: int) -> list[Line]:
    """Blocks of lines next to each other."""
    out: list[Line] = []
    for row in range(max((len(part) for part in parts), default=0)):
        runs: list[Run] = []
        for number, (part, size) in enumerate(zip(parts, sizes, strict=True)):
            runs += [(" " * gap, "text")] if number else []
            runs += part[row] if row < len(part) else line_of([], size)
        out.append(tuple(runs))
    return out


def columns_for(table: Table, columns: int) -> list[int]:
    """Which columns of a table are shown in so much room: the least needed go first."""
    shown = list(range(len(table.columns)))
    while len(shown) > 1:
        sizes = [_natural(table, at) for at in shown]
        flexible = [size for at, size in zip(shown, sizes, strict=True) if table.columns[at].side == "last"]
        need = sum(sizes) - sum(flexible) + sum(min(size, LEAST) for size in flexible) + GAP * (len(shown) - 1)
        least = max(shown, key=lambda at: table.columns[at].rank)
        if need <= columns or not table.columns[least].rank:
            break
        shown.remove(least)
    return shown


def _natural(table: Table, at: int) -> int:
    return max(width(table.columns[at].title), *(width(row[at]) for row in table.rows), 0)


def table_lines(table: Table, columns: int) -> list[Line]:
    """Title, what it rests on, head and rows in exactly so many columns."""
    lines = [line_of([(table.title, "strong bold")], columns)]
    if table.words and not table.narrow:
        lines += [line_of([(part, "dim")], columns) for part in wrapped(table.words, columns, 3)]
    if not table.rows:
        return [*lines, line_of([("none", "dim")], columns)]
    shown = columns_for(table, columns)
    sizes = [_natural(table, at) for at in shown]
    spare = columns - sum(sizes) - GAP * (len(shown) - 1)
    for place, at in enumerate(shown):
        if table.columns[at].side == "last":
            # What is wider than its text only tears name and figures apart.
            wanted = max(sizes[place], FIRST if table.narrow else 0)
            sizes[place] = max(1, min(wanted, sizes[place] + spare))
    lines.append(_row(table, shown, sizes, [table.columns[at].title for at in shown], "", columns, "dim"))
    for number, row in enumerate(table.rows):
        tone = table.tones[number] if table.tones else ""
        lines.append(_row(table, shown, sizes, [row[at] for at in shown], tone, columns, ""))
    if table.more:
        lines.append(line_of([(f"and {table.more} more, in orc report --json", "dim")], columns))
    return lines


def _row(
    table: Table, shown: Sequence[int], sizes: Sequence[int], cells: Sequence[str], tone: str, columns: int, role: str
) -> Line:
    runs: list[Run] = []
    for place, (at, size, cell) in enumerate(zip(shown, sizes, cells, strict=True)):
        column = table.columns[at]
        pad = max(0, size - width(cell)) if column.side == "right" else 0
        here = role or (ROLES[tone] if place == 0 and tone else column.role)
        runs += [(" " * GAP, "text")] if place else []
        runs.append((fit(" " * pad + cell, size), here))
    return line_of(runs, columns)
