"""The parent of one client, which outlives host and dashboard: `python -I -S -X utf8 shim.py RUNDIR [attach]`.

Standard library alone. The client holds its FIFOs open both ways itself: without a host, and even without this
parent, it meets neither an end of its input nor a broken pipe. What is said to it lies in `mail/` as whole messages: a
host that dies leaves no half of one. Its output goes to `out.0`, `out.1`, ...: each keeps its name, and the next is
made only when it is complete. With `attach` a new parent takes the place of one that was killed.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import selectors
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

SEGMENT = 64 << 20
"""Bytes of output in one file."""
KEPT = 8
"""Files of output that are kept: the first, with the handshake, and the latest."""
ERR_SIZE = 4 << 20
CHUNK, TURNS, ALL = 1 << 16, 16, 1 << 10
"""Bytes read at once; chunks read from one pipe before the others get their turn; and when nobody waits."""
NO_ROOM = LOOK = 1.0
"""Seconds until a write is tried again for which there was no room, and between two looks at an adopted client."""
RESET = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD, signal.SIGALRM,
    signal.SIGUSR1, signal.SIGUSR2, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT, signal.SIGXFSZ,
)  # fmt: skip
"""Signals that a client must not inherit ignored."""


class Shim:
    """One run."""

    def __init__(self, run: Path, umask: int) -> None:
        self.run, self.umask, self.mail = run, umask, run / "mail"
        self.child = 0
        self.child_started: int | None = None
        self.ended = self.alone = self.attached = False
        self.message, self.going = memoryview(b""), self.mail / "going"
        self.selector = selectors.DefaultSelector()
        self.wake, woken = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(woken, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: None)
        self.bell, self.stdin = self.fifo("bell"), self.fifo("in")
        self.stdout, self.stderr = self.fifo("pipe.out"), self.fifo("pipe.err")
        self.segment_size, self.segment = SEGMENT, max((int(path.name[4:]) for path in run.glob("out.*")), default=0)
        self.out, self.err = self.append(f"out.{self.segment}"), self.append("err")
        self.size = os.fstat(self.out).st_size

    def fifo(self, name: str) -> int:
        """Open both ways: it never reports an end, and needs nobody at the other one."""
        with suppress(FileExistsError):
            os.mkfifo(self.run / name, 0o600)
        return os.open(self.run / name, os.O_RDWR | os.O_NONBLOCK)

    def append(self, name: str) -> int:
        """A file of ours, open at its end."""
        return opened(self.run / name, os.O_WRONLY | os.O_APPEND)

    def add(self, name: str, data: bytes) -> None:
        """To the end of a file of ours."""
        fd = self.append(name)
        put(fd, data)
        os.close(fd)

    def write(self, name: str, value: dict[str, Any]) -> None:
        """A small file, whole or not at all."""
        fresh = self.run / f".{name}"
        fresh.unlink(missing_ok=True)
        self.add(fresh.name, json.dumps(value).encode())
        fresh.replace(self.run / name)

    # --- beginning ----------------------------------------------------------------------------------------

    def start(self) -> bool:
        """Start the client; when that fails the reason is in exit.json."""
        spec = json.loads((self.run / "spec.json").read_bytes())
        # The environment may hold secrets.
        (self.run / "spec.json").unlink()
        self.segment_size = spec.get("segment", SEGMENT)
        where = spec["cwd"]
        try:
            os.chdir(where)
            where = spec["argv"][0]
            os.umask(self.umask)
            self.child = spawn(self.run, spec["argv"], spec["environ"])
        except (OSError, ValueError) as error:
            self.finish(127, None, f"cannot start {where}: {getattr(error, 'strerror', None) or error}")
        finally:
            os.umask(0o077)
            os.chdir("/")
        return self.begun()

    def attach(self) -> bool:
        """Take over a client whose shim was killed."""
        known = json.loads((self.run / "shim.json").read_bytes())
        self.child, self.child_started, self.attached = known["child"], known["child_started"], True
        for half in self.mail.glob("going.*"):
            # Half of it may be in the pipe: what follows must not be read as its rest.
            self.message, self.going = memoryview(b"\n"), half
        return self.begun()

    def begun(self) -> bool:
        """Say who runs; whether something does."""
        self.look()
        if self.ended:
            return False
        me, boot = os.getpid(), Path("/proc/sys/kernel/random/boot_id")
        self.child_started = self.child_started or started_of(self.child)
        told = {
            "pid": me, "started": started_of(me), "child": self.child, "child_started": self.child_started,
            "boot": boot.read_text().strip() if boot.exists() else "", "at": time.time_ns(),
        }  # fmt: skip
        self.write("shim.json", told)
        return True

    # --- running ------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Until the client and everything that it left behind has ended."""
        for fd in (self.wake, self.bell, self.stdout, self.stderr):
            self.selector.register(fd, selectors.EVENT_READ)
        self.reap()
        while not (self.ended and self.alone):
            self.feed()
            for key, _ in self.selector.select(LOOK if self.attached and not self.ended else None):
                if key.fd in (self.stdout, self.stderr):
                    self.drain(key.fd, TURNS)
                elif key.fd == self.bell:
                    slurp(self.bell)
                elif key.fd == self.wake and signal.SIGTERM in slurp(self.wake) and self.has_client():
                    os.kill(self.child, signal.SIGTERM)
            self.reap()
        self.drain(self.stdout, ALL)

    def has_client(self) -> bool:
        """Whether the very process that was started still runs; our own child cannot be another's pid."""
        if self.ended or not self.child or (self.attached and started_of(self.child) != self.child_started):
            return False
        with suppress(ProcessLookupError):
            os.kill(self.child, 0)
            return True
        return False

    def reap(self) -> None:
        """Take the ends of our children, orphans of the tree among them."""
        pid, self.alone = -1, True
        with suppress(ChildProcessError):
            while pid:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == self.child and not self.attached:
                    code = os.waitstatus_to_exitcode(status)
                    self.finish(code if code >= 0 else None, -code if code < 0 else None, "", usage)
            self.alone = False
        self.look()

    def look(self) -> None:
        """The end of a client that is no child of ours is seen only by looking."""
        if self.attached and not self.ended and not self.has_client():
            self.finish(None, None, "its end was not seen")

    def finish(self, status: int | None, number: int | None, words: str, usage: Any = None) -> None:
        """Say how the client ended, after all that it said."""
        self.drain(self.stdout, ALL)
        self.drain(self.stderr, ALL)
        self.ended = True
        used = {"user": usage.ru_utime, "system": usage.ru_stime, "max_rss": usage.ru_maxrss} if usage else {}
        told = {"status": status, "signal": number, "words": words, "at": time.time_ns(), "rusage": used}
        self.write("exit.json", told)

    # --- its input ----------------------------------------------------------------------------------------

    def feed(self) -> None:
        """Write messages as far as the pipe takes them, each whole before the next."""
        full = False
        while not self.ended and not full and (self.message or self.begin()):
            try:
                self.message = self.message[os.write(self.stdin, self.message[:CHUNK]) :]
            except BlockingIOError:
                full = True
            if not self.message:
                self.going.unlink(missing_ok=True)
        watched = self.stdin in self.selector.get_map()
        if full and not watched:
            self.selector.register(self.stdin, selectors.EVENT_WRITE)
        elif watched and not full:
            self.selector.unregister(self.stdin)

    def begin(self) -> bool:
        """Take the next message; from then on it cannot be withdrawn, and is never taken again."""
        for name in sorted(name for name in os.listdir(self.mail) if name[0].isdecimal()):
            self.going = self.mail / f"going.{name}"
            with suppress(FileNotFoundError):
                (self.mail / name).rename(self.going)
                self.add("sent", name.partition(".")[2].encode() + b"\n")
                self.message = memoryview(self.going.read_bytes())
                return True
        return False

    # --- its output ---------------------------------------------------------------------------------------

    def drain(self, fd: int, turns: int) -> None:
        """Keep what is in a pipe."""
        while turns and (data := slurp(fd)):
            turns -= 1
            if fd == self.stdout:
                self.save(data)
            else:
                put(self.err, data)
                if os.fstat(self.err).st_size > ERR_SIZE:
                    os.ftruncate(self.err, 0)

    def save(self, data: bytes) -> None:
        """To the file that is being filled, and to the next one when that is full."""
        put(self.out, data)
        self.size += len(data)
        if self.size >= self.segment_size:
            os.close(self.out)
            self.segment, self.size = self.segment + 1, 0
            self.out = self.append(f"out.{self.segment}")
            if self.segment >= KEPT:
                (self.run / f"out.{self.segment - KEPT + 1}").unlink(missing_ok=True)


