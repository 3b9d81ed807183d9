"""What happened in a session, one entry per event that a person would tell of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import Excerpt
from orchestrator_tui.export.masking import Hide
from orchestrator_tui.fleet.status import subject
from orchestrator_tui.text import clean

LONGEST = 2_000
"""Characters of one entry."""


class Told(Struct, frozen=True):
    """One entry; its text is cleaned."""

    at: int
    kind: str
    """`person`, `model`, `thinking`, `call`, `result`, `error`, `compacted`, `check`, `alert`, `command`, `ended`."""
    text: str


def told(events: Iterable[ev.Event], hide: Hide = str) -> Iterator[Told]:
    """In the order given; `hide` masks a text before it is cut: of half a secret nothing tells that it is one."""
    for event in events:
        entry = _entry(event.body)
        if entry is not None:
            kind, text = entry
            yield Told(event.at, kind, hide(clean(text))[:LONGEST])


def _entry(body: ev.AnyBody) -> tuple[str, str] | None:
    match body:
        case ev.UserMessage():
            return None if body.replayed else ("machine" if body.synthetic else "person", whole(body.text))
        case ev.AssistantMessage():
            return None if body.replayed else ("model", whole(body.text))
        case ev.ToolCall():
            return None if body.replayed else ("call", f"{body.tool} {subject(body.arguments.text)}")
        case ev.ToolResult():
            return None if body.replayed else ("result" if body.ok else "failed", whole(body.output))
        case ev.ApiError():
            return "error", f"{body.status or ''} {body.text}".strip()
        case ev.CompactEnded():
            return "compacted", f"{body.pre_tokens or '?'} tokens became {body.post_tokens or '?'}"
        case ev.Check():
            score = "" if body.score is None else f", score {body.score:g}"
            return "check", f"{body.name}: {'passed' if body.ok else 'failed'}{score}"
        case ev.AlertRaised() | ev.AlertEscalated():
            return "alert", f"{body.severity}: {body.evidence}"
        case ev.SessionEnded():
            return "ended", f"{'with an error: ' if body.is_error else ''}{body.text or body.reason or ''}"
        case _:
            return None


def whole(part: Excerpt) -> str:
    """What is kept of a text, and how much is not."""
    missing = part.length - len(part.text) - len(part.tail)
    middle = f"\n… {missing} characters are not kept …\n" if missing > 0 else ""
    return f"{part.text}{middle}{part.tail}"
