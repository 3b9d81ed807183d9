"""A program in a real terminal of 200x60 in full colour: drained, counted, typed into, measured."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import psutil

COLUMNS, ROWS = 200, 60


class Terminal:
    """One program in a terminal of its own; use it in a `with` block."""

    def __init__(self, words: Sequence[str], env: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        full = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **env}
        full.pop("NO_COLOR", None)
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            words, stdin=slave, stdout=slave, stderr=slave, env=full, start_new_session=True, close_fds=True
        )
        os.close(slave)
        self.written = 0
        """Bytes that the program wrote."""
        self._kept = bytearray()
        self._news = threading.Condition()
        self._drain = threading.Thread(target=self._read, daemon=True)
        self._drain.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._drain.join(2)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                data = b""
            with self._news:
                if data:
                    self.written += len(data)
                    self._kept += data
                self._news.notify_all()
            if not data:
                return

    def forget(self) -> None:
        """Look for what comes from here on."""
        with self._news:
            self._kept.clear()

    def wait(self, pattern: re.Pattern[bytes], seconds: float = 30.0) -> float:
        """The instant at which what was written since `forget` matches. Raises TimeoutError with its end."""
        deadline = time.perf_counter() + seconds
        with self._news:
            while not pattern.search(self._kept):
                left = deadline - time.perf_counter()
                if left <= 0 or not self._drain.is_alive():
                    raise TimeoutError(f"nothing matched {pattern.pattern!r}: ...{bytes(self._kept[-2000:])!r}")
                self._news.wait(left)
        return time.perf_counter()

    def press(self, key: bytes, first: re.Pattern[bytes], seen: re.Pattern[bytes]) -> tuple[float, float, float]:
        """From a key to the first repaint, to the one that shows what it did, and what the program ran until then.

        Milliseconds. The last is what a key waits for where nobody else uses the machine, but for a timer of 1/60 s.
        """
        self.forget()
        ran, begun = self.ran(), time.perf_counter()
        os.write(self._master, key)
        painted = self.wait(first, 30.0)
        seconds = self.wait(seen, 30.0) - begun
        return (painted - begun) * 1000, seconds * 1000, (self.ran() - ran) * 1000

    def ran(self) -> float:
        """Seconds that its threads have run, to the microsecond."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def measure(self, seconds: float) -> tuple[float, float]:
        """(% of one core, bytes per second) over a while."""
        process = psutil.Process(self.process.pid)
        cpu, written, begun = process.cpu_times(), self.written, time.perf_counter()
        time.sleep(seconds)
        after, passed = process.cpu_times(), time.perf_counter() - begun
        used = after.user + after.system - cpu.user - cpu.system
        return used / passed * 100, (self.written - written) / passed

    def spent(self) -> float:
        """Seconds of a processor since its start: user and system."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def memory(self) -> float:
        """Megabytes in memory."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6
