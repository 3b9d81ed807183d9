"""The two lines at the top: what the fleet burns, what it has spent of what, how many are in which state."""

from __future__ import annotations

from orchestrator_tui.fleet.budget import Level
from orchestrator_tui.fleet.orders import MAX_ENDED
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.ink import (
    GLYPHS,
    ROLES,
    Line,
    Run,
    bar,
    dollars,
    line_of,
    local_time,
    short,
    sides,
    spark,
    usd,
    width,
)
from orchestrator_tui.ui.frame import Frame

ORDER = (
    "waiting", "errored", "dead", "stalled", "looping", "spinning", "rate_limited", "orphaned", "paused",
    "tool_running", "working", "thinking", "finished", "fog",
)  # fmt: skip
WORDS = {"tool_running": "running a tool", "rate_limited": "rate-limited"}
USED = {"ok": "working", "amber": "waiting", "red": "errored"}
"""How a budget's bar looks by how full it is."""
NARROW = 26
DAY = 24 * 3600 * 1_000_000_000


def meters(frame: Frame, columns: int, rows: int) -> list[Line]:
    """The meters; in one row only the money."""
    lines = [_money(frame, columns), _counts(frame, columns)]
    return lines[:rows]


def _money(frame: Frame, columns: int) -> Line:
    """As many of the meters as fit, the most important first, each at its own place."""
    # On the narrowest screens the burn matters more than the word beside the light.
    right = watch(frame)[: 1 if frame.watching and columns < NARROW else None]
    room = columns - sum(width(text) for text, _ in right)
    parts: list[tuple[int, list[Run]]] = [
        (0, _burn(frame)),
        (5, [(spark(frame.spark, 16), "money"), (" ", "text")] if any(frame.spark) else []),
        (3, [(short(frame.tokens_per_minute), "strong bold"), (" tok/min  ", "dim")]),
        (7, [(f"{frame.output_per_second:.1f}", "strong"), (" out/s  ", "dim")]),
        (1, _today(frame)),
        (4, _bar(frame)),
        (2, lasts(frame)),
        (6, _week(frame)),
        (2, quota(frame)),
        (2, waste(frame)),
        (6, decisions(frame)),
    ]
    chosen: set[int] = set()
    for place in sorted(range(len(parts)), key=lambda index: parts[index][0]):
        size = sum(width(text) for text, _ in parts[place][1])
        if size <= room:
            chosen.add(place)
            room -= size
    left = [run for place, (_, runs) in enumerate(parts) if place in chosen for run in runs]
    return sides([(" ", "text"), *left], right, columns)


def _burn(frame: Frame) -> list[Run]:
    runs: list[Run] = [("BURN ", "dim")]
    if frame.usd_per_minute is not None:
        mark = "≥" if frame.unpriced_burn else ""
        runs += [(mark + usd(frame.usd_per_minute), "money bold"), ("/min ", "dim")]
    elif frame.unpriced_burn:
        runs += [("?", "money bold"), ("/min ", "dim")]
    else:
        runs += [("$0.00", "dim"), ("/min ", "dim")]
    return runs


def _today(frame: Frame) -> list[Run]:
    spend = frame.money.today
    runs: list[Run] = [(" TODAY ", "dim"), *dollars(spend)]
    if frame.day is not None:
        runs.append((f" of {usd(frame.day.limit / 1e9)}", "dim"))
    if spend.unpriced:
        runs.append((f" {spend.unpriced} unpriced", "waiting"))
    return [*runs, (" ", "text")]


def _bar(frame: Frame) -> list[Run]:
    used = frame.day
    if used is None:
        return []
    role = "waiting" if used.unpriced and used.severity == "ok" else USED[used.severity]
    return [*bar(used.share, 12, role), (f" {'≥' if used.unpriced else ''}{used.share:.0%} ", role)]


