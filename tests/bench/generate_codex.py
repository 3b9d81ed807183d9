"""Synthetic Codex rollouts, and a tree of them.

The shape follows the recordings of 0.169.0: each response has its usage twice (a record of its own, and a
`token_count` after its tools that is repeated when only the limits changed), counts go on over resumes and
compactions, a fork has its parent's counts and none of its lines, sub-agents are rollouts of their own. Some are of
older versions (`token_count` alone, forks that copy all lines with the time of the fork) and some end in the middle
of a tool, as after a kill.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec

from orchestrator_tui.clock import HOUR, MILLISECOND, SECOND, iso
from orchestrator_tui.events import Tokens
from tests.bench.generate import CORPUS, PROJECTS, Tree, Truth

MODELS = ("gpt-5.1-codex", "gpt-5.2")
KINDS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens", "total_tokens")
_encode = msgspec.json.Encoder().encode


class Thread:
    """One thread's rollout, turn by turn."""

    def __init__(self, seed: str, at: int, cwd: str, *, parent: Thread | None = None, fork: bool = False) -> None:
        """`parent` with `fork`: its counts go on here; without: this is its sub-agent."""
        self.rng = random.Random(f"thread {seed}")
        self.at, self.begun, self.cwd = at, at, cwd
        self.thread = self._uuid()
        self.model = self.rng.choice(MODELS)
        self.old: bool = self.rng.random() < 0.15 if parent is None or not fork else parent.old
        self.total: list[int] = list(parent.total) if parent is not None and fork else [0] * len(KINDS)
        self.truth: Truth = {}
        self._context = 18_000
        self._ordinal: int = parent._ordinal if parent is not None and fork else 0
        self._parts: list[bytes] = []
        self.length = 0
        self._meta(parent, fork)
        if parent is not None and fork and self.old:
            self._copy(parent)

    def data(self) -> bytes:
        """The rollout so far."""
        return b"".join(self._parts)

    def turn(self) -> None:
        """A prompt, some responses with tools, the end; now and then a resume or a compaction before it."""
        rng = self.rng
        if rng.random() < 0.05:
            self.at += rng.randint(1, 5) * HOUR
            self.model = rng.choice(MODELS)
            self._event("thread_settings_applied", thread_id=self.thread, thread_settings={"model": self.model})
        turn = self._uuid()
        self._event("task_started", turn_id=turn, model_context_window=258_400)
        self._line("turn_context", turn_id=turn, cwd=self.cwd, approval_policy="never", model=self.model, effort="high",
                   sandbox_policy={"type": "workspace-write"}, summary="none")  # fmt: skip
        text = self._text(180, 4000)
        self._item("message", role="user", content=[{"type": "input_text", "text": text}])
        self._done("UserMessage", content=[{"type": "text", "text": text}])
        for _ in range(rng.randint(1, 12)):
            self._response(tools=rng.choice((1, 1, 2)))
        if self._context > 180_000:
            self._compact()
        self._response(tools=0)
        self._event("task_complete", turn_id=turn, last_agent_message=self._text(300, 900), duration_ms=51_234)

    def killed(self) -> None:
        """The last response's tool never ends."""
        self._response(tools=1, killed=True)

    def _meta(self, parent: Thread | None, fork: bool) -> None:
        meta: dict[str, Any] = {
            "id": self.thread, "session_id": self.thread, "timestamp": iso(self.at), "cwd": self.cwd,
            "originator": "codex_exec", "cli_version": "0.98.0" if self.old else "0.169.0", "source": "exec",
            "thread_source": "user", "model_provider": "openai", "base_instructions": {"text": CORPUS[:24_000]},
            "git": {"commit_hash": "f37b976c", "branch": "feature/login"},
        }  # fmt: skip
        if parent is not None and fork:
            place = {"thread_id": parent.thread, "end_ordinal_exclusive": self._ordinal, "end_byte_offset": 82_938}
            meta |= {"forked_from_id": parent.thread, "forked_from_ordinal_exclusive": self._ordinal}
            meta |= {"history_base": place}
        elif parent is not None:
            spawn = {"parent_thread_id": parent.thread, "depth": 1, "agent_nickname": "Hooke", "agent_role": None}
            meta |= {"session_id": parent.thread, "parent_thread_id": parent.thread, "thread_source": "subagent"}
            meta |= {"source": {"subagent": {"thread_spawn": spawn}}}
        self._line("session_meta", **meta)

    def _copy(self, parent: Thread) -> None:
        stamp = b'{"timestamp":"' + iso(self.at).encode()
        self._parts += [stamp + line[len(stamp) :] for line in parent._parts]
        self.length += parent.length

    def _response(self, tools: int, killed: bool = False) -> None:
        rng = self.rng
        self._context += rng.randint(300, 4000)
        out = rng.randint(40, 1500)
        cached, thought = self._context * rng.randint(80, 99) // 100, out * rng.randint(0, 60) // 100
        usage = [self._context, cached, out, thought, self._context + out]
        self.total = [a + b for a, b in zip(self.total, usage, strict=True)]
        name = f"resp_{rng.getrandbits(96):024x}"
        if rng.random() < 0.6:
            self._item("reasoning", summary=[], encrypted_content="Z0FBQUFB" * 60)
        words = self._text(200, 3000)
        self._done("AgentMessage", content=[{"type": "Text", "text": words}])
        self._item("message", role="assistant", content=[{"type": "output_text", "text": words}])
        calls = [f"call_{rng.getrandbits(80):020x}" for _ in range(tools)]
        for call in calls:
            command = _encode({"cmd": self._text(70, 900)}).decode()
            self._item("function_call", name="exec_command", arguments=command, call_id=call)
        if not self.old:
            self._line("token_usage_record", thread_id=self.thread, response_id=name, usage=_named(usage),
                       thread_token_usage=_named(self.total))  # fmt: skip
        if not killed or not self.old:
            # What an older version that is killed here never wrote, nobody can know.
            self.truth[name] = Tokens(self._context - cached, cached, 0, out, 0, thought)
        if killed:
            return
        for call in calls:
            text = self._text(900, 60_000, 1.5)
            self._done("CommandExecution", command=["/bin/bash", "-lc", "ls"], status="completed", exit_code=0,
                       id=call, aggregated_output=text)  # fmt: skip
            self._item("function_call_output", call_id=call, output=f"Chunk ID: 709daf\nOutput:\n{text}")
        for _ in range(2 if rng.random() < 0.1 else 1):
            self._count(usage)

    def _compact(self) -> None:
        """The call that makes the summary is a response as any other."""
        self._response(tools=0)
        self._line("compacted", message=self._text(3000, 9000))
        self._context = 20_000
        self._count([0, 0, 0, 0, self._context])

    def _count(self, usage: list[int]) -> None:
        limits = {"limit_id": "codex", "primary": {"used_percent": 42.5, "window_minutes": 300}}
        info = {"total_token_usage": _named(self.total), "last_token_usage": _named(usage)}
        self._event("token_count", info=info | {"model_context_window": 258_400}, rate_limits=limits)

    def _line(self, kind: str, /, **payload: Any) -> None:
        self.at += self.rng.randint(20, 4000) * MILLISECOND
        value = {"timestamp": iso(self.at), "ordinal": self._ordinal, "type": kind, "payload": payload}
        self._ordinal += 1
        self._parts.append(_encode(value) + b"\n")
        self.length += len(self._parts[-1])

    def _event(self, what: str, /, **payload: Any) -> None:
        self._line("event_msg", **({"type": what} | payload))

    def _item(self, what: str, /, **payload: Any) -> None:
        more = {"internal_chat_message_metadata_passthrough": {"turn_id": self.thread}}
        self._line("response_item", **({"type": what, "id": f"i_{self._ordinal}"} | payload | more))

    def _done(self, what: str, /, **item: Any) -> None:
        self._event("item_completed", thread_id=self.thread, item={"type": what, "id": f"d_{self._ordinal}"} | item)

    def _uuid(self) -> str:
        h = f"{self.rng.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-7{h[13:16]}-8{h[17:20]}-{h[20:]}"

    def _text(self, median: int, most: int, spread: float = 1.0) -> str:
        size = min(most, int(self.rng.lognormvariate(0, spread) * median) + 1)
        start = self.rng.randrange(len(CORPUS) - size)
        return CORPUS[start : start + size]


