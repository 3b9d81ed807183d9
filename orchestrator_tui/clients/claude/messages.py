"""What Claude Code's records of the conversation say: the model's, the user's, the client's own (2.1.197)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator_tui.clients.claude.content import INTERRUPT, changed_file, flat_text, is_local
from orchestrator_tui.clients.values import arguments_of, short, text_of, wait_of, whole
from orchestrator_tui.events import (
    ApiError,
    AssistantMessage,
    AssistantThinking,
    CompactEnded,
    KnownBody,
    SessionUpdated,
    ToolCall,
    ToolResult,
    TurnEnded,
    UserMessage,
)
from orchestrator_tui.excerpt import ARGUMENTS, excerpt, output

USUAL = frozenset({"standard", "normal", "default", "global", "not_available"})
"""Words of a usage that change no price."""
MAX_SEARCHES = 10_000
"""Of one response; more is not a number that the client means."""
WIDE, NARROW = 1_000_000, 200_000
"""The two context windows that Claude Code runs a model with, in tokens."""
QUIET = frozenset(
    {
        "stop_hook_summary",
        "local_command",
        "informational",
        "away_summary",
        "hook_summary",
        "microcompact_boundary",
    }
)
"""Records of the client's own that say nothing an event is made of."""


def spoken(message: dict[str, Any], replayed: bool) -> list[KnownBody]:
    """The blocks of the model's message: text, thinking, calls."""
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
    return bodies


def terms_of(usage: dict[str, Any]) -> str | None:
    """What a usage says of its price besides the model: service tier, speed, place; None where all is as usual."""
    words = (text_of(usage.get(name)) for name in ("service_tier", "speed", "inference_geo"))
    return " ".join(word[:16].lower() for word in words if word and word.lower() not in USUAL) or None


def searches_of(usage: dict[str, Any]) -> int:
    """Web searches that the provider ran within the response: `server_tool_use.web_search_requests`."""
    tools = usage.get("server_tool_use")
    count = whole(tools.get("web_search_requests")) if isinstance(tools, dict) else None
    return count if count is not None and 0 < count < MAX_SEARCHES else 0


def failure(value: dict[str, Any], replayed: bool) -> list[KnownBody]:
    """A `<synthetic>` message: the error that ended a turn, or words that the client put in itself."""
    if value.get("isApiErrorMessage") is not True or replayed:
        return []
    status, text = whole(value.get("apiErrorStatus")), flat_text(value["message"].get("content"))[:ARGUMENTS]
    status = status if status is not None else _status_in(text)
    return [ApiError(status=status, kind=short(value.get("error")), text=text, final=True)]


def heard(value: dict[str, Any], replayed: bool) -> Iterator[KnownBody]:
    """A user's record: what a person or a machine said, and the answers of tools."""
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


def system_record(value: dict[str, Any]) -> list[KnownBody] | None:
    """A record of the client's own; None when its kind is unknown."""
    what = value.get("subtype")
    if what == "turn_duration":
        return [TurnEnded(duration_ms=whole(value.get("durationMs")))]
    if what == "compact_boundary":
        meta = value.get("compactMetadata")
        meta = meta if isinstance(meta, dict) else {}
        pre, post = whole(meta.get("preTokens")), whole(meta.get("postTokens"))
        ended = CompactEnded(trigger=short(meta.get("trigger")), pre_tokens=pre, post_tokens=post)
        if meta.get("trigger") != "auto" or not pre or pre < 0:
            return [ended]
        # The transcript never names the window; that it was full at this size does.
        return [ended, SessionUpdated(context_window=NARROW if pre <= NARROW else WIDE)]
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
    return [] if what in QUIET or what is None else None


def _status_in(text: str) -> int | None:
    """The HTTP status that Claude Code writes into the error's text: `API Error: 529 ...`, `(429)`."""
    for word in text.replace("(", " ").replace(")", " ").split()[:8]:
        if len(word) == 3 and word.isdecimal() and word[0] in "45":
            return int(word)
    return None
