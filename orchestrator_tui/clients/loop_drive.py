"""How the runner of a loop is started: `Task.resume` is the loop's directory, `Task.session` its id.

Sessions of the built-in agent bear the same client's name, `loop`: what is not about a loop's directory goes to the
drive that is given for them.
"""

from __future__ import annotations

import re
import sys

from orchestrator_tui.clients.driving import Dialogue, Drive, Launch, Task, Unsupported
from orchestrator_tui.text import line

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
SILENT = "a loop takes no messages; talk to the session of its iteration, or stop it with `orc loops stop`"


class LoopDrive:
    """Starts loops; and through `agent` sessions of the built-in agent."""

    channel = "loop"
    program = sys.executable
    """What is started; it is not looked for on PATH."""

    def __init__(self, agent: Drive | None = None) -> None:
        self._agent = agent
        if agent is not None:
            self.channel = agent.channel

    def launch(self, binary: str, task: Task) -> Launch:
        """The runner's process. Raises Unsupported."""
        if not is_loop(task):
            if self._agent is None:
                raise Unsupported("there is no loop to be run: name its directory")
            return self._agent.launch(binary, task)
        directory, loop = task.resume or "", task.session or ""
        if "\0" in directory or not _ID.fullmatch(loop) or directory.rstrip("/").rpartition("/")[2] != loop:
            raise Unsupported(f"{line(directory, 120)!r} is no loop's directory")
        # Without -P a module in the directory that it works in could take the place of ours.
        argv = (sys.executable, "-P", "-m", "orchestrator_tui.loops.runner", directory)
        return Launch(argv, task.cwd, session=loop)

    def dialogue(self, task: Task) -> Dialogue:
        """A loop has none. Raises Unsupported."""
        if self._agent is not None and not is_loop(task):
            return self._agent.dialogue(task)
        raise Unsupported(SILENT)

    def resume_words(self, session: str, cwd: str) -> list[str]:
        """What a person does with a loop in a terminal."""
        return ["orc", "loops", "diff", session]


def is_loop(task: Task) -> bool:
    """Whether a task is a loop's, rather than one session's of the built-in agent."""
    return task.resume is not None and task.resume.startswith("/")
