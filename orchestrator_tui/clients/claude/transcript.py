"""Claude Code's transcripts (2.1.197, tolerant of older ones): one JSON object per line.

Traps, all measured: one API message is written as several lines with the same id and the same usage; a fork copies
its parent's lines with their old times and ids under a new session id; retries and the call that summarises at
compaction are in no line; `<synthetic>` messages carry no spend; `last-prompt` comes in the middle of turns too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import msgspec
from msgspec import Struct, field

from orchestrator_tui.clients.base import (
    Draft,
    Record,
    arguments_of,
    decode_object,
    record_key,
    remember,
    response_key,
    session_id,
    short,
    text_of,
    timestamp,
    tokens_of,
    wait_of,
    whole,
)
from orchestrator_tui.clients.claude.content import (
    INTERRUPT,
    changed_file,
    flat_text,
    is_local,
    project_of,
    title_of,
)
from orchestrator_tui.clock import MILLISECOND
from orchestrator_tui.events import (
    ApiError,
    AssistantMessage,
    AssistantThinking,
    CompactEnded,
    KnownBody,
    SessionUpdated,
    Tokens,
    ToolCall,
    ToolResult,
    TurnEnded,
    UnknownRecord,
    Unparsed,
    Usage,
    UserMessage,
)
from orchestrator_tui.excerpt import ARGUMENTS, digest, excerpt, output

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
QUIET_SYSTEM = frozenset(
    {
        "stop_hook_summary",
        "local_command",
        "informational",
        "away_summary",
        "hook_summary",
        "microcompact_boundary",
    }
)


class TranscriptState(Struct):
    """What the parser must remember between two lines."""

    first_at: int | None = None
    """The file cannot be older than its first timestamp; an earlier line in it was copied from another session."""
    last_at: int | None = None
    told: dict[str, str | bool | int] = field(default_factory=dict)
    """What `session.updated` has said, so that only changes are said again."""
    untold: dict[str, str | bool | int] = field(default_factory=dict)
    """Facts from before the first timestamp: they wait for it, or they would be placed at the time of reading."""
    title_rank: int = -1
    usage_key: bytes = b""
    usage: Tokens | None = None
    """The last usage: the lines of one message repeat it."""
    agents: list[str] = field(default_factory=list)
    """Sub-agents found inside this file (older versions), already linked."""


class Transcript:
    """The parser of one transcript, the session's or a sub-agent's."""

    def __init__(self, path: PurePath, state: bytes | None) -> None:
        self.state = msgspec.msgpack.decode(state, type=TranscriptState) if state else TranscriptState()
        self.parent: str | None = None
        if path.name.startswith("agent-"):
            self.native = path.stem.removeprefix("agent-")
            if path.parent.name == "subagents":
                self.parent = session_id("claude", path.parent.parent.name)
        else:
            self.native = path.stem
        self.session: str | None = session_id("claude", self.native)

    @property
    def first_at(self) -> int | None:
        """The first time in the file."""
        return self.state.first_at

    @property
    def last_at(self) -> int | None:
        """The latest record's time."""
        return self.state.last_at

    def feed(self, record: Record) -> Iterator[Draft]:
        """The drafts of one line."""
        if not record.data.strip():
            return
        value = decode_object(record.data)
        if value is None:
            yield from self._drafts(record, None, [Unparsed(reason="not a JSON object", head=_head(record.data))])
            return
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
            bodies += self._read(value, replayed)
        except (AttributeError, TypeError, KeyError, ValueError, RecursionError) as error:
            bodies.append(Unparsed(reason=f"unexpected shape: {type(error).__name__}", head=_head(record.data)))
        yield from self._drafts(record, value, bodies, session)

    # --- facts about the session --------------------------------------------------------------------------

    def _time(self, value: dict[str, Any]) -> int | None:
        at = timestamp(value.get("timestamp"))
        snapshot = value.get("snapshot")
        if at is None and isinstance(snapshot, dict):
            # An interactive fork opens with a snapshot stamped now, then the copied lines with their old times.
            at = timestamp(snapshot.get("timestamp"))
        if at is not None:
            if self.state.first_at is None:
                self.state.first_at = at
            self.state.last_at = at
        return at

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
            facts["cwd"] = cwd[:ARGUMENTS]
            if "project" not in told:
                # The project is where the session began: a later `cd` is not another project.
                facts["project"] = project_of(cwd)[:ARGUMENTS]
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
        news = {key: item for key, item in facts.items() if told.get(key) != item}
        rank, title = title_of(value)
        if (title and rank > self.state.title_rank) or (title and rank == self.state.title_rank and rank > 0):
            self.state.title_rank = rank
            # Only its digest is remembered: a checkpoint holds no text.
            code = digest(title)
            if told.get("title") != code:
                told["title"] = code
                news.update(title=title[:ARGUMENTS], title_rank=rank)
        if self.state.last_at is None:
            self.state.untold.update(news)
            return []
        news = self.state.untold | news
        self.state.untold = {}
        if not news:
            return []
        told.update({key: item for key, item in news.items() if key not in ("title", "title_rank")})
        return [SessionUpdated(**news)]

    # --- records ------------------------------------------------------------------------------------------

    def _read(self, value: dict[str, Any], replayed: bool) -> list[KnownBody]:
        kind = value.get("type")
        if kind == "assistant":
            return self._assistant(value, replayed)
        if kind == "user":
            return list(self._user(value, replayed))
        if kind == "system":
            return self._system(value)
        if kind in NOISE or kind in ("ai-title", "custom-title", "agent-name", "permission-mode", "summary"):
            return []
        raw = msgspec.json.encode(value).decode()
        return [UnknownRecord(kind=str(kind)[:64], record=excerpt(raw, ARGUMENTS))]

    def _assistant(self, value: dict[str, Any], replayed: bool) -> list[KnownBody]:
        message = value["message"]
        if message.get("model") == "<synthetic>":
            if value.get("isApiErrorMessage") is not True:
                return []
            status = whole(value.get("apiErrorStatus"))
            text = flat_text(message.get("content"))[:ARGUMENTS]
            if replayed:
                return []
            return [
                ApiError(
                    status=status if status is not None else _status_in(text),
                    kind=short(value.get("error")),
                    text=text,
                    final=True,
                )
            ]
        message_id, stop = short(message.get("id")), short(message.get("stop_reason"))
        bodies: list[KnownBody] = []
        content = message.get("content")
        for block in content if isinstance(content, list) else [{"type": "text", "text": content}]:
            what = block.get("type")
            if what == "text":
                words = excerpt(text_of(block.get("text")) or "")
                bodies.append(AssistantMessage(text=words, message_id=message_id, stop_reason=stop, replayed=replayed))
            elif what in ("thinking", "redacted_thinking"):
                words = excerpt(text_of(block.get("thinking")) or "", ARGUMENTS)
                bodies.append(AssistantThinking(text=words, message_id=message_id, replayed=replayed))
            elif what in ("tool_use", "server_tool_use", "mcp_tool_use"):
                arguments = block.get("input")
                bodies.append(
                    ToolCall(
                        call_id=str(block.get("id"))[:128],
                        tool=str(block.get("name"))[:128],
                        arguments=arguments_of(arguments),
                        message_id=message_id,
                        background=isinstance(arguments, dict) and arguments.get("run_in_background") is True,
                        replayed=replayed,
                    )
                )
        usage = message.get("usage")
        if isinstance(usage, dict):
            bodies += self._usage(message, usage, text_of(value.get("requestId")) or "")
        return bodies

    def _usage(self, message: dict[str, Any], usage: dict[str, Any], request_id: str) -> list[KnownBody]:
        message_id = text_of(message.get("id")) or ""
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
        return [Usage(response_id=message_id[:128], model=short(message.get("model"), ARGUMENTS), tokens=tokens)]

    def _user(self, value: dict[str, Any], replayed: bool) -> Iterator[KnownBody]:
        content = value["message"].get("content")
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        machine = value.get("isMeta") is True or value.get("isCompactSummary") is True
        origin = value.get("origin")
        if isinstance(origin, dict) and origin.get("kind") not in (None, "human"):
            machine = True
        for block in blocks:
            what = block.get("type")
            if what == "tool_result":
                call = str(block.get("tool_use_id"))[:128]
                text = flat_text(block.get("content"))
                failed = block.get("is_error") is True
                yield ToolResult(call_id=call, ok=not failed, output=output(text), replayed=replayed)
                changed = None if failed or replayed else changed_file(value.get("toolUseResult"))
                if changed is not None:
                    yield changed
            elif what == "text" and isinstance(block.get("text"), str):
                text = block["text"]
                yield UserMessage(
                    text=excerpt(text),
                    synthetic=machine,
                    local=is_local(text) or value.get("isCompactSummary") is True,
                    interrupt=text.startswith(INTERRUPT),
                    headless=value.get("promptSource") == "sdk",
                    replayed=replayed,
                )

    def _system(self, value: dict[str, Any]) -> list[KnownBody]:
        what = value.get("subtype")
        if what == "turn_duration":
            return [TurnEnded(duration_ms=whole(value.get("durationMs")))]
        if what == "compact_boundary":
            meta = value.get("compactMetadata")
            meta = meta if isinstance(meta, dict) else {}
            pre, post = whole(meta.get("preTokens")), whole(meta.get("postTokens"))
            return [CompactEnded(trigger=short(meta.get("trigger")), pre_tokens=pre, post_tokens=post)]
        if what == "api_error":
            error = value.get("error")
            return [
                ApiError(
                    status=whole(error.get("status")) if isinstance(error, dict) else None,
                    text=flat_text(value.get("content"))[:ARGUMENTS],
                    retry_in=wait_of(value.get("retryInMs"), 1000),
                    attempt=whole(value.get("retryAttempt")),
                    max_attempts=whole(value.get("maxRetries")),
                )
            ]
        if what in QUIET_SYSTEM or what is None:
            return []
        raw = msgspec.json.encode(value).decode()
        return [UnknownRecord(kind=f"system/{str(what)[:48]}", record=excerpt(raw, ARGUMENTS))]

    # --- handing over -------------------------------------------------------------------------------------

    def _drafts(
        self,
        record: Record,
        value: dict[str, Any] | None,
        bodies: list[KnownBody],
        session: str | None = None,
    ) -> Iterator[Draft]:
        uuid = text_of(value.get("uuid")) if value else None
        identity = uuid or record.data
        at = self.state.last_at
        for index, body in enumerate(bodies):
            key = record_key("claude", identity if not index else _numbered(identity, index))
            response = self.state.usage_key if isinstance(body, Usage) else None
            target = session or self.session
            if target is not None:
                yield Draft(target, body, at, key, record.offset, record.length, response)


def _numbered(identity: str | bytes, index: int) -> bytes:
    raw = identity.encode("utf-8", "replace") if isinstance(identity, str) else identity
    return b"%d:" % index + raw


def _head(data: bytes) -> str:
    return data[:256].decode("utf-8", "replace")


def _status_in(text: str) -> int | None:
    """The HTTP status that Claude Code writes into the error's text: `API Error: 529 ...`, `(429)`."""
    for word in text.replace("(", " ").replace(")", " ").split()[:8]:
        if len(word) == 3 and word.isdecimal() and word[0] in "45":
            return int(word)
    return None