def spawn(run: Path, argv: list[str], environ: dict[str, str]) -> int:
    """The client in a session of its own: it has no terminal, and hears no hang-up when its parent dies."""
    names = ("in", "pipe.out", "pipe.err")
    files = [(os.POSIX_SPAWN_OPEN, fd, str(run / name), os.O_RDWR, 0) for fd, name in enumerate(names)]
    how: dict[str, Any] = {"file_actions": files, "setsigmask": [], "setsigdef": RESET}
    try:
        return os.posix_spawn(argv[0], argv, environ, setsid=True, **how)
    except NotImplementedError:
        return os.posix_spawn(argv[0], argv, environ, setpgroup=0, **how)


def opened(path: Path, flags: int) -> int:
    """A file of ours; without room on the disk it waits: an end of ours would leave the client alone."""
    while True:
        try:
            return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        time.sleep(NO_ROOM)


def put(fd: int, data: bytes) -> None:
    """Write all of it; without room on the disk it waits, and so does the client."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except OSError:
            time.sleep(NO_ROOM)


def slurp(fd: int) -> bytes:
    """What is there to be read, at most 64 KiB."""
    with suppress(BlockingIOError):
        return os.read(fd, CHUNK)
    return b""


def started_of(pid: int) -> int | None:
    """The kernel's start time in clock ticks; None when it has ended, and where that cannot be told."""
    with suppress(OSError, IndexError, ValueError):
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[19]) if fields[0] not in b"ZX" else None
    return None


def take_lock(run: Path) -> bool:
    """Held for life."""
    fd = os.open(run / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    for _ in range(50):
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.02)  # somebody who only looks lets go at once
    return False


def main(run: Path, attach: bool) -> int:
    """Be the parent of the run's client until nothing of it is left."""
    umask = os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not take_lock(run):
        return 1
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans of the tree come to us
    shim = Shim(run, umask)
    if shim.attach() if attach else shim.start():
        shim.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:] == ["attach"]))
