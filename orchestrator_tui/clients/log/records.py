"""What each kind of line of an open session log says (docs/contract.md §3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator_tui.clients.values import (
    arguments_of,
    number,
    short,
    text_of,
    tokens_of,
    wait_of,
    whole,
)
from orchestrator_tui.events import (
    ApiError,
    AssistantMessage,
    Check,
    Child,
    CompactEnded,
    CompactStarted,
    FileChanged,
    Hook,
    KnownBody,
    ProcessGone,
    ProcessObserved,
    SessionEnded,
    SessionUpdated,
    StreamProgress,
    ToolCall,
    ToolResult,
    TurnEnded,
    TurnStarted,
    Usage,
    UserMessage,
)
from orchestrator_tui.excerpt import ARGUMENTS, excerpt, output

MAX_COST = 1_000_000
"""Dollars above which the cost of one response is not a cost."""


def word(value: dict[str, Any], name: str) -> str | None:
    """A field that is a bounded string, or None."""
    return short(value.get(name), ARGUMENTS)


def flag(value: dict[str, Any], name: str) -> bool | None:
    """A field that is true or false, or None."""
    item = value.get(name)
    return item if isinstance(item, bool) else None


def _terminal(value: dict[str, Any], name: str) -> str | None:
    """A terminal's name; `true` says that there is one, None and false that there is none (the empty string)."""
    if name not in value:
        return None
    item = value[name]
    return "yes" if item is True else item[:ARGUMENTS] if isinstance(item, str) else ""


def _child(kid: dict[str, Any]) -> Child:
    return Child(
        command=(text_of(kid.get("cmd")) or "")[:ARGUMENTS],
        cpu_percent=number(kid.get("cpu_pct")),
        state=word(kid, "state"),
        io_bytes=whole(kid.get("io_delta")),
        terminal_read=kid.get("tty_read") is True,
    )


def _activity(cpu: float | None, kids: list[Child]) -> Any:
    most = max([cpu or 0.0, *(kid.cpu_percent or 0.0 for kid in kids)])
    if most > 5 or any((kid.io_bytes or 0) > 65_536 for kid in kids):
        return "busy"
    return "low" if most >= 2 else "idle"


def process(value: dict[str, Any], pid: int) -> KnownBody:
    """A look at the session's process, whose id the header named."""
    if value.get("alive") is False:
        return ProcessGone(pid=pid, reason="the log says so")
    children = value.get("children")
    cpu = number(value.get("cpu_pct"))
    kids = [_child(kid) for kid in children[:64] if isinstance(kid, dict)] if isinstance(children, list) else []
    return ProcessObserved(
        pid=pid,
        ppid=whole(value.get("ppid")),
        stopped=value.get("state") == "T",
        tty=_terminal(value, "tty"),
        tmux=_terminal(value, "tmux"),
        cpu_percent=cpu,
        activity=_activity(cpu, kids),
        children=kids,
        terminal_read=any(kid.terminal_read for kid in kids),
        net_bytes=whole(value.get("net_bytes")),
        monotonic=number(value.get("mono")),
    )


def _usage(value: dict[str, Any]) -> list[KnownBody]:
    if value.get("stream") is True:
        return [StreamProgress(output=max(0, whole(value.get("out", value.get("output"))) or 0))]
    tokens = tokens_of(
        input=value.get("input", value.get("inp")),
        cache_read=value.get("cache_read"),
        cache_write=value.get("cache_write"),
        output=value.get("output", value.get("out")),
        cache_write_1h=value.get("cache_write_1h"),
        reasoning=value.get("reasoning"),
    )
    cost = value.get("cost")
    dollars = number(cost)
    if cost is not None and (dollars is None or not 0 <= dollars <= MAX_COST):
        raise ValueError("cost is not a sum of dollars")
    nano = None if dollars is None else round(dollars * 1_000_000_000)
    # A coarse count does not tell what came from a cache: what it cost is a guess.
    coarse = nano is None and "input" not in value and "inp" in value
    model = word(value, "model")
    return [Usage(response_id=word(value, "id"), model=model, tokens=tokens, cost=nano, estimated=coarse)]


