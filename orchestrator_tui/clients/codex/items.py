"""The model's items and the tools' ends in a rollout (Codex CLI 0.169.0): messages, calls, outputs, plans."""

from __future__ import annotations

from typing import Any

from orchestrator_tui.clients.codex.content import arguments_in, changed_files, flat_text, tool_output
from orchestrator_tui.clients.codex.state import MAX_OUTCOMES, RolloutState
from orchestrator_tui.clients.values import arguments_of, text_of
from orchestrator_tui.events import (
    AssistantMessage,
    AssistantThinking,
    KnownBody,
    TaskUpdated,
    ToolCall,
    ToolResult,
)
from orchestrator_tui.excerpt import ARGUMENTS, digest, excerpt, output

MAX_PLAN = 200
CALLS = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "local_shell_call": "action",
    "tool_search_call": "arguments",
    "web_search_call": "action",
    "image_generation_call": "revised_prompt",
}
"""Each kind of call, and where its arguments are."""
HOSTED = frozenset({"web_search_call", "image_generation_call"})
"""Calls that the service answers itself: written when they are done, and no output follows."""
OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output", "tool_search_output", "mcp_tool_call_output"})
QUIET = frozenset(
    {
        "compaction",
        "compaction_summary",
        "context_compaction",
        "compaction_trigger",
        "ghost_snapshot",
        "additional_tools",
        "agent_message",
        "other",
    }
)
"""Items that say nothing an event is made of."""
QUIET_ENDS = frozenset(
    {
        "AgentMessage",
        "Reasoning",
        "Plan",
        "HookPrompt",
        "CollabAgentToolCall",
        "SubAgentActivity",
        "WebSearch",
        "ImageView",
        "Sleep",
        "ImageGeneration",
        "ContextCompaction",
    }
)
"""Completed items that are in the rollout as the model's own items too, or say nothing more."""
QUIET_EVENTS = frozenset(
    {
        "thread_settings_applied",
        "thread_name_updated",
        "thread_rolled_back",
        "thread_goal_updated",
        "agent_message",
        "agent_reasoning",
        "agent_reasoning_raw_content",
        "agent_reasoning_section_break",
        "context_compacted",
        "item_started",
        "web_search_end",
        "image_generation_end",
        "view_image_tool_call",
        "sub_agent_activity",
        "entered_review_mode",
        "exited_review_mode",
        "background_event",
        "warning",
        "turn_diff",
    }
)
"""Events that are in the rollout as the model's own items too, are facts, or say nothing an event is made of."""
TOOL_ENDS = frozenset({"exec_command_end", "mcp_tool_call_end", "patch_apply_end"})
"""Ends of tools as versions before `item_completed` wrote them: `{call_id, status | exit_code | success}`."""


def model_item(state: RolloutState, item: dict[str, Any]) -> list[KnownBody] | None:
    """A `response_item`; None when its kind is unknown.

    Messages of the roles `user` and `developer` give nothing: what a person typed has an event of its own, and the
    rest is context that Codex puts in (environment, AGENTS.md, permissions).
    """
    kind = item.get("type")
    if kind == "message":
        if item.get("role") != "assistant":
            return []
        stop = "end_turn" if item.get("end_turn") is True else None
        return [
            AssistantMessage(text=excerpt(flat_text(item.get("content"))), message_id=_step(state), stop_reason=stop)
        ]
    if kind == "reasoning":
        text = flat_text(item.get("summary")) or flat_text(item.get("content"))
        return [AssistantThinking(text=excerpt(text, ARGUMENTS), message_id=_step(state))]
    if kind in CALLS:
        return _call(state, str(kind), item)
    if kind in OUTPUTS:
        return [_output(state, item)]
    return [] if kind in QUIET else None


def finished_item(state: RolloutState, item: dict[str, Any]) -> list[KnownBody] | None:
    """The `item` of an `item_completed` that is no user message; None when its kind is unknown."""
    kind = item.get("type")
    if kind in ("CommandExecution", "McpToolCall", "DynamicToolCall", "FileChange"):
        ok = note_outcome(state, item.get("id"), item)
        return list(changed_files(item.get("changes"))) if kind == "FileChange" and ok else []
    return [] if kind in QUIET_ENDS else None


def note_outcome(state: RolloutState, call: object, end: dict[str, Any]) -> bool:
    """Remember how a tool ended until its output comes: that is written apart, and later."""
    status, code, result = end.get("status"), end.get("exit_code"), end.get("result")
    ok = not (isinstance(status, str) and status.lower() in ("failed", "declined"))
    ok = ok and not (isinstance(code, int) and code != 0) and end.get("success") is not False
    ok = ok and not (isinstance(result, dict) and "Err" in result)
    state.outcomes[str(call)[:128]] = ok
    while len(state.outcomes) > MAX_OUTCOMES:
        del state.outcomes[next(iter(state.outcomes))]
    return ok


def _step(state: RolloutState) -> str:
    """What the items of one response share: Codex writes the response's own id only after them."""
    if not state.step_open:
        state.step, state.step_open = state.step + 1, True
    return f"{state.turn}#{state.step}"


def _call(state: RolloutState, kind: str, item: dict[str, Any]) -> list[KnownBody]:
    arguments = arguments_in(item.get(CALLS[kind]))
    name, space = text_of(item.get("name")) or kind.removesuffix("_call"), text_of(item.get("namespace")) or ""
    if space.startswith("mcp__") and not name.startswith("mcp__"):
        name = f"{space.rstrip('_')}__{name}"
    step = _step(state)
    call_id = (text_of(item.get("call_id")) or text_of(item.get("id")) or f"{step}/{kind}")[:128]
    bodies: list[KnownBody] = [
        ToolCall(call_id=call_id, tool=name[:128], arguments=arguments_of(arguments), message_id=step)
    ]
    if kind in HOSTED:
        bodies.append(ToolResult(call_id=call_id, ok=item.get("status") != "failed", output=output("")))
    if name == "update_plan" and isinstance(arguments, dict):
        bodies += _plan(state, arguments.get("plan"))
    return bodies


def _output(state: RolloutState, item: dict[str, Any]) -> KnownBody:
    state.step_open = False
    call_id = str(item.get("call_id"))[:128]
    text, said = tool_output(item.get("output"))
    known = state.outcomes.pop(call_id, None)
    ok = said is not False if known is None else known
    return ToolResult(call_id=call_id, ok=ok, output=output(text))


def _plan(state: RolloutState, plan: object) -> list[KnownBody]:
    """The to-do list is written whole each time: what changed of it; an item is known by its place."""
    items = [item for item in plan[:MAX_PLAN] if isinstance(item, dict)] if isinstance(plan, list) else []
    bodies: list[KnownBody] = []
    marks = []
    for index, item in enumerate(items):
        step, status = text_of(item.get("step")) or "", (text_of(item.get("status")) or "pending")[:64]
        marks.append(f"{status} {digest(step)}")
        if index >= len(state.plan) or state.plan[index] != marks[-1]:
            bodies.append(TaskUpdated(task_id=str(index + 1), subject=step[:ARGUMENTS], status=status))
    gone = range(len(items), len(state.plan))
    bodies += [TaskUpdated(task_id=str(index + 1), subject="", status="deleted") for index in gone]
    state.plan = marks
    return bodies
