"""What is seen of processes, and how seldom the process table is asked for it."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from orchestrator_tui.clients.base import Claim
from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import ProcessGone, ProcessObserved
from orchestrator_tui.fleet.session import Process, Session
from orchestrator_tui.host.processes import RESCAN, Processes
from orchestrator_tui.host.procfs import ProcessStat

BOOT = 1_000 * SECOND
NOW = 2_000 * SECOND
CLAIM = Claim("claude:a", 10, 500, NOW - SECOND, status="busy")


class FakeTable:
    """A process table that counts what it is asked."""

    def __init__(self) -> None:
        self.rows: dict[int, ProcessStat] = {}
        self.commands: dict[int, str] = {}
        self.asked: Counter[str] = Counter()

    def put(self, pid: int, ppid: int, started: int, command: str = "") -> None:
        began = BOOT + started * SECOND // 100
        self.rows[pid] = ProcessStat(pid, ppid, started, began, "S", 0.0, 0, False)
        self.commands[pid] = command

    def boot_id(self) -> str:
        return "boot"

    def boot_at(self) -> int:
        return BOOT

    def pids(self) -> set[int]:
        return set(self.rows)

    def stat(self, pid: int) -> ProcessStat | None:
        self.asked[f"stat {pid}"] += 1
        return self.rows.get(pid)

    def command(self, pid: int) -> str:
        self.asked[f"command {pid}"] += 1
        return self.commands[pid]

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
