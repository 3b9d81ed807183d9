"""`pause` and `resume`, and what refuses them."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator_tui.events import ProcessObserved
from orchestrator_tui.host.control.order import Failed, Refused
from orchestrator_tui.host.control.stopping.pause import pause, resume
from tests.conftest import wait_for
from tests.host.control.world import (
    Host,
    Terminal,
    Tmux,
    carrying,
    children,
    end_tree,
    reader_line,
    spawn,
    start,
    state,
)  # fmt: skip


@pytest.fixture
def native() -> Iterator[str]:
    native = str(uuid.uuid4())
    yield native
    end_tree(native)


async def test_a_tree_stops_is_seen_stopped_and_goes_on(tmp_path: Path, native: str) -> None:
    client = spawn("setsid sleep 300 & sleep 301 & wait", native)
    wait_for(lambda: len(carrying(native)) == 3)
    host = Host(tmp_path)
    session = host.session(client.pid, native)
    facts = await pause(host.order(session, "pause"))
    assert facts["frozen"] is True
    assert len(facts["stopped"]) == 3  # type: ignore[arg-type]
    assert {state(pid) for pid in carrying(native)} == {"T"}
    with pytest.raises(Refused, match="it is stopped already"):
        await pause(host.order(session, "pause"))
    facts = await resume(host.order(session, "resume"))
    assert facts["resumed"] is True
    assert {state(pid) for pid in carrying(native)} <= {"S", "R"}
    assert [b.stopped for _, b in host.noted if isinstance(b, ProcessObserved)] == [True, False]
    with pytest.raises(Refused, match="it is not stopped"):
        await resume(host.order(session, "resume"))


@pytest.mark.parametrize("where", ["terminal", "tmux"])
async def test_another_host_lets_it_go_on_where_it_was(tmp_path: Path, where: str) -> None:
    place = Terminal(tmp_path) if where == "terminal" else Tmux(tmp_path / "s", "bash", "--norc", "--noprofile", "-i")
    try:
        wait_for(lambda: place.shows("$"))
        place.type(reader_line() + ("\n" if where == "terminal" else " raw"))
        wait_for(lambda: place.shows("READY"))
        pid = children(place.pid)[0]
        first = Host(tmp_path)
        assert (await pause(first.order(first.session(pid, "s"), "pause")))["frozen"] is True
        assert state(pid) == "T"
        second = Host(tmp_path)
        assert (await resume(second.order(second.session(pid, "s"), "resume")))["resumed"] is True
        place.type("touch ran" + ("\n" if where == "terminal" else ""))
        wait_for(lambda: place.shows("GOT<touch ran>"))
    finally:
        place.close()


async def test_what_its_person_suspended_does_not_go_on_behind_the_shell(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    try:
        pid = terminal.run(reader_line())
        wait_for(lambda: terminal.shows("READY"))
        terminal.type("\x1a")
        wait_for(lambda: state(pid) == "T" and terminal.shows("Stopped"))
        host = Host(tmp_path)
        with pytest.raises(Failed, match="type fg there"):
            await resume(host.order(host.session(pid, "s"), "resume"))
        terminal.type("fg\n")
        wait_for(lambda: state(pid) == "S")
        terminal.type("hello\n")
        wait_for(lambda: terminal.shows("GOT<hello>"))
    finally:
        terminal.close()


async def test_what_cannot_be_frozen_says_why_and_is_not_begun(tmp_path: Path) -> None:
    tmux = Tmux(tmp_path / "s", *reader_line().split())
    try:
        wait_for(lambda: tmux.shows("READY"))
        host = Host(tmp_path)
        with pytest.raises(Refused, match="not frozen: it is the pane itself"):
            await pause(host.order(host.session(tmux.pid, "s"), "pause"))
        assert host.noted == []
        assert state(tmux.pid) == "S"
    finally:
        tmux.close()


async def test_a_tree_that_somebody_continues_is_not_frozen(tmp_path: Path, native: str) -> None:
    client = spawn("sleep 300 & wait", native)
    wait_for(lambda: len(carrying(native)) == 2)
    tool = children(client.pid)[0]
    waker = start(["sh", "-c", f"while kill -CONT {tool}; do :; done"], stderr=subprocess.DEVNULL)
    try:
        host = Host(tmp_path)
        await_stop = host.order(host.session(client.pid, native), "pause")
        with pytest.raises(Failed, match=f"not frozen: process {tool} runs on"):
            await pause(await_stop)
        assert state(client.pid) in ("S", "R")
    finally:
        waker.kill()
        waker.wait()


async def test_refusals(tmp_path: Path) -> None:
    host = Host(tmp_path)
    daemon = start(["codex", "app-server", "--listen"], executable="/bin/cat", stdin=subprocess.PIPE)
    try:
        for verb, run in (("pause", pause), ("resume", resume)):
            with pytest.raises(Refused, match="what Codex's daemon runs is not stopped"):
                await run(host.order(host.session(None, "a", "codex"), verb))
            with pytest.raises(Refused, match="no process of it was found"):
                await run(host.order(host.session(None, "b"), verb))
            with pytest.raises(Refused, match=f"{verb} claude:lead"):
                await run(host.order(host.session(None, "c", relation="subagent", parent="claude:lead"), verb))
            with pytest.raises(Refused, match="runs under"):
                await run(host.order(host.session(os.getppid(), "d"), verb))
        assert host.noted == []
    finally:
        if daemon.stdin is not None:
            daemon.stdin.close()
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
