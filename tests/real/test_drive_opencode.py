"""A session of OpenCode that is driven through a server of its own, under a shim."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrator_tui.clients.driving import Task
from orchestrator_tui.clients.opencode.drive import PASSWORD, OpenCodeDrive
from orchestrator_tui.clients.opencode.requests import look_up, status
from orchestrator_tui.events import KnownBody, PermissionAnswered, PermissionAsked
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned import launch as launching
from orchestrator_tui.host.owned import runs, served
from orchestrator_tui.host.owned.served import ServeChannel
from tests.conftest import Orc
from tests.real.conftest import OpenCode, end_all

pytestmark = pytest.mark.clients
PATIENCE = 90.0


class Bench:
    """A place to start sessions in, and what they told."""

    def __init__(self, orc: Orc, model: str, tmp_path: Path) -> None:
        self.client = OpenCode(orc, model, tmp_path / "web")
        config = orc.home / ".config" / "opencode" / "opencode.json"
        settings = json.loads(config.read_text()) | {"permission": {"bash": "ask"}}
        config.write_text(json.dumps(settings))
        self.project, self.state, self.log = tmp_path / "web", orc.state, tmp_path / "requests.jsonl"
        self.home = orc.home
        self.told: list[tuple[str, KnownBody]] = []

    async def note(self, session: str, body: KnownBody) -> None:
        self.told.append((session, body))

    @asynccontextmanager
    async def running(self, task: Task) -> AsyncIterator[tuple[runs.Run, str, ServeChannel]]:
        """A session, which is ended afterwards."""
        launch = OpenCodeDrive().launch(str(self.client.binary), task)
        launch = msgspec.structs.replace(launch, environ={**self.client.env, **launch.environ, "PWD": task.cwd})
        run = runs.make(self.state, "opencode", time.time_ns())
        await launching.start(run, launch, ())
        channel: ServeChannel | None = None
        try:
            session, opened = await served.open(run, launch, task, self.note)
            assert isinstance(opened, ServeChannel)
            channel = opened
            yield run, session, channel
        finally:
            if channel is not None:
                await channel.close()
            shim = run.shim()
            if shim is not None and run.exit() is None:
                os.kill(shim.child, signal.SIGKILL)

    def of(self, kind: type[KnownBody]) -> list[Any]:
        return [body for _, body in self.told if isinstance(body, kind)]

    def asked_models(self) -> list[str]:
        """The models of the requests that the model server had, titles and the like aside."""
        if not self.log.exists():
            return []
        records = [json.loads(text) for text in self.log.read_text().splitlines()]
        return [record["body"]["model"] for record in records if record["kind"] == "chat" and not record["side"]]


@pytest.fixture
def bench(orc: Orc, model: str, tmp_path: Path) -> Iterator[Bench]:
    yield Bench(orc, model, tmp_path)
    end_all(orc.home)


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def quiet(channel: ServeChannel) -> None:
    """Wait until no turn runs."""

    async def busy() -> bool:
        return bool(await channel.server.ask(status(channel.server.state.directory)))

    async with asyncio.timeout(PATIENCE):
        while await busy():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def run_async(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(240):
            await test()

    asyncio.run(bounded())


def test_a_permission_is_allowed_and_denied_and_the_effect_is_on_disk(bench: Bench) -> None:
    made = bench.project / "deployed.txt"

    async def test() -> None:
        async with bench.running(Task("deploy now", str(bench.project), title="first")) as (run, session, channel):
            await until(lambda: bench.of(PermissionAsked))
            (ask,) = bench.of(PermissionAsked)
            assert (ask.tool, ask.what.text, ask.via) == ("bash", "touch deployed.txt", "channel")
            assert bench.told[0][0] == f"opencode:{session}" and channel.busy and not made.exists()
            await channel.answer(ask.request_id, False, "not on a Friday")
            await quiet(channel)
            assert not made.exists() and "not on a Friday" in bench.log.read_text()
            with pytest.raises(Failed):
                await channel.answer(ask.request_id, True, "")
            await channel.say("deploy now")
            await until(lambda: len(bench.of(PermissionAsked)) == 2)
            await channel.answer(bench.of(PermissionAsked)[1].request_id, True, "")
            await until(made.exists)
            await quiet(channel)
            assert [answer.decision for answer in bench.of(PermissionAnswered)] == ["denied", "allowed"]
            # The password is in files of this user alone, and in nobody's command line.
            password = channel.server.state.password
            assert len(password) > 30 and stat.S_IMODE((run.path / "serve.json").stat().st_mode) == 0o600
            shim = run.shim()
            assert shim is not None and password.encode() not in Path(f"/proc/{shim.child}/cmdline").read_bytes()
            await channel.end()
            assert run.exit() is not None

    run_async(test)


def test_the_model_of_the_next_message_a_queued_message_and_an_interrupt(bench: Bench) -> None:
    async def test() -> None:
        async with bench.running(Task("say hello", str(bench.project))) as (_, _, channel):
            await until(bench.asked_models)
            await quiet(channel)
            await channel.use("mock/mock-large", None)
            await channel.say("$(touch /tmp/x)\n--help; say hello \0")
            await until(lambda: "mock-large" in bench.asked_models())
            await quiet(channel)
            for model, effort in (("mock/none", None), ("--help", None), ("mock/mock-small", "high"), ("a/b\nc", None)):
                with pytest.raises(Failed):
                    await channel.use(model, effort)
            before = len(bench.asked_models())
            await channel.say("stream slowly")
            await until(lambda: len(bench.asked_models()) > before)
            await channel.say("say hello")
            await channel.interrupt()
            await quiet(channel)
            # What was queued waits for the next message.
            await channel.say("long sleep")
            await until(lambda: bench.of(PermissionAsked))
            await channel.interrupt()
            await until(lambda: bench.of(PermissionAnswered))
            assert bench.of(PermissionAnswered)[0].decision == "gone" and bench.asked_models()[-1] == "mock-large"
            await channel.say("long sleep")
            await until(lambda: len(bench.of(PermissionAsked)) == 2)
            await channel.answer(bench.of(PermissionAsked)[1].request_id, True, "")
            await until(lambda: sleeping(bench.home))
            await channel.interrupt()
            await until(lambda: not sleeping(bench.home))

    run_async(test)


def sleeping(home: Path) -> bool:
    """Whether the tool of `long sleep` runs."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and (entry / "cmdline").read_bytes() == b"sleep\x0045\0":
                return f"HOME={home}".encode() in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
    return False