def _user(value: dict[str, Any]) -> list[KnownBody]:
    flags = {name: value.get(name) is True for name in ("synthetic", "local", "interrupt", "headless", "replayed")}
    return [UserMessage(text=excerpt(text_of(value.get("text")) or ""), **flags)]


def _assistant(value: dict[str, Any]) -> list[KnownBody]:
    text = text_of(value.get("text")) or ""
    if value.get("api_error") is True:
        return [ApiError(status=whole(value.get("status")), text=text[:ARGUMENTS], final=True)]
    return [
        AssistantMessage(
            text=excerpt(text), message_id=short(value.get("msg")), stop_reason=short(value.get("stop_reason"))
        )
    ]


def _tool_call(value: dict[str, Any]) -> list[KnownBody]:
    args = value.get("args")
    return [
        ToolCall(
            call_id=str(value["id"])[:128],
            tool=(text_of(value.get("tool")) or "?")[:128],
            arguments=arguments_of(args),
            message_id=short(value.get("msg")),
            background=isinstance(args, dict) and args.get("run_in_background") is True,
            replayed=value.get("replayed") is True,
        )
    ]


def _tool_result(value: dict[str, Any]) -> list[KnownBody]:
    text = text_of(value.get("text")) or ""
    ok = value.get("ok") is not False
    return [
        ToolResult(call_id=str(value["id"])[:128], ok=ok, output=output(text), replayed=value.get("replayed") is True)
    ]


def _api_error(value: dict[str, Any]) -> list[KnownBody]:
    return [
        ApiError(
            status=whole(value.get("status")),
            kind=short(value.get("type")),
            text=(text_of(value.get("text")) or "")[:ARGUMENTS],
            retry_in=wait_of(value.get("retry_in")),
            attempt=whole(value.get("attempt")),
            max_attempts=whole(value.get("max_attempts")),
            final=value.get("final") is True or value.get("synthetic_message") is True,
        )
    ]


def _hook(value: dict[str, Any]) -> list[KnownBody]:
    return [Hook(name=word(value, "name") or "", kind=word(value, "type"), text=word(value, "text") or "")]


def _file_change(value: dict[str, Any]) -> list[KnownBody]:
    return [FileChanged(path=str(value["path"])[:ARGUMENTS], hash=str(value.get("hash"))[:64])]


def _subagent(value: dict[str, Any]) -> list[KnownBody]:
    if value.get("event") == "end":
        return [TurnEnded()]
    return [SessionUpdated(parent_call=short(value.get("parent_call")))]


def _compact(value: dict[str, Any]) -> list[KnownBody]:
    return [CompactEnded(pre_tokens=whole(value.get("pre_tokens")), post_tokens=whole(value.get("post_tokens")))]


def _check(value: dict[str, Any]) -> list[KnownBody]:
    return [Check(name=word(value, "name") or "", ok=value.get("ok") is True, score=number(value.get("score")))]


def _result(value: dict[str, Any]) -> list[KnownBody]:
    error = value.get("is_error") is True
    return [SessionEnded(is_error=error, reason=word(value, "subtype"), text=word(value, "text"))]


READERS: dict[str, Callable[[dict[str, Any]], list[KnownBody]]] = {
    "usage": _usage,
    "user": _user,
    "turn_started": lambda _: [TurnStarted()],
    "assistant_text": _assistant,
    "tool_call": _tool_call,
    "tool_result": _tool_result,
    "api_error": _api_error,
    "hook": _hook,
    "file_change": _file_change,
    "subagent": _subagent,
    "compact_start": lambda _: [CompactStarted()],
    "compact": _compact,
    "check": _check,
    "result": _result,
}
"""What each kind of line is made into; `proc` needs the header's pid, and `session` is the header."""
