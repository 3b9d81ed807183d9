"""Which process writes a log of our own: its first line names it, and the process table bears it out.

The word of a log is worth something only here: the directory is private to the user, and only orc's programs write
there. Still the very process must run (its start, in this boot), and be one of these programs.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from orchestrator_tui.clients.base import Claim
from orchestrator_tui.clients.listing import Found
from orchestrator_tui.clients.loop.parser import native_id
from orchestrator_tui.clients.values import decode_object, pid_of, short, text_of, whole

PROOF = "its own log names it"
HEAD = 65_536
"""Bytes in which the first line must end."""
PROGRAMS = ("orchestrator_tui.loops.agent", "orchestrator_tui.loops.runner")


class _Head(Struct):
    """What the first line of a log says of its process."""

    mark: tuple[int, int]
    """(device, inode)."""
    claim: Claim | None
    boot: str = ""


class Headers:
    """First lines, each read once: it never changes, and a process that has ended does not come back."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._heads: dict[str, _Head] = {}

    def claims(self, logs: Iterable[Found]) -> list[Claim]:
        """The processes that still run."""
        found: list[Claim] = []
        boot, seen = self._boot(), set()
        for entry in logs:
            seen.add(entry.path)
            head = self._head(entry.path)
            if head is None or head.claim is None:
                continue
            if head.boot != boot or not boot or not self._runs(head.claim):
                head.claim = None
                continue
            found.append(head.claim)
        for path in self._heads.keys() - seen:
            del self._heads[path]
        return found

    def _head(self, path: str) -> _Head | None:
        try:
            status = os.stat(path, follow_symlinks=False)
            mark = (status.st_dev, status.st_ino)
            known = self._heads.get(path)
            if known is not None and known.mark == mark:
                return known
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                status = os.fstat(fd)
                mine = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
                data = os.read(fd, HEAD) if mine else b"\n"
            finally:
                os.close(fd)
        except OSError:
            self._heads.pop(path, None)
            return None
        first, end, _ = data.partition(b"\n")
        if not end and len(data) < HEAD:
            # It is still being written.
            return None
        value = decode_object(first) or {}
        head = self._heads[path] = _Head(mark, _claim(value, status.st_mtime_ns), text_of(value.get("boot")) or "")
        return head

    def _runs(self, claim: Claim) -> bool:
        try:
            stat_line = Path(self._proc, str(claim.pid), "stat").read_bytes()
            started = int(stat_line.rpartition(b")")[2].split()[19])
            words = Path(self._proc, str(claim.pid), "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError, IndexError):
            return False
        return started == claim.started and any(name.encode() in words for name in PROGRAMS)

    def _boot(self) -> str:
        try:
            return Path(self._proc, "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return ""


def _claim(value: dict[str, Any], written_at: int) -> Claim | None:
    native, pid, started = text_of(value.get("session")), pid_of(value.get("pid")), whole(value.get("started"))
    if value.get("kind") != "session" or not native or pid is None or started is None or started < 0:
        return None
    cwd, title = short(value.get("cwd"), 4096), short(value.get("title"))
    return Claim(native_id(native), pid, started, written_at, cwd=cwd, title=title, interactive=False, proof=PROOF)
