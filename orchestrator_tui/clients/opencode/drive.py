"""How OpenCode sessions are started: each in a server of its own on loopback, which is spoken to by HTTP."""

from __future__ import annotations

import secrets

from orchestrator_tui.clients.driving import Dialogue, Launch, Task, Unsupported
from orchestrator_tui.clients.opencode.requests import checked_effort, checked_model, checked_session, checked_text

PASSWORD = "OPENCODE_SERVER_PASSWORD"  # noqa: S105 - the variable's name
USERNAME = "OPENCODE_SERVER_USERNAME"


class OpenCodeDrive:
    """Starts OpenCode (1.18)."""

    channel = "serve"
    served = True
    """The channel is not the process's input and output: see `host/owned/served.py`."""

    def launch(self, binary: str, task: Task) -> Launch:
        """A server that picks its own port and lets nobody in without a password, fresh each time. Raises Unsupported.

        What the task says is told to the server; here it is only checked.
        """
        if task.resume is not None:
            checked_session(task.resume)
        elif task.fork:
            raise Unsupported("no session is named to be forked")
        if task.model is not None:
            checked_model(task.model)
        if task.effort is not None:
            checked_effort(task.effort)
        if task.prompt:
            checked_text(task.prompt)
        return Launch(
            (binary, "serve", "--hostname", "127.0.0.1", "--port", "0"),
            task.cwd,
            {PASSWORD: secrets.token_urlsafe(32)},
            (USERNAME,),
            task.resume if not task.fork else None,
        )

    def dialogue(self, task: Task) -> Dialogue:
        """Raises Unsupported: there is no channel of lines."""
        raise Unsupported("OpenCode is spoken to through its server")

    def resume_words(self, session: str, cwd: str) -> list[str]:
        """To be run in `cwd`. Raises Unsupported."""
        return ["opencode", "--session", checked_session(session)]
