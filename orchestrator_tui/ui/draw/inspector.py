"""One session: goal, model, tokens, context, tree, the evidence, and the last turns as they happen."""

from __future__ import annotations

from msgspec import Struct

from orchestrator_tui import events as ev
from orchestrator_tui.clock import iso
from orchestrator_tui.fleet.rungs import same_model
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import subject
from orchestrator_tui.fleet.trust import proof_words, trust_of
from orchestrator_tui.fleet.worktree import changes_words
from orchestrator_tui.text import age, line
from orchestrator_tui.ui.draw.ink import (
    GLYPHS,
    ROLES,
    Line,
    Run,
    bar,
    count_of,
    dollars,
    line_of,
    short,
    sides,
    usd,
    wrapped,
)
from orchestrator_tui.ui.draw.meters import budget_runs, price_words
from orchestrator_tui.ui.frame import Details

BAR = 24
LEAST_TURNS = 4
"""Rows of the transcript that the keys leave."""


class Beside(Struct, frozen=True):
    """What the inspector says of commands."""

    asked: tuple[Line, ...] = ()
    """The permission that is asked for."""
    orders: tuple[Line, ...] = ()
    """What was commanded last."""
    keys: tuple[Line, ...] = ()
    """What each sensible key would do and cost."""


NOTHING = Beside()


def draw_inspector(details: Details | None, now: int, columns: int, rows: int, beside: Beside = NOTHING) -> list[Line]:
    """The inspector's lines; what is oldest among the turns gives way."""
    if details is None:
        return [line_of([(" nothing selected: arrows move, . jumps to who needs you", "dim")], columns)]
    title, *rest = _head(details, now, columns)
    # What it asks stands first: it is what one answers.
    head = [title, *beside.asked, *beside.orders, *rest]
    room = rows - len(head) - 1
    keys: list[Line] = []
    if beside.keys and room >= len(beside.keys) + LEAST_TURNS:
        keys = [line_of([("─" * columns, "border")], columns), *beside.keys]
        room -= len(keys)
    if room <= 0:
        return head[:rows]
    # From the newest back, and no further than what is seen.
    turns: list[Line] = []
    for event in reversed(details.events):
        turns[:0] = _turn(event, columns)
        if len(turns) >= room:
            break
    blank = [line_of([], columns)] * (room - len(turns[-room:])) if keys else []
    return [*head, line_of([("─" * columns, "border")], columns), *turns[-room:], *blank, *keys]


def _head(details: Details, now: int, columns: int) -> list[Line]:
    cell, session = details.cell, details.session
    status = cell.status.at(now)
    role = ROLES[status.status]
    lines = [
        line_of([(" " + GLYPHS[status.status] + " ", role), (cell.name, "strong bold")], columns),
    ]
    # The proof is what one acts on: it is shown whole, as far as three lines go.
    word = status.status.replace("_", " ")
    proof = wrapped(f"{word}  {line(status.evidence, 240)}", max(8, columns - 4), 3)
    for number, text in enumerate(proof):
        runs: list[Run] = [(text[: len(word)], role), (text[len(word) :], "text")] if not number else [(text, "text")]
        lines.append(line_of([("   ", "text"), *runs], columns))

    for event in details.proof[:3]:
        lines += [line_of([("   ", "text"), *part], columns) for part in _turn(event, columns - 3)[:1]]
    for words in status.possible[:2]:
        lines.append(line_of([("   possible: ", "dim"), (line(words, 200), "dim")], columns))

    def put(label: str, *runs: Run) -> None:
        lines.append(line_of([(f" {label:<8}", "dim"), *runs], columns))

    spend = session.spend
    tokens = spend.tokens
    money: list[Run] = [*dollars(spend), (f" {price_words(spend, details.listed)}", "dim")]
    if cell.usd_per_minute is not None:
        money += [("   ", "text"), (usd(cell.usd_per_minute), "money"), ("/min", "dim")]
    if details.children and details.tree.requests != spend.requests:
        money += [("   tree ", "dim"), *dollars(details.tree)]
    put("cost", *money)
    if details.budget is not None:
        own: list[Run] = [("  its own", "dim")] if session.steering.budget_usd is not None else []
        put("budget", *budget_runs(details.budget, BAR), *own)
    since = session.since_progress
    if since.requests:
        waste = session.alerts.wasted
        began = session.progress_at if session.progress_at is not None else session.started_at
        lately: list[Run] = [*dollars(since), (f" in {age(now - began)}", "dim")]
        put("since", *lately, (" without progress" if not waste else f", {usd(waste / 1e9)} for nothing", "dim"))
    put("count", (f"{count_of(spend.requests, 'response')}   {count_of(session.turns, 'turn')}", "dim"))
    cache = f"cache {short(tokens.cache_read)}+{short(tokens.cache_write)}"
    kinds = f"  in {short(tokens.input)}  {cache}  out {short(tokens.output)}"
    put("tokens", (short(tokens.total), "strong"), (kinds, "dim"))
    put("model", (cell.model, "text"), (f"  {line(session.effort or '', 16)}", "dim"))
    if asked_for := _model_asked(session):
        put("", asked_for)
    lines.append(_context(details, columns))
    where = line(session.cwd or session.project or "?", 80)
    put("in", (where, "text"), (f"  {line(session.branch or '', 40)}", "dim"))
    lines += _trust(session, now, columns)
    process = f"pid {session.pid}" if session.pid is not None else "no process matched"
    run = session.steering.run
    ours = f"   run by orc{f', {line(run.channel, 20)}' if run.channel else ''}" if run is not None else ""
    put(
        "process",
        (process, "text" if session.pid is not None else "dim"),
        (ours, "key"),
        (f"   begun {age(now - session.started_at)} ago", "dim"),
    )
    if details.origin:
        put("from", (details.origin, "text"))
    for label, kin in (("helpers", details.children), ("led to", details.heirs)):
        shown: list[Run] = [(f"{len(kin)}: ", "dim")] if len(kin) > 3 else []
        for state, name in kin[-3:]:
            shown += [(GLYPHS[state] + " ", ROLES[state]), (line(name, 24) + "  ", "text")]
        if kin:
            put(label, *shown)
    for task in list(session.tasks.values())[-5:]:
        done = task.status == "completed"
        put(
            "to do",
            (GLYPHS["finished"] + " " if done else "◦ ", "finished" if done else "text"),
            (line(task.subject, 120), "dim" if done else "text"),
        )
    return lines


