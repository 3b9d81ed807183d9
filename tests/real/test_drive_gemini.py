"""A session of Gemini CLI that is driven on its Agent Client Protocol, under a shim."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrator_tui.clients.driving import Task, Unsupported
from orchestrator_tui.clients.gemini.drive import GeminiDrive
from orchestrator_tui.events import KnownBody, PermissionAnswered, PermissionAsked
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned import launch as launching
from orchestrator_tui.host.owned import runs
from orchestrator_tui.host.owned.channel import LineChannel
from tests.conftest import Orc
from tests.real.conftest import Gemini, end_all

pytestmark = pytest.mark.clients
PATIENCE = 60.0
MODEL = "gemini-2.5-flash"


class Bench:
    """A place to start sessions in, and what they told."""

    def __init__(self, orc: Orc, model: str, tmp_path: Path) -> None:
        self.client, self.orc = Gemini(orc, model, tmp_path / "web"), orc
        self.project, self.log = tmp_path / "web", tmp_path / "requests.jsonl"
        self.told: list[KnownBody] = []
        self.following: asyncio.Future[None] | None = None

    async def tell(self, bodies: Sequence[KnownBody]) -> None:
        self.told.extend(bodies)

    def launch(self, task: Task) -> Any:
        launch = GeminiDrive().launch(str(self.client.binary), task)
        return msgspec.structs.replace(launch, environ={**self.client.env, **launch.environ})

    @asynccontextmanager
    async def running(self, task: Task) -> AsyncIterator[tuple[runs.Run, LineChannel]]:
        """A session, which is ended afterwards."""
        run = runs.make(self.orc.state, "gemini", time.time_ns())
        dialogue = GeminiDrive().dialogue(task)
        await launching.start(run, self.launch(task), dialogue.opening())
        try:
            async with self.heard(run, LineChannel("acp", run, dialogue, self.tell)) as channel:
                yield run, channel
        finally:
            shim = run.shim()
            if shim is not None and run.exit() is None:
                os.killpg(os.getpgid(shim.child), signal.SIGKILL)

    @asynccontextmanager
    async def heard(self, run: runs.Run, channel: LineChannel) -> AsyncIterator[LineChannel]:
        """A channel that is listened to."""

        async def lost() -> str:
            return "killed"

        following = self.following = asyncio.ensure_future(channel.follow(lost))
        try:
            await until(channel.named.is_set)
            assert not channel.ended.is_set(), run.words()
            yield channel
        finally:
            following.cancel()
            await asyncio.wait([following])

    def of(self, kind: type[KnownBody]) -> list[Any]:
        return [body for body in self.told if isinstance(body, kind)]

    def requests(self) -> list[dict[str, Any]]:
        """What the model server was asked, side calls aside."""
        if not self.log.exists():
            return []
        records = [json.loads(text) for text in self.log.read_text().splitlines()]
        return [record for record in records if record["kind"] == "gemini" and not record.get("side", True)]


@pytest.fixture
def bench(orc: Orc, model: str, tmp_path: Path) -> Iterator[Bench]:
    yield Bench(orc, model, tmp_path)
    end_all(orc.home)


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def turns(run: runs.Run) -> int:
    """How many turns have ended, as the client says."""
    return (run.path / "out.0").read_bytes().count(b'"id":"orc.turn.')


async def ended_at(run: runs.Run) -> None:
    """Wait until its client has ended."""
    await until(lambda: run.exit() is not None)


async def test_permissions_and_their_effect_and_the_tokens_are_counted(bench: Bench) -> None:
    made = bench.project / "deployed.txt"
    async with bench.running(Task("deploy now", str(bench.project), MODEL)) as (run, channel):
        await until(lambda: bench.of(PermissionAsked))
        (ask,) = bench.of(PermissionAsked)
        assert (ask.tool, ask.what.text) == ("run_shell_command", "touch deployed.txt") and not made.exists()
        await channel.answer(ask.request_id, False, "")
        await until(lambda: len(bench.requests()) == 2)
        await until(lambda: turns(run) == 1)
        assert not made.exists()
        await channel.say("deploy now")
        await until(lambda: len(bench.of(PermissionAsked)) == 2)
        await channel.answer(bench.of(PermissionAsked)[1].request_id, True, "")
        await until(made.exists)
        await until(lambda: len(bench.requests()) == 4)
        await until(lambda: turns(run) == 2)
        assert [answer.decision for answer in bench.of(PermissionAnswered)] == ["denied", "allowed"]
        native = channel.native
    bench.orc.run("ingest", "--all")
    seen = bench.orc.sessions()[f"gemini:{native}"]
    assert (seen["requests"], seen["model"], seen["turns"]) == (4, MODEL, 2)


async def test_a_message_waits_for_the_turn_an_interrupt_stops_it_and_the_model_changes(bench: Bench) -> None:
    async with bench.running(Task("stream slowly", str(bench.project), MODEL)) as (run, channel):
        await until(bench.requests)
        hostile = "$(touch x) `id`; say hello\n--yolo"
        await channel.say(hostile)
        assert len(bench.requests()) == 1, "it does not break off the turn"
        await channel.use("gemini-2.5-pro", None)
        for model, effort in (("--help", None), ("a\nb", None), (None, "high"), (None, None)):
            with pytest.raises(Failed):
                await channel.use(model, effort)
        await channel.interrupt()
        await until(lambda: len(bench.requests()) == 2)
        last = bench.requests()[-1]
        assert "gemini-2.5-pro" in last["path"]
        assert last["body"]["contents"][-1]["parts"][-1]["text"] == f"Message: {hostile}"
        await until(lambda: turns(run) == 2)
        # What is asked is withdrawn by an interrupt, too.
        await channel.say("deploy now")
        await until(lambda: bench.of(PermissionAsked))
        await channel.interrupt()
        await until(lambda: turns(run) == 3)
        await until(lambda: bench.of(PermissionAnswered))
        assert bench.of(PermissionAnswered)[0].decision == "gone" and not (bench.project / "deployed.txt").exists()
        with pytest.raises(Failed):
            await channel.end()


async def test_a_host_that_comes_back_knows_what_is_asked_and_what_waits(bench: Bench) -> None:
    task = Task("deploy now", str(bench.project), MODEL)
    async with bench.running(task) as (run, channel):
        await until(lambda: bench.of(PermissionAsked))
        (ask,) = bench.of(PermissionAsked)
        await channel.say("say hello")
        # One host at a time.
        assert bench.following is not None
        bench.following.cancel()
        await asyncio.wait([bench.following])
        dialogue = GeminiDrive().dialogue(task)
        dialogue.opening()
        again = LineChannel("acp", run, dialogue, bench.tell)
        await again.hear_past({ask.request_id}, {ask.request_id})
        assert again.native == channel.native and len(bench.of(PermissionAsked)) == 1
        async with bench.heard(run, again):
            await again.answer(ask.request_id, True, "")
            await until((bench.project / "deployed.txt").exists)
            await until(lambda: len(bench.requests()) == 3)
            await until(lambda: turns(run) == 2)
        assert [record["scenario"] for record in bench.requests()] == ["deploy now", "deploy now", "say hello"]


async def test_a_session_goes_on_without_a_channel_and_is_still_there_afterwards(bench: Bench) -> None:
    async with bench.running(Task("say hello", str(bench.project), MODEL)) as (run, channel):
        await until(lambda: len(bench.requests()) == 1)
        await until(lambda: turns(run) == 1)
        native = channel.native
    assert native is not None
    for number, model in ((2, "gemini-2.5-pro"), (3, MODEL)):
        task = Task("--help; say hello", str(bench.project), model, resume=native)
        with pytest.raises(Unsupported):
            GeminiDrive().dialogue(task)
        launch, run = bench.launch(task), runs.make(bench.orc.state, "gemini", time.time_ns())
        assert launch.session == native
        await launching.start(run, launch, ())
        await ended_at(run)
        ended = run.exit()
        assert ended is not None and ended.status == 0, run.words()
        assert len(bench.requests()) == number and model in bench.requests()[-1]["path"]
    bench.orc.run("ingest", "--all")
    assert bench.orc.sessions()[f"gemini:{native}"]["requests"] == 3
