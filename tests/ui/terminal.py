"""The real dashboard in a real pseudo-terminal, with every byte that it wrote."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from types import TracebackType

from tests.conftest import Orc, wait_for

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # strings: OSC, DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]|\x1b"
    r"|[\x00-\x09\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]"
)
_PAINT = re.compile(r"\x1b\[(?:\d+;\d+H|[\d;:]*m|\d*[ABCDGdJK])")


def sequences(output: str) -> set[str]:
    """The control sequences in an output, without those that place and colour text."""
    return {found for found in _SEQUENCE.findall(output) if not _PAINT.fullmatch(found)}


def plain(output: str) -> str:
    """The text alone; what is placed elsewhere begins a line."""
    text = re.sub(r"\x1b\[\d+;\d+H", "\n", output)
    return _SEQUENCE.sub("", text)


class Terminal:
    """A dashboard in a terminal of its own."""

    def __init__(self, orc: Orc, columns: int = 200, rows: int = 55, **env: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        base = {key: value for key, value in orc.env.items() if key not in ("NO_COLOR", "COLUMNS", "LINES")}
        base |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none", **env}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator_tui"],
            stdin=slave, stdout=slave, stderr=slave, env=base, cwd=orc.home, start_new_session=True,
        )  # fmt: skip
        self.slave = slave
        self.output = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def read(self, seconds: float = 0.05) -> bytes:
        """What is written within this time."""
        part = b""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                part += os.read(self.master, 1 << 16)
        self.output += part
        return part

    def settle(self, quiet: float = 0.3, most: float = 15.0) -> None:
        """Read until nothing is written for a while."""
        end = time.monotonic() + most
        while self.read(quiet):
            assert time.monotonic() < end, "it never stops writing"

    def press(self, *keys: str) -> str:
        """Type, one after the other, and return what was written to the last."""
        wrote = b""
        for key in keys:
            os.write(self.master, key.encode())
            wrote = self.read(0.25 if key == "\x1b" else 0.1)
        return wrote.decode()

    def wait(self, words: str, since: int = 0) -> None:
        """Until these words are on the way to the screen."""
        wait_for(lambda: self.read() is not None and words in plain(self.text[since:]), 20)

    def until(self, condition: Callable[[], bool]) -> None:
        """Read until a condition holds."""
        wait_for(lambda: self.read() is not None and condition(), 20)

    def leave(self) -> int:
        """Close it from wherever it is; an Escape needs its time, or it is taken for Alt."""
        while self.process.poll() is None:
            self.press("\x1b")
            self.read(0.3)
            if self.process.poll() is None:
                self.press("q")
                self.read(0.3)
        return self.end()

    def end(self, number: int = 0) -> int:
        """Its exit status, after a signal or by itself; all that it wrote is read."""
        if number:
            self.process.send_signal(signal.Signals(number))
        self.until(lambda: self.process.poll() is not None)
        self.read(0.1)
        return int(self.process.returncode)

    @property
    def text(self) -> str:
        """Everything written so far, to the last whole character; fails on what is no UTF-8."""
        return codecs.getincrementaldecoder("utf-8")().decode(self.output)

    @property
    def restored(self) -> bool:
        """Whether the terminal is as it was: the modes, the other screen left, the cursor shown."""
        same = termios.tcgetattr(self.slave) == self.before
        left = self.output.rfind(b"\x1b[?1049l") > self.output.rfind(b"\x1b[?1049h") >= 0
        shown = self.output.rfind(b"\x1b[?25h") > self.output.rfind(b"\x1b[?25l") >= 0
        mouse = self.output.rfind(b"\x1b[?1003l") > self.output.rfind(b"\x1b[?1003h")
        return same and left and shown and mouse