def _model_asked(session: Session) -> Run | None:
    """What is to be said of a model that was asked for; nothing once it answers."""
    requested = session.steering.requested
    if requested is None:
        return None
    wanted = line(requested.wanted.model, 60)
    if requested.answered is None:
        return f"{wanted} was asked for; it has not answered yet", "waiting"
    if same_model(requested.answered, requested.wanted.model):
        return None
    return f"{wanted} was asked for, {line(requested.answered, 60)} answers", "errored"


def _trust(session: Session, now: int, columns: int) -> list[Line]:
    """What it changed, and what shows that it works; nothing where neither is known."""
    lines: list[Line] = []
    seen, trust = session.worktree.seen, trust_of(session)
    if seen is not None:
        role = "text" if seen.changed or seen.untracked else "dim"
        lines.append(line_of([(" changes  ", "dim"), (line(changes_words(seen), 80), role)], columns))
    words = proof_words(trust, now)
    if words:
        role = "finished" if trust.last_check_ok and not trust.stale else "waiting"
        lines.append(line_of([(" proof    ", "dim"), (line(words, 120), role)], columns))
    return lines


def _context(details: Details, columns: int) -> Line:
    session = details.session
    used, window = session.context_tokens, session.window
    if used is None:
        return line_of([(" context ", "dim"), ("?", "dim")], columns)
    if not window:
        # Claude Code does not say which of its two windows a session has.
        of = " of 200k, or of 1M" if session.client == "claude" else " of ?"
        return line_of([(" context ", "dim"), (short(used), "strong"), (of, "dim")], columns)
    share = min(1.0, used / window)
    role = "errored" if share >= 0.9 else "waiting" if share >= 0.8 else "tool"
    words = f" {short(used)} of {short(window)}  {share:.0%}"
    return line_of([(" context ", "dim"), *bar(share, BAR, role), (words, "text")], columns)


def _turn(event: ev.Event, columns: int) -> list[Line]:
    """An event as one line of the transcript; nothing for what a reader does not follow."""
    body = event.body
    clock = (f" {iso(event.at)[11:19]} ", "dim")
    room = max(8, columns - 12)
    if isinstance(body, ev.UserMessage):
        role = "dim" if body.synthetic or body.local else "strong"
        return [line_of([clock, ("› ", "key"), (line(body.text.text, room), role)], columns)]
    if isinstance(body, ev.AssistantMessage):
        return [line_of([clock, ("● ", "working"), (line(body.text.text, room), "text")], columns)]
    if isinstance(body, ev.AssistantThinking):
        return [line_of([clock, ("◌ ", "thinking"), (line(body.text.text or "thinking", room), "dim")], columns)]
    if isinstance(body, ev.ToolCall):
        what = line(f"{body.tool} {subject(body.arguments.text)}", room)
        return [line_of([clock, ("▶ ", "tool"), (what, "text")], columns)]
    if isinstance(body, ev.ToolResult):
        role = "faint" if body.ok else "errored"
        word = "ok" if body.ok else "failed"
        text = line(body.output.tail or body.output.text, room - 8)
        return [sides([clock, ("  ", "text"), (text, "dim")], [(f" {word} ", role)], columns)]
    if isinstance(body, ev.ApiError):
        return [
            line_of(
                [clock, ("╳ ", "errored"), (line(f"{body.status or ''} {body.text}".strip(), room), "errored")], columns
            )
        ]
    if isinstance(body, ev.CompactEnded):
        return [line_of([clock, ("≈ ", "limited"), ("the context was summarised", "dim")], columns)]
    if isinstance(body, ev.ProcessGone):
        return [line_of([clock, ("† ", "dead"), (f"process {body.pid} gone", "dead")], columns)]
    if isinstance(body, ev.Unparsed):
        return [line_of([clock, ("? ", "dim"), (line(body.reason, room), "dim")], columns)]
    return []
