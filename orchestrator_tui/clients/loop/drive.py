"""How the built-in agent is started so that it can be spoken to: its task is the first line of its input."""

from __future__ import annotations

import os
import sys
from uuid import uuid4

import msgspec

from orchestrator_tui.clients.driving import Dialogue, Launch, Task, Unsupported
from orchestrator_tui.clients.loop.dialogue import BuiltinDialogue
from orchestrator_tui.loops.agent.task import EFFORTS, MAX_TASK, MODEL, SESSION, AgentTask
from orchestrator_tui.text import line, utf8

PROGRAM = "orchestrator_tui.loops.agent"
MAX_TITLE = 100
INHERITED = ("LITELLM_LOG", "PYTHONSTARTUP")
"""What would make the model's library write into the channel."""


class BuiltinDrive:
    """Starts the built-in agent; its program is the Python that runs orc."""

    channel = "builtin"
    program = sys.executable
    """What is started; it is not looked for on PATH."""

    def launch(self, binary: str, task: Task) -> Launch:
        """`binary` is a Python interpreter that has orc. Raises Unsupported.

        The directory for its log must be in the environment as ORC_LOOPS; the log is `agents/<session>.jsonl` there.
        """
        if task.fork:
            raise Unsupported("the built-in agent cannot copy a session; start one with a summary")
        if task.resume is not None and "/" in task.resume:
            raise Unsupported("an iteration belongs to its loop, which goes on by itself")
        session = task.resume or task.session or str(uuid4())
        if SESSION.fullmatch(session) is None or "/" in session:
            raise Unsupported(f"{line(session, 80)!r} is no id for a session of the built-in agent")
        if not task.cwd.startswith("/") or "\0" in task.cwd:
            raise Unsupported(f"{line(task.cwd, 120)!r} is no directory that can be worked in: give its absolute path")
        opening(task)
        # Without -P a project's own `json.py` would be run in the place of the real one.
        argv = [binary, "-P", "-X", "utf8", "-m", PROGRAM, "--channel", "--task-from-stdin", f"--session={session}"]
        argv += ["--resume"] if task.resume is not None else []
        return Launch(tuple(argv), task.cwd, without=INHERITED, session=session)

    def dialogue(self, task: Task) -> Dialogue:
        """The other end of its channel."""
        return BuiltinDialogue(opening(task))

    def resume_words(self, session: str, cwd: str) -> list[str]:
        """It runs in no terminal. Raises Unsupported."""
        raise Unsupported("the built-in agent runs in no terminal; send it a message")


def opening(task: Task) -> bytes:
    """The line that tells the agent its task. Raises Unsupported."""
    if task.model is None:
        raise Unsupported("the built-in agent has no model of its own; name one, such as ollama_chat/qwen3")
    if MODEL.fullmatch(task.model) is None:
        raise Unsupported(f"{line(task.model, 60)!r} is no model's name; write it as litellm does: provider/name")
    if task.effort is not None and task.effort not in EFFORTS:
        raise Unsupported(f"the built-in agent has no effort {line(task.effort, 40)!r}; it has {', '.join(EFFORTS)}")
    title = line(task.title or "", MAX_TITLE).strip() or None
    whole = AgentTask(prompt=utf8(task.prompt), cwd=task.cwd, model=task.model, effort=task.effort, title=title)
    try:
        said = msgspec.json.encode(whole) + b"\n"
    except UnicodeEncodeError:
        raise Unsupported(f"the name of {line(os.fsdecode(os.fsencode(task.cwd)), 120)} is not UTF-8") from None
    if len(said) > MAX_TASK:
        raise Unsupported(f"the task has {len(said)} bytes; the built-in agent takes {MAX_TASK}")
    return said
