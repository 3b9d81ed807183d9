"""`kill`: in order, to the last process, touching nothing else; taken back; what survives and why."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui.events import CommandEnded, CommandFollowed, CommandStarted, ProcessObserved, WorktreeSeen
from orchestrator_tui.host.control.order import Order, Refused, Undone
from orchestrator_tui.host.control.stopping import ending, kill, shared
from orchestrator_tui.host.procfs import PsutilTable
from tests.conftest import wait_for
from tests.host.control.world import (
    Host,
    Terminal,
    Tmux,
    becomes,
    carrying,
    children,
    end_tree,
    random_script,
    reader_line,
    spawn,
    start,
    state,
)  # fmt: skip

ROUNDS = int(os.environ.get("ORC_KILLS", "30"))


@pytest.fixture
def native() -> Iterator[str]:
    native = str(uuid.uuid4())
    yield native
    end_tree(native)


async def done(order: Order) -> dict[str, Any]:
    return await kill.kill(order)


async def test_tools_of_every_kind_are_gone_and_each_step_is_on_record(tmp_path: Path, native: str) -> None:
    script = (
        "setsid sh -c 'sleep 300; :' & (setsid sleep 301 &); sh -c 'trap \"\" TERM INT HUP; sleep 303; :' & "
        "env -i TREE=$TREE sleep 304 & wait"
    )
    client = spawn(script, native)
    wait_for(lambda: len(carrying(native)) == 7)
    host = Host(tmp_path)
    session = host.session(client.pid, native)
    session.worktree.seen = WorktreeSeen(root="/w", files=(("a.py", 1, 2),), changed=1, dirty=True)
    begun = set(carrying(native))
    task = asyncio.create_task(done(host.order(session, seconds=0.3)))
    await becomes(lambda: {state(pid) for pid in begun} == {"T"})
    facts = await task
    client.wait()
    assert client.returncode == -signal.SIGINT
    assert carrying(native) == []
    assert (facts["frozen"], facts["clean"], facts["survived"]) == (True, True, [])
    assert {int(words.split()[0]) for words in facts["ended"]} == begun
    assert (facts["dirty"], facts["dirty_files"]) == (True, ["a.py"])
    assert (facts["requests_after_key"], facts["tokens_after_key"], facts["cost_after_key_usd"]) == (0, 0, 0)
    assert 0.3 <= facts["seconds"] < 3
    assert host.kinds()[:3] == ["CommandStarted", "ProcessObserved", "CommandCommitted"]
    started = host.noted[0][1]
    assert isinstance(started, CommandStarted)
    assert started.tree[0].pid == client.pid
    assert {ref.pid for ref in started.tree} == begun


async def test_without_linux_at_hand_it_is_the_same(
    tmp_path: Path, native: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORC_PORTABLE", "1")
    script = "setsid sh -c 'sleep 300; :' & (setsid sleep 301 &); sh -c 'trap \"\" TERM INT; sleep 303; :' & wait"
    client = spawn(script, native)
    wait_for(lambda: len(carrying(native)) == 6)
    host = Host(tmp_path, PsutilTable())
    session, order_of = host.session(client.pid, native), host.order
    order = order_of(session, seconds=30)
    task = asyncio.create_task(done(order))
    await becomes(lambda: {state(pid) for pid in carrying(native)} == {"T"})
    order.undo.set()
    with pytest.raises(Undone, match="it goes on"):
        await task
    facts = await done(order_of(session, now=True))
    client.wait()
    assert (facts["frozen"], facts["clean"], facts["survived"], carrying(native)) == (True, True, [], [])


async def test_a_client_that_does_not_end_is_killed_after_its_grace(
    tmp_path: Path, native: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill, "GRACE", 0.3)
    client = spawn("trap '' INT TERM; sleep 300 & wait; while :; do sleep 1; done", native)
    wait_for(lambda: len(carrying(native)) == 2)
    host = Host(tmp_path)
    facts = await done(host.order(host.session(client.pid, native), now=True))
    assert client.wait() == -signal.SIGKILL
    assert (facts["clean"], carrying(native)) == (False, [])


async def test_taken_back_it_goes_on(tmp_path: Path, native: str) -> None:
    client = spawn("sleep 300 & wait", native)
    wait_for(lambda: len(carrying(native)) == 2)
    host = Host(tmp_path)
    order = host.order(host.session(client.pid, native), seconds=30)
    task = asyncio.create_task(done(order))
    await becomes(lambda: {state(pid) for pid in carrying(native)} == {"T"})
    order.undo.set()
    with pytest.raises(Undone, match="it goes on") as undone:
        await task
    assert undone.value.receipt["frozen"] is True
    assert {state(pid) for pid in carrying(native)} <= {"S", "R"}
    observed = [body.stopped for _, body in host.noted if isinstance(body, ProcessObserved)]
    assert observed == [True, False]
    assert "CommandCommitted" not in host.kinds()


async def test_a_shells_job_ends_and_its_shell_lives(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    try:
        pid = terminal.run(reader_line())
        wait_for(lambda: terminal.shows("READY"))
        host = Host(tmp_path)
        session = host.session(pid, "s")
        order = host.order(session, seconds=30)
        task = asyncio.create_task(done(order))
        await becomes(lambda: (state(pid), state(terminal.pid)) == ("T", "T"))
        started = host.noted[0][1]
        assert [ref.pid for ref in started.tree] == [pid, terminal.pid]
        assert started.text == f"held with it: {terminal.pid}"
        order.undo.set()
        with pytest.raises(Undone):
            await task
        terminal.type("still here\n")
        wait_for(lambda: terminal.shows("GOT<still here>"))
        facts = await done(host.order(session, now=True))
        assert (facts["clean"], facts["survived"], state(pid)) == (True, [], "")
        assert state(terminal.pid) == "S"
        terminal.type("echo al''ive\n")
        wait_for(lambda: terminal.shows("alive"))
    finally:
        terminal.close()


async def test_in_tmux_the_shell_gets_its_terminal_back(tmp_path: Path) -> None:
    tmux = Tmux(tmp_path / "s", "bash", "--norc", "--noprofile", "-i")
    try:
        wait_for(lambda: tmux.shows("$"))
        tmux.type(reader_line() + " raw")
        wait_for(lambda: tmux.shows("READY"))
        pid = children(tmux.pid)[0]
        host = Host(tmp_path)
        facts = await done(host.order(host.session(pid, "s"), seconds=0.5))
        assert (facts["frozen"], facts["clean"], facts["survived"], state(pid)) == (True, True, [], "")
        tmux.type("echo al''ive")
        wait_for(lambda: tmux.shows("alive"))
        assert not list((tmp_path / "run" / "terminals").iterdir())
    finally:
        tmux.close()


async def test_what_is_a_pane_is_interrupted_and_ended(tmp_path: Path) -> None:
    tmux = Tmux(tmp_path / "s", *f"{reader_line()} raw".split())
    try:
        wait_for(lambda: tmux.shows("READY"))
        host = Host(tmp_path)
        session = host.session(tmux.pid, "s", turn_open=True)
        task = asyncio.create_task(done(host.order(session, seconds=1.0)))
        await asyncio.sleep(0.5)
        assert not task.done()
        tmux.type("x")
        assert state(tmux.pid) in ("S", "R")
        facts = await task
        assert (facts["frozen"], facts["interrupted"], facts["survived"]) == (False, "Escape in its pane", [])
        assert "it is the pane itself" in facts["not_frozen_why"]
    finally:
        tmux.close()


async def test_each_survivor_is_named_with_its_reason(tmp_path: Path, native: str) -> None:
    script = "sleep 300 &"
    if os.getuid() == 0:
        script += f" {sys.executable} -c 'import os,time; os.setuid(65534); time.sleep(300)' &"
    client = spawn(f"{script} wait", native)
    env = {**os.environ, "CLAUDE_CODE_SESSION_ID": native}
    # Begun from its tools, but others depend on it; and another session's process.
    server = start(["tmux", "300"], executable="/bin/sleep", env=env, start_new_session=True)
    login = start(["-bash", "300"], executable="/bin/sleep", env=env, start_new_session=True)
    nested = start(["sleep", "300"], env=env, start_new_session=True)
    left = [server, login, nested]
    try:
        wait_for(lambda: len(carrying(native)) == (3 if os.getuid() == 0 else 2))
        if os.getuid() == 0:
            wait_for(
                lambda: any("\nUid:\t65534" in Path(f"/proc/{p}/status").read_text() for p in children(client.pid))
            )
        host = Host(tmp_path)
        host.session(nested.pid, "another")
        facts = await done(host.order(host.session(client.pid, native), now=True))
        client.wait()
        words = "\n".join(facts["survived"])
        assert f"{server.pid} is a tmux server" in words
        assert f"{login.pid} is a login shell" in words
        assert f"{nested.pid} runs another session" in words
        if os.getuid() == 0:
            assert "belongs to another user (65534)" in words
        assert [process.poll() for process in left] == [None, None, None]
        assert {state(process.pid) for process in left} == {"S"}
    finally:
        for process in left:
            process.kill()
            process.wait()


async def test_refusals(tmp_path: Path, native: str) -> None:
    host = Host(tmp_path)
    table = host.processes.table

    async def why(session: Any) -> str:
        with pytest.raises(Refused) as refused:
            await done(host.order(session, now=True))
        assert host.noted == []
        return str(refused.value)

    assert await why(host.session(None, native)) == "no process of it was found"
    # A registry that lies: the system's first process, this process, one that it runs under.
    assert "the system's first process" in await why(host.session(1, "one"))
    assert "is this host" in await why(host.session(os.getpid(), "two"))
    assert "runs under" in await why(host.session(os.getppid(), "three"))
    lead = host.session(None, "lead")
    child = host.session(None, "child", relation="subagent", parent=lead.id)
    assert await why(child) == "a sub-agent runs in the process of the session it works for: kill claude:lead"
    # A number that was used again.
    process = start(["sleep", "300"])
    try:
        session = host.session(process.pid, "four")
        host.processes.watched[session.id].started -= 100
        assert await why(session) == "no process of it was found"
        assert state(process.pid) in ("S", "R")
        one, two = host.session(process.pid, "five"), host.session(process.pid, "six")
        assert await why(one) == f"process {process.pid} runs {two.id} too"
    finally:
        process.kill()
        process.wait()
    assert table.stat(1) is not None


async def test_what_is_told_to_end_by_the_host_meanwhile_goes_on(tmp_path: Path, native: str) -> None:
    client = spawn("sleep 300 & wait", native)
    wait_for(lambda: len(carrying(native)) == 2)
    host = Host(tmp_path)
    task = asyncio.create_task(done(host.order(host.session(client.pid, native), seconds=30)))
    await becomes(lambda: {state(pid) for pid in carrying(native)} == {"T"})
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {state(pid) for pid in carrying(native)} <= {"S", "R"}


async def test_what_was_still_counted_is_told_later(
    tmp_path: Path, native: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill, "FOLLOWED", 0.5)
    client = spawn("sleep 300 & wait", native)
    host = Host(tmp_path)
    session = host.session(client.pid, native)
    await done(host.order(session, now=True))
    session.spend.requests += 2
    await asyncio.gather(*host.tasks)
    followed = host.noted[-1][1]
    assert isinstance(followed, CommandFollowed)
    assert followed.receipt["requests_after_key"] == 2
    assert not any(isinstance(body, CommandEnded) for _, body in host.noted)
    client.wait()


async def test_a_shared_process_lives_and_the_sessions_tools_end(
    tmp_path: Path, native: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted = []

    async def interrupt(order: Order) -> str:
        interrupted.append(order.session.id)
        return ""

    monkeypatch.setitem(shared.INTERRUPTS, "codex", interrupt)
    env = {"PATH": os.environ["PATH"], "TREE": native}
    words = ["codex", "app-server", "--listen", "unix://", "--managed-daemon"]
    script = f"CODEX_THREAD_ID={native} setsid sleep 300 & CODEX_THREAD_ID=other setsid sleep 301 & wait"
    daemon = start([words[0], "-c", script, *words[1:]], executable="/bin/sh", env=env, start_new_session=True)
    screen = start(["codex", "-c", "sleep 300; :", "resume", native], executable="/bin/sh")
    try:
        wait_for(lambda: len(carrying(native)) == 3 and children(screen.pid))
        below = children(screen.pid)
        host = Host(tmp_path)
        session = host.session(None, native, "codex", turn_open=True)
        facts = await done(host.order(session, now=True))
        assert interrupted == [session.id]
        assert (facts["interrupted"], facts["survived"]) == (True, [])
        screen.wait(5)
        assert [pid for pid in below if state(pid)] == []
        assert daemon.poll() is None
        assert len(carrying(native)) == 2
        # It is nobody's to signal, also when it is named as a session's own.
        with pytest.raises(Refused, match="Codex's daemon"):
            await done(host.order(host.session(daemon.pid, "x", "codex"), now=True))
    finally:
        for process in (screen, daemon):
            for pid in children(process.pid):
                os.kill(pid, 9)
            process.kill()
            process.wait()


async def test_random_trees_are_ended_to_the_last_process_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ORC_KILLS` is how many; at random instants, so also while processes are being begun."""
    # Some clients are deaf to what ends them cleanly.
    monkeypatch.setattr(kill, "GRACE", 0.1)
    rng = random.Random(int(os.environ.get("ORC_SEED", "6")))
    bystanders = [spawn("setsid sleep 9999 & sleep 9998 & wait", f"bystander-{n}") for n in range(3)]
    wait_for(lambda: all(len(carrying(f"bystander-{n}")) == 3 for n in range(3)))
    standing = {pid for n in range(3) for pid in carrying(f"bystander-{n}")}
    killed, biggest, natives = 0, 0, []
    try:
        for _ in range(ROUNDS):
            native = str(uuid.UUID(int=rng.getrandbits(128)))
            natives.append(native)
            client = spawn(random_script(rng), native)
            if rng.random() < 0.5:
                await asyncio.sleep(0.2)
            else:
                await asyncio.sleep(rng.random() * 0.06)
            host = Host(tmp_path)
            facts = await done(host.order(host.session(client.pid, native), now=True))
            client.wait()
            assert carrying(native) == [], (native, facts)
            assert facts["survived"] == []
            killed, biggest = killed + len(facts["ended"]), max(biggest, len(facts["ended"]))
        assert {state(pid) for pid in standing} == {"S"}
        print(f"{ROUNDS} trees, {killed} processes, the biggest of {biggest}")
    finally:
        for native in [*natives, *(f"bystander-{n}" for n in range(3))]:
            end_tree(native)
        for process in bystanders:
            process.wait()


def test_receipts_are_bounded() -> None:
    from orchestrator_tui.events import ProcessRef

    words = ending.named(ProcessRef(n, 1, command="\x1b]52;c;x\x07" + "y" * 500) for n in range(100))
    assert len(words) == ending.MAX_NAMED + 1
    assert all(len(word) < 120 and "\x1b" not in word for word in words)
