"""Which process has which thread open (Codex CLI 0.169.0): the `flock`s on `thread-writer-locks/<thread>.lock`.

Codex keeps no registry, but whoever writes a thread holds its lock, and Linux tells in /proc/locks who holds what.
The file itself says nothing: it is left behind by SIGKILL. Elsewhere than on Linux there are no claims.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from orchestrator_tui.clients.base import Claim, Listing, decode_object, session_id, text_of

SHARED = frozenset({b"app-server", b"mcp-server"})
"""Commands that run the threads of many clients: ending one would end them all, so it is no session's process."""
COMMANDS = SHARED | {b"exec", b"e", b"review", b"resume", b"fork", b"queue"}
META = 65_536
"""Bytes read of a rollout for its first line; what is asked for stands before the long instructions in it."""
_LOCK = re.compile(rb"\d+: FLOCK +ADVISORY +WRITE (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) ", re.IGNORECASE)
_THREAD = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.lock")
_CHILD = re.compile(rb'"parent_thread_id":"[0-9a-f-]{36}"')


class Locks:
    """The locks of one user's threads; remembers what it has proved of a process."""

    def __init__(self, proc: str = "/proc") -> None:
        self.proc = proc
        self._proved: dict[tuple[int, int, int, int], bool] = {}
        """(pid, start, device, inode) -> whether that process has that file open and is a session's."""
        self._children: dict[str, bool] = {}

    def claims(self, directory: Path, listing: Listing, now: int, rollout: Callable[[str], str | None]) -> list[Claim]:
        """Who holds which thread now; `rollout` finds a thread's file."""
        holders = self._holders()
        if not holders:
            return []
        held: dict[tuple[int, int], list[str]] = {}
        for entry in listing.walk(directory, 0, now):
            thread = _THREAD.fullmatch(entry.name)
            try:
                status = os.stat(entry.path, follow_symlinks=False)
            except OSError:
                continue
            if thread is None or not stat.S_ISREG(status.st_mode):
                continue
            for pid in holders.get(status.st_ino, ()):
                started = _started(f"{self.proc}/{pid}/stat")
                if started is not None and self._proves(pid, started, status):
                    held.setdefault((pid, started), []).append(thread[1])
        alive = {pid for pids in holders.values() for pid in pids}
        self._proved = {mark: proof for mark, proof in self._proved.items() if mark[0] in alive}
        claims = []
        for (pid, started), threads in held.items():
            # A process with several threads runs its sub-agents: the process is the root's.
            own = threads if len(threads) == 1 else [t for t in threads if not self._is_child(t, rollout)]
            claims += [Claim(session_id("codex", thread), pid, started, now) for thread in own]
        return claims

    def _holders(self) -> dict[int, list[int]]:
        """Inode -> pids of every exclusive `flock`; waiters are not holders."""
        try:
            table = Path(self.proc, "locks").read_bytes()
        except OSError:
            return {}
        holders: dict[int, list[int]] = {}
        for line in table.splitlines():
            lock = _LOCK.match(line)
            if lock is not None and int(lock[1]) > 0:
                holders.setdefault(int(lock[2]), []).append(int(lock[1]))
        return holders

    def _proves(self, pid: int, started: int, status: os.stat_result) -> bool:
        mark = (pid, started, status.st_dev, status.st_ino)
        if mark not in self._proved:
            self._proved[mark] = self._has_open(pid, status) and not self._is_shared(pid)
        return self._proved[mark]

    def _has_open(self, pid: int, status: os.stat_result) -> bool:
        """An inode number is unique in its file system only, and /proc/locks names devices as not all of them do."""
        try:
            names = os.listdir(f"{self.proc}/{pid}/fd")
        except OSError:
            return False
        for name in names:
            try:
                other = os.stat(f"{self.proc}/{pid}/fd/{name}")
            except OSError:
                continue
            if (other.st_dev, other.st_ino) == (status.st_dev, status.st_ino):
                return True
        return False

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


def _started(path: str) -> int | None:
    """Field 22 of /proc/PID/stat, clock ticks since boot; the name before it may hold spaces and parentheses."""
    try:
        fields = Path(path).read_bytes().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X", b"x") else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None
