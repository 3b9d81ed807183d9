"""What became of commands: one line above the footer, and a line in the inspector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from msgspec import Struct

from orchestrator_tui.clock import SECOND
from orchestrator_tui.fleet.orders import Order, Orders
from orchestrator_tui.text import age, line
from orchestrator_tui.ui.draw.ink import Line, Run, line_of, width, wrapped
from orchestrator_tui.ui.draw.receipt import receipt_words
from orchestrator_tui.ui.plans import DEEDS, listed

STAYS = 8 * SECOND
"""So long the end of a command is told above the footer."""
LATE = 10 * SECOND
"""A host that has not begun by then never will: requests expire."""
SILENT = frozenset({"ack", "snooze", "undo", "group", "arrange", "view", "ingest", "prune"})
"""Verbs whose success is seen where it happens; only that they failed is told."""
LONG = 30 * SECOND
"""So long what can be taken back is told above the footer; `u` takes it back also later."""
AFTERWARDS = frozenset({"split"})
"""Verbs that can be taken back when they are done, too."""
AFTER = 10 * 60 * SECOND
"""So long it is offered to take those back."""
HELD = "held with it"
"""How a note begins that tells which shells are stopped with the client."""
OUTCOMES = {"done": "working", "undone": "text", "refused": "waiting", "failed": "errored"}


class Who(Protocol):
    """What is known of the sessions that are commanded."""

    def name(self, session: str | None) -> str:
        """What the map calls it, cleaned."""

    def stopped(self, session: str | None) -> bool:
        """Whether its process was seen to be stopped."""


class Batch(Struct, frozen=True):
    """Commands that one key sent."""

    at: int
    verb: str
    orders: tuple[tuple[str, str], ...]
    """(command, what the map calls its session)."""


def undo_of(orders: Orders, batches: Sequence[Batch], now: int) -> list[Order]:
    """What `u` takes back: the newest command that can be, and those that were sent with it."""
    newest = orders.last_undoable(now)
    ended = next((one for one in reversed(orders.ended.values()) if _afterwards(one, now)), None)
    if ended is not None and (newest is None or (ended.ended_at or 0) > newest.at):
        return [ended]
    if newest is None:
        return []
    ids = next(
        ({name for name, _ in batch.orders} for batch in batches if any(n == newest.id for n, _ in batch.orders)), set()
    )
    return [one for one in orders.open.values() if one.undoable(now) and (one is newest or one.id in ids)]


def _begun(order: Order) -> int:
    return order.ended_at or order.started_at or order.at


def _afterwards(order: Order, now: int) -> bool:
    ended = order.ended_at
    return order.verb in AFTERWARDS and order.outcome == "done" and ended is not None and now - ended < AFTER


def order_line(
    orders: Orders,
    batches: Sequence[Batch],
    now: int,
    who: Who,
    alive: bool,
    words: str,
    why: str,
    columns: int,
    key: str = "u",
) -> Line | None:
    """The line above the footer; None while there is nothing to tell. `words`: what a key just did, `why`: the reason
    that the next command will bear, `alive`: whether a host runs that carries anything out, `key`: what takes a
    command back."""
    parts: list[list[Run]] = []
    undo = undo_of(orders, batches, now)
    # What waits for hours, such as the end of a limit, is told only when it begins.
    if undo and now - _begun(undo[-1]) < LONG:
        parts.append(_undoable(undo, now, who, alive, key))
    told = {order.id for order in undo}
    fresh = [order for order in orders.open.values() if order.id not in told and _shown(order, now)]
    parts += _grouped(fresh, lambda order: _under_way(order, now, alive), who)
    ended = [
        order
        for order in reversed(orders.ended.values())
        if order.id not in told
        and order.ended_at is not None
        and 0 <= now - order.ended_at < STAYS
        and not (order.verb in SILENT and order.outcome == "done")
    ]
    parts += _grouped(ended, outcome_runs, who)
    known = orders.open.keys() | orders.ended.keys()
    for batch in reversed(batches):
        left = [name for command, name in batch.orders if command not in known]
        if left and 0 <= now - batch.at < LATE and batch.verb not in SILENT:
            parts.append([*_deed(batch.verb, left), ("  asked", "dim")])
    if words:
        parts.insert(0, [(words, "text")])
    if why:
        parts.insert(0, [("why: ", "dim"), (line(why, 80), "strong"), ("  for the next command", "dim")])
    if not parts:
        return None
    return _line(parts, columns)


def _line(parts: list[list[Run]], columns: int) -> Line:
    """As many parts as fit whole, the first one in any case, and how many there are besides."""
    runs: list[Run] = [(" ", "text on surface")]
    left = columns - 1
    for number, part in enumerate(parts):
        gap = 3 if number else 0
        size = sum(width(text) for text, _ in part) + gap
        more = len(parts) - number
        if number and size > left - 10:
            runs.append((f"   and {more} more", "dim on surface"))
            break
        runs += [(" " * gap, "text on surface"), *((text, f"{role} on surface") for text, role in part)]
        left -= size
    return line_of(runs, columns, "text on surface")


def _deed(verb: str, names: Sequence[str]) -> list[Run]:
    deed, names = DEEDS.get(verb, verb), [name for name in names if name]
    if len(names) > 1:
        return [(f"{deed} ", "text"), (f"{len(names)} sessions", "strong bold"), (f": {listed(names[:4])}", "dim")]
    return [(f"{deed} ", "text"), (names[0], "strong bold")] if names else [(deed, "text")]


def _undoable(undo: list[Order], now: int, who: Who, alive: bool, key: str) -> list[Run]:
    newest = undo[-1]
    runs = _deed(newest.verb, [who.name(order.session) for order in undo])
    runs.append((f"  {_standing(undo, who)}", "paused"))
    if not alive:
        return [*runs, ("  no host runs: it stays as it is", "errored")]
    if newest.undo_until is not None and newest.ended_at is None:
        # The second that has begun counts: it never shows 0 while it can still be taken back.
        left = newest.undo_until - now
        words = f"{-(-left // SECOND)} s" if left <= 60 * SECOND else age(left)
        runs.append((f"  {words}", "waiting bold"))
    if not key:
        return runs
    return [*runs, (f"  {key}", "key bold"), (" takes it back" if len(undo) == 1 else " takes them back", "dim")]


def _standing(undo: list[Order], who: Who) -> str:
    """How it stands with what can be taken back: frozen only where that was seen."""
    newest = undo[-1]
    if newest.ended_at is not None:
        return outcome_text(newest) or "done"
    if newest.verb != "kill":
        return line(newest.note, 100) or "under way"
    frozen = [order for order in undo if who.stopped(order.session)]
    if len(frozen) == len(undo):
        return "frozen"
    if newest.note and not newest.note.startswith(HELD) and len(undo) == 1:
        return f"cannot be frozen: {line(newest.note, 100)}"
    return f"{len(frozen)} of {len(undo)} frozen" if len(undo) > 1 else "stopping"


def _grouped(orders: Iterable[Order], told: Callable[[Order], list[Run]], who: Who) -> list[list[Run]]:
    """Commands of one kind of which the same is told are told once."""
    groups: dict[tuple[object, ...], list[Order]] = {}
    for order in orders:
        groups.setdefault((order.verb, *told(order)), []).append(order)
    return [[*_deed(same[0].verb, [who.name(one.session) for one in same]), *told(same[0])] for same in groups.values()]


def _shown(order: Order, now: int) -> bool:
    return order.verb not in SILENT and (order.started_at is not None or 0 <= now - order.at < LATE + STAYS)


def _under_way(order: Order, now: int, alive: bool) -> list[Run]:
    if order.started_at is None:
        if now - order.at >= LATE:
            return [("  no host took it in time: it is not done", "waiting")]
        return [("  asked", "dim")]
    if not alive:
        return [("  no host runs: it is not known how far it got", "errored")]
    done = f"  {order.done} of {order.total}" if order.total else ""
    word = "ending" if order.verb == "kill" and order.committed else "under way"
    note = "" if order.verb in ("kill", "pause", "resume") else line(order.note, 100)
    return [(f"  {note or word}{done}", "text")]


def outcome_runs(order: Order) -> list[Run]:
    """How a command ended."""
    outcome = order.outcome or ""
    word = {"undone": "taken back"}.get(outcome, outcome)
    text = outcome_text(order)
    runs: list[Run] = [(f"  {word}", OUTCOMES.get(outcome, "text"))]
    return [*runs, (f": {text}", "text" if outcome == "done" else OUTCOMES.get(outcome, "text"))] if text else runs


def outcome_text(order: Order) -> str:
    """What came of it, in one line: its receipt, else the host's words."""
    told = receipt_words(order.receipt) if order.outcome == "done" else ""
    return told or line(order.text.removeprefix("taken back").lstrip("; "), 240)


def ordered_rows(orders: Orders, session: str, now: int, who: Who, columns: int) -> list[Line]:
    """The inspector's line on what was last commanded of a session; nothing where nothing was."""
    newest: Order | None = None
    for order in (*orders.ended.values(), *orders.open.values()):
        if order.session == session and order.verb not in SILENT and (newest is None or order.at >= newest.at):
            newest = order
    if newest is None:
        return []
    if newest.ended_at is not None:
        told = outcome_runs(newest)
    elif newest.undoable(now):
        told = [(f"  {_standing([newest], who)}", "paused")]
    else:
        told = _under_way(newest, now, True)
    by = f" by {line(newest.actor, 24)}" if newest.actor and newest.actor != "dashboard" else ""
    runs: list[Run] = [(" ordered ", "dim"), (f"{newest.verb}{by} {age(now - newest.at)} ago", "text"), *told[:1]]
    rows = [line_of(runs, columns)]
    for text, role in told[1:]:
        words = wrapped(text.removeprefix(": "), max(8, columns - 10), 3)
        rows += [line_of([("         ", "text"), (part, role)], columns) for part in words]
    if newest.why:
        rows.append(line_of([("         because ", "dim"), (line(newest.why, 200), "text")], columns))
    return rows
