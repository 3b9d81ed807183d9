"""The daemon of Codex's TUI: joining a thread, queueing a message, and the frames in between."""

from __future__ import annotations

import random

import pytest

from orchestrator_tui.clients.codex.daemon import Broken, Frames, joining, proxy, queued, queueing
from orchestrator_tui.clients.codex.dialogue import INITIALIZE, LOADED
from orchestrator_tui.clients.driving import OPEN, Heard, Unsupported
from tests.clients.test_codex_dialogue import THREAD, TURN, line, request, said


def test_joining_a_thread_that_is_there() -> None:
    there = joining(THREAD)
    assert [each.get("id") for each in said(*there.opening())] == [INITIALIZE, None, LOADED]
    heard = there.heard(line({"id": LOADED, "result": {"data": ["x", THREAD]}}))
    begin = said(*heard.replies)[0]
    # Neither its directory nor its model is touched.
    assert (begin["method"], begin["params"]) == ("thread/resume", {"threadId": THREAD, "excludeTurns": True})
    assert there.heard(line({"id": OPEN, "result": {"thread": {"id": THREAD}}})).answered == {OPEN: ""}
    # Another client of the daemon may know what to say.
    assert there.heard(request(1, "item/tool/call")) == Heard()
    lost = joining(THREAD)
    assert "not have" in lost.heard(line({"id": LOADED, "result": {"data": []}})).answered[OPEN]
    with pytest.raises(Unsupported):
        joining("--help")


def test_queueing() -> None:
    assert queueing("codex", THREAD, "--help\n$(id)\0") == (
        "codex",
        "queue",
        f"--thread={THREAD}",
        "--message=--help\n$(id)�",
    )
    for thread, text in (
        ("--help", "x"),
        ("a name", "x"),
        (THREAD, " "),
        (THREAD, "x" * 100_001),
        (THREAD, "\u2028" * 50_000),
    ):
        with pytest.raises(Unsupported):
            queueing("codex", thread, text)
    out = f"WARNING: x\nQueued message {TURN} for thread {THREAD}.\n"
    assert (queued(out, THREAD), queued(out, TURN), queued("", THREAD)) == (TURN, None, None)
    assert proxy("/opt/codex") == ("/opt/codex", "app-server", "proxy")


def frame(kind: int, content: bytes, final: bool = True) -> bytes:
    length = len(content)
    size = (
        bytes((length,))
        if length < 126
        else b"\x7e" + length.to_bytes(2, "big")
        if length < 65536
        else b"\x7f" + length.to_bytes(8, "big")
    )
    return bytes((final << 7 | kind,)) + size + content


def unmasked(data: bytes) -> bytes:
    length, start = data[1] & 127, 2
    if length >= 126:
        start = 4 if length == 126 else 10
        length = int.from_bytes(data[2:start], "big")
    mask, content = data[start : start + 4], data[start + 4 :]
    assert data[1] & 128 and len(content) == length
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(content))


HEAD = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 200_001])
def test_frames_go_there_and_back(size: int) -> None:
    content = random.Random(size).randbytes(size).replace(b"\n", b"x")
    frames = Frames()
    assert frames.hello().startswith(b"GET / HTTP/1.1\r\n") and frames.hello().endswith(b"\r\n\r\n")
    assert unmasked(frames.wrap(content + b"\n")) == content
    stream = HEAD + frame(9, b"ping") + frame(1, content) + frame(1, b"a", final=False) + frame(0, b"b")
    lines, replies = frames.fed(stream)
    assert frames.open and lines == [content, b"ab"] and [unmasked(reply) for reply in replies] == [b"ping"]
    piecewise = Frames()
    pieces = [stream[place : place + 7] for place in range(0, min(len(stream), 3000), 7)] + [stream[3003:]]
    assert [text for piece in pieces for text in piecewise.fed(piece)[0]] == [content, b"ab"]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"x" * 20_000,
        HEAD + frame(8, b""),
        HEAD + b"\x81\xff" + b"\xff" * 8,
        HEAD + b"\x81\x7f" + b"\x7f" * 8,
        HEAD + b"\xf1\x00",
    ],
)
def test_what_is_no_daemon(data: bytes) -> None:
    with pytest.raises(Broken):
        Frames().fed(data)
