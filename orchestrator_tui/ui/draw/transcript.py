"""A transcript's entries as lines: words whole, tool calls folded to a line, everything else in one."""

from __future__ import annotations

import re

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.fleet.status import subject
from orchestrator_tui.text import age, clean, line
from orchestrator_tui.ui.draw.account import decision_runs
from orchestrator_tui.ui.draw.gantt import lasted, seconds_of
from orchestrator_tui.ui.draw.ink import GLYPHS, Line, Run, fit, line_of, short, sides, usd, width
from orchestrator_tui.ui.draw.transcript_words import marked, rows_of
from orchestrator_tui.ui.reading.entries import Entry, amount, arguments, told, whole

CLOCK = 9
"""Columns of the time."""
INDENT = CLOCK + 2
DETAIL = INDENT + 2
"""Columns before what is unfolded."""
Pattern = re.Pattern[str] | None


def lay(entry: Entry, columns: int, now: int, unfolded: bool, pattern: Pattern = None) -> list[Line]:
    """One entry's lines of exactly so many columns."""
    lines: list[Line] = []
    if entry.day:
        lines.append(_day(entry.day, columns))
    return lines + _body(entry, columns, now, unfolded, pattern)


def _body(entry: Entry, columns: int, now: int, unfolded: bool, pattern: Pattern) -> list[Line]:
    body = entry.body
    if isinstance(body, ev.UserMessage):
        return _person(entry, body, columns, pattern)
    if isinstance(body, ev.AssistantMessage):
        return _words(entry, ("● ", "working"), whole(body.text), "dim" if body.replayed else "text", columns, pattern)
    if isinstance(body, ev.AssistantThinking):
        return _thinking(entry, body, columns, unfolded, pattern)
    if isinstance(body, ev.ToolCall):
        return _call(entry, body, columns, now, unfolded, pattern)
    if isinstance(body, ev.ToolResult):
        return _result(entry, body, columns, unfolded, pattern)
    if isinstance(body, Decision):
        return _command(entry, body, columns, unfolded)
    return _note(entry, columns, pattern)


def ruled(row: Line, chosen: bool, proves: bool) -> Line:
    """A line with its edge: the chosen entry has a bar and another ground, what proves a finding a bar of its own."""
    edge: Run = ("▌", "focus" if chosen else "waiting") if chosen or proves else (" ", "text")
    if not chosen:
        return (edge, *row)
    return (
        (edge[0], f"{edge[1]} on surface"),
        *((t, role if " on " in role else f"{role} on surface") for t, role in row),
    )


# --- words ------------------------------------------------------------------------------------------------


def _person(entry: Entry, body: ev.UserMessage, columns: int, pattern: Pattern) -> list[Line]:
    if body.interrupt:
        return [_one(entry, (GLYPHS["paused"] + " ", "waiting"), "stopped by the person", "waiting", columns, pattern)]
    if body.synthetic or body.local:
        word = "a machine's" if body.synthetic else "the client's own command"
        rows = rows_of(whole(body.text), columns - INDENT)
        first = f"{word}: {rows[0]}" + (f"   … {len(rows) - 1} more rows" if len(rows) > 1 else "")
        return [_one(entry, ("› ", "dim"), first, "dim", columns, pattern)]
    return _words(entry, ("› ", "key bold"), whole(body.text), "dim" if body.replayed else "strong", columns, pattern)


def _words(entry: Entry, sign: Run, text: str, role: str, columns: int, pattern: Pattern) -> list[Line]:
    out: list[Line] = []
    for number, row in enumerate(rows_of(text, columns - INDENT - 1)):
        head: list[Run] = [_clock(entry), sign] if not number else [(" " * INDENT, "text")]
        out.append(line_of([*head, *_text(row, role, pattern)], columns))
    return out


def _thinking(entry: Entry, body: ev.AssistantThinking, columns: int, unfolded: bool, pattern: Pattern) -> list[Line]:
    text, sign = whole(body.text), ("◌ ", "thinking")
    if not text:
        return [_one(entry, sign, "thinking, not shown by the client", "dim", columns, pattern)]
    if unfolded:
        return _words(entry, sign, text, "dim", columns, pattern)
    return [_one(entry, sign, line(text, columns), "dim", columns, pattern)]


# --- tools ------------------------------------------------------------------------------------------------


