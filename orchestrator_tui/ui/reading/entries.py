"""The entries of a transcript: events with their results, and the commands that were given meanwhile."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import Excerpt
from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.text import clean


class Entry(Struct, frozen=True):
    """One entry: what happened, and for a tool call what came of it."""

    seq: int
    at: int
    body: ev.AnyBody | Decision
    result: ev.Event | None = None
    """A tool call's."""
    runs: bool = False
    """The tool call is under way."""
    day: str = ""
    """The day that begins with it; "" when it is the day before's."""

    @property
    def folds(self) -> bool:
        """Whether it has two sizes."""
        return isinstance(self.body, ev.ToolCall | ev.ToolResult | ev.AssistantThinking | Decision)

    @property
    def seqs(self) -> tuple[int, ...]:
        """The numbers of its events."""
        return (self.seq, self.result.seq) if self.result is not None else (self.seq,)


def entries_of(events: Sequence[ev.Event], commands: Iterable[Decision], running: Container[str]) -> list[Entry]:
    """The entries of a window, in order. `running`: the calls that are open now."""
    results: dict[int, ev.Event] = {}
    asked: dict[str, int] = {}
    taken: set[int] = set()
    newest: dict[str, int] = {}
    for event in events:
        body = event.body
        if isinstance(body, ev.ToolCall):
            asked[body.call_id] = newest[body.call_id] = event.seq
        elif isinstance(body, ev.ToolResult):
            call = asked.pop(body.call_id, None)
            if call is not None:
                results[call] = event
                taken.add(event.seq)
    out: list[Entry] = []
    for event in events:
        if event.seq in taken:
            continue
        body, result = event.body, results.get(event.seq)
        runs = (
            isinstance(body, ev.ToolCall)
            and result is None
            and body.call_id in running
            and newest[body.call_id] == event.seq
        )
        out.append(Entry(event.seq, event.at, body, result, runs))
    if events:
        first = events[0].seq
        out += [Entry(one.seq, one.at, one) for one in commands if one.seq >= first]
        out.sort(key=lambda entry: entry.seq)
    return _with_days(out)


def _with_days(entries: list[Entry]) -> list[Entry]:
    """The entries, each that begins a day marked so."""
    last = ""
    for place, entry in enumerate(entries):
        moment = datetime.fromtimestamp(entry.at / 1e9, UTC).astimezone()
        day = moment.strftime("%Y-%m-%d")
        if day != last:
            last = day
            entries[place] = msgspec.structs.replace(entry, day=moment.strftime("%A %-d %B %Y"))
    return entries


def whole(text: Excerpt) -> str:
    """What is kept of a text, cleaned, with a line on what is missing."""
    missing = text.length - len(text.text) - len(text.tail)
    if missing <= 0:
        return clean(text.text)
    more = f"… {amount(missing)} more"
    parts = [clean(text.text), f"{more} …", clean(text.tail)] if text.tail else [clean(text.text), more]
    return "\n".join(part for part in parts if part)


def amount(characters: int) -> str:
    """How much text, as a person reads it: `812 characters`, `14 k characters`."""
    if characters < 1000:
        return f"{characters} character{'s' * (characters != 1)}"
    return f"{characters / 1000:.1f}k characters" if characters < 100_000 else f"{characters // 1000}k characters"


def arguments(text: Excerpt) -> str:
    """A call's arguments, a line for each: its name and its value, the value's own breaks kept."""
    if text.whole:
        try:
            value: Any = msgspec.json.decode(text.text)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            value = None
        if isinstance(value, dict):
            return "\n".join(f"{clean(name)}: {_value(item)}" for name, item in value.items())
    return whole(text)


def _value(item: Any) -> str:
    if isinstance(item, str):
        return clean(f"\n{item}" if "\n" in item else item).replace("\n", "\n  ")
    try:
        return clean(msgspec.json.encode(item).decode("utf-8", "replace"))
    except (msgspec.MsgspecError, RecursionError, UnicodeError, OverflowError):
        return "?"


def told(body: ev.AnyBody) -> str:
    """All words of an event as they are shown and searched, cleaned; "" of one without."""
    if isinstance(body, ev.UserMessage | ev.AssistantMessage | ev.AssistantThinking):
        return whole(body.text)
    if isinstance(body, ev.ToolCall):
        return f"{clean(body.tool)}\n{arguments(body.arguments)}"
    if isinstance(body, ev.ToolResult):
        return whole(body.output)
    if isinstance(body, ev.ApiError):
        return clean(" ".join(str(part) for part in (body.status, body.kind, body.text) if part))
    if isinstance(body, ev.PermissionAsked):
        return f"{clean(body.tool)}\n{arguments(body.what)}"
    if isinstance(body, ev.AlertRaised):
        return clean(f"{body.status} {body.evidence}")
    if isinstance(body, ev.Hook):
        return clean(f"{body.name} {body.text}")
    if isinstance(body, ev.Unparsed):
        return clean(f"{body.reason} {body.head}")
    if isinstance(body, ev.SessionEnded):
        return clean(body.text or body.reason or "")
    return ""


def copied(entry: Entry) -> tuple[str, str]:
    """(what to call it, its whole text as far as it is kept) of an entry that somebody copies."""
    body = entry.body
    if isinstance(body, Decision):
        return "the command", clean(" ".join(part for part in (body.verb, body.why, body.outcome, body.text) if part))
    parts = [told(body)]
    if entry.result is not None:
        parts.append(told(entry.result.body))
    names: tuple[tuple[type, str], ...] = (
        (ev.UserMessage, "the message"), (ev.AssistantMessage, "the model's words"),
        (ev.AssistantThinking, "the model's thoughts"), (ev.ToolCall, "the call with its result"),
        (ev.ToolResult, "the result"), (ev.ApiError, "the error"),
    )  # fmt: skip
    name = next((word for kind, word in names if isinstance(body, kind)), "the entry")
    return name, "\n".join(part for part in parts if part)
