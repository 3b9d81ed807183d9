"""The open session log, `orc.log/1` (docs/contract.md §3): an agent that writes it into the inbox is watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import msgspec
from msgspec import Struct, field

from orchestrator_tui.clients.base import (
    Claim,
    Draft,
    FileRef,
    Listing,
    Parser,
    Record,
    arguments_of,
    decode_object,
    existing,
    number,
    pid_of,
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
from orchestrator_tui.clock import MAX_TIME, SECOND
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
    UnknownRecord,
    Unparsed,
    Usage,
    UserMessage,
)
from orchestrator_tui.excerpt import ARGUMENTS, excerpt, output

NAME = "log"
MAX_CALLS = 256
"""Open tool calls whose agent is remembered, the newest; of the others the results are the session's own."""
MAX_AGENTS = 128
"""Sub-agents that are remembered as linked, the last to come; an older one that speaks again is linked again."""
MAX_COST = 1_000_000
"""Dollars above which the cost of one response is not a cost."""


class Log:
    """The room of the open log; its root is the inbox, and any directory given with `--root log=DIR`."""

    name = NAME

    def roots(self, environ: Mapping[str, str]) -> list[Path]:
        """`$ORC_HOME/inbox`; where that is not set, the host adds its own inbox."""
        home = environ.get("ORC_HOME")
        return existing([Path(home) / "inbox"]) if home else []

    def discover(self, root: Path, listing: Listing, now: int) -> Iterator[FileRef]:
        """One file per session; a name that begins with a dot is still being made."""
        for entry in listing.walk(root, 2, now):
            if entry.name.endswith(".jsonl") and not entry.name.startswith("."):
                yield FileRef(NAME, entry.path, "lines", str(root))

    def parser(self, file: FileRef, state: bytes | None, now: int) -> Parser:
        """`now` is where a log without an epoch begins."""
        return LogParser(PurePath(file.path), state, now)

    def claims(self, root: Path, listing: Listing, now: int) -> list[Claim]:
        """None: a pid in a log is its writer's word, and no verb relies on it."""
        return []


class LogState(Struct):
    """What the parser must remember between two lines."""

    origin: int
    """Nanoseconds since the epoch at the writer's t = 0."""
    native: str = ""
    """The session's id, and below the agents', as plain names: a checkpoint stays under 64 KiB (see `_plain`)."""
    pid: int = 0
    opened: bool = False
    first_at: int | None = None
    last_at: int | None = None
    agents: list[str] = field(default_factory=list)
    calls: dict[str, str] = field(default_factory=dict)
    """Open tool call, as 63 bits in hexadecimal -> the sub-agent that made it."""


