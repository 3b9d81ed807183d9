"""What is seen of processes, and how seldom the process table is asked for it."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter

import pytest
from msgspec.structs import replace

from orchestrator_tui.clients.base import Claim
from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import ProcessGone, ProcessObserved
from orchestrator_tui.fleet.session import Process, Session
from orchestrator_tui.host.processes import RESCAN, Processes
from orchestrator_tui.host.procfs import LinuxTable, ProcessStat

BOOT = 1_000 * SECOND
NOW = 2_000 * SECOND
CLAIM = Claim("claude:a", 10, 500, NOW - SECOND, status="busy")


class FakeTable:
    """A process table that counts what it is asked."""

    def __init__(self) -> None:
        self.rows: dict[int, ProcessStat] = {}
        self.commands: dict[int, str] = {}
        self.asked: Counter[str] = Counter()
        self.tells, self.turn = True, 0
        """Whether a mark says that processes came or went; how often some did unseen by the other two figures."""

    def put(self, pid: int, ppid: int, started: int, command: str = "") -> None:
        began = BOOT + started * SECOND // 100
        self.rows[pid] = ProcessStat(pid, ppid, started, began, "S", 0.0, 0, False)
        self.commands[pid] = command

    def boot_id(self) -> str:
        return "boot"

    def boot_at(self) -> int:
        return BOOT

    def mark(self) -> tuple[str, ...]:
        self.asked["mark"] += 1
        return (str(len(self.rows)), str(max(self.rows, default=0)), str(self.turn)) if self.tells else ()

    def pids(self) -> set[int]:
        self.asked["pids"] += 1
        return set(self.rows)

    def stat(self, pid: int) -> ProcessStat | None:
        self.asked[f"stat {pid}"] += 1
        return self.rows.get(pid)

    def command(self, pid: int) -> str:
        self.asked[f"command {pid}"] += 1
        return self.commands[pid]

    def argv(self, pid: int) -> list[str]:
        return self.commands[pid].split()

    def cwd(self, pid: int) -> str | None:
        return None

    def io_bytes(self, pid: int) -> int | None:
        return None

    def reads_terminal(self, stat: ProcessStat) -> bool:
        return False

    def tty_name(self, stat: ProcessStat) -> str | None:
        return ""


def begun() -> tuple[FakeTable, Processes]:
    table = FakeTable()
    table.put(10, 1, 500)
    table.put(11, 10, 600, "sh -c make")
    return table, Processes(table, lambda session: True)


def test_a_claim_that_was_borne_out_is_not_looked_up_again_until_it_changes() -> None:
    table, processes = begun()
    processes.look(NOW)
    assert any(isinstance(body, ProcessObserved) for _, body in processes.claims([CLAIM], {}, NOW))
    table.asked.clear()
    for n in range(5):
        processes.claims([replace(CLAIM)], {}, NOW + n * SECOND)
    assert table.asked["stat 10"] == 0
    processes.claims([replace(CLAIM, status="idle")], {}, NOW)
    assert table.asked["stat 10"] == 1


def test_a_pid_that_was_used_again_is_gone_and_its_old_claim_does_not_hold() -> None:
    table, processes = begun()
    processes.look(NOW)
    processes.claims([CLAIM], {}, NOW)
    table.put(10, 1, 9_999)
    assert not processes.missing
    processes.sample(NOW + 2 * SECOND)
    assert processes.missing
    processes.claims([CLAIM], {}, NOW + 2 * SECOND)
    (gone,) = processes.sample(NOW + 4 * SECOND)
    assert gone == ("claude:a", ProcessGone(pid=10, started=500))
    assert not processes.missing
    assert processes.claims([CLAIM], {}, NOW + 5 * SECOND) == []
    assert processes.watched == {}


def test_a_command_line_is_read_twice_and_then_at_the_next_scan() -> None:
    table, processes = begun()
    processes.look(NOW)
    processes.claims([CLAIM], {}, NOW)
    table.commands[11] = "make"  # what was a shell's copy of itself runs its program now
    for n in range(1, 8):
        processes.look(NOW + 2 * n * SECOND)
        processes.sample(NOW + 2 * n * SECOND)
    assert table.asked["command 11"] == 2
    told = processes.watched["claude:a"].told
    assert told is not None
    assert [child.command for child in told.children] == ["make"]
    table.commands[11] = "make install"
    later = NOW + 2 * RESCAN
    processes.look(later)
    ((_, seen),) = processes.sample(later)
    assert isinstance(seen, ProcessObserved)
    assert [child.command for child in seen.children] == ["make install"]


def session_of(seen: ProcessObserved, at: int) -> Session:
    """A session as the last host left it."""
    return Session("claude:a", at, at, at, process=Process(seen=seen, at=at, since=at))


def test_what_the_last_host_left_running_is_gone_after_two_looks() -> None:
    table, processes = begun()
    left = session_of(ProcessObserved(pid=10, started=500), NOW - SECOND)
    assert processes.inherit({"claude:a": left}, NOW) == []
    processes.look(NOW)
    processes.sample(NOW)
    assert "claude:a" in processes.watched
    del table.rows[10]
    assert processes.sample(NOW + 2 * SECOND) == []
    [(name, body)] = processes.sample(NOW + 4 * SECOND)
    assert (name, isinstance(body, ProcessGone)) == ("claude:a", True)


def test_what_ran_before_the_machine_was_started_anew_is_gone_at_once() -> None:
    _, processes = begun()
    left = session_of(ProcessObserved(pid=10, started=500), BOOT - 60 * SECOND)
    [(name, body)] = processes.inherit({"claude:a": left}, NOW)
    assert (name, isinstance(body, ProcessGone)) == ("claude:a", True)
    assert not processes.watched


@pytest.mark.parametrize("tells", [True, False])
def test_of_a_table_in_which_nothing_happens_one_mark_is_read(tells: bool) -> None:
    table, processes = begun()
    table.tells = tells
    for pid in range(100, 900):
        table.put(pid, 1, 100 + pid)
    for n in range(2):
        processes.look(NOW + n * SECOND)
    table.asked.clear()
    for n in range(2, 12):
        processes.look(NOW + n * SECOND)
    assert table.asked == ({"mark": 10} if tells else {"mark": 10, "pids": 10})


@pytest.mark.parametrize("tells", [True, False])
def test_only_what_came_and_orphans_are_read(tells: bool) -> None:
    table, processes = begun()
    table.tells = tells
    for pid in range(100, 900):
        table.put(pid, 1, 100 + pid)
    table.put(12, 11, 700)
    for n in range(2):
        processes.look(NOW + n * SECOND)
    table.asked.clear()
    table.put(1000, 10, 9000)
    processes.look(NOW + 2 * SECOND)
    processes.look(NOW + 3 * SECOND)
    assert {k: n for k, n in table.asked.items() if k.startswith("stat")} == {"stat 1000": 2}
    table.asked.clear()
    del table.rows[11]
    table.put(12, 1, 700)
    processes.look(NOW + 4 * SECOND)
    processes.look(NOW + 5 * SECOND)
    assert {k: n for k, n in table.asked.items() if k.startswith("stat")} == {"stat 12": 1}


def test_now_and_then_everything_is_read_once() -> None:
    table, processes = begun()
    for pid in range(100, 900):
        table.put(pid, 1, 100 + pid)
    for n in range(3):
        processes.look(NOW + n * SECOND)
    table.asked.clear()
    for n in range(3, 40):
        processes.look(NOW + n * SECOND)
    assert sum(n for k, n in table.asked.items() if k.startswith("stat")) == 802


def test_the_tree_of_a_sample_is_the_one_that_a_listing_of_parents_gives() -> None:
    rng = random.Random(7)
    table, processes = FakeTable(), Processes(FakeTable(), lambda session: True)
    processes.table = table
    for turn in range(300):
        pid = rng.randrange(2, 40)
        if rng.random() < 0.5:
            table.put(pid, rng.choice([1, *table.rows]), rng.randrange(1, 10**6))
        elif pid in table.rows:
            del table.rows[pid]
            for below in [row for row in table.rows.values() if row.ppid == pid]:
                table.put(below.pid, 1, below.started)
        table.turn += 1
        processes.look(NOW + turn * SECOND)
        processes.look(NOW + turn * SECOND)
        found = {pid: parent for parent, below in processes._below.items() for pid in below}
        assert found == processes._parents
        assert found.keys() == table.rows.keys()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_mark_of_this_machine_moves_when_a_process_came_or_went() -> None:
    table = LinuxTable()
    if not table.mark():
        pytest.skip("this /proc does not count tasks")
    before = table.mark()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        running = table.mark()
        assert running != before
        assert child.pid in table.pids()
    finally:
        child.kill()
        child.wait()
    assert table.mark() != running
    assert child.pid not in table.pids()