def write_codex_tree(home: Path, size: int, end: int, *, seed: int = 1, median: int = 400_000) -> Tree:
    """About `size` bytes of rollouts under `home/.codex/sessions`, begun up to 28 days before `end`."""
    rng = random.Random(f"codex tree {seed}")
    tree, written, number = Tree(), 0, 0
    last: Thread | None = None
    while written < size:
        start, cwd = end - int(rng.uniform(0.5, 28) * 86_400) * SECOND, f"/home/dev/{rng.choice(PROJECTS)}"
        parent, fork = None, False
        if last is not None and rng.random() < 0.25:
            parent, fork = last, rng.random() < 0.4
            start, cwd = (last.at if fork else last.begun + 60 * SECOND), last.cwd
        thread = Thread(f"{seed}/{number}", start, cwd, parent=parent, fork=fork)
        most = min(40 * median, size - written, int(rng.lognormvariate(0, 1.2) * median) + 30_000)
        most += thread.length
        while thread.length < most:
            thread.turn()
        if rng.random() < 0.1:
            thread.killed()
        day, clock = iso(thread.begun)[:10], iso(thread.begun)[11:19].replace(":", "-")
        path = home / ".codex" / "sessions" / day.replace("-", "/") / f"rollout-{day}T{clock}-{thread.thread}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(thread.data())
        tree.files.append(path)
        tree.truth |= thread.truth
        written, number, last = written + thread.length, number + 1, thread
    return tree


def _named(counts: list[int]) -> dict[str, int]:
    return {**dict(zip(KINDS, counts, strict=True)), "cache_write_input_tokens": 0}