def _call(entry: Entry, body: ev.ToolCall, columns: int, now: int, unfolded: bool, pattern: Pattern) -> list[Line]:
    what = line(subject(body.arguments.text), columns)
    tool = line(body.tool, 40)
    left: list[Run] = [_clock(entry), ("▶ ", "tool"), *marked(tool, "strong", pattern), (" ", "text")]
    left += marked(what, "text", pattern)
    result = entry.result.body if entry.result is not None else None
    out = [sides(left, _ending(entry, body, now, columns), columns)]
    if isinstance(result, ev.ToolResult) and not result.ok and not unfolded:
        # A failure says why without being asked.
        out.append(_hint(line(_last_row(result), columns), "errored", columns, pattern))
    if not unfolded:
        return out
    out += _detail(arguments(body.arguments), "dim", columns, pattern)
    if isinstance(result, ev.ToolResult):
        out += _output(result, columns, pattern)
    return out


def _ending(entry: Entry, body: ev.ToolCall, now: int, columns: int) -> list[Run]:
    """How long it took, how it went, how much it told."""
    if entry.result is None:
        if entry.runs:
            return [(f"  runs {age(now - entry.at)} ", "tool bold")]
        return [("  no result yet " if not body.background else "  in the background ", "dim")]
    result = entry.result.body
    if not isinstance(result, ev.ToolResult):
        return []
    word = ("  ok ", "working") if result.ok else ("  failed ", "errored bold")
    size: list[Run] = [(f"{short(result.output.length):>6} ch ", "dim")] if columns >= 60 else []
    return [word, (f"{lasted(entry.result.at - entry.at):>6} ", "dim"), *size]


def _result(entry: Entry, body: ev.ToolResult, columns: int, unfolded: bool, pattern: Pattern) -> list[Line]:
    """A result whose call is not in sight."""
    word = ("ok ", "working") if body.ok else ("failed ", "errored bold")
    left = [_clock(entry), ("  ", "text"), ("result of an earlier call  ", "dim"), word]
    out = [line_of([*left, (line(_last_row(body), columns), "dim")], columns)]
    return out + _output(body, columns, pattern) if unfolded else out


def _output(result: ev.ToolResult, columns: int, pattern: Pattern) -> list[Line]:
    text = whole(result.output)
    if not result.output.length:
        return [_hint("no output", "faint", columns, None)]
    if not text:
        return [_hint(f"{amount(result.output.length)}, not kept", "dim", columns, None)]
    rule = line_of([(" " * DETAIL, "text"), ("─" * max(0, columns - DETAIL - 1), "faint")], columns)
    return [rule, *_detail(text, "text" if result.ok else "errored", columns, pattern)]


def _last_row(result: ev.ToolResult) -> str:
    rows = [row for row in (result.output.tail or result.output.text).strip().split("\n") if row.strip()]
    return rows[-1].strip() if rows else ""


def _detail(text: str, role: str, columns: int, pattern: Pattern) -> list[Line]:
    return [
        line_of([(" " * (DETAIL - 2), "text"), ("│ ", "faint"), *_text(row, role, pattern)], columns)
        for row in rows_of(text, columns - DETAIL - 1)
    ]


def _hint(text: str, role: str, columns: int, pattern: Pattern) -> Line:
    return line_of([(" " * (DETAIL - 2), "text"), ("└ ", "faint"), *marked(text, role, pattern)], columns)


# --- what happened besides --------------------------------------------------------------------------------


def _command(entry: Entry, one: Decision, columns: int, unfolded: bool) -> list[Line]:
    out = [line_of([_clock(entry), ("« ", "key bold"), *decision_runs(one)], columns)]
    if one.why:
        out.append(_hint(f"because {line(one.why, 400)}", "text", columns, None))
    if unfolded and one.moment is not None and one.moment.evidence:
        words = f"{(one.moment.status or '').replace('_', ' ')}: {line(one.moment.evidence, 400)}"
        out += _detail(words, "dim", columns, None)
    return out


