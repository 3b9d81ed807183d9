"""Asking a model through litellm: streamed, with usage, and with nothing tried again behind anybody's back."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from orchestrator_tui.loops.agent.reply import Counted, Gathering, Reply, TooLong, count
from orchestrator_tui.loops.agent.task import AgentTask

EVERY = 0.5
"""Seconds between two words that tokens are arriving, at least."""
PER_TOKEN = 4
"""Characters in a token, for those words alone."""
CONNECT = 30.0
NO_KEY = "no-key"
"""What a server of the person's own is given where no key is named: never a key that is meant for another."""
EMBEDDED = "embedded/"


def load(model: str, seed: int) -> Any:
    """litellm, imported (seconds), silent, and without any call to the network of its own."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.drop_params = True
    litellm.modify_params = True
    for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.StreamHandler(sys.stderr)]
        logger.setLevel(logging.ERROR)
        logger.propagate = False
    if model.startswith(EMBEDDED):
        register(seed)
    return litellm


def register(seed: int) -> None:
    """Let litellm know the models that run within this process."""
    from orchestrator_tui.loops.embedded import register as embed

    embed(seed)


class Model:
    """The model of a session; which one, and with how much effort, may change between two requests."""

    def __init__(self, litellm: Any, task: AgentTask, environ: dict[str, str]) -> None:
        self.name, self.effort = task.model, task.effort
        self._litellm, self._task = litellm, task
        self._key = environ.get(task.api_key_env or "") or None

    @property
    def key(self) -> str | None:
        """What must not be seen in a log."""
        return self._key

    def switch(self, name: str) -> bool:
        """From the next request on ask another; False when litellm does not know whose model that is."""
        try:
            if name.startswith(EMBEDDED):
                register(self._task.seed)
            self._litellm.get_llm_provider(model=name, api_base=self._base(name))
        except Exception:
            return False
        self.name = name
        return True

    def _base(self, name: str) -> str | None:
        """The task's server, for models of the provider that the task names it for; no other is sent there."""
        return self._task.api_base if name.partition("/")[0] == self._task.model.partition("/")[0] else None

    async def ask(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], turn: int, arriving: Callable[[int], None]
    ) -> Reply:
        """One response, streamed; `arriving` hears now and then about how many tokens came. Raises what litellm does.

        Raises TooLong for a response that does not end.
        """
        gathering, told = Gathering(), time.monotonic()
        stream = await self._litellm.acompletion(**self._request(messages, tools))
        usage: Any = None
        try:
            async for chunk in stream:
                usage = getattr(chunk, "usage", None) or usage
                gathering.add(chunk)
                now = time.monotonic()
                if now - told >= EVERY and gathering.size:
                    told = now
                    arriving(max(1, gathering.size // PER_TOKEN))
        except TooLong:
            with suppress(Exception):
                await stream.aclose()
            raise
        reply = gathering.reply(turn)
        reply.counted = self._counted(stream, usage)
        if gathering.thinks:
            reply.thinking = self._thoughts(stream)
        return reply

    def _request(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> dict[str, Any]:
        import httpx

        task = self._task
        wanted: dict[str, Any] = {
            "model": self.name,
            "messages": messages,
            "tools": tools,
            "stream": True,
            "stream_options": {"include_usage": True},
            "num_retries": 0,
            "max_retries": 0,
            "timeout": httpx.Timeout(task.request_timeout, connect=min(CONNECT, task.request_timeout)),
            # It would look for a tool gateway, whose package is not there.
            "_skip_mcp_handler": True,
        }
        if self.effort is not None:
            wanted["reasoning_effort"] = self.effort
        if self.name.startswith(EMBEDDED):
            return {**wanted, "seed": task.seed, "timeout": task.request_timeout}
        if (base := self._base(self.name)) is not None:
            wanted["api_base"] = base
            wanted["api_key"] = self._key or NO_KEY
        elif self._key is not None and self.name.partition("/")[0] == task.model.partition("/")[0]:
            wanted["api_key"] = self._key
        return wanted

    def _counted(self, stream: Any, usage: Any) -> Counted | None:
        """What the server counted. litellm counts by itself where the server did not: that is nobody's count."""
        chunks = getattr(stream, "chunks", None)
        if isinstance(chunks, list):
            said = [found for chunk in chunks if (found := getattr(chunk, "usage", None)) is not None]
            if not said:
                return None
            usage = usage or said[-1]
        return None if usage is None else count(usage, foreign="claude" in self.name or "anthropic" in self.name)

    def _thoughts(self, stream: Any) -> list[Any]:
        """Blocks of thinking, whole, with their signatures; none where they cannot be put together."""
        with suppress(Exception):
            built = self._litellm.stream_chunk_builder(list(stream.chunks))
            return list(getattr(built.choices[0].message, "thinking_blocks", None) or ())
        return []
