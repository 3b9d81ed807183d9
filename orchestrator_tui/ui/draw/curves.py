"""Curves over time: burn as columns, context as a filled line; the ends of both axes are labelled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator_tui.clock import MINUTE
from orchestrator_tui.ui.draw.gantt import LABEL, axis, words_of
from orchestrator_tui.ui.draw.ink import SPARKS, Line, Run, fit, line_of, short, usd
from orchestrator_tui.ui.reading.lately import Scale, Use


def per_column(uses: Iterable[Use], scale: Scale) -> list[int]:
    """Nano-dollars that fall into each column."""
    sums = [0] * scale.columns
    for use in uses:
        place = scale.place(use.at)
        if 0 <= place < scale.columns:
            sums[place] += use.cost
    return [max(0, value) for value in sums]


def carried(points: Iterable[tuple[int, int]], scale: Scale, now: int) -> list[int]:
    """The value that holds in each column: its last one, else the one before; 0 before the first and after now."""
    out = [-1] * scale.columns
    before = 0
    for at, value in points:
        place = scale.place(at)
        if place < 0:
            before = value
        elif place < scale.columns:
            out[place] = value
    last = min(scale.columns - 1, scale.place(now))
    for place in range(scale.columns):
        if out[place] >= 0:
            before = out[place]
        out[place] = before if place <= last else 0
    return out


def draw_burn(uses: Iterable[Use], scale: Scale, now: int, columns: int, rows: int, rate: float | None) -> list[Line]:
    """Dollars per minute; the top of the axis is the highest column. `rate`: now."""
    values = per_column(uses, scale)
    top = max(values)
    if not top:
        return [line_of([(" nothing with a price lately", "dim")], columns)][:rows]
    high = usd(top / 1e9 / (scale.step / MINUTE)) + "/min"
    words: list[Run] = [(f"{usd(rate)}/min", "money")] if rate is not None else [("$0.00/min", "dim")]
    return _plot(values, top, high, "$0", "money", words, scale, now, columns, rows)


def draw_context(
    points: Sequence[tuple[int, int]], window: int | None, scale: Scale, now: int, columns: int, rows: int
) -> list[Line]:
    """Tokens in the context window; the top of the axis is the window, where it is known."""
    values = carried(points, scale, now)
    most = max(values)
    if not most:
        return [line_of([(" not known yet", "dim")], columns)][:rows]
    top = max(window or 0, most)
    used = points[-1][1] if points else 0
    words: list[Run] = [(f"{short(used)}", "text")]
    if window:
        share = used / window
        role = "errored" if share >= 0.9 else "waiting" if share >= 0.8 else "tool"
        words = [(f"{short(used)} {share:.0%}", role)]
    high = short(top) if window else f"{short(top)} peak"
    return _plot(values, top, high, "0", "tool", words, scale, now, columns, rows)


def _plot(
    values: list[int], top: int, high: str, low: str, role: str, words: list[Run],
    scale: Scale, now: int, columns: int, rows: int,
) -> list[Line]:  # fmt: skip
    """Columns of eighths, the axis of time below."""
    height = max(1, rows - 1)
    eighths = [min(height * 8, -(-value * height * 8 // top)) if value > 0 else 0 for value in values]
    out: list[Line] = []
    for row in range(height):
        floor = (height - 1 - row) * 8
        text = "".join(SPARKS[max(0, min(8, value - floor))] for value in eighths)
        label = [(" " * LABEL, "text")]
        if row == 0:
            label = [(" " + fit(high.rjust(LABEL - 2), LABEL - 2) + " ", "dim")]
        elif row == height - 1:
            label = [(low.rjust(LABEL - 1) + " ", "dim")]
        right: list[Run] = [(" ", "text"), *words] if row == 0 and words_of(columns) else []
        out.append(line_of([*label, (text, role), *right], columns))
    return [*out, axis(scale, now, columns)][:rows]
