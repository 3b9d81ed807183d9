"""A session and its sub-agents as an open session log that imports again to the same state (docs/export.md).

Every line is of kind `event`: the stored body itself (docs/contract.md §3), with the digest and the length of what was
cut. A response is written once, as it was counted in the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from orchestrator_tui import events as ev
from orchestrator_tui.clients.log.bodies import CARRIED
from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import Event, Tokens, Usage
from orchestrator_tui.export.masking import masked
from orchestrator_tui.fleet.session import Session

HEADER = ("title", "project", "model", "permission_mode", "context_window", "auto_compact", "interactive")


def name_of(session: str) -> str:
    """What a session is called in the log: its id as a plain name, e.g. `claude.5f1c...`."""
    return session.replace(":", ".").replace("/", ".")


def lines(root: Session, tree: Iterable[str], events: Iterable[Event], *, mask: bool = True) -> Iterator[str]:
    """The log's lines; `tree` are the ids of the session's sub-agents, `events` all of theirs in time order."""
    kept = list(events)
    net = _net(kept)
    helpers = set(tree)
    start = kept[0].at if kept else root.started_at
    yield _line(_header(root, start), mask)
    for event in kept:
        body = net.get(event.seq, event.body)
        if body is None or not isinstance(body, CARRIED):
            continue
        if root.relation in ev.HOUSED and isinstance(body, ev.SessionUpdated) and event.session == root.id:
            # It works in a worktree of its own; as a log it would belong to that directory's project.
            body = replace(body, project=root.project)
        value: dict[str, Any] = {"kind": "event", "t": (event.at - start) / SECOND, "body": _bare(body)}
        if event.session in helpers:
            value["agent"] = name_of(str(event.session))
        yield _line(value, mask)


def _header(root: Session, start: int) -> dict[str, Any]:
    known = {name: getattr(root, name) for name in HEADER}
    return {
        "kind": "session", "schema": "orc.log/1", "session": name_of(root.id), "t": 0, "epoch": start / SECOND,
        **{name: value for name, value in known.items() if value is not None},
    }  # fmt: skip


def _line(value: dict[str, Any], mask: bool) -> str:
    return msgspec.json.encode(masked(value) if mask else value).decode() + "\n"


def _bare(body: ev.KnownBody) -> object:
    """A body without what holds on this machine only."""
    if isinstance(body, ev.SessionUpdated):
        body = replace(body, client=None, pid=None, parent=None, relation=None, owned=None, host=None, parent_call=None)
    if isinstance(body, ev.ProcessObserved):
        body = replace(body, started=None, proof="")
    if isinstance(body, ev.ProcessGone):
        body = replace(body, started=None, by="")
    return msgspec.to_builtins(body)


def _net(events: Iterable[Event]) -> dict[int, Usage | None]:
    """Number of a counting event -> the response as it was counted in the end; None where it is told elsewhere."""
    net: dict[int, Usage | None] = {}
    first: dict[tuple[str | None, str | None], int] = {}
    """(session, response) -> the event that it is written at."""
    for event in events:
        body = event.body
        if isinstance(body, Usage):
            net[event.seq] = body
            first[event.session, body.response_id] = event.seq
            continue
        if not isinstance(body, ev.UsageCorrected | ev.UsagePriced | ev.UsageMoved):
            continue
        net[event.seq] = None
        place = first.get((event.session, body.response_id))
        known = net.get(place) if place is not None else None
        if isinstance(body, ev.UsageMoved):
            if body.requests > 0:
                net[event.seq] = Usage(
                    response_id=body.response_id, tokens=body.tokens, cost=body.cost, estimated=body.estimated,
                    local=body.local,
                )  # fmt: skip
                first[event.session, body.response_id] = event.seq
            elif place is not None:
                net[place] = None
        elif known is not None and place is not None:
            net[place] = _better(known, body)
    return net


def _better(usage: Usage, change: ev.UsageCorrected | ev.UsagePriced) -> Usage:
    if isinstance(change, ev.UsagePriced):
        return replace(usage, cost=change.cost, price=change.price, estimated=change.estimated, local=change.local)
    tokens = Tokens(*(getattr(usage.tokens, name) + getattr(change.tokens, name) for name in Tokens.__struct_fields__))
    cost = None if change.unpriced > 0 else (usage.cost or 0) + change.cost
    if usage.cost is None and not change.unpriced:
        cost = None
    return replace(
        usage, tokens=tokens, cost=cost,
        estimated=usage.estimated + change.estimated > 0, local=usage.local + change.local > 0,
    )  # fmt: skip
