"""The process table: on Linux from /proc, elsewhere through psutil. Both answer the same questions.

What only Linux has sits here; `table()` picks, and `ORC_PORTABLE=1` switches the Linux way off.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from orchestrator_tui.clock import SECOND

TERMINAL_WAITS = frozenset({"n_tty_read", "wait_woken"})
"""Kernel functions in which a process waits for a line from its terminal."""


class ProcessStat(Struct, frozen=True):
    """One look at one process."""

    pid: int
    ppid: int
    started: int
    """Linux: clock ticks since boot. Elsewhere: hundredths of a second since the epoch."""
    began_at: int
    """The same as wall clock, nanoseconds since the epoch; to the tick."""
    state: str
    """One letter as in ps: R, S, D, T, Z."""
    cpu_seconds: float
    tty: int
    """Device number of the controlling terminal; 0 is none."""
    foreground: bool
    """Whether its process group has the terminal."""
    name: str = ""
    """The program's, as the kernel has it: 15 characters at most on Linux."""

    @property
    def stopped(self) -> bool:
        """By job control, SIGSTOP or a debugger."""
        return self.state in "Tt"


class ProcessTable(Protocol):
    """What the host asks about processes."""

    def boot_id(self) -> str:
        """Changes with every boot."""

    def boot_at(self) -> int:
        """When this boot began, nanoseconds since the epoch."""

    def mark(self) -> tuple[str, ...]:
        """Another one after a process came or went; () where that cannot be told without a look at all of them."""

    def pids(self) -> set[int]:
        """All process ids."""

    def stat(self, pid: int) -> ProcessStat | None:
        """One process; None when it is gone or a zombie."""

    def command(self, pid: int) -> str:
        """Its command line, arguments separated by spaces; "" when it cannot be read."""

    def argv(self, pid: int) -> list[str]:
        """Its command line, word by word; empty when it cannot be read."""

    def cwd(self, pid: int) -> str | None:
        """The directory it is in; None when that cannot be read."""

    def io_bytes(self, pid: int) -> int | None:
        """Bytes read and written since it began; None when that cannot be read."""

    def reads_terminal(self, stat: ProcessStat) -> bool:
        """Whether it waits for input from its terminal."""

    def tty_name(self, stat: ProcessStat) -> str | None:
        """The terminal's name, such as pts/3; "" without one, None when that cannot be told."""


class LinuxTable:
    """/proc, read directly: a look costs about 10 µs."""

    def __init__(self) -> None:
        self._tick = os.sysconf("SC_CLK_TCK")
        self._boot_at = self.boot_at()
        self._listed: frozenset[str] = frozenset()
        self._pids: set[int] = set()
        # A container may show figures of its own here, which are brought up now and then only.
        self._counts = os.stat("/proc/loadavg").st_dev == os.stat("/proc").st_dev

    def boot_id(self) -> str:
        """The kernel's random boot id."""
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()

    def boot_at(self) -> int:
        """`btime` of /proc/stat."""
        for text in Path("/proc/stat").read_text(encoding="ascii").splitlines():
            if text.startswith("btime "):
                return int(text.split()[1]) * SECOND
        return 0

    def mark(self) -> tuple[str, ...]:
        """Of /proc/loadavg how many tasks there are, and which one began last."""
        words = _slurp("/proc/loadavg").decode("ascii", "replace").split() if self._counts else []
        tasks = words[3].partition("/")[2] if len(words) == 5 else ""
        return (tasks, words[4]) if tasks.isdecimal() and int(tasks) and words[4].strip("0") else ()

    def pids(self) -> set[int]:
        """The numbers in /proc."""
        listed = frozenset(os.listdir("/proc"))
        came, went = listed - self._listed, self._listed - listed
        self._pids.update(int(name) for name in came if name.isdecimal())
        self._pids.difference_update(int(name) for name in went if name.isdecimal())
        self._listed = listed
        return set(self._pids)

    def stat(self, pid: int) -> ProcessStat | None:
        """/proc/PID/stat; the name in it may hold spaces and parentheses."""
        data = _slurp(f"/proc/{pid}/stat")
        cut = data.rfind(b")")
        if cut < 0:
            return None
        fields = data[cut + 2 :].split()
        state = fields[0].decode("ascii", "replace")
        if state in "ZXx":
            return None
        return ProcessStat(
            pid=pid,
            ppid=int(fields[1]),
            started=int(fields[19]),
            began_at=self._boot_at + int(fields[19]) * SECOND // self._tick,
            state=state,
            cpu_seconds=(int(fields[11]) + int(fields[12])) / self._tick,
            tty=int(fields[4]),
            foreground=fields[2] == fields[5],
            name=data[data.find(b"(") + 1 : cut].decode("utf-8", "replace"),
        )

    def command(self, pid: int) -> str:
        """/proc/PID/cmdline."""
        return " ".join(self.argv(pid))

    def argv(self, pid: int) -> list[str]:
        """/proc/PID/cmdline, the first 64 KiB."""
        data = _slurp(f"/proc/{pid}/cmdline").rstrip(b"\0")
        return data.decode("utf-8", "replace").split("\0") if data else []

    def cwd(self, pid: int) -> str | None:
        """/proc/PID/cwd."""
        try:
            return os.readlink(f"/proc/{pid}/cwd").encode("utf-8", "replace").decode()
        except OSError:
            return None

    def io_bytes(self, pid: int) -> int | None:
        """rchar + wchar of /proc/PID/io: pipes and sockets count as well as disks."""
        total, seen = 0, False
        for text in _slurp(f"/proc/{pid}/io").splitlines()[:2]:
            name, _, value = text.partition(b": ")
            if name in (b"rchar", b"wchar"):
                total, seen = total + int(value), True
        return total if seen else None

    def reads_terminal(self, stat: ProcessStat) -> bool:
        """In the foreground of a terminal, asleep in the kernel's terminal read."""
        if not stat.tty or not stat.foreground or stat.state != "S":
            return False
        if _slurp(f"/proc/{stat.pid}/wchan").decode("ascii", "replace") not in TERMINAL_WAITS:
            return False
        try:
            return os.readlink(f"/proc/{stat.pid}/fd/0").startswith(("/dev/pts/", "/dev/tty"))
        except OSError:
            return False

    def tty_name(self, stat: ProcessStat) -> str | None:
        """From the device number: 136..143 are the pseudo-terminals."""
        if not stat.tty:
            return ""
        major, minor = os.major(stat.tty), os.minor(stat.tty)
        return f"pts/{(major - 136) * 256 + minor}" if 136 <= major <= 143 else f"tty{minor}"


