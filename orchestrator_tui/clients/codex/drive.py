"""How Codex (0.169) is started so that it can be spoken to: `codex app-server`, a server of its own for one thread."""

from __future__ import annotations

from orchestrator_tui.clients.codex.dialogue import CodexDialogue, checked_thread
from orchestrator_tui.clients.driving import Dialogue, Launch, Task, Unsupported
from orchestrator_tui.text import line

INHERITED = ("CODEX_CI", "CODEX_SESSION_ID", "CODEX_THREAD_ID", "CODEX_TOOL_CALL_ID", "CODEX_VERSION")
"""What a Codex gives its tools, and another one started there must not take for its own."""


class CodexDrive:
    """Starts Codex."""

    channel = "app-server"

    def launch(self, binary: str, task: Task) -> Launch:
        """Everything but the program is said on the channel: prompt, thread, directory, model. Raises Unsupported.

        What it may do without asking is as the person has configured it. A thread that another process writes is not
        resumed ("already has an active writer"); a copy of it is made all the same, in any directory. Codex chooses
        the ids of its threads itself.
        """
        if not task.cwd.startswith("/") or "\0" in task.cwd:
            raise Unsupported(f"{line(task.cwd, 120)!r} is no directory that can be worked in: give its absolute path")
        if task.fork and task.resume is None:
            raise Unsupported("there is no thread to be forked: name one")
        # Whatever it would say no to is found here, before anything runs.
        CodexDialogue(task).opening()
        return Launch((binary, "app-server"), task.cwd, without=INHERITED)

    def dialogue(self, task: Task) -> Dialogue:
        """The other end of its channel."""
        return CodexDialogue(task)

    def resume_words(self, session: str, cwd: str) -> list[str]:
        """From anywhere; it asks whether to go on in `cwd` or there. Raises Unsupported."""
        return ["codex", "resume", checked_thread(session)]
