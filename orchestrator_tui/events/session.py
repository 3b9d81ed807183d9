"""What happens in a session itself."""

from __future__ import annotations

from orchestrator_tui.events.shapes import Body, Relation
from orchestrator_tui.excerpt import Excerpt


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
    iterations: int | None = None
    """Of a loop: how many it may have."""


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


class WorktreeSeen(Body, frozen=True, tag="worktree.seen"):
    """What differs in the session's git checkout from how it was when the session began, committed or not.

    Seen by the host, appended when it changed. It is the checkout's: whoever wrote there, it is in here.
    """

    root: str
    """The checkout's top directory, absolute, without symbolic links."""
    branch: str | None = None
    """None on no branch."""
    base: str | None = None
    """The commit compared with: the last one before the session began, fixed at first sight; None: there was none."""
    head: str | None = None
    """The commit checked out; None before the first."""
    files: tuple[tuple[str, int | None, int | None], ...] = ()
    """(path below the root, lines added, lines removed) of the first 50 known to git; None: no text.

    Bytes of a path that are no UTF-8 are written as `\\xNN`.
    """
    changed: int = 0
    """How many files, those beyond the first 50 too."""
    added: int = 0
    """Lines over all of them."""
    removed: int = 0
    untracked: int | None = None
    """Files and whole directories that git does not know and is not told to ignore; None: it took too long to tell."""
    commits_since: int = 0
    dirty: bool = False
    """Files known to git differ from the commit checked out."""
    partial: bool = False
    """There are more files than were listed: the figures are the least it can be."""


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
