"""Which process a session runs in, and what was seen of it: events on change, not samples (docs/architecture.md).

A claim of a client's registry counts only when the process it names began when the entry says and the entry was
written in this boot. A process is gone when two looks, two seconds apart, did not find it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct, field

from orchestrator_tui.clients.base import Claim
from orchestrator_tui.clients.programs import NAMES, program_of
from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import (
    Activity,
    Child,
    ClientStatus,
    KnownBody,
    ProcessGone,
    ProcessObserved,
    SessionUpdated,
)
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.matching import Running
from orchestrator_tui.host.procfs import ProcessStat, ProcessTable, same_start

SECOND_LOOK = int(1.8 * SECOND)
"""Between the two looks that make a process gone."""
QUIET = 10 * SECOND
"""At most one observation per session in this time, but for stops and ends."""
RESCAN = 30 * SECOND
"""All parents are read anew this often: a pid may have been used again between two looks."""
MAX_COMMAND = 240
BUSY_PERCENT = 5.0
IDLE_PERCENT = 2.0
BUSY_BYTES = 64 * 1024

Seen = tuple[str, KnownBody]
"""(session, what was seen)."""


class Watched(Struct):
    """A session's process that is looked at."""

    session: str
    pid: int
    started: int
    missing_since: int | None = None
    sampled_at: int = 0
    cpu: dict[int, float] = field(default_factory=dict)
    """pid -> CPU seconds at the last sample, over the whole tree."""
    io: dict[int, int] = field(default_factory=dict)
    told: ProcessObserved | None = None
    told_at: int = 0
    claim: Claim | None = None
    """The client's word, as it was last borne out."""


