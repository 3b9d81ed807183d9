"""HTTP to a server on the loopback address: one request a connection, everything bounded, nothing followed."""

from __future__ import annotations

import asyncio
import base64
import http.client
import io
import re
import socket
from typing import Any, cast

from orchestrator_tui.clients.values import decode_object

PATIENCE = 10.0
"""Seconds for a request and its whole answer."""
MAX_ANSWER = 16 << 20
"""Bytes."""
CHUNK = 64 * 1024
MAX_HEAD = 64 * 1024
"""Bytes in which the head of an answer ends."""
HOST = "127.0.0.1"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n")
_CHUNKED = re.compile(rb"(?i)\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n")


class NoAnswer(Exception):
    """Why there is no answer that can be read."""


class Loopback:
    """A server, and the password that it asks for."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.port = port
        self._secret = base64.b64encode(f"{user}:{password}".encode()).decode()

    async def ask(
        self, method: str, path: str, body: bytes | None = None, seconds: float = PATIENCE
    ) -> tuple[int, Any]:
        """(status, the JSON of the answer or None). `path` is sent as it is: no spaces. Raises NoAnswer."""
        head = [
            f"{method} {path} HTTP/1.1",
            f"Host: {HOST}:{self.port}",
            f"Authorization: Basic {self._secret}",
            "Connection: close",
        ]
        if body is not None:
            head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        raw = "\r\n".join([*head, "", ""]).encode("ascii") + (body or b"")
        try:
            async with asyncio.timeout(seconds):
                data = await self._exchange(raw)
        except TimeoutError:
            raise NoAnswer(f"it did not answer within {seconds:.0f} s") from None
        except OSError as error:
            raise NoAnswer(f"it cannot be reached on port {self.port}: {error.strerror or error}") from error
        return _read(data, method)

    async def _exchange(self, raw: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(raw)
            await writer.drain()
            data = bytearray()
            while not _is_whole(data) and (chunk := await reader.read(CHUNK)):
                data += chunk
                if len(data) > MAX_ANSWER:
                    raise NoAnswer(f"its answer is longer than {MAX_ANSWER >> 20} MiB")
            return bytes(data)
        finally:
            # Nothing is left to be said.
            writer.transport.abort()


def _is_whole(data: bytearray) -> bool:
    """Whether that is all of the answer; not every server closes its end when it has been asked to."""
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD)
    if end < 0:
        return False
    if length := _LENGTH.search(data, 0, end + 2):
        return len(data) >= end + 4 + int(length[1])
    return _CHUNKED.search(data, 0, end + 2) is not None and data.endswith(b"\r\n0\r\n\r\n")


class _Received:
    """What the standard library's reader takes for a socket."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def makefile(self, *_: object) -> io.BytesIO:
        return self._file


def _read(data: bytes, method: str) -> tuple[int, Any]:
    response = http.client.HTTPResponse(cast(socket.socket, _Received(data)), method=method)
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ValueError, OSError) as error:
        raise NoAnswer(f"its answer cannot be read: {type(error).__name__}") from error
    # The tolerant reader takes objects only.
    wrapped = decode_object(b'{"it":' + body + b"}") if body.strip() else None
    return response.status, wrapped.get("it") if wrapped is not None else None
