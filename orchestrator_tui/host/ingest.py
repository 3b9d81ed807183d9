"""Finding the clients' files and reading them into the store: what is live, four times a second.

Per file the store holds how far it was read, committed with the events from it; so a host that is killed at any
instant loses nothing and repeats nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

from orchestrator_tui.clients import ALL, BY_NAME
from orchestrator_tui.clients.base import Claim, Client, Draft, FileRef
from orchestrator_tui.clients.listing import Listing
from orchestrator_tui.clock import SECOND, Clock
from orchestrator_tui.events import Usage, without_text
from orchestrator_tui.host.follow import Follow, Held, mark, same_place
from orchestrator_tui.host.reading import MASK, Job, Step, read
from orchestrator_tui.store.batch import Batch, Checkpoint, Entry
from orchestrator_tui.store.writer import Store

HOT = 600 * SECOND
"""A file that changed within this time is looked at four times a second."""
COLD_SLICE = 500
"""Of the others, so many a second."""
AIR = 0.005
"""Seconds between two transactions of much, so that readers and live sessions get through."""
STEPS_PER_TICK = 4
"""One file that grows by much must not keep the others waiting."""
MANY = 4096
"""Names of what is over that may be remembered."""

Append = Callable[[Sequence[Batch]], Awaitable[None]]
"""Appends in one transaction and folds the result in."""


class Ingest:
    """All files of all clients."""

    def __init__(
        self,
        store: Store,
        append: Append,
        clock: Clock,
        roots: Mapping[str, Sequence[Path]],
        *,
        price: Callable[[Usage, str], Usage] = lambda usage, client: usage,
        keep_text: bool = True,
        oldest: int = 0,
    ) -> None:
        """`roots` holds each client's directories; files not changed since `oldest` are left alone.

        `price` gives a response of a client its price as it is read.
        """
        self.store, self.clock, self.roots = store, clock, roots
        self.oldest = oldest
        self.air = AIR
        self.files: dict[tuple[str, str], Follow] = {}
        self.listing = Listing()
        self._append, self._price, self._keep_text = append, price, keep_text
        self._inodes: dict[tuple[int, int], tuple[str, str]] = {}
        self._hot: dict[tuple[str, str], int] = {}
        self._checkpoints: dict[tuple[str, str], Checkpoint] = {}
        self._loaded = False
        self._wanted: set[str | None] = set()
        self._cold_at = 0
        self._behind: dict[str, set[str]] = {}
        """Whose history is not complete (`Follow.scope`) -> files that are not read to their ends."""
        self.unreadable = 0
        self.troubles: dict[str, str] = {}
        """Databases that cannot be read -> why."""
        self._told: dict[str, str] = {}

    # --- discovery ----------------------------------------------------------------------------------------

    def clients(self) -> Iterable[tuple[Client, Path]]:
        """Every client with each of its directories."""
        return [(client, root) for client in ALL for root in self.roots.get(client.name, ())]

    async def discover(self) -> list[Follow]:
        """Look for files that were not there before; the newest first."""
        if not self._loaded:
            self._checkpoints = {(c.client, c.path): c for c in await self.store.checkpoints()}
            self._loaded = True
        now, fresh = self.clock.now(), []
        for client, root in self.clients():
            for ref in client.discover(root, self.listing, now):
                if (ref.client, ref.path) not in self.files:
                    follow = self._first_sight(ref, now)
                    if follow is not None:
                        fresh.append(follow)
        fresh.sort(key=lambda follow: (follow.ref.kind == "document", -follow.written_at))
        return fresh

    def _first_sight(self, ref: FileRef, now: int) -> Follow | None:
        try:
            status = os.stat(ref.path, follow_symlinks=False)
            size, written_at = mark(ref) if ref.kind == "database" else (status.st_size, status.st_mtime_ns)
        except OSError:
            return None
        name = (ref.client, ref.path)
        if written_at < self.oldest and name not in self._checkpoints:
            session = client_session(ref, now)
            if session not in self._wanted:
                return None
        inode = (status.st_dev & MASK, status.st_ino & MASK)
        # One file by two names (a bind mount, a hard link) is one file.
        other = self._inodes.setdefault(inode, name)
        if other != name and other in self.files:
            return None
        self._inodes[inode] = name
        before = self._checkpoints.get(name)
        follow = Follow(ref, before, written_at=written_at)
        if before is not None and (before.size, before.mtime) == (size, written_at):
            # Unchanged since it was read to its last whole line; a step of it may still be to come.
            follow.size, follow.mtime, follow.behind = before.size, before.mtime, before.offset < before.size
        self.files[name] = follow
        if written_at > now - HOT:
            self._hot[name] = now
        return follow

    def claims(self) -> list[Claim]:
        """What the clients say about their running processes."""
        now = self.clock.now()
        return [claim for client, root in self.clients() for claim in client.claims(root, self.listing, now)]

    def want(self, session: str) -> None:
        """A process of this session runs: its transcript is read however old it is."""
        if len(self._wanted) > MANY:
            # Who runs is said at every look: those that no longer do go.
            self._wanted.clear()
        self._wanted.add(session)

    def is_behind(self, session: str) -> bool:
        """Whether a file of this session has lines that are not stored yet: what is seen of it now must wait."""
        return session in self._behind or f"{session.partition(':')[0]}:" in self._behind

    def new_troubles(self) -> list[str]:
        """Databases that cannot be read, one line each, told once."""
        news = [(path, why) for path, why in self.troubles.items() if self._told.get(path) != why]
        self._told = dict(self.troubles)
        return [f"{path}: {why}" for path, why in news]

    # --- reading on ---------------------------------------------------------------------------------------

    async def poll(self) -> int:
        """Look at the hot files and at a slice of the others; returns how many had something new."""
        now = self.clock.now()
        names = list(self._hot)
        for name in names:
            if self._hot[name] < now - HOT:
                del self._hot[name]
        return await self._look(names)

    async def poll_cold(self) -> int:
        """Look at the next slice of the files that have long been quiet."""
        names = [name for name in self.files if name not in self._hot]
        if not names:
            return 0
        self._cold_at %= len(names)
        part = names[self._cold_at : self._cold_at + COLD_SLICE]
        self._cold_at += COLD_SLICE
        return await self._look(part)

    async def _look(self, names: Iterable[tuple[str, str]]) -> int:
        changed: list[Follow] = []
        for name in names:
            follow = self.files.get(name)
            if follow is None or follow.busy:
                continue
            try:
                now = mark(follow.ref)
            except OSError:
                self._lost(name, follow)
                continue
            if now != (follow.size, follow.mtime):
                self._hot[name] = self.clock.now()
                changed.append(follow)
        await self.read_on(changed, STEPS_PER_TICK)
        return len(changed)

    def _lost(self, name: tuple[str, str], follow: Follow) -> None:
        """The client deleted the file: what is stored stays."""
        self._settle(follow, behind=False)
        self.files.pop(name, None)
        self._hot.pop(name, None)
        if len(self._inodes) > 2 * len(self.files) + MANY:
            self._inodes = {inode: other for inode, other in self._inodes.items() if other in self.files}
        if follow.checkpoint is not None:
            self._checkpoints[name] = follow.checkpoint

    async def read_on(self, follows: Sequence[Follow], steps: int = 1 << 62) -> None:
        """Read files on, here and in turns: to their ends, or for so many steps and the rest next time."""
        mine = left = [follow for follow in follows if not follow.busy]
        for follow in mine:
            follow.busy = True
        try:
            for number in range(steps):
                if number and left:
                    await asyncio.sleep(self.air)
                left = await self._read_turn(left)
                if not left:
                    break
            for follow in left:
                follow.size = -1
        finally:
            for follow in mine:
                follow.busy = False

    async def _read_turn(self, follows: Sequence[Follow]) -> list[Follow]:
        """One step of each file, stored together; returns the files that have more."""
        held = Held()
        for follow in follows:
            step = read(Job(follow.ref, follow.checkpoint, self.clock.now(), follow.scanned))
            if step is None or step.trouble:
                self.cannot(follow, step)
            else:
                await self.hold(held, follow, step)
        await self.store_held(held)
        return [follow for follow in follows if follow.behind]

    def cannot(self, follow: Follow, step: Step | None) -> None:
        """The file is gone, is no regular file, or may not be read: it is left alone until it changes."""
        self.unreadable += 1
        self._settle(follow, behind=False)
        if step is not None:
            follow.size, follow.mtime = step.after.size, step.after.mtime
            self.troubles[follow.ref.path] = step.trouble
            return
        try:
            follow.size, follow.mtime = mark(follow.ref)
        except OSError:
            follow.size, follow.mtime = 0, 0

    async def hold(self, held: Held, follow: Follow, step: Step) -> None:
        """Put a step to those of the next transaction; those are stored first where it does not go with them."""
        if not held.fits(follow, step):
            await self.store_held(held)
            await asyncio.sleep(self.air)
        held.add(follow, step)

    async def store_held(self, held: Held) -> None:
        """Store what is held, and begin anew."""
        steps = held.steps
        held.clear()
        await self._take(steps)

    async def _take(self, steps: Sequence[tuple[Follow, Step]]) -> None:
        """Store what some steps found, in one transaction."""
        asked: dict[str, list[Follow]] = {}
        for follow, step in steps:
            if (follow.checkpoint is None or step.restarted) and follow.asked is None:
                follow.asked = set()
            if follow.asked is not None:
                for name in {draft.session for draft in step.drafts} - follow.asked:
                    follow.asked.add(name)
                    asked.setdefault(name, []).append(follow)
        if asked:
            for name, known in (await self.store.stored(asked.keys())).items():
                for follow in asked[name]:
                    follow.known = (follow.known or set()) | known
        batches = []
        for follow, step in steps:
            unchanged = follow.checkpoint is not None and not step.drafts and same_place(follow.checkpoint, step.after)
            if not unchanged:
                entries = [self._entry(draft) for draft in step.drafts]
                batches.append(Batch(entries, step.after, step.born, follow.known))
        if batches:
            await self._append(batches)
        for follow, step in steps:
            follow.checkpoint, follow.scanned, follow.session = step.after, step.scanned, step.session
            follow.size, follow.mtime = step.after.size, step.after.mtime
            self.troubles.pop(follow.ref.path, None)
            if not step.more:
                follow.known = follow.asked = None
            self._settle(follow, behind=step.more)

    def _settle(self, follow: Follow, behind: bool) -> None:
        scope = follow.scope
        if scope is not None:
            files = self._behind.setdefault(scope, set())
            (files.add if behind else files.discard)(follow.ref.path)
            if not files:
                del self._behind[scope]
        follow.behind = behind
        if not behind:
            follow.busy = False

    def _entry(self, draft: Draft) -> Entry:
        body = draft.body if self._keep_text else without_text(draft.body)
        if isinstance(body, Usage):
            body = self._price(body, draft.session.partition(":")[0])
        return Entry(
            draft.session, body, draft.source_at, draft.key, draft.offset, draft.length, draft.response,
            draft.born,
        )  # fmt: skip


def client_session(ref: FileRef, now: int) -> str | None:
    """The session that a file belongs to, by its place alone."""
    return BY_NAME[ref.client].parser(ref, None, now).session