class Processes:
    """All known processes of all sessions."""

    def __init__(self, table: ProcessTable, may_tell: Callable[[str], bool]) -> None:
        """`may_tell` says whether a session's history is stored up to now: before that, nothing is told of it."""
        self.table = table
        self.boot_at = table.boot_at()
        self.watched: dict[str, Watched] = {}
        self._may_tell = may_tell
        self._parents: dict[int, int] = {}
        self._below: dict[int, set[int]] = {}
        """The same the other way round: process -> its children."""
        self._began: dict[int, int] = {}
        """Process -> when it began, as it was read last."""
        self._mark: tuple[str, ...] = ()
        """The table's, before it was last listed."""
        self._scanned_at = 0
        self._commands: dict[tuple[int, int], tuple[str, bool]] = {}
        """(pid, start) -> command line, and whether it was read twice: a new process runs another program soon."""
        self.programs: dict[int, Running] = {}
        """Programs of clients that keep no register of their processes."""
        self._new: set[int] = set()
        """Processes that were not there at the look before: they may run another program by now."""

    @property
    def missing(self) -> bool:
        """Whether some process was not there at the last look: the next one decides."""
        return any(watched.missing_since is not None for watched in self.watched.values())

    @property
    def stopped(self) -> bool:
        """Whether some process is stopped: whoever stopped it may want it to go on."""
        return any(watched.told is not None and watched.told.stopped for watched in self.watched.values())

    # --- the table ----------------------------------------------------------------------------------------

    def look(self, now: int) -> None:
        """Note which processes came and went: one small file when none did, else a listing and a read per new one."""
        mark = self.table.mark()
        scan = now - self._scanned_at > RESCAN
        if mark and mark == self._mark and not scan and self._new.isdisjoint(self._parents):
            return
        self._mark = mark
        pids, began = self.table.pids(), self._began
        if scan:
            self._parents, self._below, self._began, self._scanned_at = {}, {}, {}, now
            self._commands.clear()
            self.programs.clear()
        gone = self._parents.keys() - pids
        new = pids - self._parents.keys()
        # An orphan has a new parent.
        orphans = {below for pid in gone for below in self._below.get(pid, ())} - gone
        for pid in gone:
            self._below.get(self._parents.pop(pid), set()).discard(pid)
            self._below.pop(pid, None)
            self._began.pop(pid, None)
            self.programs.pop(pid, None)
        for pid in new | (self._new & pids) | orphans:
            stat = self.table.stat(pid)
            if stat is not None:
                self._put_below(pid, stat.ppid)
                # Not at first sight: until it runs its own program a child looks like its parent.
                if began.get(pid) == stat.started:
                    self._recognise(stat)
                    new.discard(pid)
                else:
                    new.add(pid)
                self._began[pid] = stat.started
        self._new = new

    def _put_below(self, pid: int, parent: int) -> None:
        before = self._parents.get(pid)
        if before is not None and before in self._below:
            self._below[before].discard(pid)
        self._parents[pid] = parent
        self._below.setdefault(parent, set()).add(pid)

    def _recognise(self, stat: ProcessStat) -> None:
        """Note a client's program; only of few names the command line is read."""
        program = program_of(self.table.argv(stat.pid)) if stat.name in NAMES else None
        if program is None:
            self.programs.pop(stat.pid, None)
            return
        cwd = self.table.cwd(stat.pid)
        self.programs[stat.pid] = Running(stat.pid, stat.ppid, stat.started, stat.began_at, program, cwd)

    # --- claims -------------------------------------------------------------------------------------------

    def claims(self, claims: Iterable[Claim], known: dict[str, Session], now: int) -> list[Seen]:
        """What the registries say, as far as the process table bears it out."""
        seen: list[Seen] = []
        for claim in claims:
            if not self._may_tell(claim.session):
                continue
            session = known.get(claim.session)
            watched = self.watched.get(claim.session)
            if watched is not None and watched.claim == claim:
                # Borne out already; whether the process still runs is for `sample` to see.
                seen += _news(claim, watched.started, session)
                continue
            stat = self.table.stat(claim.pid)
            if claim.written_at < self.boot_at - SECOND or stat is None or not self._is_claimed(stat, claim):
                seen += self._left_behind(claim, session)
                continue
            seen += _news(claim, stat.started, session)
            if watched is None or (watched.pid, watched.started) != (claim.pid, stat.started):
                watched = Watched(claim.session, claim.pid, stat.started, claim=claim)
                self.watched[claim.session] = watched
                seen += self._first_sight(watched, stat, session, now)
            watched.claim = claim
        return seen

    def _first_sight(self, watched: Watched, stat: ProcessStat, session: Session | None, now: int) -> list[Seen]:
        """A process is told of at once; not again by a new host that sees it as the last one did."""
        observed = self._observe(watched, stat, now)
        watched.told, watched.told_at = observed, now
        process = session.process if session is not None else None
        if process is not None and process.gone_at is None and _shape(process.seen) == _shape(observed):
            return []
        return [(watched.session, observed)]

    def _is_claimed(self, stat: ProcessStat, claim: Claim) -> bool:
        if claim.started is not None:
            return same_start(stat, claim.started)
        # An entry that does not say when its process began cannot be older than that process.
        return self.boot_at < stat.began_at <= claim.written_at + SECOND

    def _left_behind(self, claim: Claim, session: Session | None) -> list[Seen]:
        """An entry without its process: the client was killed. Told once, and only of sessions that are known."""
        if session is None or claim.session in self.watched:
            return []
        process = session.process
        if process is not None and (process.gone_at is not None or process.seen.pid != claim.pid):
            return []
        reason = "its registry entry was left behind"
        return [(claim.session, ProcessGone(pid=claim.pid, started=claim.started, reason=reason))]

    def inherit(self, known: dict[str, Session], now: int) -> list[Seen]:
        """What the last host left as running and nothing claims now: looked at until it is gone as any other."""
        seen: list[Seen] = []
        for name, session in known.items():
            process = session.process
            if process is None or process.gone_at is not None or name in self.watched:
                continue
            pid, started = process.seen.pid, process.seen.started
            if started is None:
                continue
            if process.at < self.boot_at - SECOND:
                gone = ProcessGone(pid=pid, started=started, reason="the machine was started anew")
                seen.append((name, gone))
                continue
            self.watched[name] = Watched(name, pid, started, told=process.seen, told_at=now)
        return seen

    # --- samples ------------------------------------------------------------------------------------------

    def sample(self, now: int) -> list[Seen]:
        """Look at every known process tree; what changed, in the words of the vocabulary."""
        seen: list[Seen] = []
        for watched in list(self.watched.values()):
            stat = self.table.stat(watched.pid)
            if stat is None or stat.started != watched.started:
                seen += self._missing(watched, now)
                continue
            watched.missing_since = None
            observed = self._observe(watched, stat, now)
            if self._worth_telling(watched, observed, now) and self._may_tell(watched.session):
                watched.told, watched.told_at = observed, now
                seen.append((watched.session, observed))
        return seen

    def _missing(self, watched: Watched, now: int) -> list[Seen]:
        if watched.missing_since is None:
            watched.missing_since = now
            return []
        if now - watched.missing_since < SECOND_LOOK or not self._may_tell(watched.session):
            return []
        del self.watched[watched.session]
        return [(watched.session, ProcessGone(pid=watched.pid, started=watched.started))]

    def _observe(self, watched: Watched, stat: ProcessStat, now: int) -> ProcessObserved:
        children = self._below
        elapsed = (now - watched.sampled_at) / SECOND if watched.sampled_at else 0.0
        cpu, io = {stat.pid: stat.cpu_seconds}, {}
        tools: list[Child] = []
        busy_bytes, reading = 0, False
        for pid in sorted(children.get(stat.pid, ())):
            tree = [s for s in (self.table.stat(p) for p in _tree(pid, children)) if s is not None]
            if not tree:
                continue
            used, moved = 0.0, 0
            waits = False
            for process in tree:
                cpu[process.pid] = process.cpu_seconds
                used += process.cpu_seconds - watched.cpu.get(process.pid, process.cpu_seconds if elapsed else 0.0)
                total = self.table.io_bytes(process.pid)
                if total is not None:
                    io[process.pid] = total
                    moved += total - watched.io.get(process.pid, total)
                waits = waits or self.table.reads_terminal(process)
            percent = round(100 * used / elapsed, 1) if elapsed else None
            busy_bytes, reading = busy_bytes + moved, reading or waits
            tools.append(Child(self._command(tree[0]), percent, tree[0].state, moved if elapsed else None, waits))
        used = sum(cpu.values()) - sum(watched.cpu.get(pid, value) for pid, value in cpu.items())
        percent = round(100 * used / elapsed, 1) if elapsed else None
        watched.cpu, watched.io, watched.sampled_at = cpu, io, now
        return ProcessObserved(
            pid=stat.pid,
            started=stat.started,
            stopped=stat.stopped,
            ppid=stat.ppid,
            tty=self.table.tty_name(stat),
            activity=_activity(percent, busy_bytes),
            cpu_percent=percent,
            children=tools,
            terminal_read=reading,
            proof=watched.claim.proof if watched.claim is not None else "",
        )

    def _command(self, stat: ProcessStat) -> str:
        process = (stat.pid, stat.started)
        known = self._commands.get(process)
        if known is None or not known[1]:
            known = self._commands[process] = (self.table.command(stat.pid)[:MAX_COMMAND], known is not None)
        return known[0]

    def _worth_telling(self, watched: Watched, new: ProcessObserved, now: int) -> bool:
        old = watched.told
        if old is None or old.stopped != new.stopped:
            return True
        if now - watched.told_at < QUIET:
            return False
        return _shape(old) != _shape(new)


