"""Guards and the governor in a running host, on real processes: they act, and give way to a person."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui.clock import SystemClock
from orchestrator_tui.config import Config, Notify, Policy
from orchestrator_tui.fleet.guard_rules import Governor, Guard
from orchestrator_tui.fleet.ledger import Decision, decisions
from orchestrator_tui.host.control.callers import chain_of
from orchestrator_tui.host.run import opened
from orchestrator_tui.host.service import Host
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.asking import ask, command
from orchestrator_tui.store.reader import Reader
from tests.conftest import Orc, wait_for
from tests.host.control.world import TABLE, carrying, children, end_tree, start, state
from tests.host.transcripts import register, stamp

pytestmark = pytest.mark.skipif("guard" not in Config.__struct_fields__, reason="the settings have no guards yet")
ME = chain_of(os.getpid())[:1]


class Client:
    """A stand-in for Claude Code: a process of that name with a tool below it, and a transcript that this test writes."""

    def __init__(self, home: Path) -> None:
        self.native = str(uuid.uuid4())
        self.name = f"claude:{self.native}"
        self.process = subprocess.Popen(
            ["claude", "-c", "sleep 600 & sleep 601 & wait"], executable="/bin/sh", start_new_session=True,
            env={"PATH": os.environ["PATH"], "CLAUDE_CODE_SESSION_ID": self.native, "TREE": self.native},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        register(home, self.native, self.process.pid)
        self.path = home / ".claude" / "projects" / "-tmp-demo-web" / f"{self.native}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.calls = 0
        self.line("user", {"role": "user", "content": "make the tests green"})

    def line(self, kind: str, message: dict[str, Any], **more: Any) -> None:
        value = {
            "type": kind, "uuid": uuid.uuid4().hex, "sessionId": self.native, "timestamp": stamp(time.time()),
            "cwd": "/tmp/demo/web", "gitBranch": "main", "version": "2.1.197", "entrypoint": "cli",
            "isSidechain": False, "message": message, **more,
        }  # fmt: skip
        with self.path.open("ab") as file:
            file.write(json.dumps(value).encode() + b"\n")

    def works(self, what: str = "") -> None:
        """One call, which fails as the one before; `what` makes it another one."""
        self.calls += 1
        call = f"toolu_{self.calls}_{self.native[:8]}"
        usage = {"input_tokens": 900, "output_tokens": 40}
        tool = {"type": "tool_use", "id": call, "name": "Bash", "input": {"command": f"pytest -q {what}".strip()}}
        message = {"id": f"msg_{call}", "model": "claude-opus-4-8", "stop_reason": "tool_use", "usage": usage}
        self.line("assistant", {**message, "content": [tool]}, requestId=f"req_{call}")
        text = f"E   AssertionError: boom {what}"
        result = {"type": "tool_result", "tool_use_id": call, "content": text, "is_error": True}
        self.line("user", {"role": "user", "content": [result]})

    def ends_its_turn(self) -> None:
        usage = {"input_tokens": 900, "output_tokens": 40}
        message = {"id": "msg_end", "model": "claude-opus-4-8", "stop_reason": "end_turn", "usage": usage}
        self.line("assistant", {**message, "content": [{"type": "text", "text": "That is all."}]}, requestId="req_end")

    @property
    def states(self) -> set[str]:
        return {state(pid) for pid in carrying(self.native)}


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Client]]:
    """Makes stand-ins in a scratch home; they are ended afterwards."""
    home, made = tmp_path / "home", list[Client]()
    monkeypatch.setenv("HOME", str(home))
    for name in ("CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "CODEX_HOME"):
        monkeypatch.delenv(name, raising=False)
    # This test may itself be run by an agent.
    monkeypatch.setattr("orchestrator_tui.host.control.callers.agent_behind", lambda *_: "")

    def make() -> Client:
        made.append(Client(home))
        return made[-1]

    yield make
    for client in made:
        end_tree(client.native)
        client.process.kill()
        client.process.wait()


@asynccontextmanager
async def running(tmp_path: Path, **settings: Any) -> AsyncIterator[Host]:
    """A host that looks, judges and guards."""
    paths = Paths(tmp_path / "c", tmp_path / "s", tmp_path / "r")
    async with opened(paths, Config(**settings), SystemClock()) as host:
        task = asyncio.create_task(host.run())
        try:
            yield host
        finally:
            host.stopping.set()
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(task, 20)
            await host.close("test")


async def becomes(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not become so"
        await asyncio.sleep(0.05)
    return value


async def says(host: Host, verb: str, session: str, **arguments: Any) -> Decision:
    """A person's command, to its end."""
    facts = {"session": session, "confirmed": True, **arguments}
    why = str(facts.pop("why", ""))
    request = command(verb, facts, "dashboard", time.time_ns(), why, ME)
    await ask(host.paths.database, request, time.time_ns())
    host.ring()
    return await becomes(
        lambda: next((d for d in ledger(host) if d.command_id == request.command_id and d.outcome is not None), None)
    )


