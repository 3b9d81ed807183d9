"""The two lines at the top: what the fleet burns, what it has used, how many are in which state."""

from __future__ import annotations

from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES, Line, Run, line_of, short, sides, spark, usd, width
from orchestrator_tui.ui.frame import Frame

ORDER = (
    "waiting", "errored", "dead", "stalled", "looping", "spinning", "rate_limited", "orphaned", "paused",
    "tool_running", "working", "thinking", "finished", "fog",
)  # fmt: skip
WORDS = {"tool_running": "running a tool", "rate_limited": "rate-limited"}


def meters(frame: Frame, columns: int, rows: int) -> list[Line]:
    """The meters; in one row only the burn."""
    lines = [_burn(frame, columns), _counts(frame, columns)]
    return lines[:rows]


def _burn(frame: Frame, columns: int) -> Line:
    left: list[Run] = [(" BURN ", "dim")]
    if frame.usd_per_minute is not None:
        left += [(usd(frame.usd_per_minute), "money bold"), ("/min  ", "dim")]
    left += [(short(frame.tokens_per_minute), "strong bold"), (" tok/min ", "dim")]
    if columns >= 100:
        left += [(spark(frame.spark, 24), "money"), (" ", "text")]
    left += [(f"{frame.output_per_second:.1f}", "strong bold"), (" out/s", "dim")]
    if columns >= 60:
        tokens = frame.spend.tokens
        left += [("   USED ", "dim"), (short(tokens.total), "strong bold"), (" tok ", "dim")]
        left += [(str(frame.spend.requests), "strong"), (" responses", "dim")]
    cost = frame.spend.cost_usd
    if columns >= 90 and cost is not None and frame.spend.cost:
        mark = "≥ " if frame.spend.unpriced else ""
        left += [("   COST ", "dim"), (mark + usd(cost), "money bold")]
    return sides(left, watch(frame), columns)


def watch(frame: Frame) -> list[Run]:
    """Whether somebody looks."""
    if frame.watching:
        return [("  ● ", "working"), ("live ", "dim")]
    return [("  · ", "fog"), (frame.watch_words or "nobody looks", "waiting bold"), (" ", "text")]


def _counts(frame: Frame, columns: int) -> Line:
    there = [name for name in ORDER if frame.counts.get(name)]
    runs: list[Run] = [(" ", "text")]
    if frame.filter:
        runs += [(f"filter: {frame.filter}, {frame.hidden} hidden   ", "waiting")]
    if not there:
        runs += [("no session in the last 24 hours", "dim")]
    used = sum(width(text) for text, _ in runs)
    # With words while they all fit; a row of signs is better than half a row of words.
    wordy = used + sum(6 + len(str(frame.counts[name])) + len(WORDS.get(name, name)) for name in there) <= columns
    for name in there:
        runs += [(GLYPHS[name], ROLES[name]), (f" {frame.counts[name]}", "strong bold")]
        runs += [(f" {WORDS.get(name, name)}   " if wordy else "  ", "dim")]
    return line_of(runs, columns)
