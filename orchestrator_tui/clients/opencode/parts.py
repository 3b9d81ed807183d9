"""What the parts of a message say (OpenCode 1.18.33): text, reasoning, tools, and what a tool changed."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, NamedTuple

from orchestrator_tui.clients.opencode.rows import Row, millis
from orchestrator_tui.clients.values import arguments_of, decode_object, short, text_of, wait_of, whole
from orchestrator_tui.events import (
    ApiError,
    AssistantMessage,
    AssistantThinking,
    FileChanged,
    KnownBody,
    TaskUpdated,
    ToolCall,
    ToolResult,
    UnknownRecord,
)
from orchestrator_tui.excerpt import ARGUMENTS, excerpt, output

REFUSED = ("The user rejected permission to use this specific tool call.", "The user dismissed this question")
"""Errors of a tool after which the client ends the turn; a refusal with a word to the model goes on."""
QUIET = frozenset({"step-start", "step-finish", "snapshot", "patch", "file", "agent", "subtask", "compaction"})
MAX_TASKS = 200


class Said(NamedTuple):
    """Something that a row says."""

    what: str
    """With the row's id its identity."""
    body: KnownBody
    at: int | None
    """Milliseconds since the epoch."""
    began: int | None = None
    """When a text began, which decides the order; None: it has no duration."""


class Spoken(NamedTuple):
    """What a part of an assistant's message says, and whether that was all."""

    said: list[Said]
    settled: bool


def spoken(part: Row, message: str, copy: bool, closed: bool) -> Spoken:
    """A part of an assistant's message; nothing of a text that is still being written."""
    data = part.data or {}
    kind = data.get("type")
    start, end = _times(data)
    if kind == "text" or kind == "reasoning":
        text = text_of(data.get("text")) or ""
        if end is None and not closed:
            return Spoken([], False)
        if not text or data.get("ignored") is True:
            return Spoken([], True)
        make = AssistantMessage if kind == "text" else AssistantThinking
        words = make(text=excerpt(text), message_id=message[:128], replayed=copy)
        return Spoken([Said(str(kind), words, end or start or part.created, start)], True)
    if kind == "tool":
        return _tool(part, data, message, copy, closed)
    if kind == "retry":
        return Spoken([] if copy else [_retry(data, part.created)], True)
    if isinstance(kind, str) and kind in QUIET:
        return Spoken([], True)
    raw = part.head.decode("utf-8", "replace")
    body = UnknownRecord(kind=f"part/{str(kind)[:48]}", record=excerpt(raw))
    return Spoken([Said("unknown", body, part.created)], True)


def _times(data: dict[str, Any]) -> tuple[int | None, int | None]:
    time = data.get("time")
    return (millis(time.get("start")), millis(time.get("end"))) if isinstance(time, dict) else (None, None)


# --- tools ----------------------------------------------------------------------------------------------------


def state_of(part: Row) -> dict[str, Any]:
    """A tool's `state`: `{status, input, output | error, metadata, time}`."""
    state = (part.data or {}).get("state")
    return state if isinstance(state, dict) else {}


def is_refusal(part: Row) -> bool:
    """Whether a person refused the tool, which ends the turn."""
    state = state_of(part)
    return state.get("status") == "error" and (text_of(state.get("error")) or "").startswith(REFUSED)


def _tool(part: Row, data: dict[str, Any], message: str, copy: bool, closed: bool) -> Spoken:
    state = state_of(part)
    status, given = state.get("status"), _dict(state.get("input"))
    start, end = _times(state)
    if status not in ("running", "completed", "error"):
        # While it is pending its arguments are still being written.
        return Spoken([], False)
    call = (text_of(data.get("callID")) or part.id)[:128]
    tool, metadata = (text_of(data.get("tool")) or "?")[:128], _dict(state.get("metadata"))
    background = metadata.get("background") is True or given.get("run_in_background") is True
    said = [
        Said("call", ToolCall(call_id=call, tool=tool, arguments=arguments_of(given), message_id=message[:128],
                              background=background, replayed=copy), start or part.created)
    ]  # fmt: skip
    if status == "running":
        return Spoken(said, False)
    when = end or part.updated or start
    if status == "error":
        answer = output(text_of(state.get("error")) or "")
        said.append(Said("result", ToolResult(call_id=call, ok=False, output=answer, replayed=copy), when))
        return Spoken(said, True)
    code = whole(metadata.get("exit"))
    answer = output(text_of(state.get("output")) or "")
    said.append(Said("result", ToolResult(call_id=call, ok=not code, output=answer, replayed=copy), when))
    changed = None if copy else _changed(tool, given, metadata)
    if changed is not None:
        said.append(Said("file", changed, when))
    return Spoken(said, True)


def tasks_of(part: Row) -> list[TaskUpdated] | None:
    """The to-do list as `todowrite` left it; an item is known by its place. None: the part is no such thing."""
    data, state = part.data or {}, state_of(part)
    items = _dict(state.get("input")).get("todos")
    if data.get("tool") != "todowrite" or state.get("status") != "completed" or not isinstance(items, list):
        return None
    return [
        TaskUpdated(
            task_id=str(number),
            subject=(text_of(item.get("content")) or "")[:ARGUMENTS],
            status=(text_of(item.get("status")) or "pending")[:64],
        )
        for number, item in enumerate(items[:MAX_TASKS], 1)
        if isinstance(item, dict)
    ]


def child_of(part: Row) -> tuple[str, str] | None:
    """(native id of the sub-agent's session, the call that it answers)."""
    data = part.data or {}
    child = text_of(_dict(state_of(part).get("metadata")).get("sessionId"))
    call = text_of(data.get("callID"))
    return (child, call[:128]) if data.get("tool") == "task" and child and call else None


def _changed(tool: str, given: dict[str, Any], metadata: dict[str, Any]) -> FileChanged | None:
    """The new content of a file, where a tool says it whole."""
    path, content = text_of(given.get("filePath")), None
    if tool == "write":
        content = text_of(given.get("content"))
    elif tool == "edit":
        content = text_of(_dict(metadata.get("filediff")).get("after"))
    if path is None or content is None:
        return None
    return FileChanged(path=path[:1024], hash=blake2b(content.encode("utf-8", "replace"), digest_size=8).hexdigest())


# --- errors ---------------------------------------------------------------------------------------------------


def failure(error: dict[str, Any], final: bool, attempt: int | None = None, retry_in: float | None = None) -> ApiError:
    """`{name, data: {message, statusCode, responseBody, ...}}`."""
    name, data = short(error.get("name")), _dict(error.get("data"))
    body = decode_object((text_of(data.get("responseBody")) or "")[:65_536].encode("utf-8", "replace"))
    inner = _dict(body.get("error")) if body is not None else {}
    kind = short(inner.get("type")) or short(inner.get("code")) or name
    status = whole(data.get("statusCode"))
    text = text_of(data.get("message")) or name or "error"
    return ApiError(
        status=status if status is not None and 100 <= status < 1000 else None,
        kind=kind, text=text[:ARGUMENTS], final=final, attempt=attempt, retry_in=retry_in,
    )  # fmt: skip


def _retry(data: dict[str, Any], at: int | None) -> Said:
    """A part of older versions; 1.18 keeps a retry to itself."""
    attempt, time = whole(data.get("attempt")), _dict(data.get("time"))
    tries = attempt if attempt is not None and 0 < attempt < 10_000 else None
    wait = wait_of(data.get("delay"), 1000)
    return Said("retry", failure(_dict(data.get("error")), False, tries, wait), millis(time.get("created")) or at)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
