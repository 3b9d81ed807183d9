"""Every process that belongs to a session's client: found before the first signal, and again after each.

Descendants; what runs in the sessions (as in setsid) that they began; and processes of the same user whose
environment carries the client's variable, for a tool that was detached has another parent. Not found: what was
detached with an emptied environment before anybody looked.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from orchestrator_tui.events import ProcessRef
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.control.processes.identity import OWN_MARK, environ_bytes, ref_of, refusal, slurp
from orchestrator_tui.host.procfs import LinuxTable, ProcessTable

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host


class Root(Struct, frozen=True):
    """What a tree is found by."""

    client: ProcessRef | None
    """None where the session runs in a process that it shares with others: then only the marks count."""
    marks: frozenset[str] = frozenset()
    """`NAME=value`, one of which is in the environment of all that the client starts."""
    shim: int | None = None
    """Our own parent of the client: what lost its parent is below it."""
    others: frozenset[int] = frozenset()
    """Processes of other sessions."""
    since: int = 0
    """What began before that is nobody's tool; in the units of `ProcessRef.started`."""


class Tree(Struct):
    """What was found, at one look."""

    members: list[ProcessRef] = field(default_factory=list)
    """The client first, parents before their children."""
    left: list[tuple[ProcessRef, str]] = field(default_factory=list)
    """Processes that are not touched, and why."""
    leaders: dict[int, int] = field(default_factory=dict)
    """Sessions (as in setsid) that members began: number -> the leader's start."""


class Line(Struct, frozen=True):
    """One process of the whole table."""

    ppid: int
    started: int
    sid: int


def root_of(host: Host, session: Session) -> Root:
    """What the tree of a session is found by; its client is None where no process of its own was proved."""
    table, native = host.processes.table, session.id.partition(":")[2]
    watched = host.processes.watched.get(session.id)
    client = ref_of(table, watched.pid) if watched is not None else None
    if client is not None and watched is not None and client.started != watched.started:
        client = None
    others = {w.pid for name, w in host.processes.watched.items() if name != session.id}
    run = session.steering.run
    shim = run.shim if run is not None else None
    stat = table.stat(shim.pid) if shim is not None else None
    is_ours = stat is not None and shim is not None and stat.started == shim.started
    return Root(
        client,
        marks_of(session.client, native, client.pid if client else None, session.id, run.run if run else ""),
        shim.pid if is_ours and shim is not None else None,
        frozenset(others - ({client.pid} if client else set())),
        client.started if client else 0,
    )


def marks_of(client: str, native: str, pid: int | None, session: str = "", run: str = "") -> frozenset[str]:
    """`NAME=value` in the environment of a client's tools (Claude Code 2.1, Codex 0.169, OpenCode 1.18)."""
    marks: set[str] = set()
    if native:
        marks |= {
            "claude": {f"CLAUDE_CODE_SESSION_ID={native}"},
            "codex": {f"CODEX_THREAD_ID={native}", f"CODEX_SESSION_ID={native}"},
        }.get(client, set())
    if client == "opencode" and pid is not None:
        marks.add(f"OPENCODE_PID={pid}")
    marks |= {f"{OWN_MARK}{name}" for name in (session, run) if name}
    return frozenset(marks)


class Memory(Struct):
    """What looks shortly after each other need not read again; of no use once processes were ended."""

    lines: dict[int, Line] = field(default_factory=dict)
    refs: dict[int, ProcessRef] = field(default_factory=dict)
    unmarked: set[int] = field(default_factory=set)
    """Processes whose environment does not name the session."""


def scan(
    table: ProcessTable,
    root: Root,
    known: Sequence[ProcessRef] = (),
    leaders: Mapping[int, int] = {},
    memory: Memory | None = None,
) -> Tree:
    """The tree now. `known` and `leaders` are of an earlier look: their children count also when they are gone.

    With `memory` only processes that were not there before are read.
    """
    memory = memory if memory is not None else Memory()
    lines = memory.lines = snapshot(table, memory.lines)
    walk = _Walk(table, root, lines, memory.refs)
    client = root.client
    if client is not None and _is(lines, client.pid, client.started):
        walk.descend([client.pid])
    walk.inside = set(walk.found)
    walk.descend(ref.pid for ref in known if _is(lines, ref.pid, ref.started))
    if root.shim is not None:
        walk.descend(pid for pid, line in lines.items() if line.ppid == root.shim)
    walk.descend(_marked(table, root, memory, walk.found))
    # What a member detached without its variables is still in the session that the member began.
    terminal = client.pid if client is not None and root.shim is None and _has_terminal(table, client.pid) else None
    known_leaders = dict(leaders)
    while True:
        known_leaders |= {pid: lines[pid].started for pid in walk.found if lines[pid].sid == pid and pid != terminal}
        more = [
            pid
            for pid, line in lines.items()
            if line.sid in known_leaders and pid not in walk.seen and _is_session(lines, line.sid, known_leaders)
        ]
        if not more:
            break
        walk.descend(more)
    return Tree([ref for ref in walk.found.values() if ref is not None], walk.left, known_leaders)


