"""Gemini's chats (CLI 0.61.0): JSON Lines of headers, messages, and patches of the whole (`$set`, `$rewindTo`).

Traps, all measured: a message is written when its text is complete, and again under its id when its tools are done, so
that while a tool runs or waits for an approval nothing tells it from the answer that ends a turn; when history is cut
or restored the client writes all of it once more under new ids, without model or tokens; an imported chat holds the old
one's messages under their ids and times; a prompt whose request failed is taken back by a `$set` that lacks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from orchestrator_tui.clients.base import Draft, Record
from orchestrator_tui.clients.gemini import content as said
from orchestrator_tui.clients.gemini.messages import cancelled, notice, prompt, spoken, steering, taken_back
from orchestrator_tui.clients.gemini.state import MAX_COUNTED, MAX_SEEN, NAME, ChatState
from orchestrator_tui.clients.gemini.tools import COMPLETE_TASK, finished, invoked, is_finished, made
from orchestrator_tui.clients.gemini.usage import response_of, tokens_in
from orchestrator_tui.clients.lines import LineParser, unknown, unparsed
from orchestrator_tui.clients.values import (
    first_line,
    project_of,
    record_key,
    remember,
    session_id,
    short,
    text_of,
    timestamp,
)
from orchestrator_tui.clock import MILLISECOND
from orchestrator_tui.events import CompactEnded, TurnEnded, Usage
from orchestrator_tui.excerpt import ARGUMENTS

COPY_SLACK = 50 * MILLISECOND
"""A message of the chat's own may be stamped this much before its header."""
WORKTREES = "/.gemini/worktrees/"
_HASH_LENGTH = 64
"""Older versions name a project's folder by the hash of its path: that is no name to show."""


