"""A stand-in for the daemon of Codex's TUI, and a host that only holds what listening to it needs."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from orchestrator_tui.clients.codex.daemon import CONTROL_SOCKET
from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import KnownBody
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.steering import HANDLERS
from orchestrator_tui.host.owned.joined import Joined

TURN = "01a1fb36-0000-7000-8000-00000000aaaa"
HEAD = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"


def thread_of(number: int) -> str:
    return f"01a1fb36-9ffd-77f3-897d-{number:012x}"


def frame(content: bytes, kind: int = 1) -> bytes:
    """As a server sends it."""
    length = len(content)
    if length < 126:
        return bytes((0x80 | kind, length)) + content
    if length < 1 << 16:
        return bytes((0x80 | kind, 126)) + length.to_bytes(2, "big") + content
    return bytes((0x80 | kind, 127)) + length.to_bytes(8, "big") + content


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    length = (await reader.readexactly(2))[1] & 127
    if length >= 126:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    mask, content = await reader.readexactly(4), await reader.readexactly(length)
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(content))


class Daemon:
    """Speaks as Codex 0.169 does; `first`: sent raw to whoever connects, in place of all that."""

    def __init__(self, home: Path, first: bytes | None = None) -> None:
        self.home, self.first = home, first
        self.threads: list[str] = []
        self.said: list[dict[str, Any]] = []
        self.connections = 0
        self.joined: list[tuple[str, asyncio.StreamWriter]] = []
        self.open: dict[int, dict[str, Any]] = {}
        """What is asked, by the daemon's own number."""
        self.mute: set[str] = set()
        """Methods that it does not answer."""
        self._scratch = tempfile.TemporaryDirectory(prefix="daemon-")
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        link = self.home / CONTROL_SOCKET
        link.parent.mkdir(parents=True, exist_ok=True)
        (self.home / "thread-writer-locks").mkdir(exist_ok=True)
        real = Path(self._scratch.name) / "s"
        self.server = await asyncio.start_unix_server(self._serve, real, limit=1 << 25)
        link.unlink(missing_ok=True)
        link.symlink_to(real)

    async def stop(self) -> None:
        self.server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._scratch.cleanup()

    def load(self, thread: str) -> None:
        self.threads.append(thread)
        (self.home / "thread-writer-locks" / f"{thread}.lock").touch()

    def ask(self, number: int, thread: str, command: str, **params: Any) -> None:
        method = params.pop("method", "item/commandExecution/requestApproval")
        asked = {"threadId": thread, "turnId": TURN, "command": command, "cwd": "/w", **params}
        self.open[number] = {"method": method, "id": number, "params": asked}
        self.tell(thread, self.open[number])

    def settle(self, number: int) -> None:
        thread = self.open.pop(number)["params"]["threadId"]
        self.tell(thread, {"method": "serverRequest/resolved", "params": {"threadId": thread, "requestId": number}})

    def tell(self, thread: str, message: dict[str, Any]) -> None:
        self.write(thread, json.dumps(message).encode())

    def write(self, thread: str, message: bytes) -> None:
        for name, writer in self.joined:
            if name == thread:
                writer.write(frame(message))

    def methods(self) -> list[str]:
        return [message["method"] for message in self.said if "method" in message]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            if self.first is not None:
                writer.write(self.first)
                await writer.drain()
                await reader.read()
                return
            writer.write(HEAD)
            while True:
                self._take(json.loads(await read_frame(reader)), writer)
        self.joined = [(name, other) for name, other in self.joined if other is not writer]
        writer.close()

    def _take(self, message: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        self.said.append(message)
        method, params = message.get("method", ""), message.get("params", {})
        if method in self.mute or "id" not in message:
            return
        if not method:
            if message["id"] in self.open:
                self.settle(message["id"])
            return
        result: dict[str, Any] = {}
        if method == "thread/loaded/list":
            result = {"data": self.threads}
        elif method == "thread/resume":
            result = {"thread": {"id": params["threadId"]}, "model": "m"}
        writer.write(frame(json.dumps({"id": message["id"], "result": result}).encode()))
        if method == "thread/resume":
            self.joined.append((params["threadId"], writer))
            for asked in self.open.values():
                if asked["params"]["threadId"] == params["threadId"]:
                    writer.write(frame(json.dumps(asked).encode()))
        if method == "turn/interrupt":
            self.tell(params["threadId"], {"method": "turn/completed", "params": {"threadId": params["threadId"]}})


class Clock:
    """Stands still until it is told."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def advance(self, by: int) -> None:
        self._now += by


class Host:
    """Sessions of Codex, and what is noted of them."""

    def __init__(self, home: Path) -> None:
        self.clock = Clock(1_000 * SECOND)
        self.sessions: dict[str, Session] = {}
        self.fleet = SimpleNamespace(sessions=self.sessions)
        self.owned = SimpleNamespace(channel=lambda session: None)
        self.home = home
        self.noted: list[tuple[str | None, KnownBody]] = []
        self.roots: Callable[[], dict[str, list[Path]]] = lambda: {"codex": [self.home]}

    def session(self, number: int, silent: float = 20.0) -> Session:
        at = self.clock.now() - int(silent * SECOND)
        session = Session(f"codex:{thread_of(number)}", at, at, at, client="codex", turn_open=True)
        self.sessions[session.id] = session
        return session

    async def note(self, seen: Sequence[tuple[str | None, KnownBody]]) -> None:
        await asyncio.sleep(0)
        for name, body in seen:
            self.noted.append((name, body))
            HANDLERS[type(body)](self.sessions[name or ""], self.clock.now(), body)

    def news(self) -> list[str]:
        """What was noted, in short."""
        return [f"{type(body).__name__} {getattr(body, 'decision', '')}".strip() for _, body in self.noted]


class Place:
    """A daemon, a host, and what it has joined."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.daemon = Daemon(home)
        self.host: Any = Host(home)
        self.joined = Joined(self.host)
        self.host.joined = self.joined

    async def look(self) -> None:
        await self.joined.look(self.host.clock.now())

    async def until(self, condition: Callable[[], Any], looking: bool = False) -> Any:
        for _ in range(1000):
            if found := condition():
                return found
            if looking:
                await self.look()
            await asyncio.sleep(0.01)
        raise AssertionError(f"did not become true: {condition()!r}")
