"""`python -m orchestrator_tui.loops.agent TASK.json`, or `--task-from-stdin`; with `--channel` it can be spoken to.

Exit status: 0 it said done; 1 it gave up, or may do no more, or failed (the log's `result` says which); 2 the task is
wrong; 130 it was interrupted. SIGINT interrupts the turn where there is a channel, and ends it where there is none or
no turn runs; SIGTERM and SIGHUP end it. Its tools are ended first, and the log says so.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from msgspec.structs import replace

from orchestrator_tui.loops.agent.channel import Speaker
from orchestrator_tui.loops.agent.journal import Journal
from orchestrator_tui.loops.agent.oneself import identity
from orchestrator_tui.loops.agent.recall import past_of
from orchestrator_tui.loops.agent.task import MAX_TASK, AgentTask, WrongTask, checked, decode_task

WRONG, INTERRUPTED = 2, 130


def main(argv: Sequence[str]) -> int:
    """Run one session; the exit status."""
    parser = argparse.ArgumentParser("python -m orchestrator_tui.loops.agent", description=__doc__)
    parser.add_argument("task", nargs="?", metavar="TASK.json")
    parser.add_argument("--task-from-stdin", action="store_true")
    parser.add_argument("--channel", action="store_true", help="listen on stdin, answer on stdout")
    parser.add_argument("--session", metavar="ID", help="the session's id, where the task names none")
    parser.add_argument("--resume", action="store_true", help="go on with the session, which has ended")
    options = parser.parse_args(argv)
    # What libraries print must not get between the lines of the channel.
    out = os.dup(1)
    os.dup2(2, 1)
    source: IO[bytes] = sys.stdin.buffer
    speaker = Speaker(out if options.channel else None)
    try:
        if bool(options.task) == options.task_from_stdin:
            raise WrongTask("name one task: a file, or --task-from-stdin")
        task = _task(options.task, options.session, source)
        past = past_of(Path(task.log or "")) if options.resume else None
        journal = _begin(task) if past is None else _again(task)
    except WrongTask as error:
        speaker.say(failed=str(error))
        print(f"orc agent: {error}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        return INTERRUPTED
    speaker.say(session=task.session)
    from orchestrator_tui.loops.agent.running import Running

    try:
        # Not `asyncio.run`: that waits for threads, and one may be loading a library for seconds.
        status = asyncio.new_event_loop().run_until_complete(
            Running(task, journal, speaker, source if options.channel else None, past).run()
        )
    except KeyboardInterrupt:
        status = INTERRUPTED
    except OSError as error:
        print(f"orc agent: {error.strerror or error}; the session cannot go on ({task.log})", file=sys.stderr)
        status = 1
    journal.close()
    sys.stderr.flush()
    # Threads of libraries, and one that waits for input, keep nobody waiting.
    os._exit(status)


def _task(path: str | None, session: str | None, source: IO[bytes]) -> AgentTask:
    try:
        data = Path(path).read_bytes() if path else source.readline(MAX_TASK + 1)
    except OSError as error:
        raise WrongTask(f"cannot read {path}: {error.strerror}") from error
    task = decode_task(data)
    if session:
        task = replace(task, session=session)
    task = checked(task, dict(os.environ))
    os.environ.update(task.env)
    with suppress(OSError):
        os.chdir(task.cwd)
    return task


def _again(task: AgentTask) -> Journal:
    """The log that it goes on with. Raises WrongTask."""
    try:
        journal = Journal(task.log or "", again=True)
        if os.fstat(journal.fd).st_uid != os.geteuid():
            raise WrongTask(f"{task.log} is not this user's")
        fcntl.flock(journal.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WrongTask("the session runs already; send it a message") from None
    except OSError as error:
        raise WrongTask(f"cannot go on with the log {task.log}: {error.strerror}") from error
    return journal


def _begin(task: AgentTask) -> Journal:
    """The log with its header, before anything slow is done. Raises WrongTask."""
    try:
        journal = Journal(task.log or "")
        # For as long as it lives: nobody else goes on with it meanwhile.
        fcntl.flock(journal.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileExistsError:
        raise WrongTask(f"the log is there already: {task.log}; a session is run once") from None
    except OSError as error:
        raise WrongTask(f"cannot make the log {task.log}: {error.strerror}") from error
    journal.write(
        "session",
        schema="orc.log/1",
        session=task.session,
        agent="builtin",
        title=task.title,
        project=task.project or task.cwd,
        cwd=task.cwd,
        model=task.model,
        effort=task.effort,
        permission_mode="bypass",
        context_window=task.context_window,
        auto_compact=True,
        interactive=False,
        owned=True,
        parent=task.parent,
        relation=task.relation,
        **identity(),
    )
    return journal
