"""Texts cut to a size, so that what was left out can be seen."""

from __future__ import annotations

from collections import deque

OUTPUT = 16 * 1024
"""Bytes of a tool's output that the model is given: half from its start, half from its end."""
LOGGED = 64 * 1024
"""Characters of one text in the log."""


def cut(text: str, limit: int) -> str:
    """The text, or its two ends with a line between them that says how much is missing."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[len(text) - half :]}"


def cut_value(value: object, limit: int = LOGGED, depth: int = 8) -> object:
    """A decoded JSON value whose strings, lists and objects are cut to what a log should hold."""
    if isinstance(value, str):
        return cut(value, limit)
    if isinstance(value, dict):
        if depth == 0:
            return "..."
        return {cut(str(key), 256): cut_value(item, limit, depth - 1) for key, item in list(value.items())[:256]}
    if isinstance(value, list):
        return "..." if depth == 0 else [cut_value(item, limit, depth - 1) for item in value[:1024]]
    return value


class Ends:
    """The start and the end of a stream of bytes; what lies between them is counted and forgotten."""

    def __init__(self, limit: int = OUTPUT) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._kept = 0
        self._passed = 0

    def add(self, data: bytes) -> None:
        """Take up what came next."""
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if not data:
            return
        self._tail.append(data)
        self._kept += len(data)
        while self._kept - len(self._tail[0]) >= self._half:
            gone = len(self._tail.popleft())
            self._kept -= gone
            self._passed += gone

    def text(self) -> str:
        """Both ends, decoded."""
        tail = b"".join(self._tail)
        missing = self._passed + max(0, len(tail) - self._half)
        tail = tail[-self._half :]
        head = bytes(self._head)
        if not missing:
            return (head + tail).decode("utf-8", "replace")
        ends = head.decode("utf-8", "replace"), tail.decode("utf-8", "replace")
        return f"{ends[0]}\n[... {missing} bytes left out ...]\n{ends[1]}"