class Chat(LineParser[ChatState]):
    """The parser of one chat, the session's or a sub-agent's."""

    client = NAME

    def __init__(self, path: PurePath, state: bytes | None) -> None:
        super().__init__(ChatState(), state)
        self._stem = path.stem
        self._parent: str | None = None
        chats = path.parent
        if chats.name != "chats" and chats.parent.name == "chats":
            self._parent, chats = session_id(NAME, chats.name), chats.parent
        self._folder = chats.parent.name if chats.name == "chats" else ""
        self.session: str | None = session_id(NAME, self.state.native or path.stem)

    def read(self, record: Record, value: dict[str, Any]) -> Iterator[Draft]:
        """The drafts of one line."""
        try:
            if isinstance(value.get("$rewindTo"), str):
                return
            if isinstance(value.get("id"), str):
                yield from self._message(record, value)
            elif isinstance(value.get("$set"), dict):
                yield from self._patch(record, value["$set"])
            elif isinstance(value.get("sessionId"), str):
                yield from self._header(record, value)
            else:
                yield from self.drafts(record, [unknown(next(iter(value), ""), record)])
        except (AttributeError, TypeError, KeyError, ValueError, RecursionError) as error:
            yield from self.drafts(record, [unparsed(f"unexpected shape: {type(error).__name__}", record)])

    # --- facts about the session --------------------------------------------------------------------------

    def _header(self, record: Record, value: dict[str, Any]) -> Iterator[Draft]:
        """The first names the session; each process that goes on in the file writes another."""
        started = self.saw(timestamp(value.get("startTime")))
        if not self.state.native:
            native = self._stem if self._parent is not None else value["sessionId"] or self._stem
            self.session = session_id(NAME, native)
            self.state.native = self.session.partition(":")[2]
            self.state.project_hash = short(value.get("projectHash")) or ""
            self.state.subagent = self._parent is not None or value.get("kind") == "subagent"
        elif started is not None and session_id(NAME, value["sessionId"]) == self.session:
            # A chat that an older version began is taken over under the header of the process that goes on with it.
            self.state.first_at = min(started, self.state.first_at or started)
        facts = {"client": NAME, **self._where(value.get("directories"))}
        if self.state.subagent:
            facts |= {"parent": self._parent, "relation": "subagent", "interactive": False}
        yield from self._tell(record, facts, self._summary(value), 1)
        yield from self._history(record, value.get("messages"))

    def _where(self, directories: object) -> dict[str, Any]:
        cwd = said.proved(directories, self.state.project_hash)
        return {} if cwd is None else {"cwd": cwd, "project": project_of(cwd.partition(WORKTREES)[0])}

    def _summary(self, value: dict[str, Any]) -> str | None:
        """The client's own title of a chat; a sub-agent's summary is its report."""
        return None if self.state.subagent else text_of(value.get("summary"))

    def _tell(self, record: Record, facts: dict[str, Any], title: str | None = None, rank: int = 0) -> Iterator[Draft]:
        known = {name: item for name, item in facts.items() if item is not None}
        wanted = first_line(title) if rank or self.state.title_rank < 0 else None
        yield from self.drafts(record, self.tell(known, wanted, rank), identity=b"facts:" + record.data)

    def _unproved(self) -> dict[str, Any]:
        """The project's name where its directory is not known: its folder's."""
        known = "project" in self.state.told or "project" in self.state.untold
        return {} if known or len(self._folder) == _HASH_LENGTH else {"project": self._folder or None}

    # --- messages -----------------------------------------------------------------------------------------

    def _message(self, record: Record, value: dict[str, Any]) -> Iterator[Draft]:
        at, kind = self.saw(timestamp(value.get("timestamp"))), value.get("type")
        message = short(value["id"]) or _mark(record.data)
        replayed = at is not None and self.state.first_at is not None and at < self.state.first_at - COPY_SLACK
        if kind == "user":
            yield from self._user(record, message, value, replayed)
        elif kind == "gemini":
            yield from self._gemini(record, message, value, replayed)
        elif isinstance(kind, str) and kind in ("info", "warning", "error"):
            yield from self._notice(record, message, value, kind)
        else:
            yield from self.drafts(record, [unknown(str(kind), record)], identity=message)

    def _user(self, record: Record, message: str, value: dict[str, Any], replayed: bool) -> Iterator[Draft]:
        parts = said.parts_of(value.get("content"))
        text = said.flat_text(parts)
        if text.startswith(said.CONTEXT):
            # History that is written again opens with the preamble, mostly with the first prompt in one message.
            self.state.copying = self.state.prompted or len(parts) > 1
            yield from self._tell(record, self._where(said.directories_in(text)))
            return
        if text.startswith(said.MACHINE) or self.state.copying or not self._is_new(message):
            return
        self.state.waiting = ""
        if any("functionResponse" in part for part in parts):
            yield from self.drafts(record, steering(parts, replayed), identity=message)
            return
        asked = prompt(self.state, _mark(message), parts, value.get("displayContent"), replayed)
        title = asked.text.text if self.state.subagent or not (asked.synthetic or asked.local) else None
        yield from self._tell(record, self._unproved(), title)
        yield from self.drafts(record, [asked], identity=message)

    def _gemini(self, record: Record, message: str, value: dict[str, Any], replayed: bool) -> Iterator[Draft]:
        listed = value.get("toolCalls")
        calls = [call for call in listed if isinstance(call, dict)] if isinstance(listed, list) else []
        model, tokens = short(value.get("model"), ARGUMENTS), value.get("tokens")
        if model is None and tokens is None and not calls:
            # A copy, or what the client says in the model's name.
            return
        self.state.waiting, self.state.copying = "", False
        yield from self._tell(record, {"model": model, **self._unproved()})
        if self._is_new(message):
            bodies = spoken(self.state, message, value, bool(calls), replayed)
            yield from self.drafts(record, bodies, identity=message)
        yield from self._usage(record, message, tokens, model, replayed)
        yield from self._calls(record, message, calls, replayed)

    def _calls(self, record: Record, message: str, calls: list[dict[str, Any]], replayed: bool) -> Iterator[Draft]:
        """All calls first: they were made in one message; each result at its own time."""
        known = [(call, short(call.get("id")) or f"{message}/{index}") for index, call in enumerate(calls)]
        for call, name in known:
            if self._is_new(f"{message}/{name}"):
                yield from self.drafts(record, [made(call, name, message, replayed)], identity=f"{message}/{name}")
            link = invoked(call, name, self.session)
            if link is not None and not replayed and self._is_new(f"{message}/{name}/agent"):
                yield from self.drafts(record, [link[1]], link[0], identity=f"{message}/{name}/agent")
        done = [(call, name) for call, name in known if is_finished(call) and self._is_new(f"{message}/{name}/done")]
        for call, name in done:
            self.saw(timestamp(call.get("timestamp")))
            bodies = finished(self.state, call, name, replayed)
            yield from self.drafts(record, bodies, identity=f"{message}/{name}/done")
        if not done or replayed:
            return
        identity = f"{message}/{done[-1][1]}/end"
        if self.state.interrupted or all(call.get("status") == "cancelled" for call in calls):
            yield from self.drafts(record, [cancelled(self.state)], identity=identity)
            return
        self.state.open = True
        if self.state.subagent and any(call.get("name") == COMPLETE_TASK for call, _ in done):
            self.state.open = False
            yield from self.drafts(record, [TurnEnded()], identity=identity)

    def _notice(self, record: Record, message: str, value: dict[str, Any], kind: str) -> Iterator[Draft]:
        self.state.copying = False
        content = value.get("content")
        if not isinstance(content, str) or message.startswith("import-") or not self._is_new(message):
            return
        yield from self._tell(record, {} if self.state.subagent else {"interactive": True})
        yield from self.drafts(record, notice(self.state, kind, content), identity=message)

    def _is_new(self, name: str) -> bool:
        return remember(self.state.seen, _mark(name), MAX_SEEN)

    # --- counting -----------------------------------------------------------------------------------------

    def _usage(self, record: Record, message: str, counts: object, model: object, replayed: bool) -> Iterator[Draft]:
        """A message's tokens, told again only when they changed; whether they are new to the fleet, the store says."""
        if counts is None:
            return
        try:
            tokens = tokens_in(counts)
        except ValueError as error:
            if remember(self.state.counted, _mark(f"{message}!"), MAX_COUNTED):
                yield from self.drafts(record, [unparsed(f"usage: {error}", record)], identity=f"{message}/usage!")
            return
        if not replayed:
            self.state.prompt = tokens.prompt
        mark = _mark(f"{message}/{tokens!r}")
        if remember(self.state.counted, mark, MAX_COUNTED):
            used = short(model, ARGUMENTS) or text_of(self.state.told.get("model"))
            body = Usage(response_id=message, model=used, tokens=tokens)
            yield from self.drafts(record, [body], identity=f"{message}/usage/{mark}")

    def response_of(self, body: Usage) -> bytes | None:
        """The key of a message's response."""
        return response_of(self.session or "", body.response_id or "")

    # --- patches ------------------------------------------------------------------------------------------

    def _patch(self, record: Record, patch: dict[str, Any]) -> Iterator[Draft]:
        """`$set`: the chat's own fields, and `messages`, which puts another history in the place of what was said."""
        self.saw(timestamp(patch.get("lastUpdated")))
        yield from self._tell(record, self._where(patch.get("directories")), self._summary(patch), 1)
        yield from self._history(record, patch.get("messages"))

    def _history(self, record: Record, messages: object) -> Iterator[Draft]:
        """A history as it stands: nothing of it is news but usage, a summary in it, and a prompt that it lacks."""
        if not isinstance(messages, list):
            return
        copied, self.state.copying = self.state.copying, False
        there, asked, summary = set(), "", ""
        for value in messages:
            message = short(value.get("id")) if isinstance(value, dict) else None
            if message is None:
                continue
            there.add(_mark(message))
            text = said.flat_text(value.get("content"))
            if value.get("type") == "gemini":
                yield from self._usage(record, message, value.get("tokens"), value.get("model"), replayed=True)
                summary = _mark(asked) if asked and text == said.SUMMARISED else summary
            elif text.startswith(said.CONTEXT) and "cwd" not in self.state.told:
                yield from self._tell(record, self._where(said.directories_in(text)))
            asked = text if value.get("type") == "user" else ""
        if summary and summary != self.state.compacted:
            self.state.compacted, self.state.asked, self.state.waiting = summary, "", ""
            # A history that was taken over has its summary from elsewhere.
            if self.state.prompt:
                yield from self.drafts(record, [CompactEnded(pre_tokens=self.state.prompt)], identity=f"{summary}/sum")
        elif not copied and self.state.open:
            lost = self.state.asked or self.state.waiting
            yield from self.drafts(record, taken_back(self.state, there), identity=f"{lost}/lost")


def _mark(text: str | bytes) -> str:
    return f"{record_key(NAME, text):x}"
