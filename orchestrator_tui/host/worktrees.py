"""When git is asked what sessions changed in their checkouts.

A checkout is looked at when a session in it has edited something, run a command or ended a turn; at most every 10 s,
one checkout at a time, and never so often that git takes more than a hundredth of the time for one or a fifth for all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TypeVar

from orchestrator_tui.clock import MINUTE, SECOND
from orchestrator_tui.events import (
    AssistantMessage,
    Event,
    FileChanged,
    ProcessObserved,
    SessionUpdated,
    ToolResult,
    TurnEnded,
    UserMessage,
    WorktreeSeen,
)
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.changes import Look, Wanted, look
from orchestrator_tui.host.git import Git

EVERY = 10 * SECOND
"""Between two looks at one checkout, at least."""
ELSEWHERE = MINUTE
"""The same for a directory that is in none."""
SHARE, TOTAL = 100, 5
"""How many times as long as a look took the next one waits: at the same checkout, at any."""
LONGEST = 10 * MINUTE
RECENT = 10 * MINUTE
"""A session without a process is looked after for this long after its last line."""
MAX_KEPT = 2000
NEWS = (FileChanged, ToolResult, TurnEnded, AssistantMessage, UserMessage, SessionUpdated, ProcessObserved)
T = TypeVar("T")


class Worktrees:
    """Decides when to look, and tells what is new; `step` never waits for git."""

    def __init__(self, git: Git | None, machine: str) -> None:
        """`machine` is this one's name: sessions of others are not looked after. Without git nothing is said."""
        self._git, self._machine = git, machine
        self._pending: set[str] | None = None
        """Sessions that did something; None before the first step."""
        self._task: asyncio.Task[Look] | None = None
        self._cwd = ""
        self._roots: dict[str, str] = {}
        """Directory -> the checkout that it was found in."""
        self._due: dict[str, int] = {}
        """Checkout, or directory in none -> when it may be looked at again."""
        self._free_at = 0
        self._seen: dict[str, tuple[object, ...]] = {}
        """Session -> what it had done when it was looked after last."""
        self.looks = 0
        """For tests that count work."""

    def heed(self, events: Iterable[Event]) -> None:
        """Note who did something that may change files."""
        if self._pending is not None:
            self._pending.update(e.session for e in events if e.session is not None and isinstance(e.body, NEWS))

    def step(self, sessions: Mapping[str, Session], now: int) -> list[tuple[str | None, WorktreeSeen]]:
        """What the look that has ended found new; then the next one is begun, if one is due."""
        git = self._git
        if git is None or (self._task is not None and not self._task.done()):
            return []
        if self._pending is None:
            self._pending = set(sessions)
        found = self._ended(sessions, now)
        if self._free_at - now <= 0 or self._free_at - now > LONGEST:
            self._begin(git, sessions, now)
        return found

    def _ended(self, sessions: Mapping[str, Session], now: int) -> list[tuple[str | None, WorktreeSeen]]:
        task, self._task = self._task, None
        if task is None:
            return []
        done = task.result()
        took = int(done.seconds * SECOND)
        self._free_at = now + TOTAL * took
        place = done.root or self._cwd
        _keep(self._due, place, now + min(LONGEST, max(EVERY if done.root else ELSEWHERE, SHARE * took)))
        if done.root is not None:
            _keep(self._roots, self._cwd, done.root)
        for name in done.late:
            self._seen.pop(name, None)
            if self._pending is not None:
                self._pending.add(name)
        known = ((name, sessions.get(name), seen) for name, seen in done.facts.items())
        return [(name, seen) for name, session, seen in known if session is not None and session.worktree.seen != seen]

    def _begin(self, git: Git, sessions: Mapping[str, Session], now: int) -> None:
        cwd, place = None, ""
        wanted: list[Wanted] = []
        for name in sorted(self._pending or ()):
            session = sessions.get(name)
            if session is None or session.cwd is None or not self._wants(session, now):
                self._drop(name)
                continue
            here = self._roots.get(session.cwd, session.cwd)
            due = self._due.get(here, 0)
            if (cwd is None and (due <= now or due > now + LONGEST)) or (cwd is not None and here == place):
                cwd, place = cwd or session.cwd, here
                self._drop(name)
                _keep(self._seen, name, _done(session))
                wanted.append(Wanted(name, session.started_at, session.worktree.seen))
        if cwd is not None:
            self._cwd = cwd
            self.looks += 1
            self._task = asyncio.create_task(asyncio.to_thread(look, git, cwd, wanted))

    def _drop(self, name: str) -> None:
        if self._pending is not None:
            self._pending.discard(name)

    def _wants(self, session: Session, now: int) -> bool:
        if session.relation == "subagent" or session.host not in (None, self._machine):
            return False
        lives = session.pid is not None or (session.process is None and now - session.active_at <= RECENT)
        return lives and self._seen.get(session.id) != _done(session)

    async def close(self) -> None:
        """Let go of git."""
        if self._git is not None:
            self._git.close()
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await self._task


def _done(session: Session) -> tuple[object, ...]:
    """What may have changed files, as far as a session has come."""
    worktree = session.worktree
    return (session.cwd, worktree.edited_at, worktree.shell_at, session.trace.work.ran_at, session.ended_at)


def _keep(kept: dict[str, T], name: str, value: T) -> None:
    """Note it as the latest; the oldest goes when there are too many."""
    kept.pop(name, None)
    kept[name] = value
    if len(kept) > MAX_KEPT:
        del kept[next(iter(kept))]
