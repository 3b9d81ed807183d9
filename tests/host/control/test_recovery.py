"""A host that is killed while it kills: nothing frozen is forgotten, nothing is killed late."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from orchestrator_tui.events import (
    CommandCommitted,
    CommandEnded,
    CommandRequested,
    CommandStarted,
    HostStarted,
    KnownBody,
    ProcessRef,
)  # fmt: skip
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.writer import Store
from tests.conftest import Orc, wait_for
from tests.host.control.world import TABLE, Terminal, carrying, end_tree, reader_line, ref, spawn, state


@pytest.fixture
def native() -> Iterator[str]:
    native = str(uuid.uuid4())
    yield native
    end_tree(native)


@pytest.fixture
def hosts(orc: Orc) -> Iterator[list[subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for process in running:
        process.terminate()
        process.wait(20)
        if process.stderr is not None:
            process.stderr.close()


def register(orc: Orc, pid: int, native: str) -> str:
    """The registry entry that Claude Code writes; returns the session."""
    stat = wait_for(lambda: TABLE.stat(pid))
    entry = {
        "pid": pid, "sessionId": native, "cwd": "/w/web", "procStart": str(stat.started), "version": "2.1.197",
        "startedAt": time.time_ns() // 1_000_000, "kind": "interactive", "entrypoint": "cli", "status": "busy",
    }  # fmt: skip
    folder = orc.home / ".claude" / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{pid}.json").write_text(json.dumps(entry))
    return f"claude:{native}"


def known(orc: Orc, session: str, pid: int) -> None:
    wait_for(lambda: orc.sessions().get(session, {}).get("pid") == pid)


def commands(orc: Orc) -> list[KnownBody]:
    with Reader(orc.paths.database) as reader:
        return [event.body for event in reader.commands(0)]


def ended(orc: Orc) -> CommandEnded | None:
    return next((body for body in commands(orc) if isinstance(body, CommandEnded)), None)


def begin_kill(orc: Orc, session: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "orchestrator_tui", "kill", session, "--yes"]
    return subprocess.Popen(argv, env=orc.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def test_killed_in_the_undo_window_the_tree_stays_and_can_be_resumed(
    orc: Orc, native: str, hosts: list[subprocess.Popen[bytes]]
) -> None:
    client = spawn("setsid sleep 300 & sleep 301 & wait", native)
    wait_for(lambda: len(carrying(native)) == 3)
    tree = set(carrying(native))
    session = register(orc, client.pid, native)
    first = orc.start_host()
    known(orc, session, client.pid)
    asking = begin_kill(orc, session)
    key = time.monotonic()
    wait_for(lambda: {state(pid) for pid in tree} == {"T"})
    end(first)
    end(asking)
    assert first.stderr is not None
    first.stderr.close()
    hosts.append(orc.start_host())
    closed = wait_for(lambda: ended(orc))
    assert (closed.outcome, closed.receipt["frozen"]) == ("failed", True)
    assert "the host ended in between; frozen:" in closed.text
    wait_for(lambda: orc.sessions()[session]["status"] == "paused")
    # Past the end of the five seconds: nothing is killed late.
    wait_for(lambda: time.monotonic() - key > 7)
    assert {state(pid) for pid in tree} == {"T"}
    assert not any(isinstance(body, CommandCommitted) for body in commands(orc))
    orc.run("resume", session, "--yes")
    assert {state(pid) for pid in tree} <= {"S", "R"}
    wait_for(lambda: orc.sessions()[session]["status"] != "paused", 5)
    end_tree(native)
    client.wait()


def test_killed_after_the_commit_the_next_host_finishes(
    orc: Orc, native: str, hosts: list[subprocess.Popen[bytes]]
) -> None:
    client = spawn("trap '' INT TERM; setsid sleep 300 & wait; while :; do sleep 1; done", native)
    bystander = spawn("sleep 300 & wait", f"{native}-not")
    try:
        wait_for(lambda: len(carrying(native)) == 2)
        session = register(orc, client.pid, native)
        first = orc.start_host()
        known(orc, session, client.pid)
        asking = begin_kill(orc, session)
        wait_for(lambda: any(isinstance(body, CommandCommitted) for body in commands(orc)))
        end(first)
        end(asking)
        assert first.stderr is not None
        first.stderr.close()
        assert client.poll() is None
        hosts.append(orc.start_host())
        client.wait(20)
        closed = wait_for(lambda: ended(orc))
        assert (closed.outcome, closed.receipt["survived"]) == ("done", [])
        assert carrying(native) == []
        assert bystander.poll() is None
    finally:
        end_tree(f"{native}-not")
        bystander.wait()


def test_a_terminal_that_was_held_is_typed_into_again(orc: Orc, hosts: list[subprocess.Popen[bytes]]) -> None:
    native = str(uuid.uuid4())
    terminal = Terminal(orc.state.parent)
    try:
        program = reader_line().replace(sys.executable, os.path.realpath(sys.executable))
        pid = terminal.run(f"(exec -a claude {program})")
        wait_for(lambda: terminal.shows("READY"))
        session = register(orc, pid, native)
        first = orc.start_host()
        known(orc, session, pid)
        asking = begin_kill(orc, session)
        wait_for(lambda: (state(pid), state(terminal.pid)) == ("T", "T"))
        end(first)
        end(asking)
        assert first.stderr is not None
        first.stderr.close()
        hosts.append(orc.start_host())
        wait_for(lambda: ended(orc))
        known(orc, session, pid)
        orc.run("resume", session, "--yes")
        terminal.type("hello\n")
        wait_for(lambda: terminal.shows("GOT<hello>"))
        assert not terminal.shows("Stopped")
    finally:
        terminal.close()


def append(orc: Orc, *bodies: KnownBody, now: int | None = None) -> None:
    async def write() -> None:
        orc.paths.make()
        async with Store.open(orc.paths.database) as store:
            await store.append([Batch([Entry(None, body) for body in bodies])], now or time.time_ns())

    asyncio.run(write())


def begun(session: str, tree: list[ProcessRef], boot: str, text: str = "") -> list[KnownBody]:
    return [
        HostStarted("h", boot, 1, "0"),
        CommandRequested("c1", "kill", {"session": session}),
        CommandStarted("c1", None, tree, None, text),
        CommandCommitted("c1"),
    ]


@pytest.mark.parametrize("wrong", ["start", "program", "boot", "late", "none"])
def test_only_what_is_still_the_same_is_finished(
    orc: Orc, native: str, hosts: list[subprocess.Popen[bytes]], wrong: str
) -> None:
    client = spawn("sleep 300 & wait", native)
    wait_for(lambda: len(carrying(native)) == 2)
    named: list[Any] = [ref(client.pid)]
    if wrong == "start":
        named = [replace(named[0], started=named[0].started - 100)]
    elif wrong == "program":
        named = [replace(named[0], program="/usr/bin/claude")]
    boot = "another-boot" if wrong == "boot" else TABLE.boot_id()
    now = time.time_ns() - (120 * 10**9 if wrong == "late" else 0)
    append(orc, *begun(f"claude:{native}", named, boot), now=now)
    hosts.append(orc.start_host())
    closed = wait_for(lambda: ended(orc))
    if wrong == "none":
        assert (closed.outcome, carrying(native)) == ("done", [])
    else:
        assert closed.outcome == "failed"
        assert "it was not finished" in closed.text
        assert len(carrying(native)) == 2
    end_tree(native)
    client.wait()


def test_a_shell_is_let_go_when_its_client_is_gone(orc: Orc, hosts: list[subprocess.Popen[bytes]]) -> None:
    gone = subprocess.Popen(["sleep", "300"])
    terminal = Terminal(orc.state.parent)
    try:
        client, shell = ref(gone.pid), ref(terminal.pid)
        gone.kill()
        gone.wait()
        os.kill(terminal.pid, 19)
        bodies = begun("claude:x", [client, shell], TABLE.boot_id(), f"held with it: {terminal.pid}")
        append(orc, *bodies[:3])
        hosts.append(orc.start_host())
        assert wait_for(lambda: ended(orc)).outcome == "failed"
        wait_for(lambda: state(terminal.pid) in ("S", "R"))
    finally:
        terminal.close()


def test_a_damaged_record_stops_no_host(orc: Orc, hosts: list[subprocess.Popen[bytes]]) -> None:
    append(
        orc,
        CommandRequested("c0", "kill", {}),
        CommandStarted("c0", None, [], None, "held with it: 1 2 3"),
        CommandCommitted("c0"),
        CommandStarted("c9"),
        CommandRequested("c2", "no such verb", {"session": ["x"]}),
        CommandStarted("c2", None, [ProcessRef(1, 0)], None, "held with it: 1"),
    )
    hosts.append(orc.start_host())
    wait_for(lambda: sum(isinstance(body, CommandEnded) for body in commands(orc)) == 2)
    assert Path("/proc/1").exists()
