"""Which process has which thread open (Codex CLI 0.169.0): the `flock`s on `thread-writer-locks/<thread>.lock`.

Codex keeps no registry, but whoever writes a thread holds its lock, and Linux tells in /proc/locks who holds what.
The file itself says nothing: it is left behind by SIGKILL. Elsewhere than on Linux there are no claims.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Set
from pathlib import Path

from msgspec import Struct

from orchestrator_tui.clients.base import Claim
from orchestrator_tui.clients.listing import Listing
from orchestrator_tui.clients.values import decode_object, session_id, text_of
from orchestrator_tui.clock import SECOND

SHARED = frozenset({b"app-server", b"mcp-server"})
"""Commands that run the threads of many clients: ending one would end them all, so it is no session's process."""
COMMANDS = SHARED | {b"exec", b"e", b"review", b"resume", b"fork", b"queue"}
FRESH = 3 * SECOND
"""A lock's file is made a moment before it is locked."""
AGAIN = 5 * SECOND
"""How often a file that was left behind is looked at: its thread may be resumed."""
META = 65_536
"""Bytes read of a rollout for its first line; what is asked for stands before the long instructions in it."""
Mark = tuple[int, int]
"""(device, inode) of a lock's file."""
_LOCK = re.compile(rb"\d+: FLOCK +ADVISORY +WRITE (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) ", re.IGNORECASE)
_THREAD = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.lock")
_CHILD = re.compile(rb'"parent_thread_id":\s*"[0-9a-f-]{36}"')


class Holder(Struct, frozen=True):
    """A process that was proved to hold a lock."""

    pid: int
    started: int
    """Clock ticks since boot."""
    fd: str
    """Under which number it has the file open: as long as it has, it holds the lock."""
    own: bool
    """Whether it is a session's own process, not a server of many."""


PROOF = "it holds the lock of the session's thread"


class Locks:
    """The locks of one user's threads; remembers who holds which.

    The kernel stops all lock traffic to write /proc/locks (milliseconds): it is read for a file that is new, and now
    and then for one that nobody holds.
    """

    def __init__(self, directory: Path, proc: str = "/proc") -> None:
        self.directory, self.proc = directory, proc
        self._held: dict[Mark, Holder] = {}
        self._seen: dict[Mark, int] = {}
        """When a lock's file was first seen."""
        self._looked_at = 0
        self._children: dict[str, bool] = {}

    def claims(self, listing: Listing, now: int, rollout: Callable[[str], str | None]) -> list[Claim]:
        """Who holds which thread now; `rollout` finds a thread's file."""
        files = dict(self._files(listing, now))
        self._held = {
            mark: holder for mark, holder in self._held.items() if mark in files and self._holds(holder, mark)
        }
        self._seen = {mark: self._seen.get(mark, now) for mark in files}
        free = files.keys() - self._held.keys()
        if any(now - self._seen[mark] < FRESH for mark in free) or (free and now - self._looked_at >= AGAIN):
            self._looked_at = now
            self._look(free)
        threads: dict[tuple[int, int], list[str]] = {}
        for mark, holder in self._held.items():
            if holder.own:
                threads.setdefault((holder.pid, holder.started), []).append(files[mark])
        claims = []
        for (pid, started), held in threads.items():
            # A process with several threads runs its sub-agents: the process is the root's.
            own = held if len(held) == 1 else [thread for thread in held if not self._is_child(thread, rollout)]
            claims += [Claim(session_id("codex", thread), pid, started, now, proof=PROOF) for thread in own]
        return claims

    def _files(self, listing: Listing, now: int) -> Iterator[tuple[Mark, str]]:
        for entry in listing.walk(self.directory, 0, now):
            thread = _THREAD.fullmatch(entry.name)
            try:
                status = os.stat(entry.path, follow_symlinks=False)
            except OSError:
                continue
            if thread is not None and stat.S_ISREG(status.st_mode):
                yield (status.st_dev, status.st_ino), thread[1]

    def _look(self, free: Set[Mark]) -> None:
        """Find the holders of these files; waiters are not holders."""
        try:
            table = Path(self.proc, "locks").read_bytes()
        except OSError:
            return
        inodes = {mark[1]: mark for mark in free}
        for line in table.splitlines():
            lock = _LOCK.match(line)
            mark = inodes.get(int(lock[2])) if lock is not None else None
            if lock is None or mark is None or int(lock[1]) <= 0:
                continue
            pid = int(lock[1])
            started, fd = self._started(pid), self._open_as(pid, mark)
            if started is not None and fd is not None:
                self._held[mark] = Holder(pid, started, fd, not self._is_shared(pid))

    def _open_as(self, pid: int, mark: Mark) -> str | None:
        """/proc/locks names some file systems otherwise than stat does, and an inode is unique only within one."""
        try:
            names = os.listdir(f"{self.proc}/{pid}/fd")
        except OSError:
            return None
        return next((name for name in names if self._is_open(pid, name, mark)), None)

    def _is_open(self, pid: int, fd: str, mark: Mark) -> bool:
        try:
            status = os.stat(f"{self.proc}/{pid}/fd/{fd}")
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == mark

    def _holds(self, holder: Holder, mark: Mark) -> bool:
        return self._is_open(holder.pid, holder.fd, mark) and self._started(holder.pid) == holder.started

    def _started(self, pid: int) -> int | None:
        """Field 22 of /proc/PID/stat; the name before it may hold spaces and parentheses."""
        try:
            fields = Path(self.proc, str(pid), "stat").read_bytes().rpartition(b")")[2].split()
            return None if fields[0] in (b"Z", b"X", b"x") else int(fields[19])
        except (OSError, ValueError, IndexError):
            return None

    def _is_shared(self, pid: int) -> bool:
        try:
            words = Path(self.proc, str(pid), "cmdline").read_bytes().split(b"\0")[1:]
        except OSError:
            return True
        # A prompt may be any word: only the first command counts.
        return next((word for word in words if word in COMMANDS), b"") in SHARED

    def _is_child(self, thread: str, rollout: Callable[[str], str | None]) -> bool:
        known = self._children.get(thread)
        path = rollout(thread) if known is None else None
        if known is None and path is not None:
            head = _head(path)
            if not head:
                return False
            known = self._children[thread] = is_child(head)
        return known is True


def is_child(head: bytes) -> bool:
    """Whether a rollout that begins so is a sub-agent's."""
    meta = decode_object(head.partition(b"\n")[0])
    if meta is None:
        return _CHILD.search(head) is not None
    payload = meta.get("payload")
    return isinstance(payload, dict) and bool(text_of(payload.get("parent_thread_id")))


def _head(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, META) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(fd)
