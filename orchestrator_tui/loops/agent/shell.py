"""Commands, run as the user who started the agent: time and output are bounded, nothing else is."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct

from orchestrator_tui.loops.agent.cutting import Ends

GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL of a command that took too long or was interrupted."""
DRAIN = 0.5
"""Seconds in which the rest of the output is read after the end: something may hold the pipe that left the group."""


class Outcome(Struct, frozen=True):
    """How a command ended."""

    text: str
    ok: bool


async def run(command: str, cwd: str, env: Mapping[str, str], seconds: float) -> Outcome:
    """Run a line of shell in a session of its own; whatever it leaves behind in its process group ends with it.

    Cancelled: the group is killed first. A process that leaves the group lives on, with the session's variable.
    """
    shell = shutil.which("bash") or "/bin/sh"
    source, sink = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: ASYNC220
            [shell, "-c", command],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        os.close(source)
        return Outcome(f"it could not be started: {error}", False)
    finally:
        os.close(sink)
    ends = Ends()
    reading = asyncio.ensure_future(_read(source, ends))
    # Not reaped before the group is killed: until then the number cannot mean anybody else.
    ended = asyncio.ensure_future(
        asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # type: ignore[attr-defined,unused-ignore]
    )
    late = False
    try:
        done, _ = await asyncio.wait((ended,), timeout=seconds)
        late = not done
        if late:
            _signal(process.pid, signal.SIGTERM)
            await asyncio.wait((ended,), timeout=GRACE)
    finally:
        _signal(process.pid, signal.SIGKILL)
        await asyncio.shield(_reaped(process, ended))
        with suppress(asyncio.TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(reading), DRAIN)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
    return _told(process.returncode, ends.text(), seconds if late else None)


async def _reaped(process: subprocess.Popen[bytes], ended: asyncio.Future[Any]) -> None:
    with suppress(OSError):
        await ended
    process.wait()


async def _read(source: int, ends: Ends) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader, loop=loop), os.fdopen(source, "rb", buffering=0)
    )
    try:
        while data := await reader.read(65_536):
            ends.add(data)
    finally:
        transport.close()


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _told(status: int, text: str, late: float | None) -> Outcome:
    text = text if text.endswith("\n") or not text else text + "\n"
    if late is not None:
        return Outcome(f"{text}[killed: it took longer than {late:g} s]", False)
    if status == 0:
        return Outcome(text or "[no output]", True)
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return Outcome(f"{text}[{how}]", False)
