"""The tool timeline: a row per tool, its calls as bars over time, and what runs now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from orchestrator_tui.clock import MINUTE, SECOND
from orchestrator_tui.text import age, line
from orchestrator_tui.ui.draw.ink import GLYPHS, Line, Run, fit, line_of, local_time, width
from orchestrator_tui.ui.reading.lately import Scale, Span

LABEL = 15
"""Columns of the names, and of the figures at an axis."""
WORDS = 18
"""Columns of the words at the right."""


def bars_of(columns: int) -> int:
    """Columns that are left for time, in the timeline and in curves alike."""
    return max(1, columns - LABEL - words_of(columns) - 1)


def words_of(columns: int) -> int:
    """Columns of the words at the right; none where it is narrow."""
    return WORDS if columns >= 60 else 12 if columns >= 40 else 0


def draw_gantt(
    spans: Iterable[Span], running: frozenset[str], scale: Scale, now: int, columns: int, rows: int
) -> list[Line]:
    """Rows of tools and the axis of time below. `running`: the ids of the calls that are open now."""
    tools: dict[str, list[Span]] = {}
    for span in spans:
        if (span.end or span.start) >= scale.start or span.call_id in running:
            tools.setdefault(span.tool, []).append(span)
    if not tools or rows < 2:
        return [line_of([(" no tool was called lately", "dim")], columns)][:rows]
    names = list(tools)
    room = rows - 1
    hidden: list[str] = []
    if len(names) > room:
        lately = sorted(names, key=lambda name: tools[name][-1].start, reverse=True)
        kept = set(lately[: max(1, room - 1)])
        hidden = [name for name in names if name not in kept]
        names = [name for name in names if name in kept]
    out = [_row(name, tools[name], running, scale, now, columns) for name in names]
    if hidden and len(out) < room:
        count = sum(len(tools[name]) for name in hidden)
        words = f" {len(hidden)} more tools, {count} calls"
        out.append(line_of([(words, "dim")], columns))
    return [*out, axis(scale, now, columns)]


def _row(name: str, spans: list[Span], running: frozenset[str], scale: Scale, now: int, columns: int) -> Line:
    marks = [0] * scale.columns
    """0 nothing, 1 a call, 2 it failed, 3 it runs."""
    runs = False
    for span in spans:
        open_now = span.end is None and span.call_id in running
        runs = runs or open_now
        end = now if open_now else span.end if span.end is not None else span.start
        low, high = max(0, scale.place(span.start)), min(scale.columns - 1, scale.place(end))
        for place in range(low, high + 1):
            marks[place] = max(marks[place], 1)
        if not span.ok and high >= 0:
            marks[high] = 2
        if open_now and high >= 0:
            marks[high] = 3
    parts: list[Run] = []
    looks: tuple[Run, ...] = (
        ("─", "faint"), ("━", "tool"), (GLYPHS["errored"], "errored"), (GLYPHS["tool_running"], "tool bold"),
    )  # fmt: skip
    for mark in marks:
        sign, role = looks[mark]
        if parts and parts[-1][1] == role:
            parts[-1] = (parts[-1][0] + sign, role)
        else:
            parts.append((sign, role))
    label: Run = (" " + fit(line(name, 40), LABEL - 2) + " ", "strong" if runs else "text")
    return line_of([label, *parts, (" ", "text"), *_words(spans, runs, now, words_of(columns))], columns)


def _words(spans: list[Span], runs: bool, now: int, cells: int) -> list[Run]:
    if not cells:
        return []
    newest = spans[-1]
    failed = sum(not span.ok for span in spans)
    taken = sum(max(0, span.end - span.start) for span in spans if span.end is not None)
    head = f"{len(spans)}×"
    if runs:
        word = "runs " if cells >= WORDS else ""
        return [(f"{head:>5} ", "dim"), (f"{word}{age(now - newest.start)}", "tool")]
    parts: list[Run] = [(f"{head:>5} ", "dim")]
    if cells >= WORDS:
        parts.append((f"{lasted(taken):<6}", "dim"))
    if failed:
        parts.append((f" {failed} fail" if cells >= WORDS else f"{failed} fail"[:6], "errored"))
    return parts


def axis(scale: Scale, now: int, columns: int) -> Line:
    """The two ends of the time that is shown."""
    left, right = clock(scale.start, scale.step, now), "now" if scale.end > now else clock(scale.end, scale.step, now)
    gap = scale.columns - width(left) - width(right)
    if gap < 1:
        return line_of([(" " * LABEL, "text"), (left, "dim")], columns)
    middle = f" {lasted(scale.end - scale.start)} "
    if gap <= len(middle) + 4:
        return line_of([(" " * LABEL, "text"), (left, "dim"), (" " * gap, "text"), (right, "dim")], columns)
    before = (gap - len(middle)) // 2
    after = gap - len(middle) - before
    dots: list[Run] = [("·" * before, "faint"), (middle, "dim"), ("·" * after, "faint")]
    return line_of([(" " * LABEL, "text"), (left, "dim"), *dots, (right, "dim")], columns)


def clock(at: int, step: int, now: int) -> str:
    """A time as precise as a column is."""
    return seconds_of(at) if step < MINUTE else local_time(at, now)


def seconds_of(at: int) -> str:
    """The wall clock of this machine, with seconds."""
    return datetime.fromtimestamp(at / 1e9, UTC).astimezone().strftime("%H:%M:%S")


def lasted(duration: int) -> str:
    """How long something took: `0.4s`, `12s`, `3m10s`."""
    if duration < 10 * SECOND:
        return f"{max(0, duration) / SECOND:.1f}s"
    return age(duration)