def ledger(host: Host) -> list[Decision]:
    return decisions(host.reader.commands(0))


def by_guards(host: Host) -> list[Decision]:
    return [one for one in ledger(host) if one.actor == "orc: guard"]


def status(host: Host, client: Client) -> str:
    found = host.alarming.judge.statuses.get(client.name)
    return "" if found is None else f"{found.status} {found.severity}"


async def loops(host: Host, client: Client, seconds: float) -> None:
    """It goes on looping, and the host sees it, for so long after it has seen it."""
    for _ in range(6):
        client.works()
    await becomes(lambda: status(host, client) == "looping red")
    await asyncio.sleep(seconds)


async def test_a_loop_is_paused_and_a_person_s_resume_holds_the_guard_off(
    tmp_path: Path, clients: Callable[[], Client]
) -> None:  # fmt: skip
    guard = [Guard(["looping"], ["pause", "kill"], "loops")]
    client = clients()
    async with running(tmp_path, guard=guard) as host:
        await becomes(lambda: client.name in host.processes.watched)
        for _ in range(6):
            client.works()
        (decision,) = await becomes(lambda: [one for one in by_guards(host) if one.outcome])
        assert (decision.verb, decision.session, decision.outcome) == ("pause", client.name, "done")
        assert decision.why.startswith("loops: looping for ") and decision.arguments["guard"] == "loops"
        assert decision.moment is not None and decision.moment.status == "looping"
        assert client.states == {"T"} and len(carrying(client.native)) == 3
        assert (await says(host, "resume", client.name)).outcome == "done"
        assert "T" not in client.states
        await loops(host, client, 4)
        assert len(by_guards(host)) == 1
        # It is this one that is held off, not the guard.
        other = clients()
        await becomes(lambda: other.name in host.processes.watched)
        for _ in range(6):
            other.works()
        await becomes(lambda: other.states == {"T"})
        assert status(host, client) == "looping red" and "T" not in client.states
        await becomes(lambda: len([one for one in by_guards(host) if one.outcome]) == 2)
    # The next host remembers.
    async with running(tmp_path, guard=guard) as host:
        await loops(host, client, 4)
        assert [one.session for one in by_guards(host)] == [client.name, other.name]
        assert "T" not in client.states


async def test_an_undone_kill_stays_undone(tmp_path: Path, clients: Callable[[], Client]) -> None:
    client = clients()
    async with running(tmp_path, guard=[Guard(["looping"], ["kill", "pause"])]) as host:
        await becomes(lambda: client.name in host.processes.watched)
        for _ in range(6):
            client.works()
        order = await becomes(lambda: host.fleet.orders.last_undoable(time.time_ns()))
        assert (await says(host, "undo", client.name, command=order.id)).outcome == "done"
        await becomes(lambda: by_guards(host)[0].outcome == "undone")
        await loops(host, client, 3)
        assert len(by_guards(host)) == 1 and "T" not in client.states and len(carrying(client.native)) == 3


async def test_a_guard_s_kill_ends_the_tree(tmp_path: Path, clients: Callable[[], Client]) -> None:
    client = clients()
    async with running(tmp_path, guard=[Guard(["looping"], "stop")]) as host:
        await becomes(lambda: client.name in host.processes.watched)
        for _ in range(6):
            client.works()
        await becomes(lambda: any(one.outcome == "done" for one in by_guards(host)))
        assert len(children(client.process.pid)) == 0
        assert all(TABLE.stat(pid) is None or state(pid) == "Z" for pid in carrying(client.native))


async def test_notify_and_a_dry_run_are_on_record(tmp_path: Path, clients: Callable[[], Client]) -> None:
    told = tmp_path / "told"
    notify = Notify(on=[], command=["/bin/sh", "-c", f"cat >> {told}"])
    guard = [Guard(["looping"], "notify", "tell"), Guard(["looping"], "kill", "perhaps", dry_run=True)]
    client = clients()
    async with running(tmp_path, guard=guard, notify=notify) as host:
        await becomes(lambda: client.name in host.processes.watched)
        for _ in range(6):
            client.works()
        found = await becomes(
            lambda: {d.verb: d for d in by_guards(host) if d.outcome} if len(by_guards(host)) > 1 else None
        )
        await becomes(lambda: told.exists() and told.read_text())
        notice = json.loads(told.read_text())
        assert notice["session"] == client.name and notice["status"] == "looping" and "tell: looping" in notice["body"]
        assert found["notify"].receipt["announced"] == 1
        await becomes(lambda: {d.verb: d for d in by_guards(host) if d.outcome}.get("would"))
        dry = next(one for one in by_guards(host) if one.verb == "would")
        assert dry.outcome == "refused" and dry.text.startswith("dry run: it would kill ")
        assert "T" not in client.states and len(carrying(client.native)) == 3
        # Nobody else may ask for these.
        for verb in ("notify", "would"):
            assert "guards" in (await says(host, verb, client.name)).text


