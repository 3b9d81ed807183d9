"""The vocabulary: everything that can be observed or done, one frozen struct each.

An `Event` is a place in time, a session and a body. The store keeps the body as JSON with its type; a type that
this version does not know becomes `Unknown` and is written back byte for byte.

Times are nanoseconds since the epoch, money is nano-dollars, text is an `Excerpt`. A field that is None was not
said by the source. Names follow OpenTelemetry's GenAI conventions where those have one.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from orchestrator_tui.excerpt import Excerpt

Relation = Literal["subagent", "fork", "split", "escalation", "iteration"]
Activity = Literal["idle", "low", "busy"]
"""Processor use of a process tree: idle < 2 % of a core, busy > 5 % (or IO > 64 KiB in a sample), else low."""
MAX_WAIT = 10_000_000
"""Seconds (116 days) above which a wait until the next try is not one."""


class Tokens(Struct, frozen=True, omit_defaults=True):
    """Token counts of one response, or a difference between two; the first four are disjoint."""

    input: int = 0
    """Prompt tokens neither read from nor written to a cache."""
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    """All generated tokens, reasoning included."""
    cache_write_1h: int = 0
    """The part of `cache_write` with the one-hour lifetime."""
    reasoning: int = 0
    """The part of `output` that was reasoning."""

    @property
    def prompt(self) -> int:
        """Tokens in the context window of that request."""
        return self.input + self.cache_read + self.cache_write

    @property
    def total(self) -> int:
        """Every token once."""
        return self.input + self.cache_read + self.cache_write + self.output


class Body(Struct, frozen=True, omit_defaults=True, tag_field="type", kw_only=True):
    """What happened; subclasses are the types."""


# --- the session itself -------------------------------------------------------------------------------------


class SessionUpdated(Body, frozen=True, tag="session.updated"):
    """Facts about a session, as far as they are known now; a None field says nothing."""

    client: str | None = None
    """`claude` `codex` `opencode` `gemini` `loop` `log`."""
    title: str | None = None
    title_rank: int = 0
    """How good the title is: 0 first prompt, 1 the client's guess, 2 a name of the session, 3 given by a person."""
    project: str | None = None
    cwd: str | None = None
    branch: str | None = None
    model: str | None = None
    effort: str | None = None
    permission_mode: str | None = None
    context_window: int | None = None
    auto_compact: bool | None = None
    interactive: bool | None = None
    """Whether a person sits at it; None when the client does not say."""
    client_version: str | None = None
    parent: str | None = None
    relation: Relation | None = None
    parent_call: str | None = None
    """The parent's tool call that this sub-agent answers."""
    host: str | None = None
    """Name of the machine it runs on."""
    pid: int | None = None
    """What the source claims; only a process observation proves it."""
    owned: bool | None = None


class TurnStarted(Body, frozen=True, tag="turn.started"):
    """The client says that a turn begins."""


class TurnEnded(Body, frozen=True, tag="turn.ended"):
    """The client says that the turn is over."""

    duration_ms: int | None = None


class UserMessage(Body, frozen=True, tag="user.message"):
    """A line that the model reads as the user's."""

    text: Excerpt
    synthetic: bool = False
    """Written by a machine (a nudge, a summary after compaction), not by a person."""
    local: bool = False
    """A client's own command: no model call follows."""
    interrupt: bool = False
    """The person stopped the turn."""
    headless: bool = False
    replayed: bool = False
    """History copied by a resume or a fork."""


class AssistantMessage(Body, frozen=True, tag="assistant.message"):
    """Text that the model wrote."""

    text: Excerpt
    message_id: str | None = None
    stop_reason: str | None = None
    replayed: bool = False


class AssistantThinking(Body, frozen=True, tag="assistant.thinking"):
    """Reasoning that the client shows; often empty or a summary."""

    text: Excerpt
    message_id: str | None = None
    replayed: bool = False


class ToolCall(Body, frozen=True, tag="tool.call"):
    """The model asked for a tool. Calls of one message are one step."""

    call_id: str
    tool: str
    arguments: Excerpt
    """Canonical JSON (sorted keys) of the arguments, cosmetic fields included."""
    message_id: str | None = None
    background: bool = False
    """The call returns at once and its work goes on."""
    replayed: bool = False


class ToolResult(Body, frozen=True, tag="tool.result"):
    """A tool's answer."""

    call_id: str
    ok: bool
    output: Excerpt
    replayed: bool = False


class FileChanged(Body, frozen=True, tag="file.changed"):
    """A file of the project has new content."""

    path: str
    hash: str