def lasts(frame: Frame) -> list[Run]:
    """Until when the day's budget lasts at this rate."""
    used, ends = frame.day, frame.day_ends
    if used is not None and used.severity == "red":
        return [("spent ", "errored bold")]
    if ends is None:
        return []
    if not ends.alarm:
        return [("lasts the day ", "dim")]
    return [("lasts to ", "dim"), (local_time(ends.at), "waiting bold"), (" ", "text")]


def _week(frame: Frame) -> list[Run]:
    week = frame.money.week
    if week.requests == frame.money.today.requests:
        return []
    return [(" WEEK ", "dim"), *dollars(week), (" ", "text")]


def quota(frame: Frame) -> list[Run]:
    """How much of a subscription is used, and until when it counts."""
    if not frame.quotas:
        return []
    left = frame.quotas[0]
    role = "errored" if left.used_percent >= 100 else "waiting" if left.used_percent >= 80 else "strong"
    about = "≈" if left.estimated else ""
    window = left.label or left.name
    runs: list[Run] = [(" QUOTA ", "dim"), (line(f"{left.client} {window} ", 30), "dim")]
    runs.append((f"{about}{left.used_percent:.0f}%", role))
    if left.resets_at is not None:
        runs.append((f" to {local_time(left.resets_at, frame.now)}", "dim"))
    if left.empty_at is not None and left.empty_at > frame.now:
        runs.append((f", gone {local_time(left.empty_at, frame.now)}", "waiting"))
    return [*runs, (" ", "text")]


def waste(frame: Frame) -> list[Run]:
    """What was spent for nothing, and how much that is of all."""
    if not frame.wasted:
        return []
    runs: list[Run] = [(" WASTE ", "dim"), (usd(frame.wasted / 1e9), "spinning bold")]
    if frame.spend.cost and not frame.spend.unpriced:
        runs.append((f" {frame.wasted / frame.spend.cost:.0%}", "dim"))
    return [*runs, (" ", "text")]


def decisions(frame: Frame) -> list[Run]:
    """How many commands were given within the hour; from as many on as the fold holds it is a lower bound."""
    if not frame.decided:
        return []
    least = "≥" if frame.decided >= MAX_ENDED else ""
    return [(" DECISIONS ", "dim"), (f"{least}{frame.decided}", "strong bold"), ("/h ", "dim")]


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
    total = [(f"{short(frame.spend.tokens.total)} tokens  {frame.spend.requests} responses ", "dim")]
    if sum(width(text) for text, _ in (*runs, *total)) <= columns:
        return sides(runs, total, columns)
    return line_of(_whole(runs, columns), columns)


def _whole(runs: list[Run], columns: int) -> list[Run]:
    """As many counts as fit whole, each of a sign, a number and a gap: half a number is another number."""
    if sum(width(text) for text, _ in runs) - 2 <= columns:
        return runs
    while len(runs) > 4 and sum(width(text) for text, _ in runs) + 1 > columns:
        runs = runs[:-3]
    return [*runs, ("…", "dim")]


def budget_runs(used: Level | None, cells: int) -> list[Run]:
    """A budget as a bar with its words; nothing without one."""
    if used is None:
        return []
    # What has no price may be anything: such a bar is never green.
    role = "waiting" if used.unpriced and used.severity == "ok" else USED[used.severity]
    mark = "≥" if used.unpriced else ""
    words = f" {mark}{usd(used.spent / 1e9)} of {usd(used.limit / 1e9)}"
    return [*bar(used.share, cells, role), (words, "text"), (f"  {mark}{used.share:.0%}", role)]


def price_words(spend: Spend, listed: bool = False) -> str:
    """What is to be known of a figure: how exact it is, and what it stands for."""
    if not spend.requests:
        return ""
    state = spend.cost_state
    if spend.is_local:
        return "runs here"
    words = {
        "partial": f"at least: {spend.unpriced} unpriced",
        "unpriced": "no price known",
        "estimated": f"{spend.estimated} estimated",
    }.get(state, state)
    return f"{words}, API list price" if listed and state != "unpriced" else words