async def test_the_governor_stops_one_and_lets_it_go_on(tmp_path: Path, clients: Callable[[], Client]) -> None:
    one, two = clients(), clients()
    async with running(tmp_path, governor=Governor(max_parallel=1)) as host:
        await becomes(lambda: {one.name, two.name} <= host.processes.watched.keys())
        one.works("a")
        two.works("b")
        stopped = await becomes(lambda: next((c for c in (one, two) if c.states == {"T"}), None))
        other = two if stopped is one else one
        await becomes(lambda: by_guards(host)[0].outcome == "done")
        assert "2 sessions at work, at most 1 may be" in by_guards(host)[0].why
        other.ends_its_turn()
        await becomes(lambda: "T" not in stopped.states)
        decision = (await becomes(lambda: [d for d in by_guards(host) if d.verb == "resume" and d.outcome]))[0]
        assert (decision.session, decision.outcome) == (stopped.name, "done")


async def test_a_policy_wants_a_reason_and_a_limit(tmp_path: Path, clients: Callable[[], Client]) -> None:
    policy = [Policy("web", reason_for=["budget"], max_usd=5.0, hands_off=True)]  # type: ignore[call-arg]
    client = clients()
    async with running(tmp_path, policy=policy, guard=[Guard(["looping"], "kill")]) as host:
        await becomes(lambda: client.name in host.processes.watched and host.fleet.sessions[client.name].project)
        assert host.fleet.sessions[client.name].project == "web"
        decision = await says(host, "budget", client.name, usd=2.0)
        assert (decision.outcome, "wants a reason for budget: --why" in decision.text) == ("refused", True)
        assert (await says(host, "budget", client.name, usd=2.0, why="a big one")).outcome == "done"
        decision = await says(host, "budget", client.name, usd=9.0, why="a big one", confirmed=False)
        assert "may spend $9.00, the policy of web allows $5.00" in decision.text
        assert decision.receipt["confirm"] == decision.text
        assert (await says(host, "budget", client.name, usd=9.0, why="a big one")).outcome == "done"
        await loops(host, client, 3)
        assert by_guards(host) == []


async def test_what_is_no_client_s_process_is_not_touched(tmp_path: Path, clients: Callable[[], Client]) -> None:
    """A registry entry that names a stranger: on record as refused, the stranger runs on."""
    client = clients()
    stranger = start(["sleep", "600"], start_new_session=True)
    try:
        for entry in (tmp_path / "home" / ".claude" / "sessions").iterdir():
            entry.unlink()
        register(tmp_path / "home", client.native, stranger.pid)
        async with running(tmp_path, guard=[Guard(["looping"], "kill")]) as host:
            await becomes(lambda: client.name in host.processes.watched)
            for _ in range(6):
                client.works()
            (decision,) = await becomes(lambda: [one for one in by_guards(host) if one.outcome])
            assert decision.outcome == "refused" and "nothing was signalled" in decision.text
            assert stranger.poll() is None and state(stranger.pid) == "S"
    finally:
        stranger.kill()
        stranger.wait()


def test_a_host_that_is_killed_again_and_again_pauses_it_once(orc: Orc) -> None:
    orc.paths.make()
    (orc.state / "config.toml").write_text('[[guard]]\non = ["looping"]\nthen = ["pause", "kill"]\nname = "loops"\n')
    client, rng = Client(orc.home), random.Random(7)
    try:
        for _ in range(6):
            client.works()
        for _ in range(7):
            host = orc.start_host()
            client.works()
            time.sleep(rng.uniform(0.1, 2.0))
            host.kill()
            host.wait()
        host = orc.start_host()
        wait_for(lambda: client.states == {"T"}, 60)
        time.sleep(2)
        host.terminate()
        host.wait(20)
        with Reader(orc.paths.database) as reader:
            made = [one for one in decisions(reader.commands(0)) if one.actor == "orc: guard"]
        assert {one.verb for one in made} == {"pause"}
        assert [one.outcome for one in made].count("done") <= 1
        # The others are those whose host did not live to see their end.
        assert all(one.outcome in (None, "failed") for one in made if one.outcome != "done")
        assert client.states == {"T"} and len(carrying(client.native)) == 3
    finally:
        end_tree(client.native)
        client.process.kill()
        client.process.wait()