def _note(entry: Entry, columns: int, pattern: Pattern) -> list[Line]:
    body = entry.body
    if isinstance(body, ev.CompactStarted):
        return [_rule(entry, "the context is being summarised", columns)]
    if isinstance(body, ev.CompactEnded):
        sizes = (
            f": {short(body.pre_tokens)} to {short(body.post_tokens)} tokens"
            if body.pre_tokens and body.post_tokens
            else ""
        )
        return [_rule(entry, f"the context was summarised{sizes}", columns)]
    if isinstance(body, ev.ApiError):
        again = f", again in {body.retry_in:.0f}s" if body.retry_in is not None else ", given up" if body.final else ""
        tries = f" (try {body.attempt} of {body.max_attempts or '?'})" if body.attempt else ""
        text = f"{told(body)}{tries}{again}"
        return _words(entry, (GLYPHS["errored"] + " ", "errored"), text, "errored", columns, pattern)
    sign, text, role = _noted(body)
    return [_one(entry, sign, text, role, columns, pattern)]


def _noted(body: object) -> tuple[Run, str, str]:
    """(sign, words, role) of what takes one line."""
    dot: Run = ("· ", "dim")
    if isinstance(body, ev.PermissionAsked):
        return ("◆ ", "waiting"), f"asks for leave: {body.tool} {subject(body.what.text)}", "waiting"
    if isinstance(body, ev.PermissionAnswered):
        word = {"gone": "is not asked any more"}.get(body.decision, body.decision)
        return ("◆ ", "text"), f"the request was {word}" if body.decision != "gone" else f"it {word}", "text"
    if isinstance(body, ev.AlertRaised):
        return ("▲ ", "errored" if body.severity == "red" else "waiting"), told(body).replace("_", " "), "text"
    if isinstance(body, ev.Acknowledged):
        return dot, f"a person said that it is no trouble{': ' + body.reason if body.reason else ''}", "dim"
    if isinstance(body, ev.Snoozed):
        return dot, f"snoozed to {seconds_of(body.until)}" if body.until else "not snoozed any more", "dim"
    if isinstance(body, ev.Hook):
        return dot, f"hook {told(body)}", "dim"
    if isinstance(body, ev.Check):
        score = f", score {body.score:g}" if body.score is not None else ""
        role = "working" if body.ok else "errored"
        return (GLYPHS["finished" if body.ok else "errored"] + " ", role), f"check {body.name}{score}", role
    if isinstance(body, ev.SessionEnded):
        role = "errored" if body.is_error else "finished"
        return (GLYPHS["finished" if not body.is_error else "errored"] + " ", role), f"ended: {told(body)}", role
    if isinstance(body, ev.ProcessGone):
        return ("† ", "dead"), f"process {body.pid} gone{': ' + body.reason if body.reason else ''}", "dead"
    if isinstance(body, ev.BudgetSet):
        return dot, f"may cost {usd(body.usd)}" if body.usd is not None else "no budget of its own any more", "text"
    if isinstance(body, ev.ModelRequested):
        return dot, f"another model was asked for: {body.model}{' because ' + body.note if body.note else ''}", "text"
    if isinstance(body, ev.SplitMade):
        return dot, f"its work was given to {len(body.children)} sessions", "text"
    if isinstance(body, ev.Adopted):
        return dot, "runs under orc from here on", "dim"
    if isinstance(body, ev.Unparsed):
        return ("? ", "dim"), f"a line that could not be read: {body.reason}", "dim"
    return dot, "something that this version of orc does not know", "faint"


# --- parts ------------------------------------------------------------------------------------------------


def _clock(entry: Entry) -> Run:
    return f"{seconds_of(entry.at)} ", "dim"


def _one(entry: Entry, sign: Run, text: str, role: str, columns: int, pattern: Pattern) -> Line:
    room = max(4, columns - INDENT - 1)
    return line_of([_clock(entry), sign, *marked(fit(line(text, 4 * room), room).rstrip(), role, pattern)], columns)


def _rule(entry: Entry, words: str, columns: int) -> Line:
    text = f" {words} "
    left = max(0, columns - INDENT - width(text) - 1)
    return line_of([_clock(entry), ("≈ ", "limited"), (words + " ", "limited"), ("─" * left, "faint")], columns)


def _day(day: str, columns: int) -> Line:
    text = f" {day} "
    left = max(0, (columns - width(text)) // 2)
    return line_of(
        [("─" * left, "faint"), (text, "dim"), ("─" * max(0, columns - left - width(text)), "faint")], columns
    )


def _text(row: str, role: str, pattern: Pattern) -> list[Run]:
    """A row of text; what was left out of it stands out."""
    cut = row.startswith("… ") and row.rstrip(" …").endswith("more")
    return marked(clean(row), "key" if cut else role, pattern)
