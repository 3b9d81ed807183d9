"""A server that stands in for OpenCode's, and a channel to it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from orchestrator_tui.clients.driving import Launch, Task
from orchestrator_tui.clients.opencode.drive import OpenCodeDrive
from orchestrator_tui.events import KnownBody
from orchestrator_tui.host.owned import served
from orchestrator_tui.host.owned.runs import Run
from orchestrator_tui.host.owned.served import ServeChannel

ID, COPY, CHILD = "ses_e032428b6ffexe4FeFv", "ses_f000000000000000000", "ses_c000000000000000000"
ASK = {
    "id": "per_1fcdbe207001Nfin",
    "sessionID": CHILD,
    "permission": "bash",
    "patterns": ["touch *"],
    "metadata": {"command": "touch a"},
}
Raw = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


class Fake:
    """A server on loopback that answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.secrets: set[str] = set()
        self.answers: dict[str, Any] = {
            "GET /global/health": {"healthy": True},
            "POST /session": {"id": ID, "directory": "/w"},
            f"GET /session/{ID}": {"id": ID, "directory": "/w"},
            f"GET /session/{COPY}": {"id": COPY, "directory": "/tree"},
            f"POST /session/{ID}/fork": {"id": COPY, "directory": "/w"},
            "GET /session/status": {CHILD: {"type": "busy"}},
            "GET /permission": [],
            "GET /question": [],
            "GET /config/providers": {"providers": [{"id": "mock", "models": {"large": {"variants": {"high": {}}}}}]},
        }
        self.raw: dict[str, Raw] = {}
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path, _ = head.split(" ", 2)
            length = re.search(r"(?i)content-length: (\d+)", head)
            body = await reader.readexactly(int(length[1])) if length else b""
            self.secrets.update(re.findall(r"Authorization: Basic (\S+)", head))
            plain = path.partition("?")[0]
            self.asked.append((method, path, json.loads(body) if body else None))
            raw = self.raw.get(f"{method} {plain}") or self.raw.get("*")
            if callable(raw):
                await raw(reader, writer)
            else:
                writer.write(raw if raw is not None else self.answer(f"{method} {plain}"))
                await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    def answer(self, name: str) -> bytes:
        data = json.dumps(self.answers.get(name, True)).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data)

    def posted(self, end: str) -> list[Any]:
        return [body for method, path, body in self.asked if method != "GET" and path.partition("?")[0].endswith(end)]


@asynccontextmanager
async def serving(fake: Fake) -> AsyncIterator[Fake]:
    listener = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = listener.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        listener.close()


class Told:
    def __init__(self) -> None:
        self.bodies: list[tuple[str, KnownBody]] = []
        self.broken = False

    async def note(self, session: str, body: KnownBody) -> None:
        if self.broken:
            raise OSError("the disk is full")
        self.bodies.append((session, body))

    def of(self, kind: type[KnownBody]) -> list[Any]:
        return [body for _, body in self.bodies if isinstance(body, kind)]


def launched(task: Task) -> Launch:
    return OpenCodeDrive().launch("opencode", task)


@asynccontextmanager
async def opened(fake: Fake, run: Run, told: Told, task: Task) -> AsyncIterator[tuple[str, ServeChannel, Launch]]:
    launch = launched(task)
    (run.path / "out.0").write_text(f"opencode server listening on http://127.0.0.1:{fake.port}\n")
    session, channel = await served.open(run, launch, task, told.note)
    assert isinstance(channel, ServeChannel)
    try:
        yield session, channel, launch
    finally:
        await channel.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
