"""Two tables of a session: what was decided on it, and what it cost by model and kind of token."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.ink import Line, Run, amount, fit, line_of, local_time, short, usd, wrapped
from orchestrator_tui.ui.draw.receipt import receipt_words

OUTCOMES = {"done": "working", "undone": "text", "refused": "waiting", "failed": "errored"}
WIDE = 11
"""Columns of a kind of token, where all of them have a column."""
KINDS = ("input", "cache read", "write", "output")


def decision_runs(one: Decision) -> list[Run]:
    """A decision in one line: what, by whom, with what outcome."""
    by = "" if one.actor in ("", "dashboard") else f" by {line(one.actor, 24)}"
    runs: list[Run] = [(line(one.verb, 20), "strong"), (by, "dim")]
    if one.outcome is None:
        return [*runs, ("  under way" if one.started_at is not None else "  asked", "text")]
    word = {"undone": "taken back"}.get(one.outcome, one.outcome)
    told = receipt_words(one.receipt) if one.outcome == "done" else ""
    text = told or line(one.text.removeprefix("taken back").lstrip("; "), 240)
    runs.append((f"  {word}", OUTCOMES.get(one.outcome, "text")))
    return [*runs, (f": {text}", "text")] if text else runs


def draw_decided(decided: Sequence[Decision], now: int, complete: bool, columns: int, rows: int) -> list[Line]:
    """The newest first, each with why and on what evidence."""
    out: list[Line] = []
    for one in reversed(decided):
        if len(out) >= rows:
            break
        head: list[Run] = [(f" {local_time(one.at, now)}  ", "dim"), *decision_runs(one)]
        out.append(line_of(head, columns))
        if one.why:
            because = wrapped(f"because {line(one.why, 300)}", max(8, columns - 8), 2)
            out += [line_of([("        ", "text"), (part, "text")], columns) for part in because]
        if one.moment is not None and one.moment.evidence:
            status = (one.moment.status or "").replace("_", " ")
            price = f"  at {usd(one.moment.cost_usd)}" if one.moment.cost_usd is not None else ""
            words = f"on {line(status, 20)}: {line(one.moment.evidence, 200)}{price}"
            out.append(line_of([("        ", "text"), (words, "dim")], columns))
    if not out:
        words = " nothing was decided on it yet" if complete else " the ledger is read ..."
        out.append(line_of([(words, "dim")], columns))
    return out[:rows]


def draw_costs(parts: Sequence[tuple[str, Spend]], total: Spend, columns: int, rows: int) -> list[Line]:
    """A row per model: tokens of each kind, responses, money; the last row is all of it."""
    if not total.requests:
        return [line_of([(" nothing was counted yet", "dim")], columns)][:rows]
    wide = columns >= 74
    name = max(8, columns - (4 * WIDE + 7 + 10 if wide else 3 * 8 + 10) - 2)
    out = [_row(" " * name, _heads(wide), "", "", columns, name, wide, head=True)]
    several = len(parts) > 1
    room = rows - 1 - several
    shown = list(parts) if len(parts) <= room else list(parts[: max(0, room - 1)])
    for model, spend in shown:
        out.append(_spend(line(model, 60) or "model not told", spend, columns, name, wide))
    if len(shown) < len(parts):
        out.append(line_of([(f" {len(parts) - len(shown)} more models", "dim")], columns))
    if several or not parts:
        out.append(_spend("all", total, columns, name, wide, strong=True))
    return out[:rows]


def _heads(wide: bool) -> tuple[str, ...]:
    return KINDS if wide else ("input", "cache", "output")


def _spend(label: str, spend: Spend, columns: int, name: int, wide: bool, strong: bool = False) -> Line:
    t = spend.tokens
    values = (
        (t.input, t.cache_read, t.cache_write, t.output) if wide else (t.input, t.cache_read + t.cache_write, t.output)
    )
    cells = tuple(short(value) for value in values)
    return _row(label, cells, str(spend.requests) if wide else "", amount(spend), columns, name, wide, strong=strong)


def _row(
    label: str, cells: tuple[str, ...], count: str, money: str, columns: int, name: int, wide: bool,
    head: bool = False, strong: bool = False,
) -> Line:  # fmt: skip
    size = WIDE if wide else 8
    role = "dim" if head else "strong" if strong else "text"
    text = "".join(cell.rjust(size)[-size:] if not head else cell.rjust(size) for cell in cells)
    runs: list[Run] = [(" " + fit(label, name), role), (text, role)]
    if wide:
        runs.append((("resp." if head else count).rjust(7), "dim"))
    runs.append((("cost" if head else money).rjust(10), "dim" if head else "money"))
    return line_of(runs, columns)
