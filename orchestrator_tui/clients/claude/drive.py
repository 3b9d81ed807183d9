"""How Claude Code (2.1) is started so that it can be spoken to: `claude -p` with a stream of JSON both ways."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from uuid import uuid4

from orchestrator_tui.clients.claude.dialogue import ClaudeDialogue, checked_effort, checked_model
from orchestrator_tui.clients.driving import Dialogue, Launch, Task, Unsupported
from orchestrator_tui.text import line

MAX_TITLE = 100
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PATH = re.compile(r"/[^\x00-\x1f\x7f]{1,4000}")
_CHANNEL = (
    "-p",
    "--input-format=stream-json",
    "--output-format=stream-json",
    "--verbose",
    "--permission-prompt-tool=stdio",
    # It repeats what was said and answered: proof that it arrived, also for a host that starts later.
    "--replay-user-messages",
)
INHERITED = (
    "CLAUDECODE",
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_SSE_PORT",
    "CLAUDE_EFFORT",
    "AI_AGENT",
)
"""What a Claude Code gives its tools, and another one started there must not take for its own."""


class ClaudeDrive:
    """Starts Claude Code."""

    channel = "stream-json"

    def launch(self, binary: str, task: Task) -> Launch:
        """The prompt is no argument: it is the first line said to it. Raises Unsupported.

        A copy (`resume` with `fork`) runs in `task.cwd`, another worktree for instance, with the parent's whole
        context. By its id a session is found only from the directory that it began in and, when that is the top of a
        worktree, from the other worktrees of that repository. `resume` may also be the path of its transcript: then
        it is found from everywhere. Without `fork` that appends to that same file, wherever it is run.
        """
        argv = [binary, *_CHANNEL]
        if task.resume is None:
            if task.fork:
                raise Unsupported("there is no session to be forked: name one")
            session = checked_session(task.session or str(uuid4()))
            argv.append(f"--session-id={session}")
        else:
            argv.append(f"--resume={checked_source(task.resume)}")
            session = _session_of(task.resume)
            if task.fork:
                session = checked_session(task.session or str(uuid4()))
                argv += ["--fork-session", f"--session-id={session}"]
            elif task.session not in (None, session):
                raise Unsupported("a session that goes on keeps its id; fork it to have another")
        if task.model is not None:
            argv.append(f"--model={checked_model(task.model)}")
        if task.effort is not None:
            argv.append(f"--effort={checked_effort(task.effort)}")
        if title := line(task.title or "", MAX_TITLE).strip():
            argv.append(f"--name={title}")
        return Launch(tuple(argv), checked_cwd(task.cwd), without=INHERITED, session=session)

    def dialogue(self, task: Task) -> Dialogue:
        """The other end of its channel."""
        return ClaudeDialogue(task)

    def resume_words(self, session: str, cwd: str) -> list[str]:
        """To be run in `cwd`: it finds the session only from there. Raises Unsupported."""
        return ["claude", "--resume", checked_session(session)]


def checked_session(session: str) -> str:
    """The id, when it is one of Claude Code's. Raises Unsupported."""
    if _ID.fullmatch(session) is None:
        raise Unsupported(f"{line(session, 60)!r} is no session id of Claude Code")
    return session


def checked_source(source: str) -> str:
    """A session's id or its transcript's absolute path, `/.../<id>.jsonl`. Raises Unsupported."""
    if not source.startswith("/"):
        return checked_session(source)
    path = PurePosixPath(source)
    if not _PATH.fullmatch(source) or ".." in path.parts or path.suffix != ".jsonl":
        raise Unsupported(f"{line(source, 120)!r} is no transcript of Claude Code")
    checked_session(path.stem)
    return source


def checked_cwd(cwd: str) -> str:
    """An absolute directory's name. Raises Unsupported."""
    if not cwd.startswith("/") or "\0" in cwd:
        raise Unsupported(f"{line(cwd, 120)!r} is no directory that can be worked in: give its absolute path")
    return cwd


def _session_of(source: str) -> str:
    return PurePosixPath(source).stem if source.startswith("/") else source
