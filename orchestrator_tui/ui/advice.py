"""What the inspector says of commands: what is asked, what was ordered, what each sensible key would do and cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator_tui.events import PermissionAsked
from orchestrator_tui.fleet import ladder, parts
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.ui.actions import ACTIONS, BY_ID
from orchestrator_tui.ui.draw.ink import Line, Run, count_of, fit, line_of, wrapped
from orchestrator_tui.ui.draw.inspector import Beside
from orchestrator_tui.ui.draw.ordered import ordered_rows
from orchestrator_tui.ui.draw.queue import answers
from orchestrator_tui.ui.draw.request import cut_words, request_rows
from orchestrator_tui.ui.forms import VERBS
from orchestrator_tui.ui.frame import Details
from orchestrator_tui.ui.plans import BROKEN, cannot

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp

ASKED = 12
"""Rows of a request that the inspector shows."""
MOST = 6
"""Keys that it explains."""
LABEL = 9
INDENT = 17
"""Columns before what a key does."""
CLIMBS = {"escalate": True, "step-down": False}
WORKS = frozenset({"working", "tool_running", "thinking", "looping", "spinning", "stalled", "waiting"})


class Advice:
    """Worked out for the selected session; what a step of the ladder costs only when something of it changed."""

    def __init__(self, app: OrcApp) -> None:
        self.app = app
        self._steps: tuple[tuple[object, ...], dict[str, str]] = ((), {})

    def of(self, details: Details | None, columns: int, rows: int) -> tuple[Beside, tuple[str, PermissionAsked] | None]:
        """What stands beside the facts, and the request that is shown to its last character."""
        if details is None:
            return Beside(), None
        session, now = details.session, self.app.drawn.now
        asked, whole = _asked(session, columns, min(ASKED, rows - 2), self.app.keys.shown("approve"))
        orders = ordered_rows(self.app.live.fleet.orders, session.id, now, self.app.commanding, columns)
        return Beside(tuple(asked), tuple(orders), tuple(self._keys(details, columns))), whole

    def _keys(self, details: Details, columns: int) -> list[Line]:
        """The keys that make sense for it, with what they do."""
        session, status = details.session, details.cell.status.status
        if not self.app.live.alive or not self.app.explains:
            return []
        names = dict.fromkeys(answers(details.cell))
        if status in WORKS:
            names |= dict.fromkeys(("escalate", "step-down", "split", "kill"))
        if status == "paused":
            names |= dict.fromkeys(("pause", "kill"))
        lines: list[Line] = []
        explained = 0
        for name in names:
            verb = "resume" if name == "pause" else VERBS.get(name, name)
            if cannot(session, status, verb, self.app.drawn.now) and name != "terminal":
                continue
            words = self._words(name, details)
            if words and explained < MOST:
                explained += 1
                key, label = self.app.key_of(name), fit(BY_ID[name].label, 11)
                told = wrapped(words, max(8, columns - INDENT - 1), 2)
                head: list[Run] = [("   ", "text"), (key, "key bold"), (f"  {label}", "text"), (told[0], "dim")]
                lines.append(line_of(head, columns))
                lines += [line_of([(" " * INDENT, "text"), (part, "dim")], columns) for part in told[1:]]
        return lines

    def _words(self, name: str, details: Details) -> str:
        session = details.session
        if name in CLIMBS:
            return self._step(session, name)
        if name == "split":
            count = len(parts.proposed(session))
            return f"{count_of(count, 'part')} from its own list" if count else ""
        if name == "kill":
            key = self.app.keys.shown("undo")
            return "stops now, ends in 5 s" + (f"; {key} takes it back until then" if key else "")
        if name == "revive":
            return "the same conversation in a new process" if details.cell.status.status in BROKEN else ""
        return {
            "approve": "exactly what is shown above, once; final",
            "deny": "and say why",
            "pause": "lets it go on",
            "message": "by its own channel, never into a shell",
            "terminal": "where it runs",
        }.get(name, "")

    def _step(self, session: Session, name: str) -> str:
        key = (session.id, session.model, session.effort, session.context_tokens, session.steering.requested)
        if self._steps[0] != key:
            self._steps = (key, {})
        known = self._steps[1]
        if name not in known:
            try:
                step = (ladder.up if CLIMBS[name] else ladder.down)(
                    session, self.app.live.fleet.settings, self.app.prices()
                )
                known[name] = step.words
            except ladder.NoRung:
                known[name] = ""
        return known[name]


def _asked(
    session: Session, columns: int, most: int, key: str
) -> tuple[list[Line], tuple[str, PermissionAsked] | None]:
    """Rows of the oldest request, and it where they are all of it."""
    asks = session.steering.asks
    if not asks:
        return [], None
    asked = next(iter(asks.values())).asked
    rows = request_rows(asked, max(1, columns - LABEL))
    fits = len(rows) <= most
    whole = fits and not cut_words(asked.what)
    shown = rows if fits else rows[: max(0, most - 1)]
    lines: list[Line] = []
    for number, row in enumerate(shown):
        label = (fit(" asks" if not number else "", LABEL), "waiting bold")
        lines.append((label, *row))
    if not fits:
        words = f"{len(rows) - len(shown)} more rows of {len(rows)}" + (f": {key} shows all of it" if key else "")
        lines.append(line_of([(" " * LABEL, "text"), (words, "waiting")], columns))
    if len(asks) > 1:
        lines.append(line_of([(" " * LABEL, "text"), (f"and {len(asks) - 1} more asked after it", "dim")], columns))
    return lines, ((session.id, asked) if whole else None)


def applies(app: OrcApp) -> frozenset[str]:
    """The actions that can be done at this moment; the footer shows no others."""
    commanding, now = app.commanding, app.drawn.now
    chosen: Sequence[tuple[Session, str]] = commanding.chosen()
    out = {action.id for action in ACTIONS if action.where != "work"}
    if not len(commanding.marks):
        out.discard("unmark")
    if not any(app.live.fleet.groups.values()):
        out.discard("recall")
    if not app.drawn.queue:
        out -= {"next-needs-you", "latest-alert"}
    if not app.first.empty:
        out -= {"read-all", "hook", "demo", "doctor"}
    elif app.first.found is None or app.first.found.hook != "out":
        out.discard("hook")
    if app.live.alive:
        out.discard("start-host")
    else:
        out.discard("read-all")
    if not app.live.fleet.sessions and not app.filter:
        out.discard("filter")
    if not any(region.cells for region in app.drawn.regions):
        out -= {"open", "mark", "diff", "next-free", "overlay", "pane"}
    if not any(session.alerts.snoozed_until > now or status != "finished" for session, status in chosen):
        out -= {"snooze", "acknowledge"}
    if chosen:
        out.add("terminal")
    if not app.live.alive:
        return frozenset(out)
    if commanding.undoable():
        out.add("undo")
    out.add("new")
    for name in ("approve", "deny", "message", "escalate", "step-down", "split", "pause", "kill", "budget"):
        verb = VERBS.get(name, name)
        if any(not cannot(session, status, verb, now) for session, status in chosen):
            out.add(name)
    if any(status in BROKEN and not cannot(session, status, "revive", now) for session, status in chosen):
        out.add("revive")
    if any(not cannot(session, status, "resume", now) for session, status in chosen):
        out.add("pause")
    return frozenset(out)
