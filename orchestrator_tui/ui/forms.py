"""The questions of the ask bar: what each key asks before it acts, and what is made of what is filled in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from orchestrator_tui.events import Facts
from orchestrator_tui.fleet import ladder, parts
from orchestrator_tui.fleet.note import note_down, note_of
from orchestrator_tui.fleet.prices import PriceTable
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import findings_of
from orchestrator_tui.text import line
from orchestrator_tui.ui.beginning import new_session as new_session
from orchestrator_tui.ui.confirm import MOST, facts_of
from orchestrator_tui.ui.draw.ink import Run
from orchestrator_tui.ui.plans import Plan, called, listed
from orchestrator_tui.ui.questions import Field, Question, Values

if TYPE_CHECKING:
    from orchestrator_tui.ui.commanding import Commanding

Chosen = Sequence[tuple[Session, str]]
VERBS = {"kill-now": "kill", "step-down": "stepdown", "model": "use"}
"""Action -> verb, where they differ."""
MAX_USD = 1e9


# --- with something to fill in ---------------------------------------------------------------------------------


def message(c: Commanding, made: Plan, chosen: Chosen) -> Question:
    """What is written to them."""

    def send(values: Values) -> str:
        return c.carry_out(made, {"text": values["text"]}) if values["text"] else "there is nothing to send yet"

    hint = "it is typed into the session as if you had written it there"
    return Question(made.title, "send", send, facts_of(made), fields=(Field("text", "text", hint=hint, rows=3),))


def deny(c: Commanding, made: Plan, chosen: Chosen) -> Question:
    """Why not; it is told to the model."""
    asked = tuple((send.name, send.asked) for send in made.sends if send.asked is not None)

    def send(values: Values) -> str:
        return c.carry_out(made, {"words": values["words"]} if values["words"] else None)

    words = Field("words", "words", hint="told to the model; may be empty")
    return Question(made.title, "refuse", send, facts_of(made), asked, (words,))


def climb(c: Commanding, made: Plan, chosen: Chosen) -> Question | str:
    """One rung up or down: what it costs, and what the model is told of it."""
    up = made.verb == "escalate"
    by_id = {session.id: session for session, _ in chosen}
    told: list[Run] = []
    sends, left = [], list(made.left)
    for send in made.sends:
        words = step_words(by_id[send.session], up, c)
        if words.startswith("!"):
            left.append((send.name, words[1:]))
            continue
        sends.append(send)
        told.append((words if len(made.sends) == 1 else f"{send.name}: {words}", "text"))
    if not sends:
        return f"{left[0][0]}: {left[0][1]}"
    keep = {send.name for send in sends}
    there = Plan(made.verb, tuple(sends), tuple(left), tuple(pair for pair in made.first if pair[0] in keep))
    facts = facts_of(there, *told[:MOST], *_more(len(told) - MOST))

    def send_it(values: Values) -> str:
        cap, wrong = _dollars(values.get("cap", ""))
        if wrong:
            return wrong
        # Several get each a note of their own, made of their own evidence.
        more: Facts = {"note": values["note"]} if "note" in values else {}
        if cap is not None:
            more["cap_usd"] = cap
        return c.carry_out(there, more)

    fields: list[Field] = []
    if len(sends) == 1:
        note = _note(c, by_id[sends[0].session], up)
        fields.append(Field("note", "note", note, "what the model is told of it; may be empty", rows=5))
    if up:
        fields.append(Field("cap", "cap $", hint="none: after so much more it steps down again by itself"))
    yes = "one rung up" if up else "one rung down"
    return Question(there.title, yes, send_it, facts, fields=tuple(fields))


def _note(c: Commanding, session: Session, up: bool) -> str:
    """What a larger, or a smaller, model is told of a session, made of what was found."""
    if not up:
        return note_down(session)
    cell = c.app.looking.on_map(session.id)
    found = findings_of(c.app.live.fleet, session, c.app.clock.now())
    return note_of(session, cell.status if cell is not None else None, found)


def _more(count: int) -> list[Run]:
    return [(f"and {count} more", "dim")] if count > 0 else []


def step_words(session: Session, up: bool, c: Commanding) -> str:
    """What a step would be and cost, one line; after `!` why there is none."""
    settings = c.app.live.fleet.settings
    table: PriceTable = c.app.prices()
    try:
        step = (ladder.up if up else ladder.down)(session, settings, table)
    except ladder.NoRung as why:
        return "!" + line(str(why), 240)
    return step.words


def model(c: Commanding, made: Plan, chosen: Chosen) -> Question:
    """Any model, or another effort."""
    session = chosen[0][0]
    settings = c.app.live.fleet.settings
    try:
        rungs = ladder.rungs(session.client, session.model or "", settings, c.app.prices())
    except ladder.NoRung:
        rungs = ()
    names = ", ".join(f"{rung.model}{f' {rung.effort}' if rung.effort else ''} {rung.price}" for rung in rungs)
    now = line(f"{session.model or '?'} {session.effort or ''}".strip(), 80)
    facts: list[Run] = [(f"now {now}", "text")]
    if names:
        facts.append((f"its ladder, dollars per million tokens in and out: {line(names, 400)}", "dim"))

    def send(values: Values) -> str:
        name, effort = values["model"], values["effort"]
        if not name and not effort:
            return "name a model, or an effort"
        try:
            for one, _ in chosen:
                ladder.use(one, name or None, effort or None, settings, c.app.prices())
        except ladder.NoRung as why:
            return line(str(why), 240)
        more: Facts = {"model": name or session.model}
        if effort:
            more["effort"] = effort
        return c.carry_out(made, more)

    fields = (Field("model", "model", hint="empty: as it is"), Field("effort", "effort", hint="empty: as it is"))
    return Question(made.title, "go on with it", send, facts_of(made, *facts), fields=fields)


def split(c: Commanding, made: Plan, chosen: Chosen) -> Question | str:
    """A part a line; each becomes a session."""
    if len(made.sends) > 1:
        key = c.app.keys.shown("unmark")
        return "one session is split at a time" + (f": {key} unmarks" if key else "")
    session = next(session for session, _ in chosen if session.id == made.sends[0].session)
    proposal = ["; ".join(line(row) for row in part.split("\n") if row.strip()) for part in parts.proposed(session)]
    told = "from its own list of what is to be done; " if proposal else "it keeps no list of what is to be done; "

    def send(values: Values) -> str:
        lines = [row.strip() for row in values["parts"].split("\n") if row.strip()]
        if not 2 <= len(lines) <= parts.MAX_PARTS:
            return f"a split has 2 to {parts.MAX_PARTS} parts, one a line; here are {len(lines)}"
        more: Facts = {"parts": lines, "dirty": "carry" if values["dirty"].startswith("carry") else "refuse"}
        if values["where"].startswith("one"):
            more["shared"] = True
        if values["context"].startswith("only"):
            more["fresh"] = True
        return c.carry_out(made, more)

    fields = (
        Field(
            "parts", "parts", "\n".join(proposal), "one part a line", rows=max(3, min(8, len(proposal) + 1)), lines=True
        ),
        Field("where", "where", choices=("a worktree each", "one shared directory")),
        Field("dirty", "changes", choices=("carry what is not committed", "refuse while there are such")),
        Field("context", "context", choices=("all that it knows", "only a summary")),
    )
    facts = facts_of(made, (f"{told}one part a line. It is paused meanwhile; its budget is divided.", "dim"))
    return Question(made.title, "split", send, facts, fields=fields)


def budget(c: Commanding, made: Plan, chosen: Chosen) -> Question:
    """What they may cost."""
    own = chosen[0][0].steering.budget_usd if len(chosen) == 1 else None

    def send(values: Values) -> str:
        usd, wrong = _dollars(values["usd"])
        return wrong or c.carry_out(made, {"usd": usd})

    hint = "empty: what the settings say"
    fields = (Field("usd", "dollars", f"{own:g}" if own is not None else "", hint),)
    return Question(made.title, "set", send, facts_of(made), fields=fields)


def why(c: Commanding) -> Question:
    """The reason of the next command."""

    def keep(values: Values) -> str:
        c.why = values["why"][:400]
        c.app.call_after_refresh(c.app.redraw)
        return ""

    fields = (Field("why", "why", c.why, "empty: none"),)
    return Question("reason for the next command", "keep", keep, fields=fields)


def group(c: Commanding, do: Callable[[str], str], assigns: bool) -> Question:
    """Which number."""
    names = [called(session) for session, _ in c.chosen()]
    title = f"make {listed(names)} the group" if assigns else "select the group"
    kept = [(number, len(ids)) for number, ids in sorted(c.app.live.fleet.groups.items()) if ids]
    told = ", ".join(f"{number} has {count}" for number, count in kept)
    facts: tuple[Run, ...] = ((told, "dim"),) if told else ()
    return Question(title, "its number", lambda values: do(values["digit"]), facts, digits=True)


def _dollars(text: str) -> tuple[float | None, str]:
    """(dollars, what is wrong with them)."""
    text = text.strip().removeprefix("$").strip()
    if not text:
        return None, ""
    try:
        usd = float(text)
    except ValueError:
        usd = math.nan
    if not (math.isfinite(usd) and 0 < usd <= MAX_USD):
        return None, f"{line(text, 20)} is no sum in dollars above 0"
    return usd, ""


async def terminal(session: Session) -> str:
    """Go to a session's terminal; what was done, or why not, in words."""
    from orchestrator_tui.host.control.terminal import terminals
    from orchestrator_tui.host.procfs import table

    try:
        return line(await terminals.show(session, table()), 300)
    except (terminals.Elsewhere, OSError) as why:
        return line(str(why), 300)


FORMS: dict[str, Callable[[Commanding, Plan, Chosen], Question | str]] = {
    "message": message,
    "deny": deny,
    "escalate": climb,
    "step-down": climb,
    "model": model,
    "split": split,
    "budget": budget,
}
"""Actions that ask for something to be filled in."""
