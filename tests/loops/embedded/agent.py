"""A minimal agent on litellm: it asks the embedded model, does what it says in a real directory, until it is done."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator_tui.loops.embedded.search import TOOLS, perform


@dataclass
class Run:
    """What an agent saw."""

    texts: list[str] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    usages: list[dict[str, int]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    finishes: list[str | None] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    done: bool = False


async def ask(messages: list[dict[str, Any]], model: str, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """One streamed response: the assistant's message, and what else came with it."""
    import litellm

    stream = await litellm.acompletion(
        model=model, messages=messages, tools=TOOLS, stream=True, stream_options={"include_usage": True},
        num_retries=0, max_retries=0, _skip_mcp_handler=True, **more,
    )  # fmt: skip
    text, calls, extra = "", {}, {"id": "", "model": "", "finish": None, "usage": None, "pieces": 0}
    async for chunk in stream:
        extra["id"] = extra["id"] or chunk.id
        extra["model"] = extra["model"] or chunk.model
        if getattr(chunk, "usage", None):
            extra["usage"] = chunk.usage
        for choice in chunk.choices:
            extra["finish"] = choice.finish_reason or extra["finish"]
            if choice.delta.content:
                text += choice.delta.content
                extra["pieces"] += 1
            for part in choice.delta.tool_calls or ():
                call = calls.setdefault(
                    part.index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
                )
                call["id"] = part.id or call["id"]
                call["function"]["name"] += part.function.name or ""
                call["function"]["arguments"] += part.function.arguments or ""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return message, extra


async def work(
    directory: Path,
    task: str,
    model: str = "embedded/small",
    most: int = 30,
    messages: list[dict[str, Any]] | None = None,
    answer: str = "As you think best.",
) -> Run:
    """Work until the model says it is done, or for so many responses. Given messages are gone on with."""
    run = Run(
        messages=messages or [{"role": "system", "content": "You are an agent."}, {"role": "user", "content": task}]
    )
    while not run.done and len(run.texts) < most:
        message, extra = await ask(run.messages, model)
        run.messages.append(message)
        run.texts.append(message["content"])
        run.ids.append(extra["id"])
        run.models.append(extra["model"])
        run.finishes.append(extra["finish"])
        usage = extra["usage"]
        run.usages.append(
            {
                "prompt": usage.prompt_tokens,
                "output": usage.completion_tokens,
                "read": usage.prompt_tokens_details.cached_tokens,
                "write": usage.prompt_tokens_details.cache_creation_tokens,
                "read2": usage.cache_read_input_tokens,
                "write2": usage.cache_creation_input_tokens,
            }
        )
        for call in message.get("tool_calls", ()):
            name, args = call["function"]["name"], json.loads(call["function"]["arguments"])
            run.calls.append((name, args))
            run.done |= name == "done"
            result = answer if name == "ask" else await asyncio.to_thread(perform, directory, name, args)
            run.results.append(result)
            run.messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
        if not message.get("tool_calls"):
            run.messages.append({"role": "user", "content": "Go on, or say that you are done."})
    return run
