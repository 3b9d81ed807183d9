"""A report as Markdown: plain tables, and every character that means something to Markdown escaped."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator_tui.export.plain import escaped
from orchestrator_tui.fleet.report.saying import LEGEND
from orchestrator_tui.fleet.report.sheet import Curve, Sheet
from orchestrator_tui.fleet.report.tables import Table

SPARKS = " ▁▂▃▄▅▆▇█"
WIDE = 60


def markdown(sheet: Sheet) -> str:
    """The whole document; ends with a line feed."""
    out = [f"# {escaped(sheet.title)}", "", escaped(sheet.period), "", "| | | |", "|---|---:|---|"]
    out += [_row((f.label, f.value, f.words)) for f in sheet.figures]
    out += ["", escaped(LEGEND), ""]
    if sheet.curves:
        out += [f"From {escaped(sheet.begin)} to {escaped(sheet.end)}:", "", "| | | peak |", "|---|---|---:|"]
        out += [f"| {escaped(c.title)} | `{spark(c)}` | {escaped(c.peak)} |" for c in sheet.curves]
        out.append("")
    for table in sheet.tables:
        out += _table(table)
    if sheet.notes:
        out += ["## Not on record", "", *(f"- {escaped(note)}" for note in sheet.notes), ""]
    return "\n".join(out).rstrip() + "\n"


def _table(table: Table) -> Iterable[str]:
    yield f"## {escaped(table.title)}"
    yield ""
    if table.words:
        yield escaped(table.words)
        yield ""
    if not table.rows:
        yield "none"
        yield ""
        return
    yield _row([column.title for column in table.columns])
    yield "|" + "|".join("---:" if column.side == "right" else "---" for column in table.columns) + "|"
    yield from map(_row, table.rows)
    if table.more:
        yield ""
        yield f"and {table.more} more"
    yield ""


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(escaped(cell) or " " for cell in cells) + " |"


def spark(curve: Curve) -> str:
    """A curve of eighths, at most `WIDE` characters: neighbours are added up."""
    values = curve.values
    size = -(-len(values) // WIDE) or 1
    sums = [sum(values[i : i + size]) for i in range(0, len(values), size)]
    top = max(sums, default=0.0)
    if top <= 0:
        return "-"
    return "".join(SPARKS[min(8, -(-int(value * 8000 / top) // 1000))] for value in sums).replace(" ", "·")
