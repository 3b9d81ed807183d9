"""The channel to a server that behaves as OpenCode's does."""

from __future__ import annotations

import base64
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator_tui.clients.driving import Task
from orchestrator_tui.events import PermissionAnswered, PermissionAsked
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned import served
from orchestrator_tui.host.owned.runs import Run
from orchestrator_tui.host.owned.served import ServeChannel
from tests.host.fake_server import ASK, COPY, ID, Fake, Told, opened, serving, until


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


async def test_a_session_begins_with_its_prompt_and_the_password(fake: Fake, run: Run, told: Told) -> None:
    task = Task("$(id)\n--help", "/w", "mock/large", "high", title="a\nb")
    async with opened(fake, run, told, task) as (session, channel, launch):
        assert session == ID and channel.name == "serve"
        (password,) = launch.environ.values()
        assert fake.secrets == {base64.b64encode(f"opencode:{password}".encode()).decode()}
        assert fake.posted("/session") == [{"title": "a ⏎ b"}]
        (said,) = fake.posted("/prompt_async")
        assert said["parts"][0]["text"] == "$(id)\n--help" and said["variant"] == "high"
        assert said["model"] == {"providerID": "mock", "modelID": "large"}
        assert stat.S_IMODE((run.path / "serve.json").stat().st_mode) == 0o600
    # A host that died after that: nothing is begun or said twice.
    async with opened(fake, run, told, task) as (again, _, _):
        assert again == ID and len(fake.posted("/session")) == len(fake.posted("/prompt_async")) == 1


async def test_what_a_sub_agent_asks_is_stored_and_answered_once(fake: Fake, run: Run, told: Told) -> None:
    async with opened(fake, run, told, Task("x", "/w")) as (_, channel, _):
        fake.answers["GET /permission"] = [ASK]
        await until(lambda: told.of(PermissionAsked))
        assert told.bodies[0][0] == f"opencode:{ID}" and channel.busy
        await channel.answer(ASK["id"], False, "no")  # type: ignore[arg-type]
        assert fake.posted("/reply") == [{"reply": "reject", "message": "no"}]
        seen = len(fake.asked)
        await until(lambda: len(fake.asked) > seen + 9)
        assert len(told.bodies) == 2 and told.of(PermissionAnswered)[0].decision == "denied"
        with pytest.raises(Failed):
            await channel.answer("per_../../global/dispose", True, "")


async def test_what_vanishes_or_is_left_over_is_gone(fake: Fake, run: Run, told: Told) -> None:
    fake.answers["GET /permission"] = [ASK]
    async with opened(fake, run, told, Task("x", "/w")) as (_, channel, _):
        await until(lambda: told.of(PermissionAsked))
        # The turn ended: the server still lists it.
        fake.answers["GET /session/status"] = {}
        await until(lambda: told.of(PermissionAnswered))
        assert told.of(PermissionAnswered)[0].decision == "gone" and not channel.busy
        await channel.interrupt()
        assert fake.posted("/abort") == [{}] and fake.posted("/reply") == [{"reply": "reject"}]


async def test_a_new_host_stores_nothing_twice_and_misses_nothing(fake: Fake, run: Run, told: Told) -> None:
    fake.answers["GET /permission"] = [ASK]
    async with opened(fake, run, told, Task("x", "/w")):
        await until(lambda: told.of(PermissionAsked))
    channel = await served.reopen(run, ID, told.note)
    assert isinstance(channel, ServeChannel)
    seen = len(fake.asked)
    await until(lambda: len(fake.asked) > seen + 9)
    assert len(told.bodies) == 1
    await channel.close()
    fake.answers["GET /permission"] = []
    channel = await served.reopen(run, ID, told.note)
    assert isinstance(channel, ServeChannel)
    await until(lambda: told.of(PermissionAnswered))
    await channel.close()
    with pytest.raises(Failed):
        await served.reopen(run, COPY, told.note)
    (run.path / "serve.json").write_text("{")
    with pytest.raises(Failed):
        await served.reopen(run, ID, told.note)


async def test_what_could_not_be_stored_is_stored_later(fake: Fake, run: Run, told: Told) -> None:
    async with opened(fake, run, told, Task("x", "/w")):
        told.broken = True
        fake.answers["GET /permission"] = [ASK]
        seen = len(fake.asked)
        await until(lambda: len(fake.asked) > seen + 9)
        told.broken = False
        await until(lambda: told.of(PermissionAsked))


async def test_a_fork_is_moved_or_given_up(fake: Fake, run: Run, told: Told, tmp_path: Path) -> None:
    task = Task("x", "/tree", resume=ID, fork=True, title="part")
    async with opened(fake, run, told, task) as (session, channel, _):
        assert session == COPY and channel.server.state.directory == "/tree"
        assert fake.posted("/move-session") == [{"sessionID": COPY, "destination": {"directory": "/tree"}}]
        assert fake.posted(COPY) == [{"title": "part"}]
    other = Run(tmp_path / "other")
    other.path.mkdir()
    fake.raw["POST /experimental/control-plane/move-session"] = b"HTTP/1.1 400 no\r\n\r\n" + b'{"message":"not there"}'
    with pytest.raises(Failed, match="not there"):
        async with opened(fake, other, told, task):
            pass
    assert ("DELETE", f"/session/{COPY}?directory=%2Fw", None) in fake.asked


async def test_another_model_and_one_that_is_not_there(fake: Fake, run: Run, told: Told, tmp_path: Path) -> None:
    async with opened(fake, run, told, Task("", "/w")) as (_, channel, _):
        assert not fake.posted("/prompt_async")
        await channel.use("mock/large", "high")
        await channel.say("x")
        assert fake.posted("/prompt_async")[0]["model"] == {"providerID": "mock", "modelID": "large"}
        for model, effort in (("mock/none", None), ("mock/large", "max"), ("--help", None), (None, "a b")):
            with pytest.raises(Failed):
                await channel.use(model, effort)
        with pytest.raises(Failed):
            await channel.say(" \0")
    other = Run(tmp_path / "other")
    other.path.mkdir()
    with pytest.raises(Failed, match="no model mock/none"):
        async with opened(fake, other, told, Task("x", "/w", "mock/none")):
            pass
    assert len(fake.posted("/session")) == 1
