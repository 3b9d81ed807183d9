"""Escalate and step down on real clients: in place, and stopped and brought back; the model of the next request."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clients.driving import Task
from orchestrator_tui.clock import SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.control.models import escalate as verbs
from orchestrator_tui.host.control.order import Order
from orchestrator_tui.host.run import opened
from orchestrator_tui.host.service import Host
from tests.conftest import Orc, wait_for
from tests.real.conftest import Claude, Codex, Gemini, OpenCode, Program, end_all, in_tmux

pytestmark = pytest.mark.clients
HAIKU, SONNET, OPUS = "claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-8"
LADDERS: ev.Settings = {
    "ladder/claude": f"{HAIKU},{SONNET},{OPUS}",
    "ladder/codex": "gpt-5.1-codex-mini,gpt-5.1-codex,gpt-5.1-codex high",
    "ladder/opencode": "mock/mock-small,mock/mock-large",
    "ladder/gemini": "gemini-2.5-flash,gemini-2.5-pro",
}
VERBS = {"escalate": verbs.escalate, "stepdown": verbs.stepdown, "use": verbs.use}


class World:
    """A host within this process, one client, and what the model server was asked."""

    def __init__(self, host: Host, program: Program, log: Path) -> None:
        self.host, self.program, self.log = host, program, log
        self.started: list[subprocess.Popen[bytes]] = []

    def client(self, *args: str) -> subprocess.Popen[bytes]:
        """The client as a person starts it, without orc."""
        process = subprocess.Popen(
            [str(self.program.binary), *args],
            env=self.program.env,
            cwd=self.program.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    async def until(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        for _ in range(round(seconds * 10)):
            if found := condition():
                return found
            await asyncio.sleep(0.1)
        raise AssertionError(f"did not become true within {seconds} s: {condition()!r}")

    def session(self, name: str) -> Session:
        return self.host.fleet.sessions[name]

    def only(self) -> Session | None:
        found = list(self.host.fleet.sessions.values())
        return found[0] if len(found) == 1 else None

    async def run(self, verb: str, name: str, **arguments: str | float | bool | None) -> ev.Facts:
        """As the desk does it."""
        request = ev.CommandRequested(uuid.uuid4().hex, verb, {"session": name, **arguments})
        await self.host.note([(None, request)])
        run: Callable[[Order], Awaitable[ev.Facts]] = VERBS[verb]
        receipt = await run(Order(self.host, request, self.session(name)))
        await self.host.note([(None, ev.CommandEnded(request.command_id, "done", "", receipt))])
        return receipt

    def asked(self) -> list[tuple[str, str | None]]:
        """(model, effort) of every request for an answer, in order."""
        if not self.log.exists():
            return []
        found = []
        for line in self.log.read_text().splitlines():
            record = json.loads(line)
            body, path = record["body"], record["path"]
            if "count_tokens" in path or not isinstance(body, dict):
                continue
            model = body.get("model") or path.partition("/models/")[2].partition(":")[0]
            effort = (body.get("reasoning") or {}).get("effort") or (body.get("output_config") or {}).get("effort")
            if model:
                found.append((model, effort))
        return found


@asynccontextmanager
async def world(orc: Orc, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    for name in set(os.environ) - program.env.keys():
        monkeypatch.delenv(name)
    for name, value in program.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{program.binary.parent}:{os.environ['PATH']}")
    async with opened(orc.paths, Config(), SystemClock()) as host:
        running = asyncio.create_task(host.run())
        made = World(host, program, tmp_path / "requests.jsonl")
        try:
            await made.until(lambda: host.fleet.settings)
            await host.note([(None, ev.SettingsChanged(settings={**host.fleet.settings, **LADDERS}))])
            yield made
        finally:
            host.stopping.set()
            await asyncio.wait_for(running, 20)
            await host.close("test")
            for process in made.started:
                process.kill()
                process.wait()
            end_all(orc.home)


async def answered(w: World, name: str) -> None:
    await w.until(lambda: name in w.host.fleet.sessions and w.session(name).spend.requests > 0)
    await w.until(lambda: not w.session(name).turn_open)


def test_orc_escalate_and_back(orc: Orc, model: str, tmp_path: Path) -> None:
    program = Claude(orc, model, tmp_path / "web")
    orc.state.mkdir(exist_ok=True)
    (orc.state / "config.toml").write_text(f'[ladder]\nclaude = ["{HAIKU}", "sonnet-4-6", "{OPUS}"]\n')
    host = orc.start_host(**{**program.env, "PATH": f"{program.binary.parent}:{program.env['PATH']}"})
    argv = [str(program.binary), "-p", "long sleep", "--allowedTools", "Bash", "--model", HAIKU]
    process = subprocess.Popen(
        argv,
        env=program.env,
        cwd=program.project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        seen = wait_for(lambda: next((s for s in orc.sessions().values() if s["status"] == "tool_running"), None), 40)
        hostile = "say hello\n--yes $(touch x); touch y"
        done = orc.json("escalate", seen["id"], "--yes", f"--note={hostile}", "--why", "too small")
        assert (done["schema"], done["outcome"]) == ("orc.command/1", "done"), done
        receipt = done["receipt"]
        assert (receipt["how"], receipt["asked_model"], receipt["used_model"]) == (
            "stopped and resumed", SONNET, SONNET,
        )  # fmt: skip
        assert process.wait(10) is not None
        wait_for(lambda: orc.sessions()[seen["id"]]["status"] == "finished")
        assert orc.sessions()[seen["id"]]["owned"] is True
        done = orc.json("stepdown", seen["id"], "--yes", "--note", "say hello")
        assert (done["receipt"]["how"], done["receipt"]["used_model"]) == ("in place", HAIKU), done
        done = orc.run("escalate", seen["id"], "--yes", "--json", "--model=--help", check=False)
        assert done.returncode == 1 and "is no model" in done.stdout
        assert not {"x", "y"} & {path.name for path in program.project.iterdir()}
    finally:
        host.terminate()
        host.wait(20)
        process.kill()
        process.wait()
        end_all(orc.home)


# --- in place -------------------------------------------------------------------------------------------------


async def test_claude_goes_up_and_down_in_place(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(orc, Claude(orc, model, tmp_path / "web"), tmp_path, monkeypatch) as w:
        name = await w.host.owned.start("claude", Task("say hello", str(w.program.project), model=HAIKU))
        await answered(w, name)
        receipt = await w.run("escalate", name)
        assert (receipt["how"], receipt["used_model"], receipt["remapped"]) == ("in place", SONNET, False)
        await w.until(lambda: not w.session(name).turn_open)
        receipt = await w.run("use", name, model="opus-4-8", effort="high", note="say hello; $(touch x) `touch x`")
        assert (receipt["used_model"], receipt["words"]) == (OPUS, "")
        await w.until(lambda: not w.session(name).turn_open)
        receipt = await w.run("stepdown", name)
        assert (receipt["how"], receipt["words"]) == ("in place", f"{SONNET} from its next turn on")
        channel = w.host.owned.channel(name)
        assert channel is not None
        await channel.say("say hello")
        await w.until(lambda: w.session(name).model == SONNET)
        models = [one for one, _ in w.asked()]
        assert [m for n, m in enumerate(models) if n == 0 or models[n - 1] != m] == [HAIKU, SONNET, OPUS, SONNET]
        assert (OPUS, "high") in w.asked()
        assert not (w.program.project / "x").exists()


async def test_a_cap_that_is_used_up_steps_down_by_itself(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(orc, Claude(orc, model, tmp_path / "web"), tmp_path, monkeypatch) as w:
        name = await w.host.owned.start("claude", Task("say hello", str(w.program.project), model=HAIKU))
        await answered(w, name)
        await w.until(lambda: w.session(name).pid)
        await w.run("escalate", name, note="say hello", cap_usd=0.001)
        await w.until(lambda: not w.session(name).turn_open)
        asked = await w.until(
            lambda: (r := w.session(name).steering.requested) is not None and r.wanted.direction == "down" and r
        )
        assert (asked.wanted.model, asked.wanted.previous) == (HAIKU, SONNET)
        ended = await w.until(lambda: [o for o in w.host.fleet.orders.ended.values() if o.actor.startswith("orc: ")])
        assert [(o.verb, o.outcome) for o in ended] == [("stepdown", "done")]
        assert "since the escalation, its cap was $0.00" in ended[0].why


async def test_a_name_that_claude_changes_is_told(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(orc, Claude(orc, model, tmp_path / "web"), tmp_path, monkeypatch) as w:
        name = await w.host.owned.start("claude", Task("say hello", str(w.program.project), model=HAIKU))
        await answered(w, name)
        receipt = await w.run("use", name, model="claude-opus-4-1", note="say hello")
        assert receipt["used_model"] == w.asked()[-1][0]
        assert receipt["remapped"] is (receipt["used_model"] != "claude-opus-4-1")


async def test_a_claude_turn_under_way_goes_on_with_the_larger_model(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(orc, Claude(orc, model, tmp_path / "web"), tmp_path, monkeypatch) as w:
        name = await w.host.owned.start("claude", Task("say hello", str(w.program.project), model=HAIKU))
        await answered(w, name)
        channel, before = w.host.owned.channel(name), len(w.asked())
        assert channel is not None
        await channel.say("stream slowly")
        await w.until(lambda: len(w.asked()) > before)
        receipt = await w.run("escalate", name, note="say hello")
        assert receipt["how"] == "in place"
        await w.until(lambda: w.session(name).model == SONNET)


async def test_codex_goes_up_by_effort_and_down_in_place(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(orc, Codex(orc, model, tmp_path / "web"), tmp_path, monkeypatch) as w:
        name = await w.host.owned.start("codex", Task("say hello", str(w.program.project), model="gpt-5.1-codex-mini"))
        await answered(w, name)
        receipt = await w.run("escalate", name, note="say hello")
        assert (receipt["how"], receipt["used_model"]) == ("in place", "gpt-5.1-codex")
        await w.until(lambda: not w.session(name).turn_open)
        receipt = await w.run("escalate", name, note="say hello")
        assert (receipt["how"], receipt["effort"], receipt["used_model"]) == ("in place", "high", "gpt-5.1-codex")
        assert w.asked()[-1] == ("gpt-5.1-codex", "high")
        await w.until(lambda: not w.session(name).turn_open)
        receipt = await w.run("stepdown", name, note="say hello")
        assert (receipt["effort"], w.asked()[-1]) == ("medium", ("gpt-5.1-codex", "medium"))
        await w.until(lambda: not w.session(name).turn_open)
        receipt = await w.run("stepdown", name, note="say hello")
        assert receipt["used_model"] == "gpt-5.1-codex-mini"


async def test_a_codex_turn_under_way_is_interrupted_for_it(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(orc, Codex(orc, model, tmp_path / "web"), tmp_path, monkeypatch) as w:
        name = await w.host.owned.start("codex", Task("long sleep", str(w.program.project), model="gpt-5.1-codex-mini"))
        await w.until(lambda: name in w.host.fleet.sessions and w.session(name).calls)
        receipt = await w.run("escalate", name, note="say hello")
        assert (receipt["how"], receipt["interrupted"], receipt["used_model"]) == ("in place", True, "gpt-5.1-codex")


async def test_opencode_goes_up_and_down_in_place(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(orc, OpenCode(orc, model, tmp_path / "web"), tmp_path, monkeypatch) as w:
        name = await w.host.owned.start("opencode", Task("say hello", str(w.program.project), model="mock/mock-small"))
        await answered(w, name)
        receipt = await w.run("escalate", name, note="say hello")
        assert (receipt["how"], receipt["used_model"]) == ("in place", "mock/mock-large")
        await w.until(lambda: not w.session(name).turn_open)
        receipt = await w.run("stepdown", name, note="say hello")
        assert (receipt["how"], receipt["used_model"]) == ("in place", "mock/mock-small")


# --- stopped and brought back ---------------------------------------------------------------------------------


async def test_claude_of_somebody_elses_is_stopped_and_goes_on_on_the_other_model(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(orc, Claude(orc, model, tmp_path / "web"), tmp_path, monkeypatch) as w:
        process = w.client("-p", "long sleep", "--allowedTools", "Bash", "--model", HAIKU)
        seen = await w.until(lambda: (s := w.only()) is not None and s.calls and s.pid == process.pid and s)
        hostile = "say hello\n--dangerously-skip-permissions; touch x $(touch y)"
        receipt = await w.run("escalate", seen.id, note=hostile)
        assert process.poll() is not None
        assert (receipt["how"], receipt["used_model"], receipt["survived"]) == ("stopped and resumed", SONNET, [])
        assert w.session(seen.id).owned and len(w.host.fleet.sessions) == 1
        assert w.asked()[-1][0] == SONNET
        await w.until(lambda: not w.session(seen.id).turn_open)
        receipt = await w.run("stepdown", seen.id, note="say hello")
        assert (receipt["how"], receipt["used_model"]) == ("in place", HAIKU)
        assert {path.name for path in w.program.project.iterdir()} <= {".claude"}


async def test_codex_of_somebody_elses_is_stopped_and_goes_on_on_the_other_model(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(orc, Codex(orc, model, tmp_path / "web"), tmp_path, monkeypatch) as w:
        process = w.client("exec", "--skip-git-repo-check", "-m", "gpt-5.1-codex-mini", "long sleep")
        seen = await w.until(lambda: (s := w.only()) is not None and s.calls and s.pid and s)
        receipt = await w.run("escalate", seen.id, note="say hello")
        await w.until(lambda: process.poll() is not None)
        assert (receipt["how"], receipt["used_model"], receipt["survived"]) == (
            "stopped and resumed", "gpt-5.1-codex", [],
        )  # fmt: skip


async def test_gemini_goes_on_on_the_other_model(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(orc, Gemini(orc, model, tmp_path / "web"), tmp_path, monkeypatch) as w:
        process = w.client("-p", "say hello", "-m", "gemini-2.5-flash")
        assert await asyncio.to_thread(process.wait, 60) == 0
        seen = await w.until(lambda: (s := w.only()) is not None and s.spend.requests and s.pid is None and s)
        receipt = await w.run("escalate", seen.id, note="--help; say hello $(touch x)")
        assert (receipt["how"], receipt["used_model"]) == ("stopped and resumed", "gemini-2.5-pro")


async def test_opencode_of_somebody_elses_goes_on_on_the_other_model(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(orc, OpenCode(orc, model, tmp_path / "web"), tmp_path, monkeypatch) as w:
        process = w.client("run", "say hello")
        assert await asyncio.to_thread(process.wait, 60) == 0
        seen = await w.until(lambda: (s := w.only()) is not None and s.spend.requests and s.pid is None and s)
        receipt = await w.run("escalate", seen.id, note="say hello")
        assert (receipt["how"], receipt["used_model"]) == ("stopped and resumed", "mock/mock-large")


async def test_a_codex_thread_that_its_daemon_holds_is_forked(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Codex(orc, model, tmp_path / "web")
    # Nobody ends it, as a daemon that other threads run in: its lock stays.
    monkeypatch.setattr(verbs, "_target", no_target)
    async with world(orc, program, tmp_path, monkeypatch) as w:
        w.client("exec", "--skip-git-repo-check", "-m", "gpt-5.1-codex-mini", "long sleep")
        seen = await w.until(lambda: (s := w.only()) is not None and s.calls and s.pid and s)
        monkeypatch.setattr(verbs, "_is_alive", lambda order: False)
        receipt = await w.run("escalate", seen.id, note="say hello")
        assert (receipt["how"], receipt["used_model"]) == ("forked", "gpt-5.1-codex"), receipt
        assert receipt["not_resumed"] == "another process has the thread open"
        fork = w.session(str(receipt["fork"]))
        assert fork.parent == seen.id


async def no_target(order: Order) -> None:
    return None


async def test_claude_in_a_terminal_goes_on_under_orc(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Claude(orc, model, tmp_path / "web")
    for tmux in in_tmux(program, tmp_path / "tmux", orc.home):
        async with world(orc, program, tmp_path, monkeypatch) as w:
            await asyncio.to_thread(tmux.open, "? for shortcuts")
            await asyncio.to_thread(tmux.type, "say hello")
            seen = await w.until(lambda: (s := w.only()) is not None and s.spend.requests and s.pid and s)
            await answered(w, seen.id)
            receipt = await w.run("use", seen.id, model=SONNET, note="say hello")
            assert (receipt["how"], receipt["used_model"], receipt["survived"]) == ("stopped and resumed", SONNET, [])


async def test_codex_in_its_daemon_changes_in_place(
    orc: Orc, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Codex(orc, model, tmp_path / "web")
    for tmux in in_tmux(program, tmp_path / "tmux", orc.home):
        async with world(orc, program, tmp_path, monkeypatch) as w:
            await asyncio.to_thread(tmux.open, "›")
            await asyncio.to_thread(tmux.type, "say hello")
            seen = await w.until(lambda: (s := w.only()) is not None and s.spend.requests and s)
            await answered(w, seen.id)
            receipt = await w.run("stepdown", seen.id, note="say hello")
            assert (receipt["how"], receipt["used_model"]) == ("in place", "gpt-5.1-codex-mini"), receipt
