"""Every model response once, over the whole fleet: decided here, at append (docs/architecture.md).

A response is identified by the client's own ids, so every copy of it (a line repeated per content block, a fork's
copied history, a second path to one directory) is recognised. It belongs to the oldest file that has it. What a
fold has to add is the outcome: `usage` at first sight, `usage.corrected` for a better record, `usage.moved` for a
truer owner.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from orchestrator_tui.events import KnownBody, SessionUpdated, Tokens, Usage, UsageCorrected, UsageMoved


class Response(Struct):
    """A counted response."""

    session: int
    """Internal number of the session it is counted for."""
    born: int
    """The first time in that session's file."""
    offset: int
    """Where in that file it is."""
    tokens: Tokens
    cost: int | None
    model: str | None = None
    terms: str | None = None
    searches: int = 0
    estimated: bool = False
    local: bool = False
    at: int = 0
    """Where in time it is counted: that of its first `usage` event."""


class Owner(Struct):
    """What counting must know of a session; all but the first two change as it goes."""

    key: int
    id: str
    parent: int | None = None
    relation: str | None = None
    copied_offset: int | None = None
    client: str | None = None
    project: str | None = None


Outcome = tuple[Owner, KnownBody]
"""Something to append, and for which session."""


def count(
    usage: Usage, mine: Owner, born: int, offset: int, known: Response | None, owner: Owner | None
) -> tuple[Response, list[Outcome]]:
    """What the sight of a response means.

    `mine` is the session whose file has it, born at `born`; `known` the response as counted so far, for `owner`.
    Returns the response as it is counted from here on, and the events to append, in order.
    """
    if known is None or owner is None:
        now = Response(mine.key, born, offset, usage.tokens, usage.cost)
        _take_terms(now, usage)
        return now, [(mine, usage)]
    out: list[Outcome] = []
    now = replace(known)
    if owner.key != mine.key:
        # Equal births cannot be told apart: any fixed order keeps the answer free of the order of reading.
        if (born, mine.id) < (known.born, owner.id):
            out += move(usage.response_id, known, owner, mine)
            out += lineage(owner, mine, known.offset)
            now.session, now.born, now.offset = mine.key, born, offset
            owner = mine
        else:
            out += lineage(mine, owner, offset)
    if better(usage.tokens, known.tokens):
        change = difference(usage.tokens, known.tokens)
        cost = (usage.cost or 0) - (known.cost or 0)
        corrected = UsageCorrected(
            response_id=usage.response_id, tokens=change, cost=cost,
            unpriced=(usage.cost is None) - (known.cost is None),
            estimated=usage.estimated - known.estimated, local=usage.local - known.local,
        )  # fmt: skip
        out.append((owner, corrected))
        now.tokens, now.cost = usage.tokens, usage.cost
        _take_terms(now, usage)
    return now, out


def _take_terms(now: Response, usage: Usage) -> None:
    now.terms, now.searches = usage.terms, usage.searches
    now.estimated, now.local = usage.estimated, usage.local
    # The model it is booked under stays.
    now.model = now.model or usage.model


def better(new: Tokens, old: Tokens) -> bool:
    """Whether a record is further on than another: a placeholder written at the start has less output, never more."""
    return (new.output, new.total, new.cache_write_1h, new.reasoning) > (
        old.output, old.total, old.cache_write_1h, old.reasoning,
    )  # fmt: skip


def difference(a: Tokens, b: Tokens) -> Tokens:
    """a - b, kind by kind."""
    return Tokens(
        a.input - b.input,
        a.cache_read - b.cache_read,
        a.cache_write - b.cache_write,
        a.output - b.output,
        a.cache_write_1h - b.cache_write_1h,
        a.reasoning - b.reasoning,
    )


def move(response_id: str | None, known: Response, giver: Owner, taker: Owner) -> list[Outcome]:
    """Take a response from one session and give it to another."""
    tokens, lost = known.tokens, difference(Tokens(), known.tokens)
    moved = UsageMoved(
        response_id=response_id, tokens=tokens, requests=1, cost=known.cost, peer=giver.id,
        estimated=known.estimated, local=known.local,
    )  # fmt: skip
    cost = None if known.cost is None else -known.cost
    return [(giver, replace(moved, tokens=lost, requests=-1, cost=cost, peer=taker.id)), (taker, moved)]


def lineage(child: Owner, parent: Owner, offset: int) -> list[Outcome]:
    """`child` holds a copy of `parent`'s response at `offset`: the last one copied names whom it was forked from."""
    if child.relation not in (None, "fork") or (child.copied_offset is not None and offset < child.copied_offset):
        return []
    child.copied_offset = offset
    if child.parent == parent.key:
        return []
    child.parent, child.relation = parent.key, "fork"
    return [(child, SessionUpdated(parent=parent.id, relation="fork"))]
