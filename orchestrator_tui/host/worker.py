"""Parsing history in a process of its own: jobs come in on its standard input, steps go out on its standard output.

It ends when its input does, so it cannot outlive a host that was killed. Frames are a length (8 bytes, big-endian) and
that many bytes of MessagePack.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from contextlib import suppress
from typing import BinaryIO

from orchestrator_tui.errors import OrcError
from orchestrator_tui.host.reading import Job, Step, pack, read_packed, unpack

LENGTH = 8


class WorkerEnded(OrcError):
    """The worker is gone; what it was asked for has not been read."""


class Worker:
    """The host's side: ask with `submit`, answers come in the order of asking."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: deque[asyncio.Future[bytes]] = deque()
        self._listener: asyncio.Task[None] | None = None

    async def submit(self, jobs: list[Job]) -> asyncio.Future[bytes]:
        """Ask for some files to be read on; `steps` takes what the future gives."""
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "orchestrator_tui.host.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            self._listener = asyncio.create_task(self._listen(self._process))
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        data = pack(jobs)
        pipe = self._process.stdin
        if pipe is not None:
            with suppress(ConnectionError):
                pipe.write(len(data).to_bytes(LENGTH, "big") + data)
                await pipe.drain()
        return future

    @staticmethod
    async def steps(future: asyncio.Future[bytes]) -> list[Step | None]:
        """The answer. Raises WorkerEnded when the worker was killed before it."""
        return unpack(await future)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        pipe = process.stdout
        try:
            while pipe is not None:
                length = int.from_bytes(await pipe.readexactly(LENGTH), "big")
                data = await pipe.readexactly(length)
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(data)
        except asyncio.IncompleteReadError:
            await process.wait()
            while self._waiting:
                future = self._waiting.popleft()
                if not future.done():
                    future.set_exception(WorkerEnded("the process that reads history has ended"))

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._listener is not None:
            await self._listener
            self._listener = None
        for future in self._waiting:
            future.cancel()
        self._waiting.clear()


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """The worker's side: until the input ends."""
    while len(head := source.read(LENGTH)) == LENGTH:
        length = int.from_bytes(head, "big")
        data = source.read(length)
        if len(data) < length:
            return
        answer = read_packed(data)
        sink.write(len(answer).to_bytes(LENGTH, "big") + answer)
        sink.flush()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)
