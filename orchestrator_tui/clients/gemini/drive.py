"""How Gemini CLI sessions are started: a new one on its Agent Client Protocol, an old one without a channel."""

from __future__ import annotations

from orchestrator_tui.clients.driving import Dialogue, Launch, Task, Unsupported
from orchestrator_tui.clients.gemini.dialogue import GeminiDialogue, checked_model, checked_session


class GeminiDrive:
    """Starts Gemini CLI (0.61)."""

    channel = "acp"

    def launch(self, binary: str, task: Task) -> Launch:
        """A new session is spoken to on its channel; one that goes on is given its prompt and ends after the turn.

        Its `session/load` would bring an old session onto the channel, but also leaves a second file of that id
        without messages, and the client's clean-up at its next start removes both. Raises Unsupported.
        """
        model = () if task.model is None else ("-m", checked_model(task.model))
        if task.effort is not None:
            raise Unsupported("Gemini CLI has no effort levels; choose another model")
        if task.resume is None:
            return Launch((binary, "--acp", *model), task.cwd)
        if task.fork:
            raise Unsupported("Gemini CLI cannot fork a session; start a fresh one with a summary of it")
        if not task.prompt.strip("\0 \t\r\n"):
            raise Unsupported("Gemini CLI goes on with a session only when it is told something; write a message")
        # One word with its option: a prompt that begins with a dash would be read as an option.
        prompt = "--prompt=" + task.prompt.replace("\0", "")
        session = checked_session(task.resume)
        argv = (binary, "--resume", session, *model, "--output-format", "stream-json", prompt)
        return Launch(argv, task.cwd, session=session)

    def dialogue(self, task: Task) -> Dialogue:
        """Raises Unsupported for a session that goes on: that has no channel."""
        if task.resume is not None:
            raise Unsupported("Gemini CLI cannot be spoken to in a session that goes on; bring it back with a message")
        return GeminiDialogue(task)

    def resume_words(self, session: str, cwd: str) -> list[str]:
        """To be run in `cwd`: the client looks only among that directory's sessions. Raises Unsupported."""
        return ["gemini", "--resume", checked_session(session)]
