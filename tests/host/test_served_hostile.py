"""The channel to a server that does not behave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator_tui.clients.driving import Task
from orchestrator_tui.events import PermissionAnswered, PermissionAsked
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned import loopback, served
from orchestrator_tui.host.owned.loopback import Loopback, NoAnswer
from orchestrator_tui.host.owned.runs import Run
from orchestrator_tui.host.owned.served import ServeChannel
from tests.host.fake_server import ASK, Fake, Raw, Told, launched, opened, serving, until


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    async with serving(Fake()) as server:
        yield server


@pytest.fixture
def run(tmp_path: Path) -> Run:
    path = tmp_path / "20261121-000000-opencode-abcdef"
    path.mkdir()
    return Run(path)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "SOON", 0.02)
    monkeypatch.setattr(served, "LATER", 0.05)


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n[")
    while True:
        writer.write(b"1," * 500_000)
        await writer.drain()


async def lingering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A whole answer, and then nothing, not even an end."""
    writer.write(OK + b"Content-Length: 4\r\n\r\ntrue")
    await reader.read()


async def lingering_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\ntr\r\n")
    await writer.drain()
    writer.write(b"2\r\nue\r\n0\r\n\r\n")
    await reader.read()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


OK = b"HTTP/1.1 200 OK\r\n"
HOSTILE: list[Raw] = [
    drip, flood, silent, b"", b"\0", b"SSH-2.0-x\r\n", OK, OK + b"Content-Length: 9\r\n\r\n{}",
    OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", OK + b"x: " + b"y" * 70_000 + b"\r\n\r\n", OK + b"x: y\r\n" * 200,
    OK + b"\r\n" + b"[" * 100_000, OK + b"\r\n\xff\xfe", OK + b"\r\n1},{", OK + b"\r\nnull", OK + b'\r\n{"id":"../x"}',
    OK + b'\r\n[{"id":"per_1fcdbe207001Nfin","metadata":5,"patterns":[[]]}]', b"HTTP/1.1 500 no\r\n\r\n<html>",
    b"HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/\r\n\r\n", b"HTTP/1.1 999999999999 x\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("raw", HOSTILE)
async def test_hostile_answers(fake: Fake, run: Run, told: Told, raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "MAX_ANSWER", 4 << 20)
    async with opened(fake, run, told, Task("x", "/w")) as (_, channel, _):
        channel.server.patience = 0.3
        fake.raw["*"] = raw
        seen = len(fake.asked)
        await until(lambda: len(fake.asked) > seen + 3)
        assert not told.bodies
        with suppress(Failed):
            await channel.say("x")
        with suppress(Failed):
            await channel.use("mock/large", None)
        del fake.raw["*"]
        fake.answers["GET /permission"] = [ASK]
        await until(lambda: told.of(PermissionAsked))


async def test_a_server_that_is_gone(fake: Fake, run: Run, told: Told) -> None:
    other = Fake()
    other.answers["GET /permission"] = [ASK]
    async with serving(other):
        launch = launched(Task("x", "/w"))
        (run.path / "out.0").write_text(f"opencode server listening on http://127.0.0.1:{other.port}\n")
        _, channel = await served.open(run, launch, Task("x", "/w"), told.note)
        await until(lambda: told.of(PermissionAsked))
    assert isinstance(channel, ServeChannel)
    await until(lambda: told.of(PermissionAnswered))
    with pytest.raises(Failed, match="cannot be reached"):
        await channel.say("x")
    (run.path / "exit.json").write_text('{"status":1,"signal":null,"words":"bad config","at":1}')
    with pytest.raises(Failed, match="bad config"):
        await channel.say("x")
    await channel.close()
    with pytest.raises(Failed, match="bad config"):
        await served.open(run, launch, Task("x", "/w"), told.note)


@pytest.mark.parametrize("raw", [lingering, lingering_chunks])
async def test_a_server_that_does_not_close_its_end_is_not_waited_for(fake: Fake, raw: Raw) -> None:
    fake.raw["*"] = raw
    assert await Loopback(fake.port, "u", "p").ask("GET", "/x", seconds=10) == (200, True)


async def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with serving(Fake()) as fake:
        assert await Loopback(fake.port, "u", "p").ask("GET", "/global/health") == (200, {"healthy": True})
    with pytest.raises(NoAnswer):
        await Loopback(fake.port, "u", "p").ask("GET", "/global/health")