def _news(claim: Claim, started: int, session: Session | None) -> list[Seen]:
    """What a claim says beyond what the fold knows already."""
    seen: list[Seen] = []
    facts: dict[str, Any] = {
        "client": claim.session.partition(":")[0],
        "cwd": claim.cwd,
        "title": claim.title,
        "interactive": claim.interactive,
        "client_version": claim.client_version,
    }
    if session is None or session.project is None:
        facts["project"] = (claim.cwd or "").rstrip("/").rpartition("/")[2] or None
    facts = {k: v for k, v in facts.items() if v is not None and (session is None or getattr(session, k) != v)}
    if "cwd" in facts and session is not None and session.cwd is not None:
        # The registry has the directory that the client began in; the transcript knows where it is now.
        del facts["cwd"]
    if facts:
        if "title" in facts:
            facts["title_rank"] = 2
        seen.append((claim.session, SessionUpdated(**facts)))
    report = session.report if session is not None else None
    if report is None or (report.status, report.waiting_for) != (claim.status, claim.waiting_for):
        word = ClientStatus(status=claim.status, waiting_for=claim.waiting_for, pid=claim.pid, started=started)
        seen.append((claim.session, word))
    return seen


def _tree(root: int, children: dict[int, set[int]]) -> list[int]:
    """A process and everything below it; each once, also where stale parents form a ring."""
    seen, queue = {root: None}, [root]
    while queue:
        for pid in children.get(queue.pop(), ()):
            if pid not in seen:
                seen[pid] = None
                queue.append(pid)
    return list(seen)


def _activity(percent: float | None, io_bytes: int) -> Activity | None:
    if percent is None:
        return None
    if percent > BUSY_PERCENT or io_bytes > BUSY_BYTES:
        return "busy"
    return "low" if percent >= IDLE_PERCENT else "idle"


def _shape(seen: ProcessObserved) -> tuple[object, ...]:
    """What makes an observation news."""
    return (
        seen.pid, seen.started, seen.stopped, seen.ppid, seen.tty, seen.activity, seen.terminal_read,
        tuple(child.command for child in seen.children),
    )  # fmt: skip
