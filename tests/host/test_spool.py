"""What hooks ask, and how they are answered: real hooks, real files."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.host import spool as spools
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.spool import Spool
from orchestrator_tui.paths import Paths
from tests.conftest import wait_for

NATIVE = "0b8f6f0e-0000-4000-8000-000000000001"
SESSION = f"claude:{NATIVE}"


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    made = Paths(tmp_path, tmp_path, tmp_path / "run")
    made.make()
    yield made


def hook(paths: Paths, **fields: object) -> subprocess.Popen[str]:
    script = resources.files("orchestrator_tui.clients.claude").joinpath("permission.sh")
    ask = {"session_id": NATIVE, "tool_name": "Bash", "tool_input": {"command": "git push"}, **fields}
    process = subprocess.Popen(
        ["sh", str(script), str(paths.spool)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(ask))
    process.stdin.close()
    process.stdin = None
    return process


class Looker:
    """A fleet that folds in what the spool says."""

    def __init__(self, paths: Paths, seconds: float = 60) -> None:
        self.fleet, self.spool, self.seq = Fleet(), Spool(paths, seconds), 0
        self.take([(SESSION, ev.TurnStarted())])
        self.spool.begin(os.getpid())

    def take(self, seen: list[tuple[str | None, ev.KnownBody]]) -> None:
        for session, body in seen:
            self.seq += 1
            self.fleet.apply(ev.Event(self.seq, self.seq, self.seq, None, session, body))

    def asks(self) -> dict[str, object]:
        self.take(self.spool.look(self.fleet, 10))
        return dict(self.fleet.sessions[SESSION].steering.asks)


@pytest.mark.parametrize(("allow", "behavior"), [(True, "allow"), (False, "deny")])
async def test_a_hook_asks_and_gets_its_answer(paths: Paths, allow: bool, behavior: str) -> None:
    looker = Looker(paths)
    process = hook(paths)
    (request,) = wait_for(looker.asks)
    asked = looker.fleet.sessions[SESSION].steering.asks[request].asked
    assert (asked.tool, json.loads(asked.what.text), asked.via) == ("Bash", {"command": "git push"}, "hook")
    await spools.answer(paths, request, allow, 'no; $(touch x) "quoted"')
    out = await asyncio.to_thread(process.communicate, timeout=10)
    decision = json.loads(out[0])["hookSpecificOutput"]["decision"]
    assert decision["behavior"] == behavior
    assert decision.get("message") == (None if allow else 'no; $(touch x) "quoted"')
    assert wait_for(lambda: not looker.asks())
    assert [path.name for path in paths.spool.iterdir()] == ["ready"]


async def test_a_hook_that_ends_asks_no_more_and_cannot_be_answered(paths: Paths) -> None:
    looker = Looker(paths)
    process = hook(paths)
    (request,) = wait_for(looker.asks)
    process.kill()
    process.wait()
    assert wait_for(lambda: not looker.asks())
    with pytest.raises(Failed, match="ended"):
        await spools.answer(paths, request, True, "")
    with pytest.raises(Failed):
        await spools.answer(paths, "../../../etc/x", True, "")


def test_it_falls_back_to_the_dialog_when_nobody_answers(paths: Paths) -> None:
    looker = Looker(paths, 1)
    process = hook(paths)
    assert wait_for(looker.asks)
    assert process.communicate(timeout=10) == ("", None)
    assert process.returncode == 0
    assert wait_for(lambda: not looker.asks())


def test_the_end_of_the_host_lets_the_hooks_go(paths: Paths) -> None:
    looker = Looker(paths)
    host = subprocess.Popen(["sleep", "60"])
    looker.spool.begin(host.pid)
    process = hook(paths)
    assert wait_for(looker.asks)
    host.kill()
    host.wait()
    assert process.communicate(timeout=10) == ("", None)


@pytest.mark.parametrize(
    "fields", [{"session_id": "unknown"}, {"session_id": 5}, {"tool_name": None}, {"tool_input": "x" * 1_100_000}]
)
def test_what_nobody_can_answer_is_left_to_the_dialog(paths: Paths, fields: dict[str, object]) -> None:
    looker = Looker(paths)
    process = hook(paths, **fields)
    wait_for(lambda: looker.asks() or process.poll() is not None)
    assert process.communicate(timeout=10) == ("", None)
    assert not looker.asks()


def test_foreign_files_in_the_spool_are_nothing(paths: Paths) -> None:
    looker = Looker(paths)
    os.mkfifo(paths.spool / f"{os.getpid()}.1.ask")
    (paths.spool / f"{os.getpid()}.2.ask").symlink_to("/dev/zero")
    (paths.spool / "x.ask").write_text("{}")
    (paths.spool / "99999999999999.1.ask").write_text("{}")
    (paths.spool / f"{os.getpid()}.3.ask").write_bytes(b"\xff\x00")
    assert not looker.asks()
    assert paths.spool.stat().st_mode & 0o777 == 0o700
