"""Where installed hooks ask for permission and find the answer: small files in a private directory.

```
ready             the host's pid and how many seconds to wait, while one runs: without it a hook ends at once
<pid>.<n>.ask     a hook's question, as its client gave it; it goes away with the hook
<pid>.<n>.seen    the host knows of it, and somebody may answer; a hook that is not seen within 2 s ends
<pid>.<n>.answer  what the hook hands to its client
```
"""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from orchestrator_tui.clients.values import decode_object, session_id, text_of
from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import KnownBody, PermissionAnswered, PermissionAsked
from orchestrator_tui.excerpt import Excerpt
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.paths import Paths, make_private

DENIED = "The person said no."
MAX_ASK = 1 << 20
"""Bytes; a longer question is left to the client's own dialog."""
MAX_SHOWN = 8192
MAX_ASKS = 200
_ASK = re.compile(r"(\d{1,10})\.\d{1,20}\.ask")


class Spool:
    """The host's side of it."""

    def __init__(self, paths: Paths, wait_seconds: float) -> None:
        self._directory = paths.spool
        self._wait = int(wait_seconds * SECOND)
        self._open: dict[str, str] = {}
        """Request -> its session."""

    def begin(self, pid: int) -> None:
        """Say that somebody is there; what an earlier host left is no question any more."""
        make_private(self._directory)
        for entry in os.scandir(self._directory):
            if entry.name.endswith((".seen", ".answer", ".new")):
                Path(entry.path).unlink(missing_ok=True)
        # Without room hooks end at once, as without a host.
        with suppress(OSError):
            _put(self._directory / "ready", f"{pid} {self._wait // SECOND}\n".encode())

    def end(self) -> None:
        """Nobody is there from here on."""
        (self._directory / "ready").unlink(missing_ok=True)

    def look(self, fleet: Fleet, now: int) -> list[tuple[str | None, KnownBody]]:
        """What is asked since the last look, and what is no more; costs one directory listing."""
        try:
            names = {name for name in os.listdir(self._directory) if name.endswith(".ask")}
        except OSError:
            return []
        seen: list[tuple[str | None, KnownBody]] = []
        for request, session in list(self._open.items()):
            if f"{request}.ask" not in names or not _alive(request):
                del self._open[request]
                self._forget(request)
                if request in _asks(fleet, session):
                    seen.append((session, PermissionAnswered(request, "gone")))
        for name in names:
            request = name.removesuffix(".ask")
            if request in self._open or not _ASK.fullmatch(name) or len(self._open) >= MAX_ASKS:
                continue
            if not _alive(request):
                self._forget(request)
                continue
            found = _read(self._directory / name)
            if found is None or found[0] not in fleet.sessions:
                continue
            session, tool, what, words = found
            try:
                _put(self._directory / f"{request}.seen", b"")
            except OSError:
                # No room: to the hook it is as if nobody were there, and its client asks in its own terminal.
                continue
            self._open[request] = session
            until = now + self._wait
            seen.append((session, PermissionAsked(request, tool, what, "hook", words, until)))
        return seen

    def _forget(self, request: str) -> None:
        for ending in ("ask", "seen", "answer"):
            (self._directory / f"{request}.{ending}").unlink(missing_ok=True)


async def answer(paths: Paths, request: str, allow: bool, words: str) -> None:
    """Give the hook its answer, and wait until it has taken it. Raises Failed."""
    decision: dict[str, Any] = {"behavior": "allow"} if allow else {"behavior": "deny", "message": words or DENIED}
    output = {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": decision}}
    question, told = paths.spool / f"{request}.ask", paths.spool / f"{request}.answer"
    if not _ASK.fullmatch(question.name) or not question.exists() or not _alive(request):
        raise Failed("the hook that asked has ended; answer in the session's terminal")
    _put(told, msgspec.json.encode(output) + b"\n")
    for _ in range(100):
        if not told.exists():
            return
        if not _alive(request):
            break
        await asyncio.sleep(0.05)
    told.unlink(missing_ok=True)
    raise Failed("the hook that asked did not take the answer; look at the session's terminal")


def _asks(fleet: Fleet, session: str) -> dict[str, Any]:
    known = fleet.sessions.get(session)
    return known.steering.asks if known is not None else {}


def _alive(request: str) -> bool:
    """Whether the hook still runs: its pid is in the name."""
    try:
        os.kill(int(request.partition(".")[0]), 0)
    except PermissionError:
        return False
    except (OSError, OverflowError, ValueError):
        return False
    return True


def _read(path: Path) -> tuple[str, str, Excerpt, str] | None:
    """(session, tool, what exactly, words); None when it is no question of a hook."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(fd, "rb") as file:
        data = file.read(MAX_ASK + 1)
    record = decode_object(data) if len(data) <= MAX_ASK else None
    native = text_of(record.get("session_id")) if record is not None else None
    tool = text_of(record.get("tool_name")) if record is not None else None
    if record is None or native is None or tool is None:
        return None
    given = msgspec.json.encode(record.get("tool_input")).decode("utf-8", "replace")
    return session_id("claude", native), tool[:200], Excerpt(given[:MAX_SHOWN], len(given)), ""


def _put(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, for this user alone."""
    new = path.with_name(path.name + ".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
    new.rename(path)
