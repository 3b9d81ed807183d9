"""The vocabulary: everything that can be observed or done, one frozen struct each.

An `Event` is a place in time, a session and a body. The store keeps the body as JSON with its type; a type that
this version does not know becomes `Unknown` and is written back byte for byte.

Times are nanoseconds since the epoch, money is nano-dollars, text is an `Excerpt`. A field that is None was not
said by the source. Names follow OpenTelemetry's GenAI conventions where those have one.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from orchestrator_tui.events.control import (
    Beat,
    CommandCommitted,
    CommandEnded,
    CommandFollowed,
    CommandProgressed,
    CommandRequested,
    CommandStarted,
    GroupAssigned,
    HostStarted,
    HostStopped,
    Moment,
    SettingsChanged,
)
from orchestrator_tui.events.counting import (
    Limit,
    QuotaUpdated,
    StreamProgress,
    Usage,
    UsageCorrected,
    UsageMoved,
    UsagePriced,
)
from orchestrator_tui.events.findings import Acknowledged, AlertCleared, AlertEscalated, AlertRaised, Snoozed, Viewed
from orchestrator_tui.events.processes import Child, ClientStatus, ProcessGone, ProcessObserved
from orchestrator_tui.events.session import (
    AssistantMessage,
    AssistantThinking,
    Check,
    CompactEnded,
    CompactStarted,
    FileChanged,
    SeatTaken,
    SessionEnded,
    SessionUpdated,
    TaskUpdated,
    ToolCall,
    ToolResult,
    TurnEnded,
    TurnStarted,
    UserMessage,
    WorktreeSeen,
)
from orchestrator_tui.events.shapes import (
    HOUSED,
    MADE,
    MAX_WAIT,
    Activity,
    Body,
    Facts,
    ProcessRef,
    Relation,
    Settings,
    Tokens,
)
from orchestrator_tui.events.steering import (
    Adopted,
    BudgetSet,
    Confirmed,
    ModelRequested,
    PermissionAnswered,
    PermissionAsked,
    RegionsArranged,
    SplitMade,
)
from orchestrator_tui.events.trouble import ApiError, Hook, UnknownRecord, Unparsed
from orchestrator_tui.excerpt import Excerpt

__all__ = [
    "HOUSED",
    "MADE",
    "MAX_WAIT",
    "TYPES",
    "Acknowledged",
    "Activity",
    "Adopted",
    "AlertCleared",
    "AlertEscalated",
    "AlertRaised",
    "AnyBody",
    "ApiError",
    "AssistantMessage",
    "AssistantThinking",
    "Beat",
    "Body",
    "BudgetSet",
    "Check",
    "Child",
    "ClientStatus",
    "CommandCommitted",
    "CommandEnded",
    "CommandFollowed",
    "CommandProgressed",
    "CommandRequested",
    "CommandStarted",
    "CompactEnded",
    "CompactStarted",
    "Confirmed",
    "Event",
    "Facts",
    "FileChanged",
    "GroupAssigned",
    "Hook",
    "HostStarted",
    "HostStopped",
    "KnownBody",
    "Limit",
    "ModelRequested",
    "Moment",
    "PermissionAnswered",
    "PermissionAsked",
    "ProcessGone",
    "ProcessObserved",
    "ProcessRef",
    "QuotaUpdated",
    "RegionsArranged",
    "Relation",
    "SeatTaken",
    "SessionEnded",
    "SessionUpdated",
    "Settings",
    "SettingsChanged",
    "Snoozed",
    "SplitMade",
    "StreamProgress",
    "TaskUpdated",
    "Tokens",
    "ToolCall",
    "ToolResult",
    "TurnEnded",
    "TurnStarted",
    "Unknown",
    "UnknownRecord",
    "Unparsed",
    "Usage",
    "UsageCorrected",
    "UsageMoved",
    "UsagePriced",
    "UserMessage",
    "Viewed",
    "WorktreeSeen",
    "decode",
    "encode",
    "type_of",
    "without_text",
]


class Unknown(Struct, frozen=True):
    """A body of a type that this version does not know."""

    type: str
    payload: bytes
    """The JSON as it was stored."""


KnownBody = (
    SessionUpdated | TurnStarted | TurnEnded | UserMessage | AssistantMessage | AssistantThinking | ToolCall
    | ToolResult | FileChanged | TaskUpdated | SeatTaken | CompactStarted | CompactEnded | Check | SessionEnded | Usage
    | UsageCorrected | UsagePriced | UsageMoved | QuotaUpdated | StreamProgress | ApiError | Hook | AlertRaised
    | AlertEscalated | AlertCleared | Acknowledged | Snoozed | Viewed | Unparsed | UnknownRecord | ProcessObserved
    | ProcessGone | ClientStatus | HostStarted | HostStopped | Beat | SettingsChanged | CommandRequested
    | CommandProgressed | CommandEnded | WorktreeSeen | CommandStarted | CommandCommitted | CommandFollowed
    | GroupAssigned | PermissionAsked | PermissionAnswered | Confirmed | BudgetSet | ModelRequested | SplitMade
    | Adopted | RegionsArranged
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
