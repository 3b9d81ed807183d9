"""The parent of one agent or check, which outlives the loop's runner: `python -I -S keep.py JOB`.

Standard library alone. `JOB.begun` appears once, complete and locked: whoever comes second leaves at once, so that no
job is run twice; the lock is held for as long as this process lives. `JOB.exit` says how the job ended. A job whose
lock is free and which has no `JOB.exit` was killed together with its keeper.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TAKEN = 75
"""Exit status where another one has the job."""
GRACE = 2.0
"""Seconds between asking and killing, when its time is over."""
LINGER = 1.0
"""Seconds for output that is on its way when the job has ended."""
STEP = 0.5
NO_ROOM = 1.0
"""Seconds until a write is tried again for which there was no room."""


class Sink:
    """A stream kept at its head, written as it comes, and at its tail, written at the end."""

    def __init__(self, path: Path, head: int, tail: int) -> None:
        self.fd = opened(path, os.O_WRONLY | os.O_TRUNC)
        self.room, self.most, self.tail, self.lost = head, tail, bytearray(), 0

    def add(self, data: bytes) -> None:
        """More of it; without room on the disk it is lost."""
        put(self.fd, data[: self.room])
        rest = data[self.room :]
        self.room -= len(data) - len(rest)
        self.tail += rest
        if len(self.tail) > 2 * self.most:
            self.lost += len(self.tail) - self.most
            del self.tail[: -self.most]

    def close(self) -> None:
        """Write its end."""
        if len(self.tail) > self.most:
            self.lost += len(self.tail) - self.most
            del self.tail[: -self.most]
        if self.lost:
            put(self.fd, b"\n[... %d bytes are left out ...]\n" % self.lost)
        put(self.fd, bytes(self.tail))
        os.close(self.fd)


def main(job: Path) -> int:
    """Run the job once."""
    umask = os.umask(0o077)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    spec = json.loads(job.with_name(f"{job.name}.json").read_bytes())
    if not begin(job):
        return TAKEN
    sinks = {"out": Sink(job.with_name(f"{job.name}.out"), *spec["keep"])}
    if not spec["merge"]:
        sinks["err"] = Sink(job.with_name(f"{job.name}.err"), *spec["keep"])
    started = time.monotonic()
    try:
        process = start(job, spec, umask)
    except (OSError, ValueError) as error:
        words = f"cannot run {spec['argv'][0]}: {getattr(error, 'strerror', None) or error}"
        for sink in sinks.values():
            sink.close()
        finish(job, status=127, words=words, seconds=0.0)
        return 0
    write(job, "child", {"pid": process.pid, "started": started_of(process.pid), "at": time.time_ns()})
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    late = follow(process, sinks, woken, started + spec["seconds"] if spec["seconds"] else None)
    for sink in sinks.values():
        sink.close()
    code = process.returncode
    finish(
        job, status=code if code >= 0 else None, signal=-code if code < 0 else None, timed_out=late,
        seconds=round(time.monotonic() - started, 3),
    )  # fmt: skip
    return 0


def begin(job: Path) -> bool:
    """Take the job, or see that it is taken."""
    fresh = job.with_name(f".{job.name}.{os.getpid()}")
    fd = opened(fresh, os.O_RDWR | os.O_TRUNC)
    fcntl.flock(fd, fcntl.LOCK_EX)
    save(fd, json.dumps({"pid": os.getpid(), "started": started_of(os.getpid()), "at": time.time_ns()}).encode())
    try:
        # Unlike a rename this fails where there is one; the descriptor stays open, and with it the lock.
        os.link(fresh, job.with_name(f"{job.name}.begun"))
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
    return True


def start(job: Path, spec: dict[str, Any], umask: int) -> subprocess.Popen[bytes]:
    """The job's process, leader of a group and session of its own."""
    given = job.with_name(f"{job.name}.in")
    with given.open("rb") if given.exists() else open(os.devnull, "rb") as stdin:  # noqa: PTH123
        environ = {**os.environ, **spec["environ"], "ORC_JOB": spec["mark"], "PWD": spec["cwd"]}
        return subprocess.Popen(
            spec["argv"], cwd=spec["cwd"], env=environ, stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if spec["merge"] else subprocess.PIPE, start_new_session=True, bufsize=0,
            preexec_fn=lambda: prepare(umask),
        )  # fmt: skip


def prepare(umask: int) -> None:
    """In the child: ordinary signals, and where the kernel can do so, an end together with this process."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.umask(umask)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def follow(process: subprocess.Popen[bytes], sinks: dict[str, Sink], woken: int, end: float | None) -> bool:
    """Keep its output until it has ended, with all of its group; whether that was because its time was over."""
    late, kill_at, over = False, 0.0, 0.0
    with selectors.DefaultSelector() as selector:
        selector.register(woken, selectors.EVENT_READ)
        for stream, name in ((process.stdout, "out"), (process.stderr, "err")):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, sinks[name])
        while True:
            busy = False
            for key, _ in selector.select(0 if over else STEP):
                with contextlib.suppress(BlockingIOError):
                    data = os.read(key.fd, 1 << 16)
                    if key.fd == woken:
                        continue
                    busy = True
                    if data:
                        key.data.add(data)
                    else:
                        selector.unregister(key.fileobj)
            now = time.monotonic()
            if not over and ended(process):
                over = now
            if over and (not busy or now > over + LINGER):
                process.wait()
                return late
            if end is not None and now > end and not over:
                group(process, signal.SIGKILL if late and now > kill_at else signal.SIGTERM)
                kill_at, late = kill_at if late else now + GRACE, True


def ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has; then the rest of its group is killed, while its number is still its own."""
    if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        return False
    group(process, signal.SIGKILL)
    return True


def group(process: subprocess.Popen[bytes], number: int) -> None:
    """A signal to the job's group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def finish(job: Path, **told: Any) -> None:
    """Say how it ended."""
    write(job, "exit", {"status": None, "signal": None, "timed_out": False, "words": "", "at": time.time_ns(), **told})


def write(job: Path, name: str, value: dict[str, Any]) -> None:
    """A small file, whole or not at all."""
    fresh = job.with_name(f".{job.name}.{name}")
    fd = opened(fresh, os.O_WRONLY | os.O_TRUNC)
    save(fd, json.dumps(value).encode())
    os.close(fd)
    fresh.replace(job.with_name(f"{job.name}.{name}"))


def opened(path: Path, flags: int) -> int:
    """A file of ours, made where it is missing; waits for room on the disk."""
    while True:
        try:
            return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        time.sleep(NO_ROOM)


def save(fd: int, data: bytes) -> None:
    """All of it, kept; waits for room: how a job began and ended is not to be lost for want of it."""
    while True:
        with contextlib.suppress(OSError):
            if os.pwrite(fd, data, 0) == len(data):
                os.fsync(fd)
                return
        time.sleep(NO_ROOM)


def put(fd: int, data: bytes) -> None:
    """Write all of it, as far as there is room on the disk."""
    view = memoryview(data)
    with contextlib.suppress(OSError):
        while view:
            view = view[os.write(fd, view) :]


def started_of(pid: int) -> int | None:
    """The kernel's start time in clock ticks; None where that cannot be told."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    return None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