class TaskUpdated(Body, frozen=True, tag="task.updated"):
    """One item of the session's to-do list."""

    task_id: str
    subject: str
    status: str
    """The client's own word: `pending`, `in_progress`, `completed`, `deleted`."""


class CompactStarted(Body, frozen=True, tag="compact.started"):
    """The context is being summarised."""


class CompactEnded(Body, frozen=True, tag="compact.ended"):
    """The context was summarised."""

    trigger: str | None = None
    pre_tokens: int | None = None
    post_tokens: int | None = None


class Check(Body, frozen=True, tag="check"):
    """A success criterion was run."""

    name: str
    ok: bool
    score: float | None = None


class SessionEnded(Body, frozen=True, tag="session.ended"):
    """The session's own end, as it reports it."""

    is_error: bool = False
    reason: str | None = None
    text: str | None = None


class SeatTaken(Body, frozen=True, tag="seat.taken"):
    """The session's place on the map, for life: the region and its number there, as in `api/7`."""

    region: str
    number: int


# --- counting -----------------------------------------------------------------------------------------------


class Usage(Body, frozen=True, tag="usage"):
    """One model response, counted once over the whole fleet."""

    response_id: str | None = None
    model: str | None = None
    tokens: Tokens = field(default_factory=Tokens)
    cost: int | None = None
    """Nano-dollars; None is unpriced."""


class UsageCorrected(Body, frozen=True, tag="usage.corrected"):
    """A better record of a response that was counted: the differences are added."""

    response_id: str | None = None
    tokens: Tokens = field(default_factory=Tokens)
    """May be negative."""
    cost: int = 0
    """Nano-dollars, may be negative."""


class UsageMoved(Body, frozen=True, tag="usage.moved"):
    """A response turned out to be another session's; one such event for each of the two."""

    response_id: str | None = None
    tokens: Tokens = field(default_factory=Tokens)
    """Negative for the session that loses it."""
    requests: int = 0
    """+1 or -1."""
    cost: int | None = None
    peer: str = ""
    """The other session."""


class StreamProgress(Body, frozen=True, tag="stream.progress"):
    """Tokens are arriving; never counted."""

    output: int = 0


# --- trouble ------------------------------------------------------------------------------------------------


class ApiError(Body, frozen=True, tag="api.error"):
    """The model's service refused or broke off."""

    status: int | None = None
    kind: str | None = None
    text: str = ""
    retry_in: float | None = None
    """Seconds until the client tries again, 0 to `MAX_WAIT`; None when it does not say."""
    attempt: int | None = None
    max_attempts: int | None = None
    final: bool = False
    """The client has given up; the turn is over."""


class Hook(Body, frozen=True, tag="hook"):
    """A client's hook fired."""

    name: str
    kind: str | None = None
    text: str = ""


class Unparsed(Body, frozen=True, tag="unparsed"):
    """A line that could not be read; nothing else of it was used."""

    reason: str
    head: str = ""


class UnknownRecord(Body, frozen=True, tag="record.unknown"):
    """A line of a kind that this version does not know, kept as it was."""

    kind: str
    record: Excerpt


# --- processes ----------------------------------------------------------------------------------------------


class Child(Struct, frozen=True, omit_defaults=True):
    """One direct tool of a session's process."""

    command: str
    cpu_percent: float | None = None
    """Of one core, its own children included."""
    state: str | None = None
    io_bytes: int | None = None
    """Read and written since the last sample."""
    terminal_read: bool = False


class ProcessObserved(Body, frozen=True, tag="process.observed"):
    """What was seen of a session's process; appended when something about it changed."""

    pid: int
    started: int | None = None
    """Start time as the kernel tells it (Linux: clock ticks since boot); with pid and boot id the identity."""
    alive: bool = True
    stopped: bool = False
    """By job control or SIGSTOP."""
    ppid: int | None = None
    tty: str | None = None
    tmux: str | None = None
    activity: Activity | None = None
    cpu_percent: float | None = None
    children: list[Child] = field(default_factory=list)
    terminal_read: bool = False
    net_bytes: int | None = None
    monotonic: float | None = None
    """The observer's monotonic seconds, where the observer is not this host."""


class ProcessGone(Body, frozen=True, tag="process.gone"):
    """The process ended: confirmed by two looks, or by a registry entry that it left behind."""

    pid: int
    started: int | None = None
    reason: str = ""


class ClientStatus(Body, frozen=True, tag="client.status"):
    """What the client says about itself in its registry of running processes."""

    status: str | None = None
    """The client's own word (Claude Code 2.1: `idle`, `busy`, `waiting`); None when it does not say."""
    waiting_for: str | None = None
    pid: int | None = None
    started: int | None = None


