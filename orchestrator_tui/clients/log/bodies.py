"""Kind `event` of an open session log: a stored body as orc itself writes it (docs/contract.md §3).

Only what a client could have said of its own session is taken: no commands, nothing about other sessions, and no
process that could be signalled.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from orchestrator_tui import events as ev
from orchestrator_tui.events import KnownBody
from orchestrator_tui.excerpt import MESSAGE, Excerpt, digest

CARRIED = (
    ev.SessionUpdated, ev.TurnStarted, ev.TurnEnded, ev.UserMessage, ev.AssistantMessage, ev.AssistantThinking,
    ev.ToolCall, ev.ToolResult, ev.FileChanged, ev.TaskUpdated, ev.CompactStarted, ev.CompactEnded, ev.Check,
    ev.SessionEnded, ev.Usage, ev.StreamProgress, ev.QuotaUpdated, ev.ProcessObserved, ev.ProcessGone,
    ev.ClientStatus, ev.ApiError, ev.Hook, ev.PermissionAsked, ev.PermissionAnswered, ev.WorktreeSeen,
)  # fmt: skip
"""Types that a log may carry whole."""
LONGEST = 4096
"""Characters of any string in it."""
MOST = 256
"""Items of any list in it."""
DEEPEST = 8
HEX = frozenset("0123456789abcdef")
MAX_NANO = 10**15
"""A million dollars for one response is no cost."""


def carried(value: object) -> KnownBody:
    """The body; raises ValueError (msgspec.ValidationError is one) when it is none that a log may carry."""
    body = msgspec.convert(_bounded(value, 0), KnownBody)
    if not isinstance(body, CARRIED):
        raise ValueError(f"type {ev.type_of(body)} is not for a log")
    if isinstance(body, ev.SessionUpdated):
        return replace(body, client=None, pid=None, parent=None, relation=None, owned=None, host=None)
    if isinstance(body, ev.ProcessObserved):
        return replace(body, started=None, proof="")
    if isinstance(body, ev.ProcessGone):
        return replace(body, started=None, by="")
    if isinstance(body, ev.Usage) and (_negative(body.tokens) or not 0 <= (body.cost or 0) <= MAX_NANO):
        raise ValueError("a response has no negative tokens, and costs less")
    return _identified(body)


def _negative(tokens: ev.Tokens) -> bool:
    return any(getattr(tokens, name) < 0 for name in ev.Tokens.__struct_fields__)


def _identified(body: KnownBody) -> KnownBody:
    """What was cut keeps the digest and the length of the whole, where they can be so."""
    changed = {}
    for name in body.__struct_fields__:
        part = getattr(body, name)
        if isinstance(part, Excerpt):
            text, tail = part.text[:MESSAGE], part.tail[:MESSAGE]
            sound = len(part.digest) == 16 and HEX.issuperset(part.digest)
            length = min(max(part.length, len(text) + len(tail)), 1 << 40)
            changed[name] = Excerpt(text, length, part.digest if sound else digest(text + tail), tail)
    return replace(body, **changed) if changed else body


def _bounded(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise ValueError("it is nested too deep")
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, list):
        return [_bounded(item, depth + 1) for item in value[:MOST]]
    if isinstance(value, dict):
        return {name: _bounded(item, depth + 1) for name, item in list(value.items())[:MOST]}
    return value
