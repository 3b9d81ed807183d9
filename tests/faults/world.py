"""A world for things to go wrong in: fake clients that write transcripts, hosts that come and go, and what must hold after."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator_tui.errors import StoreError
from orchestrator_tui.host.lock import holder_of
from orchestrator_tui.host.procfs import table
from orchestrator_tui.store.reader import Reader
from tests.conftest import Orc, wait_for
from tests.host.transcripts import lines

LONG = bool(os.environ.get("ORC_LONG"))
long = pytest.mark.skipif(not LONG, reason="takes minutes: ORC_LONG=1")
PER_TURN = 5
"""Lines of a turn in a transcript; two responses are in them."""


class World:
    """One installation, with clients that write."""

    def __init__(self, root: Path, state: Path | None = None) -> None:
        home = root / "home"
        home.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.orc = Orc(state or root / "state", home)
        self.log = root / "host.log"
        self.transcripts = home / ".claude" / "projects" / "-tmp-demo-web"
        self.transcripts.mkdir(parents=True)
        self.written: dict[str, int] = {}
        """Session -> turns that were written."""
        self._lines: dict[str, list[bytes]] = {}
        self.hosts: list[subprocess.Popen[bytes]] = []

    # --- clients ------------------------------------------------------------------------------------------

    def write(self, name: str, turns: int = 1, cut: int = 0) -> None:
        """More turns at the end of a session's transcript; `cut`: its last line comes in two pieces, cut there."""
        if name not in self._lines:
            self._lines[name] = list(lines(name, 400, time.time() - 130, 0.05))
            self.written[name] = 0
        begin = self.written[name]
        data = b"".join(self._lines[name][begin * PER_TURN : (begin + turns) * PER_TURN])
        with (self.transcripts / f"{name}.jsonl").open("ab", buffering=0) as file:
            file.write(data[: len(data) - cut])
            file.write(data[len(data) - cut :])
        self.written[name] += turns

    def wanted(self) -> dict[str, int]:
        """Session -> the responses that must be counted."""
        return {f"claude:{name}": 2 * turns for name, turns in self.written.items()}

    # --- hosts --------------------------------------------------------------------------------------------

    def host(self, *words: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a host; what it says goes to the end of `log`. Returns when it holds the lock, or has ended."""
        before = holder_of(self.orc.paths.host_lock)
        assert before is None, "a host runs already"
        with self.log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, *(words or ("-m", "orchestrator_tui", "host", "--foreground"))],
                env={**self.orc.env, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.root,
            )  # fmt: skip
        self.hosts.append(process)
        wait_for(lambda: process.poll() is not None or holder_of(self.orc.paths.host_lock) is not None, 30)
        return process

    def said(self) -> str:
        """All that hosts said."""
        return self.log.read_text() if self.log.exists() else ""

    def counted(self) -> dict[str, int]:
        """Session -> the responses that are counted, as the store has them."""
        sql = "SELECT s.id, count(*) FROM responses r JOIN sessions s ON s.key = r.session GROUP BY 1"
        # A host that has just begun has made nothing yet.
        with contextlib.suppress(StoreError), Reader(self.orc.paths.database) as reader:
            return {name: count for name, count in reader.query(sql) if name.startswith("claude:")}
        return {}

    def settled(self, seconds: float = 60.0) -> None:
        """Wait until everything that was written is counted; then that it is counted once and holds together."""
        wanted = self.wanted()
        with contextlib.suppress(AssertionError):
            wait_for(lambda: self.counted() == wanted, seconds)
        assert self.counted() == wanted, self.said()[-2000:]
        self.whole()

    def whole(self) -> None:
        """`orc store verify --deep` finds nothing, and no host has said what only its makers understand."""
        done = self.orc.run("store", "verify", "--deep", check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in self.said(), self.said()[-3000:]

    # --- afterwards ---------------------------------------------------------------------------------------

    def processes(self) -> list[int]:
        """Everything alive that was started in this world, told by its environment or its command line."""
        mark, found = os.fsencode(str(self.root)), []
        for entry in os.listdir("/proc"):
            if entry.isdecimal() and int(entry) != os.getpid():
                with contextlib.suppress(OSError):
                    place = Path("/proc", entry)
                    if mark in (place / "environ").read_bytes() or mark in (place / "cmdline").read_bytes():
                        found.append(int(entry))
        return found

    def frozen(self) -> list[int]:
        """Those that are stopped."""
        stats = [table().stat(pid) for pid in self.processes()]
        return [stat.pid for stat in stats if stat is not None and stat.state in "Tt"]

    def stop(self) -> int:
        """End the newest host as a person does; its exit status."""
        process = self.hosts[-1]
        process.terminate()
        return process.wait(60)

    def close(self) -> None:
        """End whatever is left."""
        for process in self.hosts:
            if process.poll() is None:
                process.kill()
            process.wait()
        for number in (signal.SIGKILL, signal.SIGKILL):
            for pid in self.processes():
                with contextlib.suppress(OSError):
                    os.kill(pid, number)
            with contextlib.suppress(AssertionError):
                wait_for(lambda: not self.processes(), 5)


@contextlib.contextmanager
def small_disk(at: Path, size: str = "24m") -> Iterator[None]:
    """A file system of its own, so large; the test is skipped where none may be mounted."""
    at.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "small", str(at)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield
    finally:
        # What a killed process still had open is let go of in its own time.
        subprocess.run(["umount", "-l", str(at)], capture_output=True, check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Fill a disk but for so many bytes; returns the file that does."""
    path, block = disk / "filler", b"x" * 65536
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(block) == len(block):
            pass
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096) == 4096:
            pass
    if leave:
        os.truncate(path, max(0, path.stat().st_size - leave))
    return path