class PsutilTable:
    """psutil: any platform, slower, without terminal reads."""

    def boot_id(self) -> str:
        """The boot's time serves for an id."""
        return f"boot-{self.boot_at() // SECOND}"

    def boot_at(self) -> int:
        """psutil.boot_time()."""
        import psutil

        return int(psutil.boot_time()) * SECOND

    def mark(self) -> tuple[str, ...]:
        """Not told portably."""
        return ()

    def pids(self) -> set[int]:
        """psutil.pids()."""
        import psutil

        return set(psutil.pids())

    def stat(self, pid: int) -> ProcessStat | None:
        """One process through psutil."""
        import psutil

        try:
            process = psutil.Process(pid)
            with process.oneshot():
                status = process.status()
                if status in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                    return None
                times = process.cpu_times()
                created = process.create_time()
                # On Linux the clients write the kernel's ticks, and psutil has added the boot's time to them.
                since = psutil.boot_time() if sys.platform == "linux" else 0.0
                terminal = process.terminal()
                return ProcessStat(
                    pid=pid,
                    ppid=process.ppid(),
                    started=round((created - since) * 100),
                    began_at=round(created * SECOND),
                    state={"running": "R", "stopped": "T", "tracing-stop": "T", "disk-sleep": "D"}.get(status, "S"),
                    cpu_seconds=times.user + times.system,
                    tty=1 if terminal else 0,
                    foreground=False,
                    name=process.name(),
                )
        except (psutil.Error, OSError):
            return None

    def command(self, pid: int) -> str:
        """The command line through psutil."""
        return " ".join(self.argv(pid))

    def argv(self, pid: int) -> list[str]:
        """psutil.Process.cmdline()."""
        import psutil

        try:
            return psutil.Process(pid).cmdline()
        except (psutil.Error, OSError):
            return []

    def cwd(self, pid: int) -> str | None:
        """psutil.Process.cwd()."""
        import psutil

        try:
            return psutil.Process(pid).cwd()
        except (psutil.Error, OSError):
            return None

    def io_bytes(self, pid: int) -> int | None:
        """Where psutil has it (not on macOS)."""
        import psutil

        try:
            counters = psutil.Process(pid).io_counters()  # type: ignore[attr-defined, unused-ignore]
        except (psutil.Error, OSError, AttributeError):
            return None
        return int(counters.read_bytes + counters.write_bytes)

    def reads_terminal(self, stat: ProcessStat) -> bool:
        """Cannot be told portably."""
        return False

    def tty_name(self, stat: ProcessStat) -> str | None:
        """Through psutil."""
        import psutil

        if not stat.tty:
            return ""
        try:
            return (psutil.Process(stat.pid).terminal() or "").removeprefix("/dev/")
        except (psutil.Error, OSError, AttributeError):
            return None


@cache
def table() -> ProcessTable:
    """The process table of this machine."""
    if sys.platform == "linux" and not os.environ.get("ORC_PORTABLE"):
        return LinuxTable()
    return PsutilTable()


def same_start(stat: ProcessStat, started: int | None) -> bool:
    """Whether a process is the one that began then; psutil rounds to hundredths of a second."""
    return started is not None and abs(stat.started - started) <= (0 if sys.platform == "linux" else 1)


def _slurp(path: str) -> bytes:
    """A small file of /proc; b"" when the process is gone or another user's."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, 65536)
    except OSError:
        return b""
    finally:
        os.close(fd)
