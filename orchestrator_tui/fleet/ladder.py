"""One step to a larger or a smaller model along the client's ladder, and what going there costs."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from orchestrator_tui.events import Settings, Tokens
from orchestrator_tui.fleet.prices import NARROW, WIDE, PriceTable, context_window
from orchestrator_tui.fleet.prices.billing import cost_of
from orchestrator_tui.fleet.prices.names import clean
from orchestrator_tui.fleet.prices.rates import Rates
from orchestrator_tui.fleet.rungs import (
    NANO,
    STRENGTH,
    NoRung,
    Rung,
    ask_for,
    beside,
    checked,
    handed,
    priced,
    rung_of,
    rungs,
    same_model,
)
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.words import short_count
from orchestrator_tui.text import line

__all__ = ["NoRung", "Rung", "Step", "checked", "down", "effort_of", "rung_of", "rungs", "same_model", "up", "use"]

Direction = Literal["up", "down", "to"]
USUAL = "medium"
"""The effort of a rung that names none, where the one above it names more."""


class Step(Struct, frozen=True):
    """One step to another model, or to another effort, and what it costs."""

    frm: str | None
    to: str
    effort: str | None
    direction: Direction
    reread_usd: float | None
    """What reading the context anew costs there; None: unknown, or the model stays the same."""
    words: str
    """All of it in one cleaned line."""
    window: int | None = None
    """The new model's context window in tokens, where it is known for sure."""
    fits: bool = True
    """Whether the context fits into that window."""


def up(session: Session, settings: Settings, table: PriceTable) -> Step:
    """One rung up from where a session is. Raises NoRung."""
    return _step(session, settings, table, "up")


def down(session: Session, settings: Settings, table: PriceTable) -> Step:
    """One rung down; after a step up back to the model that it came from. Raises NoRung."""
    asked = session.steering.requested
    if asked is not None and asked.wanted.direction == "up" and asked.wanted.previous is not None:
        before = asked.wanted.previous
        if same_model(asked.answered, session.model) and not same_model(before, session.model):
            return _step_to(session, priced(handed(session.client, before), None, table), "down", table)
    return _step(session, settings, table, "down")


def use(session: Session, model: str | None, effort: str | None, settings: Settings, table: PriceTable) -> Step:
    """Any model, or another effort of the same one. Raises NoRung for names that are none."""
    name = handed(session.client, model or session.model or "", effort)
    return _step_to(session, priced(name, effort, table), "to", table)


def _step(session: Session, settings: Settings, table: PriceTable, direction: Direction) -> Step:
    if session.model is None:
        raise NoRung("its model is not known yet: it has had no answer; name one: `orc escalate SESSION --model M`")
    ladder, effort = rungs(session.client, session.model, settings, table), effort_of(session)
    places = beside(ladder, session.model, effort)
    if places is None:
        raise NoRung(ask_for(session.client, session.model))
    place = places[direction == "up"]
    if not 0 <= place < len(ladder):
        where = "above" if direction == "up" else "below"
        names = ", ".join(f"{rung.model} {rung.effort or ''}".rstrip() for rung in ladder)
        raise NoRung(f"no rung {where} {line(session.model, 60)} on the ladder of {session.client}: {names}")
    return _step_to(session, ladder[place], direction, table)


def effort_of(session: Session) -> str | None:
    """With which effort the session's model is asked, as far as that is known."""
    asked = session.steering.requested
    if asked is not None and asked.wanted.effort is not None and same_model(asked.answered, session.model):
        return asked.wanted.effort
    return session.effort


def _step_to(session: Session, rung: Rung, direction: Direction, table: PriceTable) -> Step:
    context, model, effort = session.context_tokens or 0, rung.model, rung.effort
    name, found, same = line(session.model or "?", 60), table.find(model), same_model(model, session.model)
    if same:
        if effort is None and direction == "down" and STRENGTH.get(effort_of(session) or "", -1) > STRENGTH[USUAL]:
            effort = USUAL
        words = f"{name}: effort {effort_of(session) or 'as it is'} -> {effort or 'as it is'}, {rung.price} per Mtok"
        return Step(session.model, model, effort, direction, None, words)
    strength = STRENGTH.get(effort_of(session) or "", -1)
    if effort and direction == "up" and strength >= STRENGTH.get(effort, len(STRENGTH)):
        # Up is never less effort.
        effort = None
    wide = context > NARROW or (clean(session.model) or ("", False))[1]
    if session.client == "claude" and wide and found and (found.rates.window or 0) >= WIDE and not model.endswith("]"):
        model += "[1m]"
    window = context_window(model, table, 0, session.client)
    fits = window is None or context < window
    reread = _reread(found.rates, context) if found is not None else None
    told = "?" if reread is None else f"${reread:.2f}" if reread >= 0.01 or not reread else "less than $0.01"
    here = priced(session.model or "", None, table)
    words = f"{name} -> {model}{f' (effort {effort})' if effort else ''}: {here.price} -> {rung.price} per Mtok"
    words += f"; re-reading {short_count(context)} tokens costs {told}" if context else ""
    words += "" if fits else f"; its window of {short_count(window or 0)} tokens is too small for them"
    return Step(session.model, model, effort, direction, reread, words, window, fits)


def _reread(rates: Rates, context: int) -> float:
    """Dollars for a context that no cache of the new model holds: it is written to one where that has a price."""
    return 0.0 if rates.local else cost_of(rates, Tokens(cache_write=context))[0] / NANO