def snapshot(table: ProcessTable, before: Mapping[int, Line] = {}) -> dict[int, Line]:
    """All processes that are no zombies; those of `before` as they were then."""
    lines: dict[int, Line] = {}
    if isinstance(table, LinuxTable):
        for name in os.listdir("/proc"):
            if not name.isdecimal():
                continue
            pid = int(name)
            if pid in before:
                lines[pid] = before[pid]
                continue
            data = slurp(f"/proc/{name}/stat")
            words = data[data.rfind(b")") + 2 :].split(None, 20)
            if len(words) > 20 and words[0] not in (b"Z", b"X", b"x"):
                lines[pid] = Line(int(words[1]), int(words[19]), int(words[3]))
        return lines
    for pid in table.pids():
        stat = table.stat(pid)
        if stat is not None:
            try:
                lines[pid] = Line(stat.ppid, stat.started, os.getsid(pid))
            except OSError:
                lines[pid] = Line(stat.ppid, stat.started, 0)
    return lines


class _Walk:
    """Gathers members from roots downwards, and stops at what is not touched."""

    def __init__(self, table: ProcessTable, root: Root, lines: Mapping[int, Line], refs: dict[int, ProcessRef]) -> None:
        self._table, self._root, self._lines, self._refs = table, root, lines, refs
        self._children: dict[int, list[int]] = {}
        for pid, line in lines.items():
            self._children.setdefault(line.ppid, []).append(pid)
        self.found: dict[int, ProcessRef] = {}
        self.left: list[tuple[ProcessRef, str]] = []
        self.seen: set[int] = set()
        self.inside: set[int] | None = None
        """Once set: members that are below the client itself."""

    def descend(self, roots: Iterable[int]) -> None:
        """Take these, and all below them."""
        queue = list(roots)
        for pid in queue:
            if pid in self.seen or pid not in self._lines:
                continue
            self.seen.add(pid)
            ref = self._refs.get(pid) or ref_of(self._table, pid)
            if ref is None or ref.started != self._lines[pid].started:
                continue
            if pid not in self._refs and (why := self._refusal(ref)):
                self.left.append((ref, why))
                continue
            self.found[pid] = self._refs[pid] = ref
            queue += self._children.get(pid, ())

    def _refusal(self, ref: ProcessRef) -> str:
        if ref.pid == self._root.shim:
            return f"{ref.pid} is the parent that orc gave it"
        if self.inside is not None and ref.pid in self._root.others:
            return f"{ref.pid} runs another session"
        return refusal(self._table, ref)


def _marked(table: ProcessTable, root: Root, memory: Memory, found: Collection[int]) -> list[int]:
    """Processes that carry the client's variable, and none of another session of ours."""
    marked = []
    marks = [mark.encode() for mark in root.marks]
    for pid, line in memory.lines.items() if marks else ():
        if line.started < root.since or pid in found or pid <= 2 or pid in memory.unmarked:
            continue
        above = memory.lines.get(line.ppid)
        # What is below something as young is reached through that: an orphan's new parent was there before.
        if above is not None and line.ppid > 2 and above.started >= root.since and root.client is not None:
            continue
        environ = b"\0" + environ_bytes(table, pid)
        if any(b"\0" + mark + b"\0" in environ for mark in marks):
            own = {word for word in environ.split(b"\0") if word.startswith(OWN_MARK.encode())}
            if own <= set(marks):
                marked.append(pid)
                continue
        memory.unmarked.add(pid)
    return marked


def _is(lines: Mapping[int, Line], pid: int, started: int) -> bool:
    line = lines.get(pid)
    return line is not None and abs(line.started - started) <= 1


def _is_session(lines: Mapping[int, Line], sid: int, leaders: Mapping[int, int]) -> bool:
    """Whether a session is still the one that a member began: its number may be another's by now."""
    return sid not in lines or _is(lines, sid, leaders[sid])


def _has_terminal(table: ProcessTable, pid: int) -> bool:
    stat = table.stat(pid)
    return stat is not None and bool(stat.tty)
