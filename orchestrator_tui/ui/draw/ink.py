"""What drawing is made of: runs of text in a role, lines of runs, and frames around them.

A role is a name of the palette, with attributes after it (`waiting bold`) and a background after `on`
(`text on amber`): the theme turns it into colours, so that a change of theme needs no new drawing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from orchestrator_tui.fleet.tokens import Spend

Run = tuple[str, str]
"""(text, role)"""
Line = tuple[Run, ...]

GLYPHS = {
    "working": "●", "tool_running": "▶", "thinking": "◌", "waiting": "◆", "rate_limited": "◔", "looping": "∞",
    "spinning": "≋", "stalled": "■", "errored": "╳", "dead": "†", "orphaned": "◇", "paused": "║", "finished": "√",
    "fog": "·",
}  # fmt: skip
ROLES = {
    "working": "working", "tool_running": "tool", "thinking": "thinking", "waiting": "waiting",
    "rate_limited": "limited", "looping": "looping", "spinning": "spinning", "stalled": "stalled",
    "errored": "errored", "dead": "dead", "orphaned": "dead", "paused": "paused", "finished": "finished", "fog": "fog",
}  # fmt: skip
PATIENT = frozenset({"waiting", "rate_limited"})
"""What waits for a person or a clock: it is tinted as soon, not as broken."""
SPARKS = " ▁▂▃▄▅▆▇█"


def tint(status: str, severity: str) -> str:
    """The background that says how much a session is in trouble; "" when it is not."""
    if severity == "ok":
        return ""
    return " on amber" if severity == "amber" or status in PATIENT else " on red"


@lru_cache(16_384)
def width(text: str) -> int:
    """Cells that a text takes; what is drawn comes again and again."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, cells: int) -> str:
    """The text in exactly so many cells, cut with an ellipsis or filled with spaces."""
    if cells <= 0:
        return ""
    have = width(text)
    if have > cells:
        # A wide character may end one cell short of the cut.
        text = set_cell_size(text, cells - 1).rstrip() + "…"
        have = width(text)
    return text + " " * (cells - have)


def fit_seat(text: str, cells: int) -> str:
    """A seat in exactly so many cells: what is cut is the project, never the number that tells seats apart."""
    head, slash, number = text.rpartition("/")
    end = slash + number
    if width(text) <= cells or not head or width(end) > min(6, cells - 3):
        return fit(text, cells)
    return fit(head, cells - width(end)) + end


def wrapped(text: str, cells: int, rows: int) -> list[str]:
    """The text in at most `rows` lines of at most so many cells, broken between words where it can be."""
    lines: list[str] = []
    rest = text.strip()
    while rest and len(lines) < rows:
        if width(rest) <= cells:
            lines.append(rest)
            return lines
        part = set_cell_size(rest, cells).rstrip()
        space = part.rfind(" ")
        if rest[len(part) : len(part) + 1] != " " and space > cells // 2:
            part = part[:space]
        lines.append(part.rstrip())
        rest = rest[len(part) :].strip()
    if rest and lines:
        lines[-1] = fit(lines[-1] + " " + rest, cells).rstrip()
    return lines


def line_of(runs: list[Run], cells: int, fill: str = "text") -> Line:
    """Runs as one line of exactly so many cells; what does not fit is cut with an ellipsis."""
    out: list[Run] = []
    left = cells
    for text, role in runs:
        if left <= 0:
            break
        size = width(text)
        if size > left:
            out.append((fit(text, left), role))
            left = 0
        elif size:
            out.append((text, role))
            left -= size
    if left > 0:
        out.append((" " * left, fill))
    return tuple(out)


def fitted(runs: list[Run], cells: int) -> list[Run]:
    """Runs in at most so many cells, cut with an ellipsis, and not filled."""
    return runs if sum(width(text) for text, _ in runs) <= cells else list(line_of(runs, cells))


def sides(left: list[Run], right: list[Run], cells: int, fill: str = "text") -> Line:
    """Runs at both ends of a line; the left ones give way."""
    size = sum(width(text) for text, _ in right)
    if size >= cells:
        return line_of(right, cells, fill)
    return (*line_of(left, cells - size, fill), *right)


def spark(values: tuple[int, ...], columns: int) -> str:
    """A curve of eighths, its highest value the full height; quiet is empty."""
    if not values or not columns:
        return " " * columns
    shown = values[-columns:]
    top = max(shown)
    if not top:
        return " " * columns
    text = "".join(SPARKS[-(-value * 8 // top)] for value in shown)
    return text.rjust(columns)


def framed(
    lines: list[Line],
    columns: int,
    rows: int,
    title: list[Run],
    right: list[Run],
    role: str,
    foot: list[Run] | None = None,
) -> list[Line]:
    """Lines inside a rounded frame with a title, filled to size; `foot` stands in its lower edge where it fits."""
    inner = columns - 2
    if inner < 1 or rows < 2:
        return [line_of([], columns) for _ in range(rows)]
    head: list[Run] = [("╭─ ", role), *title, (" ", role)] if title else [("╭", role)]
    tail: list[Run] = [(" ", role), *right, (" ─╮", role)] if right else [("╮", role)]
    used = sum(width(text) for text, _ in (*head, *tail))
    if used > columns:
        tail = [("╮", role)]
    used = sum(width(text) for text, _ in (*head, *tail))
    if used > columns:
        head = list(line_of(head, columns - 1, role))
        top: Line = (*head, *tail)
    else:
        top = (*head, ("─" * (columns - used), role), *tail)
    body = [(("│", role), *part, ("│", role)) for part in lines[: rows - 2]]
    blank: Line = (("│", role), (" " * inner, "text"), ("│", role))
    body += [blank] * (rows - 2 - len(body))
    legend = [("╰─ ", role), *(foot or [])]
    used = sum(width(text) for text, _ in legend)
    if foot and used < columns:
        return [top, *body, (*legend, ("─" * (columns - used - 1) + "╯", role))]
    return [top, *body, (("╰" + "─" * inner + "╯", role),)]


def short(count: float) -> str:
    """A count in at most five characters: `812`, `14.2k`, `3.1M`."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            value = count / size
            return f"{value:.1f}{unit}" if value < 100 else f"{value:.0f}{unit}"
    return f"{count:.0f}"


def count_of(count: int, word: str) -> str:
    """`1 turn`, `2 turns`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def usd(value: float) -> str:
    """Dollars, cents as far as they matter."""
    return f"${value:.2f}" if value < 1000 else f"${value:,.0f}"


def dollars(spend: Spend) -> list[Run]:
    """What something cost, its state visible: `$1.84`, `~$1.84` estimated, `≥$1.84` partial, `?` unpriced, `local`."""
    return [(amount(spend), "money bold" if spend.requests else "dim")]


def amount(spend: Spend) -> str:
    """The same as text."""
    if spend.is_local:
        return "local"
    cost = spend.cost_usd
    if cost is None:
        return "?"
    return {"partial": "≥", "estimated": "~"}.get(spend.cost_state, "") + usd(cost)


def bar(share: float, cells: int, role: str) -> list[Run]:
    """How full something is."""
    full = min(cells, max(0, round(share * cells)))
    return [("━" * full, role), ("─" * (cells - full), "faint")]


def local_time(ns: int, now: int | None = None) -> str:
    """The wall clock of this machine, hours and minutes; with the day where it is not within a day of `now`."""
    moment = datetime.fromtimestamp(ns / 1e9, UTC).astimezone()
    far = now is not None and abs(ns - now) >= 20 * 3600 * 1_000_000_000
    return moment.strftime("%a %H:%M" if far else "%H:%M")
