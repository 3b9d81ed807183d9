"""Claude Code's transcripts (2.1.197, tolerant of older ones): one JSON object per line.

Traps, all measured: one API message is written as several lines with the same id and the same usage; a fork copies
its parent's lines with their old times and ids under a new session id; retries and the call that summarises at
compaction are in no line; `<synthetic>` messages carry no spend; `last-prompt` comes in the middle of turns too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from msgspec import field

from orchestrator_tui.clients.base import Draft, Record
from orchestrator_tui.clients.claude.content import project_in, title_of
from orchestrator_tui.clients.claude.messages import failure, heard, searches_of, spoken, system_record, terms_of
from orchestrator_tui.clients.lines import LineParser, LineState, unknown, unparsed
from orchestrator_tui.clients.values import remember, response_key, session_id, short, text_of, timestamp, tokens_of
from orchestrator_tui.clock import MILLISECOND
from orchestrator_tui.events import KnownBody, SessionUpdated, Tokens, Unparsed, Usage
from orchestrator_tui.excerpt import ARGUMENTS

COPY_SLACK = 50 * MILLISECOND
"""A line of the session's own may be stamped this much before the line that opened the file."""
MAX_AGENTS = 128
"""Sub-agents of one file that are remembered as linked; an older one that speaks again is linked again."""

NOISE = frozenset(
    {
        "attachment",
        "queue-operation",
        "last-prompt",
        "mode",
        "file-history-snapshot",
        "progress",
        "tool_use_summary",
    }
)
"""Records that say nothing an event is made of."""


class TranscriptState(LineState):
    """What the parser must remember between two lines; an earlier time than the first was copied from elsewhere."""

    usage_key: bytes = b""
    usage: Tokens | None = None
    """The last usage: the lines of one message repeat it."""
    agents: list[str] = field(default_factory=list)
    """Sub-agents found inside this file (older versions), already linked."""


class Transcript(LineParser[TranscriptState]):
    """The parser of one transcript, the session's or a sub-agent's."""

    client = "claude"

    def __init__(self, path: PurePath, state: bytes | None) -> None:
        super().__init__(TranscriptState(), state)
        self.parent: str | None = None
        if path.name.startswith("agent-"):
            self.native = path.stem.removeprefix("agent-")
            if path.parent.name == "subagents":
                self.parent = session_id("claude", path.parent.parent.name)
        else:
            self.native = path.stem
        self.session: str | None = session_id("claude", self.native)

    def read(self, record: Record, value: dict[str, Any]) -> Iterator[Draft]:
        """The drafts of one line."""
        at = self._time(value)
        session = self.session
        agent = text_of(value.get("agentId"))
        if agent and agent != self.native and value.get("isSidechain") is True:
            session = session_id("claude", agent)
        replayed = at is not None and self.state.first_at is not None and at < self.state.first_at - COPY_SLACK
        bodies: list[KnownBody] = []
        try:
            if session == self.session:
                bodies += self._facts(value)
            elif session is not None and remember(self.state.agents, session, MAX_AGENTS):
                bodies.append(SessionUpdated(client="claude", parent=self.session, relation="subagent"))
            bodies += self._bodies(value, record, replayed)
        except (AttributeError, TypeError, KeyError, ValueError, RecursionError) as error:
            bodies.append(unparsed(f"unexpected shape: {type(error).__name__}", record))
        yield from self.drafts(record, bodies, session, text_of(value.get("uuid")))

    # --- facts about the session --------------------------------------------------------------------------

    def _time(self, value: dict[str, Any]) -> int | None:
        at = timestamp(value.get("timestamp"))
        snapshot = value.get("snapshot")
        if at is None and isinstance(snapshot, dict):
            # An interactive fork opens with a snapshot stamped now, then the copied lines with their old times.
            at = timestamp(snapshot.get("timestamp"))
        return self.saw(at)

    def _facts(self, value: dict[str, Any]) -> list[KnownBody]:
        facts: dict[str, Any] = {}
        told = self.state.told
        if "client" not in told:
            facts["client"] = "claude"
            parent = self.parent
            if parent is None and self.native and value.get("isSidechain") is True and text_of(value.get("sessionId")):
                parent = session_id("claude", value["sessionId"])
            if parent is not None and parent != self.session:
                facts.update(parent=parent, relation="subagent")
        cwd = text_of(value.get("cwd"))
        if cwd:
            facts["cwd"] = cwd
            if "project" not in told:
                # The project is where the session began: a later `cd` is not another project.
                facts["project"] = project_in(cwd)
        for name, key in (
            ("gitBranch", "branch"),
            ("permissionMode", "permission_mode"),
            ("version", "client_version"),
        ):
            text = short(value.get(name), ARGUMENTS)
            if text:
                facts[key] = text
        if isinstance(value.get("entrypoint"), str):
            facts["interactive"] = value["entrypoint"] == "cli" and self.parent is None
        message = value.get("message")
        if isinstance(message, dict) and value.get("type") == "assistant":
            model = short(message.get("model"), ARGUMENTS)
            if model and model != "<synthetic>":
                facts["model"] = model
        rank, title = title_of(value)
        better = rank > self.state.title_rank or (rank == self.state.title_rank and rank > 0)
        return self.tell(facts, title if better else None, rank)

    # --- records ------------------------------------------------------------------------------------------

    def _bodies(self, value: dict[str, Any], record: Record, replayed: bool) -> list[KnownBody]:
        kind = value.get("type")
        if kind == "assistant":
            message = value["message"]
            if message.get("model") == "<synthetic>":
                return failure(value, replayed)
            return [*spoken(message, replayed), *self._usage(message, text_of(value.get("requestId")) or "")]
        if kind == "user":
            return list(heard(value, replayed))
        if kind == "system":
            bodies = system_record(value)
            return [unknown(f"system/{str(value.get('subtype'))[:48]}", record)] if bodies is None else bodies
        if kind in NOISE or kind in ("ai-title", "custom-title", "agent-name", "permission-mode", "summary"):
            return []
        return [unknown(str(kind), record)]

    def _usage(self, message: dict[str, Any], request_id: str) -> list[KnownBody]:
        usage, message_id = message.get("usage"), text_of(message.get("id")) or ""
        if not isinstance(usage, dict):
            return []
        if not message_id and not request_id:
            return [Unparsed(reason="usage without message id or request id")]
        parts = usage.get("cache_creation")
        details = usage.get("output_tokens_details")
        try:
            tokens = tokens_of(
                input=usage.get("input_tokens"),
                cache_read=usage.get("cache_read_input_tokens"),
                cache_write=usage.get("cache_creation_input_tokens"),
                output=usage.get("output_tokens"),
                cache_write_1h=parts.get("ephemeral_1h_input_tokens") if isinstance(parts, dict) else 0,
                reasoning=details.get("thinking_tokens") if isinstance(details, dict) else 0,
            )
        except ValueError as error:
            return [Unparsed(reason=f"usage: {error}")]
        key = response_key("claude", message_id, request_id)
        if key == self.state.usage_key and tokens == self.state.usage:
            return []
        self.state.usage_key, self.state.usage = key, tokens
        model, terms, searches = short(message.get("model"), ARGUMENTS), terms_of(usage), searches_of(usage)
        return [Usage(response_id=message_id[:128], model=model, tokens=tokens, terms=terms, searches=searches)]

    def response_of(self, body: Usage) -> bytes | None:
        """The key of the usage read last: it is handed over at once."""
        return self.state.usage_key
