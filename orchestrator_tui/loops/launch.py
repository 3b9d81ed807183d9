"""The command line of one iteration, for each kind of agent; and which session it turns out to be."""

from __future__ import annotations

import re
import sys
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Struct, field

from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.spec import LoopSpec
from orchestrator_tui.loops.state import NANO, Iteration
from orchestrator_tui.private import write_durably

CHOSEN = frozenset({"claude", "gemini"})
"""Agents that let one choose the id of their session, a UUID."""
LOGGED = frozenset({"builtin", "command"})
"""Agents whose iteration is a log of ours, in the loop's own directory."""
_NATIVE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


class Start(Struct, frozen=True):
    """A process to be started."""

    argv: tuple[str, ...]
    given: str
    """Its standard input."""
    environ: dict[str, str] = field(default_factory=dict)


def plan(spec: LoopSpec, n: int, model: str | None, effort: str | None, now: int) -> Iteration:
    """The next iteration, with the id of its session as far as that can be known before."""
    native = session = None
    if spec.agent in CHOSEN:
        native = str(uuid4())
        session = f"{spec.agent}:{native}"
    elif spec.agent in LOGGED:
        native = f"{spec.id}/{n}"
        session = f"loop:{native}"
    return Iteration(n, session=session, native=native, model=model, effort=effort, planned_at=now)


def start_of(folder: Folder, spec: LoopSpec, it: Iteration, prompt: str, left: int | None) -> Start:
    """How the agent of an iteration is started; `left`: nano-dollars that it may spend. Raises OSError."""
    program = spec.program or spec.agent
    model = ("--model", it.model) if it.model else ()
    words: tuple[str, ...]
    effort: tuple[str, ...]
    if spec.agent == "claude":
        effort = ("--effort", it.effort) if it.effort else ()
        words = ("-p", "--session-id", it.native or "", "--output-format", "json", "--permission-mode", "acceptEdits")
        return Start((program, *words, *model, *effort), prompt)
    if spec.agent == "codex":
        effort = ("-c", f"model_reasoning_effort={msgspec.json.encode(it.effort).decode()}") if it.effort else ()
        words = ("exec", "--json", "--sandbox", "workspace-write", "--skip-git-repo-check")
        return Start((program, *words, *model, *effort, "-"), prompt)
    if spec.agent == "opencode":
        effort = ("--variant", it.effort) if it.effort else ()
        return Start((program, "run", "--format", "json", *model, *effort), prompt)
    if spec.agent == "gemini":
        words = ("--session-id", it.native or "", "--output-format", "json", "--approval-mode", "auto_edit")
        return Start((program, *words, *model), prompt)
    if spec.agent == "command":
        return Start(spec.command, prompt, {"ORC_LOOP": spec.id, "ORC_ITERATION": str(it.n)})
    task: dict[str, Any] = {
        "session": it.native, "log": str(folder.iterations / f"{it.n}.jsonl"), "prompt": prompt, "cwd": spec.work_dir,
        "api_base": spec.api_base, "api_key_env": spec.api_key_env, "effort": it.effort,
        "title": f"{spec.title} #{it.n}", "parent": spec.id, "relation": "iteration", "seed": spec.seed + it.n - 1,
        "max_usd": max(left, 1) / NANO if left is not None else None, "model": it.model or "", "project": spec.cwd,
        "prices": str(folder.prices) if folder.prices.exists() else None,
    }  # fmt: skip
    path = folder.iterations / f"{it.n}.task.json"
    write_durably(path, msgspec.json.encode(task))
    return Start((sys.executable, "-P", "-m", "orchestrator_tui.loops.agent", str(path)), "")


def session_in(agent: str, output: str) -> str | None:
    """Our id of the session that an agent says it runs, where it is the one that chooses."""
    name = {"codex": "thread_id", "opencode": "sessionID"}.get(agent)
    if name is None:
        return None
    for part in output[: 1 << 16].splitlines():
        native = (_object(part) or {}).get(name)
        if isinstance(native, str) and _NATIVE.fullmatch(native):
            return f"{agent}:{native}"
    return None


def cost_in(agent: str, output: str) -> int | None:
    """Nano-dollars that an agent says it has cost, where it does so at its end."""
    if agent != "claude":
        return None
    for part in reversed(output.splitlines()[-20:]):
        usd = (_object(part) or {}).get("total_cost_usd")
        if isinstance(usd, int | float) and not isinstance(usd, bool) and 0 <= usd < 1e6:
            return round(usd * NANO)
    return None


def _object(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        value = msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
