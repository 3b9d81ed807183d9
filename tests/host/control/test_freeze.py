"""Freezing and thawing on real terminals: where it holds, where it does not, and typed input afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator_tui.host.control.processes.trees import Root, Tree, scan
from orchestrator_tui.host.control.stopping import freeze, modes
from orchestrator_tui.host.control.stopping.freeze import Setup, setup_of
from tests.conftest import wait_for
from tests.host.control.world import (
    TABLE,
    Terminal,
    Tmux,
    carrying,
    children,
    end_tree,
    reader_line,
    ref,
    spawn,
    start,
    state,
)  # fmt: skip

NATIVE = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    tmux = Tmux(tmp_path / "s", "bash", "--norc", "--noprofile", "-i")
    wait_for(lambda: tmux.shows("$"))
    yield tmux
    tmux.close()


async def frozen_of(pid: int, kept: Path | None = None) -> freeze.Frozen:
    client = ref(pid)
    root = Root(client, frozenset({f"CLAUDE_CODE_SESSION_ID={NATIVE}"}), since=client.started)
    return await freeze.freeze(TABLE, client, lambda: scan(TABLE, root), await setup_of(TABLE, client), kept)


async def test_without_a_terminal_the_whole_tree_stops_and_goes_on() -> None:
    client = spawn("setsid sleep 300 & (setsid sleep 301 &); sleep 302 & wait", NATIVE)
    try:
        wait_for(lambda: len(carrying(NATIVE)) == 4)
        frozen = await frozen_of(client.pid)
        assert (frozen.why, frozen.setup.way) == ("", "plain")
        assert {state(pid) for pid in carrying(NATIVE)} == {"T"}
        assert frozen.stopped[0].pid == client.pid
        assert await freeze.thaw(TABLE, ref(client.pid), frozen.stopped, frozen.setup) == ""
        assert "T" not in {state(pid) for pid in carrying(NATIVE)}
    finally:
        end_tree(NATIVE)
        client.wait()


async def test_a_shells_job_stops_with_its_shell_and_reads_on(terminal: Terminal) -> None:
    pid = terminal.run(reader_line())
    wait_for(lambda: terminal.shows("READY"))
    for number in range(5):
        frozen = await frozen_of(pid)
        assert (frozen.why, frozen.setup.way, [s.pid for s in frozen.setup.shells]) == ("", "shells", [terminal.pid])
        assert (state(pid), state(terminal.pid)) == ("T", "T")
        terminal.type(f"touch x{number}\n")
        assert await freeze.thaw(TABLE, ref(pid), frozen.stopped, frozen.setup) == ""
        wait_for(lambda n=number: terminal.shows(f"GOT<touch x{n}>"))
    stat = TABLE.stat(pid)
    assert stat is not None and stat.foreground
    assert not terminal.shows("Stopped")


async def test_shells_within_shells_are_all_held(terminal: Terminal) -> None:
    inner = terminal.run("bash --norc --noprofile -i")
    terminal.type(reader_line() + "\n")
    wait_for(lambda: terminal.shows("READY"))
    pid = children(inner)[0]
    frozen = await frozen_of(pid)
    assert [s.pid for s in frozen.setup.shells] == [terminal.pid, inner]
    assert await freeze.thaw(TABLE, ref(pid), frozen.stopped, frozen.setup) == ""
    terminal.type("hello\n")
    wait_for(lambda: terminal.shows("GOT<hello>"))
    assert not terminal.shows("Stopped")


async def test_a_program_below_a_wrapper_needs_no_shell(terminal: Terminal) -> None:
    wrapper = terminal.run(f"sh -c '{reader_line()}; :'")
    wait_for(lambda: terminal.shows("READY"))
    pid = children(wrapper)[0]
    frozen = await frozen_of(pid)
    assert (frozen.why, frozen.setup.way) == ("", "plain")
    assert (state(pid), state(terminal.pid)) == ("T", "S")
    assert await freeze.thaw(TABLE, ref(pid), frozen.stopped, frozen.setup) == ""
    terminal.type("hello\n")
    wait_for(lambda: terminal.shows("GOT<hello>"))


@pytest.mark.parametrize("raw", ["", " raw"])
async def test_in_tmux_it_comes_back_by_fg_with_its_terminals_modes(tmux: Tmux, tmp_path: Path, raw: str) -> None:
    tmux.type(reader_line() + raw)
    wait_for(lambda: tmux.shows("READY"))
    pid = children(tmux.pid)[0]
    tty = tmux("display-message", "-p", "-t", "t", "#{pane_tty}").strip()
    before = modes.read(tty)
    frozen = await frozen_of(pid, tmp_path / "kept")
    assert (frozen.why, frozen.setup.way, state(pid)) == ("", "tmux", "T")
    wait_for(lambda: tmux.shows("Stopped"))
    assert await freeze.thaw(TABLE, ref(pid), frozen.stopped, frozen.setup, tmp_path / "kept") == ""
    assert modes.read(tty) == before
    tmux.type("touch ran-by-a-shell")
    wait_for(lambda: tmux.shows("GOT<touch ran-by-a-shell>"))
    assert not list((tmp_path / "kept").iterdir())


async def test_the_process_that_is_a_pane_is_never_claimed_frozen(tmp_path: Path) -> None:
    tmux = Tmux(tmp_path / "s", *reader_line().split())
    try:
        wait_for(lambda: tmux.shows("READY"))
        frozen = await frozen_of(tmux.pid)
        assert "it is the pane itself" in frozen.why
        # Nor when nobody had told: the states are read back.
        client = ref(tmux.pid)
        frozen = await freeze.freeze(TABLE, client, lambda: Tree([client]), Setup("plain"))
        assert "runs on although it was stopped" in frozen.why
        tmux.type("hello")
        wait_for(lambda: tmux.shows("GOT<hello>"))
    finally:
        tmux.close()


async def test_a_partial_freeze_is_undone() -> None:
    client = spawn("sleep 300 & wait", NATIVE)
    waker = None
    try:
        wait_for(lambda: len(carrying(NATIVE)) == 2)
        tool = children(client.pid)[0]
        # Somebody who continues the tool again and again.
        waker = start(["sh", "-c", f"while kill -CONT {tool}; do :; done"], stderr=subprocess.DEVNULL)
        wait_for(lambda: state(waker.pid) in "RS")
        await asyncio.sleep(0.2)
        results = [await frozen_of(client.pid) for _ in range(3)]
        assert all("runs on although it was stopped" in r.why for r in results), [r.why for r in results]
        assert "T" not in {state(client.pid), state(tool)}
    finally:
        if waker is not None:
            waker.kill()
            waker.wait()
        end_tree(NATIVE)
        client.wait()


async def test_a_shell_above_it_that_is_our_own_is_not_held(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = terminal.run(reader_line())
    wait_for(lambda: terminal.shows("READY"))
    monkeypatch.setattr("orchestrator_tui.host.control.processes.identity._above_us", lambda parent: {terminal.pid})
    setup = await setup_of(TABLE, ref(pid))
    assert setup.way == "never"
    assert "cannot be held" in setup.why
    assert (state(pid), state(terminal.pid)) == ("S", "S")


async def test_a_job_in_the_background_leaves_the_terminal_alone(terminal: Terminal) -> None:
    terminal.type("sleep 300 &\n")
    pid = wait_for(lambda: children(terminal.pid))[0]
    frozen = await frozen_of(pid)
    assert (frozen.why, frozen.setup.way, state(terminal.pid)) == ("", "plain", "S")
    assert await freeze.thaw(TABLE, ref(pid), frozen.stopped, frozen.setup) == ""
    os.kill(pid, signal.SIGKILL)


async def test_a_gone_process_cannot_be_frozen() -> None:
    process = start(["sleep", "300"])
    client = ref(process.pid)
    process.kill()
    process.wait()
    assert (await setup_of(TABLE, client)).why == f"process {process.pid} is gone"
