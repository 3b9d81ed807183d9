"""A report as one HTML file: no script, no network, nothing in it is markup but what this module writes."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from orchestrator_tui.fleet.report.saying import LEGEND
from orchestrator_tui.fleet.report.sheet import Curve, Figure, Sheet
from orchestrator_tui.fleet.report.tables import Table
from orchestrator_tui.text import line

WIDE, HIGH = 600, 72
"""Of a curve, in its own units."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
:root { color-scheme: light dark; --bg: #fbfbf9; --text: #23272e; --dim: #5f6774; --line: #dcdfe4; --card: #ffffff;
  --money: #8a5a00; --good: #1d7a46; --bad: #b3261e; --amber: #96650a; --plain: #3b6ea5; }
@media (prefers-color-scheme: dark) { :root { --bg: #14171c; --text: #d7dce3; --dim: #8d96a3; --line: #2b313a;
  --card: #1a1e25; --money: #e2b35c; --good: #67c48e; --bad: #f0857d; --amber: #d9a441; --plain: #7fb0e0; } }
body { background: var(--bg); color: var(--text); font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .25rem; }
p { color: var(--dim); margin: .15rem 0 .6rem; }
.score { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .6rem; margin: 1.2rem 0; }
.score div { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .5rem .75rem; }
.score b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.score span { color: var(--dim); font-size: .82rem; display: block; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: .8rem; }
figure { background: var(--card); border: 1px solid var(--line); border-radius: 6px; margin: 0; padding: .5rem .75rem; }
figcaption { color: var(--dim); font-size: .85rem; display: flex; justify-content: space-between; }
svg { width: 100%; height: 4.5rem; display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { color: var(--dim); font-weight: 500; text-align: left; border-bottom: 1px solid var(--line); }
th, td { padding: .2rem .6rem .2rem 0; vertical-align: top; } td { border-bottom: 1px solid var(--line); }
.right { text-align: right; white-space: nowrap; } .last { width: 40%; overflow-wrap: anywhere; }
.dim { color: var(--dim); } .money { color: var(--money); } .good { color: var(--good); } .bad { color: var(--bad); }
.amber { color: var(--amber); }
"""
FILLS = {"money": "var(--money)", "good": "var(--good)", "bad": "var(--bad)"}


def html(sheet: Sheet) -> str:
    """The whole document."""
    curves = "".join(_curve(curve, sheet) for curve in sheet.curves)
    notes = "".join(f"<li>{_text(note)}</li>" for note in sheet.notes)
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(sheet.title)}</title><style>{STYLE}</style></head><body>\n"
        f"<h1>{_text(sheet.title)}</h1><p>{_text(sheet.period)}</p>\n"
        f'<section class="score">{"".join(map(_figure, sheet.figures))}</section>\n'
        f'<section class="curves">{curves}</section>\n'
        f"<p>{_text(LEGEND)}</p>\n"
        f"{''.join(map(_table, sheet.tables))}"
        + (f"<h2>Not on record</h2><ul>{notes}</ul>\n" if notes else "")
        + "</body></html>\n"
    )


def _text(text: str) -> str:
    """Cleaned of what moves or hides text, then escaped; a bidirectional word stays within its element."""
    return escape(line(text), quote=True)


def _figure(figure: Figure) -> str:
    tone = f' class="{_name(figure.tone)}"' if figure.tone else ""
    value = f"<b{tone}><bdi>{_text(figure.value)}</bdi></b>"
    return f"<div>{_text(figure.label)}{value}<span>{_text(figure.words)}</span></div>"


def _curve(curve: Curve, sheet: Sheet) -> str:
    top = max((*curve.values, *curve.behind, 0.0)) or 1.0
    fill = FILLS.get(curve.tone, "var(--plain)")
    behind = f'<path d="{_path(curve.behind, top)}" fill="{fill}" opacity="0.3"/>' if curve.behind else ""
    return (
        f"<figure><figcaption><span>{_text(curve.title)}</span><span>peak {_text(curve.peak)}</span></figcaption>"
        f'<svg viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" role="img" aria-label="{_text(curve.title)}">'
        f'{behind}<path d="{_path(curve.values, top)}" fill="{fill}"/></svg>'
        f"<figcaption><span>{_text(sheet.begin)}</span><span>{_text(sheet.end)}</span></figcaption></figure>"
    )


def _path(values: Iterable[float], top: float) -> str:
    """Steps from the ground line."""
    points = list(values)
    if not points:
        return ""
    step = WIDE / len(points)
    parts = [f"M0 {HIGH}"]
    for number, value in enumerate(points):
        y = HIGH - HIGH * max(0.0, value) / top
        parts.append(f"L{number * step:.1f} {y:.1f} L{(number + 1) * step:.1f} {y:.1f}")
    return " ".join([*parts, f"L{WIDE} {HIGH} Z"])


def _table(table: Table) -> str:
    head = f"<h2>{_text(table.title)}</h2><p>{_text(table.words)}</p>"
    if not table.rows:
        return f"{head}<p>none</p>\n"
    titles = "".join(f'<th class="{column.side}">{_text(column.title)}</th>' for column in table.columns)
    rows = []
    for number, row in enumerate(table.rows):
        tone = _name(table.tones[number]) if table.tones else ""
        cells = []
        for place, (column, cell) in enumerate(zip(table.columns, row, strict=True)):
            kind = f"{column.side} {tone if place == 0 and tone else _name(column.role)}"
            cells.append(f'<td class="{kind}"><bdi>{_text(cell)}</bdi></td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    more = f"<p>and {table.more} more</p>" if table.more else ""
    return f'{head}<div class="scroll"><table><tr>{titles}</tr>{"".join(rows)}</table></div>{more}\n'


def _name(role: str) -> str:
    """A class of ours."""
    return role if role in ("dim", "money", "good", "bad", "amber") else ""