def test_a_host_that_comes_back_finds_what_is_asked(bench: Bench) -> None:
    async def test() -> None:
        async with bench.running(Task("deploy now", str(bench.project))) as (run, session, channel):
            await until(lambda: bench.of(PermissionAsked))
            await channel.close()
            again = await served.reopen(run, session, bench.note)
            assert isinstance(again, ServeChannel)
            try:
                (ask,) = bench.of(PermissionAsked)
                await again.answer(ask.request_id, True, "")
                await until((bench.project / "deployed.txt").exists)
                await quiet(again)
                assert len(bench.of(PermissionAsked)) == 1
                with pytest.raises(Failed):
                    await served.reopen(run, "ses_somebodyelses", bench.note)
            finally:
                await again.close()
            shim = run.shim()
            assert shim is not None
            os.kill(shim.child, signal.SIGKILL)
            await until(lambda: run.exit() is not None)
            with pytest.raises(Failed, match="has ended"):
                await channel.say("say hello")

    run_async(test)


def test_a_session_goes_on_and_a_fork_works_in_another_worktree(bench: Bench, tmp_path: Path) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(["git", *who, *words], cwd=bench.project, check=True, capture_output=True)

    git("init", "-q")
    (bench.project / "a.txt").write_text("a")
    git("add", ".")
    git("commit", "-qm", "first")
    tree = tmp_path / "part one"
    git("worktree", "add", "-q", str(tree), "-b", "part")
    made = tree / "deployed.txt"

    async def test() -> None:
        async with bench.running(Task("say hello", str(bench.project))) as (_, session, channel):
            await until(bench.asked_models)
            await quiet(channel)
            fork = Task("deploy now", str(tree), "mock/mock-large", resume=session, fork=True, title="part; touch x")
            async with bench.running(fork) as (_, copy, other):
                assert copy != session
                await until(lambda: bench.of(PermissionAsked))
                assert bench.told[-1][0] == f"opencode:{copy}"
                await other.answer(bench.of(PermissionAsked)[0].request_id, True, "")
                await until(made.exists)
                await quiet(other)
                assert not (bench.project / "deployed.txt").exists() and bench.asked_models()[-1] == "mock-large"
                assert (await other.server.ask(look_up(copy)))["title"] == "part; touch x"
        async with bench.running(Task("say hello", str(bench.project), resume=session)) as (_, again, channel):
            assert again == session
            before = len(bench.asked_models())
            await until(lambda: len(bench.asked_models()) > before)
            await quiet(channel)
        with pytest.raises(Failed, match="not found"):
            async with bench.running(Task("x", str(bench.project), resume="ses_0000000000000000000000")):
                pass
        with pytest.raises(Failed, match="no model mock/none"):
            async with bench.running(Task("x", str(bench.project), model="mock/none")):
                pass

    run_async(test)


def test_a_sub_agent_s_question_is_the_session_s_and_a_question_is_answered_in_words(bench: Bench) -> None:
    async def test() -> None:
        async with bench.running(Task("use a subagent", str(bench.project))) as (_, session, channel):
            await until(lambda: bench.of(PermissionAsked))
            assert bench.told[0][0] == f"opencode:{session}"
            await channel.answer(bench.of(PermissionAsked)[0].request_id, True, "")
            await quiet(channel)
            await channel.say("ask me")
            await until(lambda: len(bench.of(PermissionAsked)) == 2)
            ask = bench.of(PermissionAsked)[1]
            assert ask.tool == "question" and "sqlite" in ask.what.text
            with pytest.raises(Failed, match="in words"):
                await channel.answer(ask.request_id, True, "")
            await channel.answer(ask.request_id, True, "sqlite")
            await quiet(channel)
            assert PASSWORD not in (channel.server.run.path / "out.0").read_text()

    run_async(test)
