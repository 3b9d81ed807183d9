"""Codex's rollouts (CLI 0.169.0, tolerant of older ones): `{timestamp, ordinal, type, payload}` per line.

Traps, all measured: what a person types is written twice, and between it stands text that Codex puts in itself; the
model is named by `turn_context` alone; errors and interruptions are fields of the turn's end; retries and waits for
an approval are in no line; a fork copies no lines but goes on counting where its parent was (`usage`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator_tui.clients.base import Draft, Record
from orchestrator_tui.clients.codex.content import (
    changed_files,
    error_kind,
    flat_text,
    quota_of,
    reset_time,
)
from orchestrator_tui.clients.codex.items import QUIET_EVENTS, TOOL_ENDS, finished_item, model_item, note_outcome
from orchestrator_tui.clients.codex.state import RolloutState
from orchestrator_tui.clients.codex.usage import context_after, token_count, usage_record
from orchestrator_tui.clients.lines import LineParser, unknown, unparsed
from orchestrator_tui.clients.values import first_line, project_of, session_id, text_of, timestamp, whole
from orchestrator_tui.clock import iso
from orchestrator_tui.events import (
    ApiError,
    CompactEnded,
    KnownBody,
    TurnEnded,
    TurnStarted,
    Usage,
    UserMessage,
)
from orchestrator_tui.excerpt import ARGUMENTS, excerpt

MAX_WINDOW = 1 << 40
SETTINGS = frozenset({"session_meta", "turn_context", "world_state", "thread_settings_applied"})
"""Records that may stand between a compaction and the size of what it left."""
NOISE = frozenset({"session_meta", "turn_context", "world_state", "inter_agent_communication", "compacted"})
"""Records that are facts, or say nothing an event is made of."""


class Rollout(LineParser[RolloutState]):
    """The parser of one rollout: one thread, be it a session, a fork or a sub-agent."""

    client = "codex"

    def __init__(self, thread: str, state: bytes | None) -> None:
        """`thread` is the id in the file's name."""
        super().__init__(RolloutState(scope=thread), state)
        self.session: str | None = session_id(self.client, thread)

    def read(self, record: Record, value: dict[str, Any]) -> Iterator[Draft]:
        """The drafts of one line."""
        payload = value.get("payload")
        if not isinstance(payload, dict):
            yield from self.drafts(record, [unparsed("no payload", record)])
            return
        self.saw(timestamp(value.get("timestamp")))
        kind = str(value.get("type"))
        bodies: list[KnownBody] = []
        try:
            bodies += self._compaction(kind, payload)
            bodies += self._facts(kind, payload)
            bodies += self._bodies(kind, payload, record)
        except (AttributeError, TypeError, KeyError, ValueError, OverflowError) as error:
            bodies.append(unparsed(f"unexpected shape: {type(error).__name__}", record))
        yield from self.drafts(record, bodies)

    # --- facts about the session --------------------------------------------------------------------------

    def _facts(self, kind: str, payload: dict[str, Any]) -> list[KnownBody]:
        facts: dict[str, Any] = {}
        if "client" not in self.state.told and "client" not in self.state.untold:
            facts["client"] = "codex"
        what = payload.get("type") if kind == "event_msg" else None
        if kind == "session_meta":
            facts |= self._meta(payload)
        elif kind == "turn_context":
            self.state.turn_model = text_of(payload.get("model")) or self.state.turn_model
            policy = payload.get("sandbox_policy")
            sandbox = text_of(policy.get("type", policy.get("mode"))) if isinstance(policy, dict) else None
            approval = text_of(payload.get("approval_policy"))
            facts["permission_mode"] = "/".join(part for part in (approval, sandbox) if part)
            facts |= {"model": payload.get("model"), "effort": payload.get("effort"), "cwd": payload.get("cwd")}
        elif what == "thread_settings_applied":
            settings = payload.get("thread_settings")
            settings = settings if isinstance(settings, dict) else {}
            self.state.next_model = text_of(settings.get("model")) or self.state.next_model
            facts |= {name: settings.get(name) for name in ("model", "cwd")}
            facts["effort"] = settings.get("reasoning_effort")
        elif what in ("task_started", "turn_started"):
            facts["context_window"] = payload.get("model_context_window")
        elif what == "token_count" and isinstance(payload.get("info"), dict):
            facts["context_window"] = payload["info"].get("model_context_window")
        title, rank = self._title(what, payload)
        facts = {name: item for name, item in facts.items() if _is_fact(name, item)}
        return self.tell(facts, title if rank > self.state.title_rank or rank == 3 else None, rank)

    def _meta(self, meta: dict[str, Any]) -> dict[str, Any]:
        """The facts of the file's own `session_meta`, the first; later ones came with copied history."""
        thread = text_of(meta.get("id"))
        if thread:
            self.state.scope = thread[:128]
        if self.state.opened:
            return {}
        self.state.opened = True
        source, git, cwd = meta.get("source"), meta.get("git"), text_of(meta.get("cwd"))
        spawn = source.get("subagent") if isinstance(source, dict) else None
        spawn = spawn.get("thread_spawn") if isinstance(spawn, dict) else None
        spawn = spawn if isinstance(spawn, dict) else {}
        parent = text_of(meta.get("parent_thread_id")) or text_of(spawn.get("parent_thread_id"))
        fork = text_of(meta.get("forked_from_id"))
        self.state.subagent = parent is not None or isinstance(source, dict) or meta.get("thread_source") == "subagent"
        self.state.inherits = parent is not None or fork is not None or isinstance(meta.get("history_base"), dict)
        self.state.headless = source == "exec"
        facts: dict[str, Any] = {"cwd": cwd, "client_version": meta.get("cli_version")}
        facts["branch"] = git.get("branch") if isinstance(git, dict) else None
        facts["project"] = project_of(cwd) if cwd else None
        facts["interactive"] = False if self.state.headless or self.state.subagent else _interactive(meta)
        origin = session_id("codex", parent or fork or "")
        if (parent or fork) and origin != self.session:
            facts |= {"parent": origin, "relation": "subagent" if parent else "fork"}
        return facts

    def _title(self, what: object, payload: dict[str, Any]) -> tuple[str | None, int]:
        """(title, `events.SessionUpdated.title_rank`) that the record gives its session."""
        if what == "thread_name_updated":
            return text_of(payload.get("thread_name")), 3
        source = payload.get("source")
        spawn = source.get("subagent") if isinstance(source, dict) else None
        if isinstance(spawn, dict) or text_of(payload.get("agent_nickname")):
            spawn = spawn.get("thread_spawn") if isinstance(spawn, dict) else None
            named = [payload, spawn] if isinstance(spawn, dict) else [payload]
            names = [
                next((n for p in named if (n := text_of(p.get(k)))), None) for k in ("agent_nickname", "agent_role")
            ]
            return " · ".join(name for name in names if name), 2
        text = _typed(what, payload)
        return (first_line(text), 0) if text is not None else (None, -1)

    # --- records ------------------------------------------------------------------------------------------

    def _bodies(self, kind: str, payload: dict[str, Any], record: Record) -> list[KnownBody]:
        if kind in NOISE:
            self.state.compacted = self.state.compacted or kind == "compacted"
            return []
        what, bodies = str(payload.get("type")), None
        if kind == "event_msg":
            bodies = self._event(what, payload)
        elif kind == "response_item":
            bodies = model_item(self.state, payload)
        elif kind == "token_usage_record":
            self.state.step_open = False
            bodies = usage_record(self.state, payload)
        if bodies is not None:
            return bodies
        name = f"{kind}/{what}" if kind in ("event_msg", "response_item") else kind
        return [unknown(name, record)]

    def _event(self, what: str, payload: dict[str, Any]) -> list[KnownBody] | None:
        text = _typed(what, payload)
        if text is not None:
            self.state.step_open = False
            words = excerpt(text)
            return [UserMessage(text=words, synthetic=self.state.subagent, headless=self.state.headless)]
        if what == "item_completed":
            return finished_item(self.state, payload["item"])
        if what == "token_count":
            info = payload.get("info")
            counted = token_count(self.state, info) if isinstance(info, dict) else []
            return [*counted, *self._quota(payload)]
        if what in ("task_started", "turn_started"):
            self.state.turn, self.state.step_open = (text_of(payload.get("turn_id")) or "")[:64], False
            return [TurnStarted()]
        if what in ("task_complete", "turn_complete"):
            return self._end(payload)
        if what == "turn_aborted":
            if payload.get("reason") != "interrupted":
                return self._end(payload)
            return [UserMessage(text=excerpt("[turn interrupted]"), interrupt=True, headless=self.state.headless)]
        if what in ("error", "stream_error"):
            return [self._error(payload, final=what == "error")]
        if what in TOOL_ENDS:
            ok = note_outcome(self.state, payload.get("call_id"), payload)
            return list(changed_files(payload.get("changes"))) if ok else []
        return [] if what in QUIET_EVENTS or what.startswith("collab_") else None

    def _quota(self, payload: dict[str, Any]) -> list[KnownBody]:
        """The account's quota, when it is not what was told last."""
        quota = quota_of(payload.get("rate_limits"))
        if quota is None or quota == self.state.quota:
            return []
        self.state.quota = quota
        return [quota]

    def _end(self, payload: dict[str, Any]) -> list[KnownBody]:
        took, error = whole(payload.get("duration_ms")), payload.get("error")
        self.state.step_open = False
        ended = TurnEnded(duration_ms=took if took is not None and took >= 0 else None)
        return [self._error(error, final=True), ended] if isinstance(error, dict) else [ended]

    def _error(self, error: dict[str, Any], final: bool) -> KnownBody:
        """`{message, codex_error_info}`; a used-up quota names the time in the account's own clock, if at all."""
        text = (text_of(error.get("message")) or "")[:ARGUMENTS]
        kind, status = error_kind(error.get("codex_error_info"), text)
        resets_at = reset_time(self.state.quota)
        if status == 429 and "try again" not in text and resets_at is not None:
            text = f"{text} The quota resets at {iso(resets_at)}.".strip()
        return ApiError(status=status, kind=kind, text=text, final=final)

    def _compaction(self, kind: str, payload: dict[str, Any]) -> list[KnownBody]:
        """A compaction is told with the first record after it: a `token_count` says how much is left."""
        what = payload.get("type") if kind == "event_msg" else kind
        if not self.state.compacted or what in SETTINGS or what == "compacted":
            return []
        self.state.compacted = False
        after = context_after(payload.get("info")) if what == "token_count" else None
        return [CompactEnded(pre_tokens=self.state.prompt or None, post_tokens=after)]

    def response_of(self, body: Usage) -> bytes | None:
        """The key of the response counted last: its usage is handed over at once."""
        return self.state.usage_key


def _typed(what: object, payload: dict[str, Any]) -> str | None:
    """What a person typed: `item_completed` with a `UserMessage`, or the older `user_message`."""
    if what == "user_message":
        return text_of(payload.get("message"))
    item = payload.get("item") if what == "item_completed" else None
    return flat_text(item.get("content")) if isinstance(item, dict) and item.get("type") == "UserMessage" else None


def _is_fact(name: str, item: object) -> bool:
    """Whether a value is what the fact's name promises; None and "" say nothing."""
    if name == "context_window":
        return isinstance(item, int) and not isinstance(item, bool) and 0 < item < MAX_WINDOW
    return isinstance(item, bool) if name == "interactive" else isinstance(item, str) and item != ""


def _interactive(meta: dict[str, Any]) -> bool | None:
    """Whether a person sits at it. The TUI says `vscode`, as all clients of the app-server do; its name tells."""
    if meta.get("source") == "cli" or meta.get("originator") in ("codex-tui", "codex_cli_rs", "codex_vscode"):
        return True
    return None
