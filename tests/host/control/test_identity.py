"""Which process a number means, and which are never signalled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from orchestrator_tui.host.control.processes import identity, signals
from orchestrator_tui.host.control.processes.identity import check, refusal, shared
from orchestrator_tui.host.procfs import LinuxTable, ProcessTable, PsutilTable
from tests.conftest import wait_for
from tests.host.control.world import state

TABLES = [PsutilTable(), *([LinuxTable()] if sys.platform == "linux" else [])]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "300"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("table", TABLES, ids=lambda t: type(t).__name__)
def test_a_process_is_itself_and_no_other(table: ProcessTable, process: subprocess.Popen[bytes]) -> None:
    ref = wait_for(lambda: r if (r := identity.ref_of(table, process.pid)) and "sleep" in r.program else None)
    assert (ref.pid, ref.uid, ref.command) == (process.pid, os.getuid(), "sleep 300")
    assert check(table, ref) == ""
    assert check(table, replace(ref, program="")) == ""
    # A number that was used again: the same pid, begun at another time.
    assert "another has its number" in check(table, replace(ref, started=ref.started - 100))
    assert "changed its user" in check(table, replace(ref, uid=ref.uid + 1))
    assert "another program" in check(table, replace(ref, program="/usr/bin/claude"))
    for lie in (replace(ref, started=ref.started - 100), replace(ref, program="/usr/bin/claude")):
        assert signals.send(table, lie, signal.SIGKILL) == "another"
    assert state(process.pid) in ("S", "R")
    assert signals.send(table, ref, signal.SIGSTOP) == "sent"
    wait_for(lambda: identity.is_stopped(table, ref))
    process.kill()
    process.wait()
    assert check(table, ref) == f"process {process.pid} is gone"
    assert signals.send(table, ref, signal.SIGKILL) == "gone"


@pytest.mark.parametrize("table", TABLES, ids=lambda t: type(t).__name__)
def test_what_is_never_signalled(table: ProcessTable) -> None:
    for pid in (1, os.getpid(), os.getppid()):
        ref = identity.ref_of(table, pid)
        assert ref is not None
        assert refusal(table, ref)
        assert signals.send(table, ref, signal.SIGCONT) == "refused"
    # Whatever a lying file says of them.
    for pid in (0, -1, 1):
        lie = identity.ProcessRef(pid, 0, os.getuid(), "/bin/sh", "claude")
        assert signals.send(table, lie, signal.SIGKILL) == "refused"


def test_another_users_process_is_refused() -> None:
    if os.getuid() != 0:
        pytest.skip("needs root to start one")
    table = LinuxTable()
    process = subprocess.Popen(["sleep", "300"], user=65534)
    try:
        ref = wait_for(lambda: r if (r := identity.ref_of(table, process.pid)) and r.uid == 65534 else None)
        assert refusal(table, ref) == f"{process.pid} belongs to another user (65534)"
        assert signals.send(table, ref, signal.SIGKILL) == "refused"
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(not os.path.exists("/proc/2/stat"), reason="no kernel threads to be seen")
def test_kernel_threads_are_refused() -> None:
    table = LinuxTable()
    ref = identity.ref_of(table, 2)
    if ref is None or ref.command:
        pytest.skip("2 is no kernel thread here")
    assert refusal(table, ref) == "2 is the kernel's"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("/h/.codex/packages/app-server-daemon/codex app-server --listen unix:// --managed-daemon", "Codex's daemon"),
        ("/h/codex app-server daemon pid-update-loop", "Codex's daemon"),
        ("codex exec --json hello", ""),
        ("codex app-server", ""),
        ("opencode serve --port 1", "OpenCode's server"),
        ("node /n/.bin/opencode web", "OpenCode's server"),
        ("opencode run serve", "OpenCode's server"),
        ("opencode run hello", ""),
        ("tmux new-session", "tmux server"),
        ("tmux: server", "tmux server"),
        ("SCREEN -S x", "screen server"),
        ("-bash", "login shell"),
        ("/usr/sbin/sshd -D", "sshd"),
        ("/usr/lib/systemd/systemd --user", "systemd"),
        ("/bin/bash -c source x && eval y", ""),
        ("claude", ""),
    ],
)
def test_what_others_depend_on(line: str, word: str) -> None:
    why = shared(line.split(" ") if line != "tmux: server" else [line], 5)
    assert word in why if word else not why


def test_a_server_of_our_own_is_a_session() -> None:
    words, table = ["opencode", "-c", "sleep 300; :", "serve"], LinuxTable()
    own = {"PATH": os.environ["PATH"], "ORC_SESSION": "run-1"}
    processes = [subprocess.Popen(words, executable="/bin/sh", env=env, start_new_session=True) for env in ({}, own)]
    try:
        refs = [
            wait_for(lambda p=p: r if (r := identity.ref_of(table, p.pid)) and r.command else None) for p in processes
        ]
        assert [bool(refusal(table, ref)) for ref in refs] == [True, False]
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
