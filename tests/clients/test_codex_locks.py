"""Which process has a Codex thread open, as its lock tells."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from orchestrator_tui.clients.codex import Codex
from orchestrator_tui.clients.codex.locks import AGAIN, is_child
from orchestrator_tui.clients.listing import Listing
from tests.clients.rollouts import (
    OTHER,
    THREAD,
    line,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="locks are seen through /proc")
HOLD = """
import fcntl, sys
files = [open(path, "r+") for path in sys.argv[sys.argv.index("--") + 1:]]
for file in files: fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True); sys.stdin.read()
"""


class Home:
    """A Codex home with threads, and processes that have them open."""

    def __init__(self, path: Path) -> None:
        self.path, self.listing, self.codex = path, Listing(), Codex()
        self.day, self.locks = path / "sessions/2026/11/20", path / "thread-writer-locks"
        self.day.mkdir(parents=True)
        self.locks.mkdir()
        self.processes: list[subprocess.Popen[str]] = []

    def thread(self, thread: str, **meta: object) -> Path:
        """A rollout and its lock's file."""
        head = line("session_meta", id=thread, **meta, base_instructions={"text": "x" * 100_000})
        (self.day / f"rollout-2026-11-20T22-55-37-{thread}.jsonl").write_bytes(head)
        lock = self.locks / f"{thread}.lock"
        lock.write_text("")
        return lock

    def hold(self, *locks: Path, command: str = "exec") -> subprocess.Popen[str]:
        """A process that locks them, with `command` in its command line as the native Codex has it."""
        arguments = [sys.executable, "-c", HOLD, command, "--", *map(str, locks)]
        process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        return process

    def claims(self, later: int = 0) -> dict[str, int]:
        """Session -> pid."""
        now = time.time_ns() + later
        claims = self.codex.claims(self.path, self.listing, now)
        assert all(claim.written_at == now and claim.status is None for claim in claims)
        return {claim.session: claim.pid for claim in claims}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A Codex home."""
    made = Home(tmp_path / ".codex")
    yield made
    for process in made.processes:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@linux
def test_who_holds_a_thread_s_lock_runs_it(home: Home) -> None:
    lock, free = home.thread(THREAD), home.thread(OTHER)
    assert free.exists() and home.claims() == {}
    process = home.hold(lock)
    assert home.claims() == {f"codex:{THREAD}": process.pid}
    (claim,) = home.codex.claims(home.path, home.listing, time.time_ns())
    stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    assert claim.started == int(stat[19])
    process.kill()
    process.wait()
    assert home.claims() == {}, "the file is left behind, the lock is not"


@linux
def test_a_thread_that_was_left_behind_and_resumed_is_found(home: Home) -> None:
    lock = home.thread(THREAD)
    assert home.claims() == {} and home.claims(later=AGAIN) == {}
    process = home.hold(lock)
    assert home.claims(later=AGAIN + 1) == {}, "looked at a moment ago"
    assert home.claims(later=2 * AGAIN) == {f"codex:{THREAD}": process.pid}


@linux
def test_a_server_of_many_is_no_session_s_process(home: Home) -> None:
    home.hold(home.thread(THREAD), command="app-server")
    assert home.claims() == {}


@linux
def test_a_sub_agent_s_process_is_its_root_s(home: Home) -> None:
    locks = [home.thread(THREAD), home.thread(OTHER, parent_thread_id=THREAD)]
    process = home.hold(*locks)
    assert home.claims() == {f"codex:{THREAD}": process.pid}


@linux
def test_a_shared_lock_and_a_foreign_file_claim_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = home.thread(THREAD)
    (home.locks / "notes.lock").write_text("")
    home.hold(home.locks / "notes.lock")
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert home.claims() == {}
    home.hold(lock)
    monkeypatch.setenv("ORC_PORTABLE", "1")
    assert home.claims() == {}


def test_where_proc_is_missing_there_are_no_claims(home: Home) -> None:
    home.thread(THREAD)
    assert home.claims() == {}
    next(iter(home.codex._locks.values())).proc = str(home.path / "none")
    assert home.claims() == {}


def test_whether_a_rollout_is_a_sub_agent_s_shows_in_its_first_bytes() -> None:
    meta = line("session_meta", id=OTHER, parent_thread_id=THREAD, base_instructions="x" * 1000)
    compact = msgspec.json.encode(json.loads(meta))
    assert is_child(meta) and is_child(compact[:300]) and not is_child(line("session_meta", id=OTHER))
    assert not is_child(b"") and not is_child(b"\xff")
