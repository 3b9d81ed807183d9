"""Every process of a client is found, and nobody else's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator_tui.host.control.processes import trees
from orchestrator_tui.host.control.processes.trees import Root, marks_of, scan
from orchestrator_tui.host.procfs import LinuxTable, ProcessTable, PsutilTable
from tests.conftest import wait_for
from tests.host.control.world import carrying, children, end_tree, ref, spawn, state

TABLES = [PsutilTable(), *([LinuxTable()] if sys.platform == "linux" else [])]


@pytest.fixture
def native() -> Iterator[str]:
    native = str(uuid.uuid4())
    yield native
    end_tree(native)


def root(pid: int, native: str, **facts: object) -> Root:
    client = ref(pid)
    return Root(client, marks_of("claude", native, pid), since=client.started, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("table", TABLES, ids=lambda t: type(t).__name__)
def test_attached_detached_and_deaf_tools_are_found(table: ProcessTable, native: str) -> None:
    script = (
        "setsid sh -c 'sleep 300; :' & (setsid sleep 301 &); (sleep 302 &); "
        "sh -c 'trap \"\" TERM; sleep 303; :' & env -i TREE=$TREE sleep 304 & wait"
    )
    client = spawn(script, native)
    wait_for(lambda: len(carrying(native)) == 8)
    tree = scan(table, root(client.pid, native))
    assert sorted(r.pid for r in tree.members) == sorted(carrying(native))
    assert tree.members[0].pid == client.pid
    assert tree.left == []
    places = {r.pid: n for n, r in enumerate(tree.members)}
    for r in tree.members:
        stat = table.stat(r.pid)
        assert stat is not None and (stat.ppid not in places or places[stat.ppid] < places[r.pid])
    # Afterwards too, when the client that they were found by is gone.
    client.kill()
    client.wait()
    later = scan(table, root_of_gone(tree, native), tree.members, tree.leaders)
    assert sorted(r.pid for r in later.members) == sorted(carrying(native))


def root_of_gone(tree: trees.Tree, native: str) -> Root:
    return Root(tree.members[0], marks_of("claude", native, tree.members[0].pid), since=tree.members[0].started)


def test_what_was_detached_without_its_variables_is_found_by_its_session(native: str) -> None:
    client = spawn("setsid sh -c '(env -i TREE=$TREE sleep 300 &); sleep 301; :' & wait", native)
    wait_for(lambda: len(carrying(native)) == 4)
    assert sorted(r.pid for r in scan(LinuxTable(), root(client.pid, native)).members) == sorted(carrying(native))


def test_others_are_not_found(native: str) -> None:
    other = str(uuid.uuid4())
    client = spawn("sleep 300 & wait", native)
    bystander = spawn("sleep 300 & wait", other)
    # Begun from inside the session, but known as another session's process, or as a run of ours.
    env = {**os.environ, "CLAUDE_CODE_SESSION_ID": native}
    known = subprocess.Popen(["sleep", "300"], env=env, start_new_session=True)
    owned = subprocess.Popen(["sleep", "300"], env={**env, "ORC_SESSION": "another-run"}, start_new_session=True)
    older = native.replace("-", "")
    try:
        wait_for(lambda: len(carrying(native)) == 2 and len(carrying(other)) == 2)
        tree = scan(LinuxTable(), root(client.pid, native, others=frozenset({known.pid, bystander.pid})))
        assert {r.pid for r in tree.members} == set(carrying(native))
        assert [(r.pid, why) for r, why in tree.left] == [(known.pid, f"{known.pid} runs another session")]
        assert older not in repr(tree)
    finally:
        end_tree(other)
        for process in (known, owned):
            process.kill()
        for process in (known, owned, bystander):
            process.wait()


def test_our_own_process_is_never_a_member(native: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if this host had been started from inside the agent's own tool.
    tree = scan(LinuxTable(), Root(ref(os.getppid()), since=0))
    assert tree.members == []
    assert "runs under" in tree.left[0][1]
    child = subprocess.Popen(["sleep", "300"])
    try:
        assert os.getpid() not in [r.pid for r in scan(LinuxTable(), Root(ref(os.getpid()))).members]
    finally:
        child.kill()
        child.wait()


def test_another_users_child_is_left_and_named(native: str) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root to start one")
    client = spawn(f"{sys.executable} -c 'import os,time; os.setuid(65534); time.sleep(300)' & wait", native)
    try:
        pid = wait_for(lambda: children(client.pid))[0]
        wait_for(lambda: os.stat(f"/proc/{pid}").st_uid == 65534 or "65534" in Path(f"/proc/{pid}/status").read_text())
        tree = scan(LinuxTable(), root(client.pid, native))
        assert [r.pid for r in tree.members] == [client.pid]
        assert tree.left[0][1] == f"{pid} belongs to another user (65534)"
    finally:
        os.kill(pid, 9)


def test_the_shims_orphans_are_the_sessions(native: str) -> None:
    # The shim is a subreaper: what lost its parent, and its variables, is below it.
    shim = subprocess.Popen(
        [sys.executable, "-c",
         "import ctypes,subprocess,time; ctypes.CDLL(None).prctl(36,1,0,0,0); "
         "subprocess.Popen(['claude','-c','(env -i TREE=$TREE setsid sleep 300 &); sleep 301; :'],executable='/bin/sh',"
         "start_new_session=True); time.sleep(300)"],
        env={"PATH": os.environ["PATH"], "TREE": native},
    )  # fmt: skip
    try:
        wait_for(lambda: len(carrying(native)) == 4)
        client = next(p for p in children(shim.pid) if children(p))
        tree = scan(LinuxTable(), root(client, native, shim=shim.pid))
        assert {r.pid for r in tree.members} == set(carrying(native)) - {shim.pid}
        assert state(shim.pid)
    finally:
        shim.kill()
        shim.wait()


def test_marks_are_the_clients_own() -> None:
    assert marks_of("claude", "S", 5) == {"CLAUDE_CODE_SESSION_ID=S"}
    assert marks_of("codex", "S", 5) == {"CODEX_THREAD_ID=S", "CODEX_SESSION_ID=S"}
    assert marks_of("opencode", "ses_1", 5, "opencode:ses_1", "run-1") == {
        "OPENCODE_PID=5", "ORC_SESSION=opencode:ses_1", "ORC_SESSION=run-1",
    }  # fmt: skip
    assert marks_of("gemini", "S", 5) == set()
    assert marks_of("claude", "", 5) == set()


def test_a_look_is_quick(native: str) -> None:
    client = spawn("sleep 300 & sleep 301 & wait", native)
    wait_for(lambda: len(carrying(native)) == 3)
    found = root(client.pid, native)
    took = []
    for _ in range(20):
        begun = time.perf_counter()
        scan(LinuxTable(), found)
        took.append(time.perf_counter() - begun)
    # Far from the 10 ms of docs/control.md only where something is badly wrong; tests/bench/bench_kill.py measures.
    assert min(took) < 0.1
