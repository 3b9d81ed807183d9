"""One run of an agent or a check, seen from the loop's runner: begun at most once, found again, stopped.

A job is some files beside each other, `<loop>/jobs/<name>.*`; its process has a parent of its own (`keep.py`), so that
a runner that is killed loses nothing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec
import psutil
from msgspec import Struct

from orchestrator_tui.loops.keep import started_of
from orchestrator_tui.private import is_locked, write_durably
from orchestrator_tui.text import utf8

KEEPER = Path(__file__).with_name("keep.py")
LOOK = 0.05
"""Seconds between two looks at a job."""
PATIENCE = (2.0, 2.0, 5.0)
"""Seconds after SIGINT, after SIGTERM, and for what is killed to be gone."""
TRIES = 3
"""Keepers that are started for a job in place of those that were killed before they took it."""
_T = TypeVar("_T")


class Process(Struct, frozen=True):
    """`begun` (the keeper) and `child` (the job's own process)."""

    pid: int
    started: int | None
    at: int

    @property
    def lives(self) -> bool:
        """Whether this very process still runs; as a zombie it does not."""
        try:
            one = psutil.Process(self.pid)
            if one.status() == psutil.STATUS_ZOMBIE:
                return False
            if self.started is not None:
                return started_of(self.pid) == self.started
            return one.create_time() <= self.at / 1e9 + 1
        except psutil.Error:
            return False


class Exit(Struct, frozen=True):
    """`exit`: how it ended."""

    status: int | None
    signal: int | None
    timed_out: bool
    words: str
    at: int
    seconds: float = 0.0


class Job:
    """One job, by its name within a directory."""

    def __init__(self, directory: Path, name: str, mark: str) -> None:
        """`mark` stands in the environment of everything that the job starts."""
        self.directory, self.name, self.mark = directory, name, mark

    def path(self, kind: str) -> Path:
        """One of its files: `json` `in` `begun` `child` `out` `err` `exit`."""
        return self.directory / f"{self.name}.{kind}"

    def prepare(
        self, argv: Sequence[str], cwd: str, *, given: str = "", environ: Mapping[str, str] | None = None,
        seconds: float | None = None, keep: tuple[int, int] = (1 << 20, 1 << 16), merge: bool = False,
    ) -> None:  # fmt: skip
        """Write down what is to be run: `given` is its input, of its output the first and last `keep` bytes are kept.

        Raises OSError. What has begun already is not changed.
        """
        if self.path("begun").exists():
            return
        spec = {
            "argv": [utf8(word) for word in argv], "cwd": cwd, "environ": dict(environ or {}), "seconds": seconds,
            "keep": keep, "merge": merge, "mark": self.mark,
        }  # fmt: skip
        write_durably(self.path("in"), utf8(given).encode())
        write_durably(self.path("json"), json.dumps(spec).encode())

    def begin(self) -> subprocess.Popen[bytes] | None:
        """Start it, unless it was started before. Raises OSError."""
        if self.path("begun").exists():
            return None
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-X", "utf8", str(KEEPER), str(self.directory / self.name)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
            start_new_session=True,
        )  # fmt: skip

    def run(self, seen: Callable[[], None]) -> Exit | None:
        """See it through to its end, whoever began it; None when it was killed together with its keeper.

        `seen` is called twenty times a second. It may stop the job.
        """
        keeper = self.begin()
        tries = 0
        while True:
            ended = self.exit()
            if ended is not None:
                break
            if self.path("begun").exists():
                if not is_locked(self.path("begun")) and self.exit() is None:
                    self.kill_rest()
                    break
            elif keeper is None or keeper.poll() is not None:
                # It was killed before it took the job: nothing has been run.
                tries += 1
                if tries > TRIES:
                    break
                keeper = self.begin()
            seen()
            time.sleep(LOOK)
        if keeper is not None:
            keeper.wait()
        return self.exit()

    def stop(self, patience: Sequence[float] = PATIENCE) -> None:
        """End it: asked twice, then killed with all that it started. Returns when it is gone."""
        child = self.child()
        if child is None:
            return
        below = _below(child)
        for number, seconds in zip((signal.SIGINT, signal.SIGTERM), patience, strict=False):
            if child.lives:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(child.pid, number)
            if self._gone(seconds):
                break
        else:
            if child.lives:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)
            self._gone(patience[-1])
        for one in below:
            # It knows each by the time of its start, too.
            with suppress(psutil.Error):
                one.kill()

    def kill_rest(self) -> None:
        """Kill what is left of a job whose keeper was killed: all that bears its mark."""
        child = self.child()
        if child is not None and child.lives:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
        for one in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if one.pid != os.getpid() and one.environ().get("ORC_JOB") == self.mark:
                    one.kill()

    def exit(self) -> Exit | None:
        """How it ended; None while it runs, or when nobody saw it."""
        return self._read("exit", Exit)

    def child(self) -> Process | None:
        """Its own process; None before it runs."""
        return self._read("child", Process)

    def output(self, kind: str = "out", most: int = 1 << 20) -> str:
        """What was kept of its output, `out` or `err`."""
        try:
            with self.path(kind).open("rb") as file:
                return file.read(most).decode("utf-8", "replace")
        except OSError:
            return ""

    def _gone(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.exit() is None and is_locked(self.path("begun")):
            if time.monotonic() > end:
                return False
            time.sleep(LOOK)
        return True

    def _read(self, kind: str, shape: type[_T]) -> _T | None:
        try:
            return msgspec.json.decode(self.path(kind).read_bytes(), type=shape)
        except (OSError, msgspec.MsgspecError):
            return None


def _below(child: Process) -> list[psutil.Process]:
    """What it has started, as far as that still hangs below it."""
    try:
        return psutil.Process(child.pid).children(recursive=True) if child.lives else []
    except psutil.Error:
        return []