class LogParser:
    """The parser of one log."""

    def __init__(self, path: PurePath, state: bytes | None, now: int) -> None:
        self.state = msgspec.msgpack.decode(state, type=LogState) if state else LogState(now, _plain(path.stem))

    @property
    def session(self) -> str | None:
        """The root session."""
        return session_id(NAME, self.state.native)

    @property
    def first_at(self) -> int | None:
        """The first line's time."""
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
            body = Unparsed(reason="not a JSON object", head=record.data[:256].decode("utf-8", "replace"))
            yield from self._drafts(record, self.session, [body])
            return
        kind = value.get("kind")
        if kind == "session" and not self.state.opened:
            yield from self._header(record, value)
            return
        self._time(value)
        kind = kind if isinstance(kind, str) else ""
        title = text_of(value.get("agent")) or ""
        agent = self._agent_of(kind, value.get("id"), _plain(title) if title else "")
        try:
            bodies = self._read(kind, value, record)
        except (AttributeError, TypeError, KeyError, ValueError, RecursionError) as error:
            head = record.data[:256].decode("utf-8", "replace")
            bodies = [Unparsed(reason=f"{kind[:32]}: {error}"[:200], head=head)]
        if not self.state.opened:
            self.state.opened = True
            yield from self._drafts(record, self.session, [SessionUpdated(client=NAME)], salt=b"open")
        if agent:
            yield from self._link(record, agent, title or agent)
        yield from self._drafts(record, self._of(agent), bodies)

    # --- time and identity --------------------------------------------------------------------------------

    def _header(self, record: Record, value: dict[str, Any]) -> Iterator[Draft]:
        self.state.opened = True
        native = text_of(value.get("session"))
        if native:
            self.state.native = _plain(native)
        t = number(value.get("t")) or 0.0
        epoch = number(value.get("epoch"))
        if epoch is not None:
            self.state.origin = _ns(epoch) or 0
        elif isinstance(value.get("t"), int | float) and self.state.origin:
            self.state.origin -= _ns(t) or 0
        self._time(value)
        self.state.pid = pid_of(value.get("pid")) or 0
        window = whole(value.get("context_window")) or 0
        project, cwd = _text(value, "project"), _text(value, "cwd")
        body = SessionUpdated(
            client=NAME,
            title=_text(value, "title"),
            title_rank=2,
            project=project.rstrip("/").rpartition("/")[2] or project if project else None,
            cwd=cwd or (project if project and project.startswith("/") else None),
            branch=_text(value, "branch"),
            model=_text(value, "model"),
            effort=_text(value, "effort"),
            permission_mode=_text(value, "permission_mode"),
            context_window=window if window > 0 else None,
            auto_compact=_flag(value, "auto_compact"),
            interactive=_flag(value, "interactive"),
            pid=self.state.pid or None,
        )
        yield from self._drafts(record, self.session, [body])

    def _time(self, value: dict[str, Any]) -> None:
        t = value.get("t")
        at = timestamp(t)
        if at is None:
            seconds = number(t)
            offset = None if seconds is None else _ns(seconds)
            at = None if offset is None else self.state.origin + offset
        if at is None or not 0 <= at <= MAX_TIME:
            return
        self.state.first_at = at if self.state.first_at is None else self.state.first_at
        self.state.last_at = at

    def _of(self, agent: str) -> str | None:
        return f"{self.session}/{agent}" if agent else self.session

    def _agent_of(self, kind: str, call: object, agent: str) -> str:
        """Whose line it is: a tool's result is its call's, where it does not say itself."""
        calls = self.state.calls
        if kind not in ("tool_call", "tool_result"):
            return agent
        key = f"{record_key(NAME, call if isinstance(call, str) else str(whole(call))):x}"
        if kind == "tool_result":
            caller = calls.pop(key, "")
            return agent or caller
        if agent:
            calls[key] = agent
            if len(calls) > MAX_CALLS:
                del calls[next(iter(calls))]
        return agent

    def _link(self, record: Record, agent: str, title: str) -> Iterator[Draft]:
        if remember(self.state.agents, agent, MAX_AGENTS):
            link = SessionUpdated(client=NAME, parent=self.session, relation="subagent", title=title[:ARGUMENTS])
            yield from self._drafts(record, self._of(agent), [link], salt=b"agent")

    # --- records ------------------------------------------------------------------------------------------

    def _read(self, kind: str, value: dict[str, Any], record: Record) -> list[KnownBody]:
        reader = READERS.get(kind)
        if kind == "usage":
            return [self._usage(value)]
        if kind == "proc":
            return [self._process(value)]
        if reader is None:
            raw = record.data[: 4 * ARGUMENTS].decode("utf-8", "replace").strip()
            return [UnknownRecord(kind=kind[:64], record=excerpt(raw, ARGUMENTS))]
        return reader(value)

    def _usage(self, value: dict[str, Any]) -> KnownBody:
        if value.get("stream") is True:
            return StreamProgress(output=max(0, whole(value.get("out", value.get("output"))) or 0))
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
        return Usage(response_id=_text(value, "id"), model=_text(value, "model"), tokens=tokens, cost=nano)

    def _process(self, value: dict[str, Any]) -> KnownBody:
        if value.get("alive") is False:
            return ProcessGone(pid=self.state.pid, reason="the log says so")
        children = value.get("children")
        cpu = number(value.get("cpu_pct"))
        kids = [_child(kid) for kid in children[:64] if isinstance(kid, dict)] if isinstance(children, list) else []
        return ProcessObserved(
            pid=self.state.pid,
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

    # --- handing over -------------------------------------------------------------------------------------

    def _drafts(
        self, record: Record, session: str | None, bodies: list[KnownBody], salt: bytes = b""
    ) -> Iterator[Draft]:
        for body in bodies:
            response = None
            if isinstance(body, Usage) and body.response_id is not None:
                response = response_key(NAME, self.session or "", body.response_id)
            key = record_key(NAME, salt + record.data)
            yield Draft(session or "", body, self.state.last_at, key, record.offset, record.length, response)


def _plain(native: str) -> str:
    """An id as it stands in a session's: itself, or its hash when it is no plain name."""
    return session_id(NAME, native).partition(":")[2]


def _ns(seconds: float) -> int | None:
    return int(seconds * SECOND) if abs(seconds) < MAX_TIME / SECOND else None


def _text(value: dict[str, Any], name: str) -> str | None:
    return short(value.get(name), ARGUMENTS)


def _flag(value: dict[str, Any], name: str) -> bool | None:
    flag = value.get(name)
    return flag if isinstance(flag, bool) else None


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
        state=_text(kid, "state"),
        io_bytes=whole(kid.get("io_delta")),
        terminal_read=kid.get("tty_read") is True,
    )


def _activity(cpu: float | None, kids: list[Child]) -> Any:
    most = max([cpu or 0.0, *(kid.cpu_percent or 0.0 for kid in kids)])
    if most > 5 or any((kid.io_bytes or 0) > 65_536 for kid in kids):
        return "busy"
    return "low" if most >= 2 else "idle"


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
    return [Hook(name=_text(value, "name") or "", kind=_text(value, "type"), text=_text(value, "text") or "")]


def _file_change(value: dict[str, Any]) -> list[KnownBody]:
    return [FileChanged(path=str(value["path"])[:ARGUMENTS], hash=str(value.get("hash"))[:64])]


def _subagent(value: dict[str, Any]) -> list[KnownBody]:
    if value.get("event") == "end":
        return [TurnEnded()]
    return [SessionUpdated(parent_call=short(value.get("parent_call")))]


def _compact(value: dict[str, Any]) -> list[KnownBody]:
    return [CompactEnded(pre_tokens=whole(value.get("pre_tokens")), post_tokens=whole(value.get("post_tokens")))]


def _check(value: dict[str, Any]) -> list[KnownBody]:
    return [Check(name=_text(value, "name") or "", ok=value.get("ok") is True, score=number(value.get("score")))]


def _result(value: dict[str, Any]) -> list[KnownBody]:
    error = value.get("is_error") is True
    return [SessionEnded(is_error=error, reason=_text(value, "subtype"), text=_text(value, "text"))]


READERS: dict[str, Callable[[dict[str, Any]], list[KnownBody]]] = {
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
"""What each kind of line is made into; `usage` and `proc` need the parser's state."""
