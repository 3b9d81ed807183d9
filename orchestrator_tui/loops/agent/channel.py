"""The agent's control channel: one JSON object a line, both ways (`--channel`).

In, each with an `id` of at most 128 printable characters:
`{"say": TEXT}` a person's words; during a turn they are taken up before the next request to the model.
`{"answer": REQUEST, "allow": BOOL, "words": TEXT}` to what it asked. `{"use": {"model": M, "effort": E}}`, each or
both, from the next request on. `{"interrupt": true}` stops the turn; `{"end": true}` ends the session.
With `--task-from-stdin` the task's JSON is the first line; it has no id, and no answer but `session` or a failure.

Out: `{"session": ID}` once the log is there; `{"model": M}` for the one that it runs; `{"ready": true}` when it takes
messages; `{"asked": REQUEST, "tool": T, "what": {...}, "words": TEXT}`; `{"settled": REQUEST, "decision":
"allowed"|"denied"|"gone"}` when nothing is asked any more; `{"answered": ID, "words": TEXT}` for every line with an id:
"" when it was done, else why not; `{"idle": true}` when a turn has ended; `{"failed": TEXT}` when there is no session.
Lines that are no such thing are left alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from orchestrator_tui.loops.agent.task import MAX_TASK


class Speaker:
    """Its output; nothing else in the process writes there."""

    def __init__(self, fd: int | None) -> None:
        """None: nobody listens."""
        self._fd = fd

    def say(self, **fields: object) -> None:
        """One line, in ASCII. An end that was closed is nobody's loss: the log has it all."""
        if self._fd is None:
            return
        data = json.dumps(fields, separators=(",", ":")).encode() + b"\n"
        with suppress(OSError):
            while data:
                data = data[os.write(self._fd, data) :]


def listen(
    source: IO[bytes], loop: asyncio.AbstractEventLoop, hear: Callable[[dict[str, Any]], None], over: Callable[[], None]
) -> None:
    """Hear every line of the input in the loop's thread, and `over` at its end."""

    def read() -> None:
        while True:
            try:
                data = source.readline(MAX_TASK)
            except (OSError, ValueError):
                break
            if not data:
                break
            message = decode(data)
            if message is not None and not _call(loop, hear, message):
                return
        _call(loop, over)

    threading.Thread(target=read, name="channel", daemon=True).start()


def _call(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *given: Any) -> bool:
    try:
        loop.call_soon_threadsafe(function, *given)
    except RuntimeError:
        # The loop has ended.
        return False
    return True


def decode(data: bytes) -> dict[str, Any] | None:
    """A line that is an object; None for any other."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError, UnicodeError):
        return None
    return value if isinstance(value, dict) else None


def id_of(message: dict[str, Any]) -> str | None:
    """Under which name the line is to be answered; None: not at all."""
    name = message.get("id")
    return name if isinstance(name, str) and 0 < len(name) <= 128 and name.isascii() and name.isprintable() else None
