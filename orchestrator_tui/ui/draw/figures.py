"""Large figures: how many need somebody, work, are stuck, what the fleet burns and has spent."""

from __future__ import annotations

from msgspec import Struct

from orchestrator_tui.ui.draw import meters
from orchestrator_tui.ui.draw.bigfont import big, columns_of, rows_of
from orchestrator_tui.ui.draw.ink import GLYPHS, Line, Run, bar, dollars, line_of, sides, spark, usd, width
from orchestrator_tui.ui.frame import Frame

WORKING = ("working", "tool_running", "thinking")
STUCK = ("looping", "spinning", "stalled", "errored", "dead", "orphaned")


class Figure(Struct, frozen=True):
    """A number with its label."""

    label: str
    sign: str
    text: str
    role: str
    widest: str
    """What its place is kept free for."""


def draw_figures(frame: Frame, columns: int, scale: int, ascii_only: bool) -> list[Line]:
    """Labels, and figures below them; the last give way where not all fit."""
    figures = list(_all(frame))
    while True:
        sizes = [max(columns_of(f.widest, scale), columns_of(f.text, scale), width(f.label) + 4) for f in figures]
        if sum(sizes) + 3 * scale * (len(figures) - 1) <= columns or (scale == 1 and len(figures) == 1):
            break
        if scale > 1 and len(figures) <= 4:
            scale -= 1
            figures = list(_all(frame))
        else:
            figures.pop()
    gap = " " * min(16, (columns - sum(sizes)) // max(1, len(figures) - 1)) if len(figures) > 1 else ""
    labels: list[Run] = []
    rows: list[list[Run]] = [[] for _ in range(rows_of(scale, ascii_only))]
    for place, (figure, size) in enumerate(zip(figures, sizes, strict=True), 1):
        label: list[Run] = [(f"{figure.sign} " if figure.sign else "", figure.role), (figure.label, "dim")]
        apart = gap if place < len(figures) else ""
        labels += [*label, (" " * (size - sum(width(text) for text, _ in label)) + apart, "text")]
        for runs, part in zip(rows, big(figure.text, scale, ascii_only), strict=True):
            runs += [(part, f"{figure.role} bold"), (" " * (size - len(part)) + apart, "text")]
    return [line_of(labels, columns), *(line_of(runs, columns) for runs in rows)]


def _all(frame: Frame) -> list[Figure]:
    need, working, stuck = numbers(frame)
    seen = frame.watching
    burn, today = frame.usd_per_minute, frame.money.today
    rate = _dollars(burn) if burn is not None else "?" if frame.unpriced_burn else "$0"
    cost = today.cost_usd if not today.is_local else 0.0
    state = {"partial": " ≥", "estimated": " ~"}.get(today.cost_state, "") if today.requests else ""
    wants = "waiting" if need or not seen else "dim"
    return [
        Figure("need you", GLYPHS["waiting"], _count(need) if seen else "?", wants, "00"),
        Figure("at work", GLYPHS["working"], _count(working) if seen else "?", "working" if seen else "fog", "00"),
        Figure("stuck", GLYPHS["stalled"], _count(stuck) if seen else "?", "errored" if stuck else "dim", "00"),
        Figure(f"burn per minute{' ≥' if burn is not None and frame.unpriced_burn else ''}", "", rate,
               "money" if burn or frame.unpriced_burn else "dim", "$0.00"),
        Figure(f"today{state}", "", "?" if cost is None else _dollars(cost), "money", "$000"),
    ]  # fmt: skip


def numbers(frame: Frame) -> tuple[int, int, int]:
    """How many need somebody, work, are stuck."""
    counts = frame.counts
    need = len(frame.queue) + sum(frame.alike.values())
    return need, sum(counts.get(name, 0) for name in WORKING), sum(counts.get(name, 0) for name in STUCK)


def _count(count: int) -> str:
    return str(count) if count < 1000 else f"{count / 1000:.1f}k" if count < 10_000 else f"{count // 1000}k"


def _dollars(value: float) -> str:
    return usd(value) if value < 10 else f"${value:,.0f}" if value < 10_000 else f"${value / 1000:,.0f}k"


def counts_row(frame: Frame) -> list[Run]:
    """The same in one row."""
    need, working, stuck = numbers(frame)
    runs: list[Run] = [(f"{GLYPHS['waiting']} {need} ", "waiting bold" if need else "dim")]
    runs += [(f"{GLYPHS['working']} {working if frame.watching else '?'} ", "working")]
    runs += [(f"{GLYPHS['stalled']} {stuck} ", "errored bold" if stuck else "dim")]
    burn = frame.usd_per_minute
    return [*runs, (f"{usd(burn)}/min" if burn is not None else "", "money bold")]


def budget_row(frame: Frame, columns: int) -> list[Line]:
    """The day's budget as a bar, and what else a meter would say: burn's curve, quota, waste."""
    used = frame.day
    words: list[Run] = []
    if used is not None:
        words += [
            (f"{'≥' if used.unpriced else ''}{used.share:.0%}", "strong bold"),
            (f" of {usd(used.limit / 1e9)} today  ", "dim"),
        ]
        words += meters.lasts(frame)
    more = [*meters.waste(frame), *meters.quota(frame)]
    curve = spark(frame.spark, 24)
    if any(frame.spark) and columns >= 100:
        more = [(f"{curve}  ", "money"), *more]
    right = more if sum(width(text) for text, _ in (*words, *more)) + 16 <= columns else []
    if used is None:
        today = frame.money.today
        spent: list[Run] = [*dollars(today), (" today", "dim")] if today.requests else []
        return [sides(spent, right, columns)]
    role = "waiting" if used.unpriced and used.severity == "ok" else meters.USED[used.severity]
    left = columns - sum(width(text) for text, _ in (*words, *right)) - 3
    return [line_of([*bar(used.share, max(0, left), role), ("  ", "text"), *words, *right], columns)]
