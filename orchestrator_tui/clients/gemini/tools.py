"""The tool calls of a Gemini message: `{id, name, args, status, result, resultDisplay, timestamp, agentId}`.

They are written when all tools of a message are done, so that a call mostly comes with its result.
"""

from __future__ import annotations

from typing import Any

from orchestrator_tui.clients.gemini.content import changed_file, todo_changes, tool_output
from orchestrator_tui.clients.gemini.state import NAME, ChatState
from orchestrator_tui.clients.values import arguments_of, session_id, short, text_of
from orchestrator_tui.events import KnownBody, SessionUpdated, ToolCall, ToolResult
from orchestrator_tui.excerpt import output

UNFINISHED = frozenset({"validating", "scheduled", "executing", "awaiting_approval"})
COMPLETE_TASK = "complete_task"
"""The tool with which a sub-agent hands its report over, and is done."""


def made(call: dict[str, Any], call_id: str, message: str, replayed: bool) -> ToolCall:
    """The call itself."""
    arguments = call.get("args")
    return ToolCall(
        call_id=call_id,
        tool=short(call.get("name")) or "?",
        arguments=arguments_of(arguments),
        message_id=message,
        background=isinstance(arguments, dict) and arguments.get("is_background") is True,
        replayed=replayed,
    )


def is_finished(call: dict[str, Any]) -> bool:
    """Whether the call is over, one way or another."""
    return call.get("status") not in UNFINISHED


def finished(state: ChatState, call: dict[str, Any], call_id: str, replayed: bool) -> list[KnownBody]:
    """A call's result, and what it changed."""
    text, ok = tool_output(call)
    bodies: list[KnownBody] = [ToolResult(call_id=call_id, ok=ok, output=output(text), replayed=replayed)]
    if replayed:
        return bodies
    changed = changed_file(call)
    if changed is not None:
        bodies.append(changed)
    if call.get("name") == "write_todos" and ok:
        state.plan, told = todo_changes(state.plan, call.get("args"))
        bodies += told
    return bodies


def invoked(call: dict[str, Any], call_id: str, parent: str | None) -> tuple[str, SessionUpdated] | None:
    """(the sub-agent's session, its link) of a call that ran one (`agentId`)."""
    agent, arguments = text_of(call.get("agentId")), call.get("args")
    if not agent:
        return None
    title = short(arguments.get("agent_name")) if isinstance(arguments, dict) else None
    link = SessionUpdated(
        client=NAME, parent=parent, relation="subagent", parent_call=call_id, title=title, title_rank=2 if title else 0
    )
    return session_id(NAME, agent), link
