"""Beginning sessions: `run` starts one, `revive` goes on with one whose process ended or whose limit is over."""

from __future__ import annotations

import asyncio
from pathlib import Path

from orchestrator_tui.clients.driving import Task
from orchestrator_tui.clock import SECOND, iso
from orchestrator_tui.events import BudgetSet, Facts
from orchestrator_tui.fleet.limits import refusal
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status
from orchestrator_tui.host.control.order import Order, Refused, Undone
from orchestrator_tui.text import line

MAX_PROMPT = 1 << 20
"""Characters."""
REVIVED = frozenset({"dead", "errored", "rate_limited"})
AGENTS = {"claude": "claude", "codex": "codex", "opencode": "opencode", "gemini": "gemini", "builtin": "loop"}
"""What a person calls it -> the client."""


async def run(order: Order) -> Facts:
    """Start an owned session: `agent`, `prompt`, `cwd`, and perhaps `model`, `effort`, `title`, `budget_usd`."""
    agent, prompt, cwd = order.text("agent"), order.text("prompt"), order.text("cwd")
    if agent not in AGENTS:
        raise Refused(f"there is no agent {agent!r}; there are {', '.join(AGENTS)}")
    if len(prompt) > MAX_PROMPT:
        raise Refused(f"the prompt has {len(prompt)} characters; at most {MAX_PROMPT} are taken")
    if not Path(cwd).is_absolute() or not Path(cwd).is_dir():
        raise Refused(f"{cwd or 'nothing'} is no directory to work in")
    budget = order.number("budget_usd")
    if budget is not None and not 0 < budget <= 1e9:
        raise Refused("a budget is dollars above 0")
    task = Task(prompt, cwd, order.text("model") or None, order.text("effort") or None)
    await order.begin()
    await order.commit()
    title = order.text("title") or None
    session = await order.host.owned.start(AGENTS[agent], task, title=title)
    if budget is not None:
        await order.host.note([(session, BudgetSet(usd=budget))])
    return {"session": session, "agent": agent, "cwd": cwd}


async def revive(order: Order) -> Facts:
    """Go on with the same conversation under a shim; for a limit with a known end it waits until then."""
    session, host = order.session, order.host
    status = host.alarming.judge.statuses.get(session.id)
    if session.relation == "subagent":
        raise Refused("a sub-agent cannot be brought back alone; revive the session it works for")
    if session.pid is not None:
        raise Refused(f"process {session.pid} still has it; kill it first, or send it a message")
    if status is None or (status.status not in REVIVED and session.process is None):
        raise Refused("it is not dead, errored or limited as far as is known; nothing to bring back")
    if session.cwd is None or not Path(session.cwd).is_dir():
        raise Refused(f"its directory {line(session.cwd or '?', 200)} is gone")
    until = _limit_ends(session, host.clock.now())
    wait = (until - host.clock.now()) / SECOND if until is not None else 0.0
    await order.begin(seconds=wait if wait > 0 else None, words=f"waits for {iso(until)}" if until else "")
    if wait > 0:
        await _sleep(order, wait)
    await order.commit()
    note = order.text("note") or _note(status)
    task = Task(note, session.cwd, session.model, session.effort, resume=session.id.partition(":")[2])
    begun = await host.owned.start(session.client, task)
    return {"session": begun, "note": note, "waited_seconds": round(max(0.0, wait), 1)}


async def _sleep(order: Order, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await order.undo.wait()
    except TimeoutError:
        return
    raise Undone("taken back before the limit ended")


def _limit_ends(session: Session, now: int) -> int | None:
    """When the limit that stopped it ends; None when there is none, or nobody knows."""
    if session.trouble is None:
        return None
    until = refusal(session.trouble.error, session.trouble.at).until
    return until if until is not None and until > now else None


def _note(status: Status) -> str:
    return (
        f"You were interrupted ({status.status.replace('_', ' ')}: {line(status.evidence, 300)}). "
        "Look at what is already done, then go on with the task."
    )
