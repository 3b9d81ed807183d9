"""Threads of the Codex TUI: they run in a daemon that all its windows share (measured on 0.169.0).

Below Codex's directory, `app-server-control/app-server-control.sock` is its control socket; `codex app-server proxy` is
a pipe to it. It speaks the language of `dialogue.py` in WebSocket frames. Who joins a thread there can do all that its
window can: interrupt it, tell it something, set its model, and answer what it asks, also what it asked before.

Another way for a message is `codex queue`: it is stored, and taken up when the turn that runs has ended.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode

from orchestrator_tui.clients.codex.dialogue import CodexDialogue, checked_thread
from orchestrator_tui.clients.driving import Task, Unsupported
from orchestrator_tui.text import utf8

CONTROL_SOCKET = "app-server-control/app-server-control.sock"
"""Below the directory of Codex (`$CODEX_HOME`, else `~/.codex`)."""
MAX_QUEUED = 100_000
"""Bytes of a message that is an argument: Linux takes up to 128 KiB in one."""
MAX_MESSAGE = 64 << 20
MAX_HEAD = 16 << 10
_QUEUED = re.compile(r"^Queued message ([0-9a-f-]{36}) for thread ([0-9a-f-]{36})\.?\s*$", re.MULTILINE)
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


def queueing(binary: str, thread: str, text: str) -> tuple[str, ...]:
    """The command that queues a message; it runs when the turn has ended, at once in an idle thread.

    In one word with its option: a text that begins with a dash would be read as an option. Raises Unsupported.
    """
    message = utf8(text).replace("\0", "�")
    if not message.strip():
        raise Unsupported("an empty message says nothing; write something")
    if len(message.encode()) > MAX_QUEUED:
        raise Unsupported(f"the message has more than {MAX_QUEUED} bytes; put it into a file and name that")
    return (binary, "queue", f"--thread={checked_thread(thread)}", f"--message={message}")


def queued(output: str, thread: str) -> str | None:
    """The queued message's id, as `codex queue` prints it after it has stored it; None when it has not.

    That it was taken up shows as a user's line in the thread's rollout.
    """
    found = _QUEUED.search(output)
    return found[1] if found is not None and found[2] == thread else None


def proxy(binary: str) -> tuple[str, ...]:
    """The command whose input and output are the daemon's control socket; it ends with its input."""
    return (binary, "app-server", "proxy")


def joining(thread: str) -> CodexDialogue:
    """What is said to the daemon to join a thread that it has open; it is not opened when it has not.

    Raises Unsupported for what is no thread's id.
    """
    return CodexDialogue(Task(prompt="", cwd="", resume=checked_thread(thread)), attached=True)


class Broken(Exception):
    """The other end is no daemon of Codex, or it has hung up; the text says which."""


class Frames:
    """The client's end of a WebSocket, without I/O: lines of JSON in, bytes out, and the other way round."""

    def __init__(self) -> None:
        self._key = b64encode(secrets.token_bytes(16)).decode()
        self._bytes = bytearray()
        self._parts = bytearray()
        self.open = False
        """The other end has agreed; before that nothing but `hello` may be sent."""

    def hello(self) -> bytes:
        """What is sent first."""
        return (
            "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {self._key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()

    def wrap(self, line: bytes) -> bytes:
        """A line as it is sent."""
        return _frame(_TEXT, line.rstrip(b"\n"))

    def fed(self, data: bytes) -> tuple[list[bytes], list[bytes]]:
        """(whole messages in what came, bytes to be sent back at once). Raises Broken."""
        self._bytes += data
        if not self.open and not self._opened():
            return [], []
        lines: list[bytes] = []
        replies: list[bytes] = []
        while (frame := self._frame()) is not None:
            final, kind, payload = frame
            if kind == _CLOSE:
                raise Broken("the daemon of Codex has hung up")
            if kind == _PING:
                replies.append(_frame(_PONG, payload))
            elif kind in (0, _TEXT):
                self._parts += payload
                if len(self._parts) > MAX_MESSAGE:
                    raise Broken("a message of the daemon is too large")
                if final:
                    lines.append(bytes(self._parts))
                    self._parts.clear()
        return lines, replies

    def _opened(self) -> bool:
        end = self._bytes.find(b"\r\n\r\n")
        if end < 0:
            if len(self._bytes) > MAX_HEAD:
                raise Broken("what answers is no daemon of Codex")
            return False
        if not self._bytes.startswith(b"HTTP/1.1 101 "):
            raise Broken("what answers is no daemon of Codex")
        del self._bytes[: end + 4]
        self.open = True
        return True

    def _frame(self) -> tuple[bool, int, bytes] | None:
        """(whether it is the last of its message, kind, content) of the next one; None while it is not whole."""
        data = self._bytes
        if len(data) < 2:
            return None
        if data[1] & 0x80 or data[0] & 0x70:
            raise Broken("what answers is no daemon of Codex")
        length, start = data[1] & 0x7F, 2
        if length >= 126:
            start = 4 if length == 126 else 10
            if len(data) < start:
                return None
            length = int.from_bytes(data[2:start], "big")
        if length > MAX_MESSAGE:
            raise Broken("a message of the daemon is too large")
        if len(data) < start + length:
            return None
        content = bytes(data[start : start + length])
        head = data[0]
        del data[: start + length]
        return bool(head & 0x80), head & 0x0F, content


def _frame(kind: int, content: bytes) -> bytes:
    """One frame, masked, as a client has to."""
    length = len(content)
    if length < 126:
        head = bytes((0x80 | kind, 0x80 | length))
    elif length < 1 << 16:
        head = bytes((0x80 | kind, 0x80 | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((0x80 | kind, 0x80 | 127)) + length.to_bytes(8, "big")
    mask = secrets.token_bytes(4)
    pattern = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
    return head + mask + (int.from_bytes(content, "big") ^ pattern).to_bytes(length, "big")
