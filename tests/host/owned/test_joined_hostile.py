"""What listens where Codex's daemon should, and is none or is broken: a reason, and the host goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from orchestrator_tui.clients.codex.daemon import CONTROL_SOCKET
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned import joining
from tests.host.owned.daemon import HEAD, Place, frame, thread_of


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path)
    await place.daemon.start()
    yield place
    await place.joined.close()
    await place.daemon.stop()


DEEP = b'{"id":' + b"[" * 100_000


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n",
        os.urandom(50_000).replace(b"\r\n\r\n", b""),
        HEAD + b"\x81\x7f" + b"\x7f" * 8,
        HEAD + frame(b"", 8),
        HEAD + frame(b"\xff\xfe") + frame(DEEP) + frame(b"[]") + frame(b'{"id":"orc-open","result":7}'),
        HEAD + frame(b'{"id":"orc-open","error":{"message":"\x1b[2J no"}}'),
        HEAD + frame(b'{"id":"orc-loaded","result":{"data":"x"}}'),
        HEAD + frame(b"", 9) * 5000,
        HEAD + b"\x01\x00" + b"\x00\x00" * 3000,
    ],
)
async def test_what_is_no_daemon(place: Place, first: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "PATIENCE", 0.5)
    session = place.host.session(1)
    place.daemon.load(thread_of(1))
    place.daemon.first = first
    with pytest.raises(Failed) as failed:
        await place.joined.join(session.id)
    assert "\n" not in str(failed.value) and "\x1b" not in str(failed.value)
    assert not place.joined.open and not place.joined._opening
    assert await place.joined.channel(session.id) is None


async def test_a_daemon_that_breaks_later(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "PATIENCE", 0.3)
    session = place.host.session(1)
    place.daemon.load(thread_of(1))
    channel = await place.joined.join(session.id)
    place.daemon.mute |= {"turn/start", "turn/interrupt"}
    with pytest.raises(Failed, match="did not answer"):
        await channel.say("anybody?")
    # What it asks may be anything.
    for hostile in (b"9" * 5000, b'"' + b"x" * 5000 + b'"', b"[1]", b"null", b"true", b'"\\ud800"', b"1e400", b"-1"):
        for params in (b"3", b"{}", b'{"threadId":1,"turnId":{},"command":"c"}', b"[" * 2000):
            head = b'{"method":"item/commandExecution/requestApproval","id":'
            place.daemon.write(thread_of(1), head + hostile + b',"params":' + params + b"}")
            place.daemon.write(thread_of(1), b'{"id":' + hostile + b',"result":' + params + b"}")
    place.daemon.ask(7, thread_of(1), "\x1b]0;x\x07 \ud800 $(id)")
    await place.until(lambda: "$(id)" in str(place.host.noted))
    assert all(len(name) <= joining.MAX_NAME for name in session.steering.asks)
    waiting = asyncio.create_task(channel.say("one more"))
    await asyncio.sleep(0.01)
    place.daemon.joined[0][1].transport.abort()
    with pytest.raises(Failed, match="hung up"):
        await waiting
    await place.until(lambda: not session.steering.asks)
    # It is joined anew for a person.
    place.daemon.mute.clear()
    await (await place.joined.join(session.id)).say("there you are")


@pytest.mark.parametrize("kind", ["file", "nothing", "stale", "loop", "foreign"])
async def test_what_is_no_socket_of_ours(place: Place, kind: str) -> None:
    session = place.host.session(1)
    place.daemon.load(thread_of(1))
    link = place.home / CONTROL_SOCKET
    real = link.resolve()
    if kind == "foreign":
        if os.getuid() != 0:
            pytest.skip("only root can give a socket away")
        os.chown(real, 1234, -1)
    elif kind == "stale":
        place.daemon.server.close()
    else:
        link.unlink()
        if kind == "file":
            link.write_text("x")
        elif kind == "loop":
            link.symlink_to(link)
    with pytest.raises(Failed):
        await place.joined.join(session.id)
    assert place.daemon.connections == 0


async def test_another_user_that_listens_there(place: Place, tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can be another user")
    session = place.host.session(1)
    place.daemon.load(thread_of(1))
    link = place.home / CONTROL_SOCKET
    real = link.resolve()
    code = (
        "import os,socket,sys; os.setuid(1234); s=socket.socket(socket.AF_UNIX); os.chdir('/tmp');"
        "import tempfile; d=tempfile.mkdtemp(); s.bind(d+'/s'); s.listen(); print(d, flush=True); sys.stdin.read();"
        "os.unlink(d+'/s') if os.path.exists(d+'/s') else None; os.rmdir(d)"
    )
    other = await asyncio.create_subprocess_exec(
        "/usr/bin/env", "python3", "-c", code, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert other.stdin is not None and other.stdout is not None
    directory = (await other.stdout.readline()).decode().strip()
    try:
        # The file is ours, who listens is not.
        os.chown(f"{directory}/s", 0, 0)
        link.unlink()
        link.symlink_to(f"{directory}/s")
        with pytest.raises(Failed, match="another user listens"):
            await place.joined.join(session.id)
    finally:
        os.chown(f"{directory}/s", 1234, -1)
        other.stdin.close()
        await other.wait()
        link.unlink()
        link.symlink_to(real)