# --- the host, and commands ---------------------------------------------------------------------------------


class HostStarted(Body, frozen=True, tag="host.started"):
    """A host began to look."""

    host_id: str
    boot_id: str
    pid: int
    version: str


class HostStopped(Body, frozen=True, tag="host.stopped"):
    """A host ended on purpose; from here on nobody looks."""

    reason: str = ""


class Beat(Body, frozen=True, tag="beat"):
    """The host was looking; every 30 s."""


class SettingsChanged(Body, frozen=True, tag="settings.changed"):
    """Settings that answers depend on, as they are from here on."""

    settings: dict[str, str | float | bool | None] = field(default_factory=dict)


class CommandRequested(Body, frozen=True, tag="command.requested"):
    """Somebody wants something done; the host answers with an outcome."""

    command_id: str
    verb: str
    arguments: dict[str, str | float | bool | None] = field(default_factory=dict)
    actor: str = ""
    deadline: int | None = None
    """Not to be started after this time."""


class CommandProgressed(Body, frozen=True, tag="command.progressed"):
    """How far a long command is."""

    command_id: str
    done: int = 0
    total: int = 0
    note: str = ""


class CommandEnded(Body, frozen=True, tag="command.ended"):
    """A command's outcome."""

    command_id: str
    outcome: Literal["done", "refused", "failed", "undone"]
    text: str = ""
    receipt: dict[str, str | float | bool | None] = field(default_factory=dict)


class Unknown(Struct, frozen=True):
    """A body of a type that this version does not know."""

    type: str
    payload: bytes
    """The JSON as it was stored."""


KnownBody = (
    SessionUpdated | TurnStarted | TurnEnded | UserMessage | AssistantMessage | AssistantThinking | ToolCall
    | ToolResult | FileChanged | TaskUpdated | SeatTaken | CompactStarted | CompactEnded | Check | SessionEnded | Usage
    | UsageCorrected | UsageMoved | StreamProgress | ApiError | Hook | Unparsed | UnknownRecord | ProcessObserved
    | ProcessGone | ClientStatus | HostStarted | HostStopped | Beat | SettingsChanged | CommandRequested
    | CommandProgressed | CommandEnded
)  # fmt: skip
AnyBody = KnownBody | Unknown

TYPES: dict[str, type[Body]] = {str(kind.__struct_config__.tag): kind for kind in Body.__subclasses__()}
"""Every type this version knows, by its name."""


class Event(Struct, frozen=True):
    """One thing that happened, at its place in time."""

    seq: int
    """Ascends in the order of appending, over the whole store."""
    at: int
    """Its place in time, fixed when it was appended (docs/architecture.md)."""
    seen_at: int
    """The host's clock when it was appended."""
    source_at: int | None
    """The time that the source claims."""
    session: str | None
    """`<client>:<id>`; None for the fleet as a whole."""
    body: AnyBody

    @property
    def live(self) -> bool:
        """Whether it was observed as it happened, not found later."""
        return self.at == self.seen_at


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[KnownBody] = msgspec.json.Decoder(KnownBody)


def type_of(body: AnyBody) -> str:
    """The name under which a body is stored."""
    return body.type if isinstance(body, Unknown) else str(body.__struct_config__.tag)


def encode(body: AnyBody) -> bytes:
    """A body as JSON, its type in the field `type`."""
    return body.payload if isinstance(body, Unknown) else _encoder.encode(body)


def decode(kind: str, payload: bytes) -> AnyBody:
    """The body of a stored row; a type or a shape that this version does not know, or damage, becomes `Unknown`."""
    if kind not in TYPES:
        return Unknown(kind, payload)
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # A newer version may have changed a field's type: keep the row rather than lose or misread it.
        return Unknown(kind, payload)


def without_text(body: KnownBody) -> KnownBody:
    """The body with its excerpts emptied, their lengths and digests kept (`[store] text = "none"`)."""

    def bare(text: Excerpt) -> Excerpt:
        return Excerpt("", text.length, text.digest)

    if isinstance(body, SessionUpdated) and body.title is not None and body.title_rank == 0:
        # A title of this rank is the first prompt itself.
        return replace(body, title=None)
    if isinstance(body, UserMessage | AssistantMessage | AssistantThinking):
        return replace(body, text=bare(body.text))
    if isinstance(body, ToolCall):
        return replace(body, arguments=bare(body.arguments))
    if isinstance(body, ToolResult):
        return replace(body, output=bare(body.output))
    return body
