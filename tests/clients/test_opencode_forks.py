"""OpenCode's forks copy history without saying so (1.18.33): each response counts once over the fleet."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from orchestrator_tui.clock import SystemClock
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host import reading
from orchestrator_tui.host.ingest import Ingest
from orchestrator_tui.store.batch import Batch
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.writer import Store
from tests.clients.opencode_db import BEGIN, Made, identity


class World:
    """A store into which a directory of databases is read."""

    def __init__(self, store: Store, place: Path, data: Path) -> None:
        self._store, self._place = store, place
        self._data = data
        self.ingest = self._ingest()

    def _ingest(self) -> Ingest:
        return Ingest(self._store, self._append, SystemClock(), {"opencode": [self._data]})

    async def _append(self, batches: Sequence[Batch]) -> None:
        await self._store.append(batches, SystemClock().now())

    async def read(self, again: bool = False) -> int:
        """Read all that is new, by another host if asked; returns the number of events in the store."""
        if again:
            self.ingest = self._ingest()
        await self.ingest.discover()
        await self.ingest.read_on([follow for follow in self.ingest.files.values() if follow.behind])
        await self.ingest.poll()
        await self.ingest.poll_cold()
        with Reader(self._place) as reader:
            return reader.last_seq()

    def fleet(self) -> Fleet:
        """What the store says now."""
        with Reader(self._place) as reader:
            return fleet_now(reader)

    def counts(self) -> dict[str, int]:
        """Native id of the session -> responses, of those that have any."""
        return {
            name.removeprefix("opencode:"): s.spend.requests for name, s in self.sessions().items() if s.spend.requests
        }

    def sessions(self) -> dict[str, Session]:
        """All sessions."""
        return self.fleet().sessions


@asynccontextmanager
async def world(tmp_path: Path, data: Path) -> AsyncIterator[World]:
    async with Store.open(tmp_path / "state" / "events.db") as store:
        yield World(store, tmp_path / "state" / "events.db", data)


def family(made: Made) -> tuple[str, str, str]:
    """A session of two turns, a fork of it with one, and a fork of that with one."""
    parent = made.session(0, title="A task")
    made.turn(parent, 10)
    made.turn(parent, 100)
    fork = made.fork(parent, 1000)
    made.turn(fork, 1100)
    second = made.fork(fork, 2000)
    made.turn(second, 2100)
    return parent, fork, second


@pytest.mark.parametrize("size", [1, 400])
async def test_a_fork_of_a_fork_has_its_own_responses_and_a_parent(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "STEP_DRAFTS", size)
    made = Made(tmp_path / "data" / "opencode.db")
    parent, fork, second = family(made)
    async with world(tmp_path, tmp_path / "data") as here:
        seq = await here.read()
        assert here.counts() == {parent: 2, fork: 1, second: 1}
        sessions = here.sessions()
        assert sessions[f"opencode:{fork}"].parent == f"opencode:{parent}"
        assert sessions[f"opencode:{second}"].parent == f"opencode:{fork}"
        assert {sessions[f"opencode:{name}"].relation for name in (fork, second)} == {"fork"}
        assert [sessions[f"opencode:{name}"].turns for name in (parent, fork, second)] == [2, 1, 1]
        assert not any(session.turn_open for session in sessions.values())
        assert await here.read(again=True) == seq


async def test_a_fork_that_is_read_before_its_parent_gives_back_what_is_not_its_own(tmp_path: Path) -> None:
    made = Made(tmp_path / "made" / "opencode.db")
    parent, fork, second = family(made)
    data = tmp_path / "data"
    for part in (second, fork, parent):
        whole = Made(data / f"opencode-{part[-4:]}.db")
        copy_session(made, whole, part)
    async with world(tmp_path, data) as here:
        for part, expected in (
            (second, {second: 4}),
            (fork, {fork: 3, second: 1}),
            (parent, {parent: 2, fork: 1, second: 1}),
        ):
            name = f"opencode-{part[-4:]}.db"
            for other in data.iterdir():
                other.rename(other.with_suffix(".later")) if other.suffix == ".db" and other.name != name else None
            seen = {f.ref.path for f in here.ingest.files.values()}
            for other in data.iterdir():
                if other.name == f"{name[:-3]}.later" or str(other.with_suffix(".db")) in seen:
                    other.rename(other.with_suffix(".db"))
            await here.read(again=True)
            assert here.counts() == expected
        assert here.sessions()[f"opencode:{second}"].parent == f"opencode:{fork}"


def copy_session(source: Made, target: Made, session: str) -> None:
    """A session's rows, as a database has them that holds nothing else."""
    for table, column in (("session", "id"), ("message", "session_id"), ("part", "session_id")):
        cursor = source.db.execute(f"SELECT * FROM {table} WHERE {column} = ? ORDER BY rowid", (session,))
        names = [column[0] for column in cursor.description]
        for row in cursor.fetchall():
            target.insert(table, dict(zip(names, row, strict=True)))


async def test_a_parent_that_is_deleted_later_takes_nothing_with_it(tmp_path: Path) -> None:
    made = Made(tmp_path / "data" / "opencode.db")
    parent = made.session(0, title="A task")
    made.turn(parent, 10)
    async with world(tmp_path, tmp_path / "data") as here:
        await here.read()
        fork = made.fork(parent, 1000)
        made.delete(parent)
        made.turn(fork, 1100)
        await here.read()
        assert here.counts() == {parent: 1, fork: 1}
        other = made.fork(fork, 2000)
        await here.read()
        assert here.counts() == {parent: 1, fork: 1}
        assert here.sessions()[f"opencode:{other}"].relation == "fork"


async def test_copies_of_a_parent_that_nobody_ever_read_are_counted_once_for_the_oldest(tmp_path: Path) -> None:
    made = Made(tmp_path / "data" / "opencode.db")
    parent = made.session(0)
    made.turn(parent, 10)
    first, second = made.fork(parent, 1000), made.fork(parent, 2000)
    made.delete(parent)
    async with world(tmp_path, tmp_path / "data") as here:
        await here.read()
        assert here.counts() == {first: 1}
        assert here.sessions()[f"opencode:{second}"].parent == f"opencode:{first}"


def twins(made: Made) -> tuple[str, list[str]]:
    """A session with two sub-agents that answer in the same millisecond with the same tokens and words."""
    parent = made.session(0)
    children = [made.session(20, parent) for _ in range(2)]
    asked = [made.ask(child, 21) for child in children]
    answers = [made.begin(child, 30, question) for child, question in zip(children, asked, strict=True)]
    for answer in answers:
        made.part(answer, 31, {"type": "text", "text": "Report.", "time": {"start": BEGIN + 31, "end": BEGIN + 32}})
    for answer in answers:
        made.finish(answer, 30, 40)
    return parent, children


@pytest.mark.parametrize("forked", [(), (0,), (1,), (0, 1), (1, 1)])
@pytest.mark.parametrize("size", [1, 400])
async def test_two_of_a_millisecond_that_read_the_same_are_two(
    forked: tuple[int, ...], size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "STEP_DRAFTS", size)
    made = Made(tmp_path / "data" / "opencode.db")
    _, children = twins(made)
    for number in forked:
        made.fork(children[number], 1000 + number)
    async with world(tmp_path, tmp_path / "data") as here:
        await here.read()
        assert here.counts() == dict.fromkeys(children, 1)


async def test_two_of_a_millisecond_with_other_tokens_are_known_apart_in_their_forks(tmp_path: Path) -> None:
    made = Made(tmp_path / "data" / "opencode.db")
    parent = made.session(0)
    children = [made.session(20, parent) for _ in range(3)]
    for number, child in enumerate(children):
        answer = made.begin(child, 30, made.ask(child, 21))
        made.finish(answer, 30, 40 + number, (10 + number, 100, 5))
    forks = [made.fork(child, 1000) for child in children]
    async with world(tmp_path, tmp_path / "data") as here:
        await here.read()
        assert here.counts() == dict.fromkeys(children, 1)
        parents = [here.sessions()[f"opencode:{fork}"].parent for fork in forks]
        assert parents == [f"opencode:{child}" for child in children]


async def test_a_copy_of_a_response_under_way_never_counts_and_its_original_does(tmp_path: Path) -> None:
    made = Made(tmp_path / "data" / "opencode.db")
    parent = made.session(0)
    answer = made.begin(parent, 20, made.ask(parent, 10))
    fork = made.fork(parent, 30)
    async with world(tmp_path, tmp_path / "data") as here:
        await here.read()
        made.finish(answer, 20, 100)
        made.turn(fork, 200)
        await here.read()
        assert here.counts() == {parent: 1, fork: 1}


async def test_a_clock_that_was_set_back_makes_no_copies(tmp_path: Path) -> None:
    """The id has the time too: a message of the session's own, older than the session."""
    made = Made(tmp_path / "data" / "opencode.db")
    session = made.session(5_000)
    made.turn(session, 1_000)
    async with world(tmp_path, tmp_path / "data") as here:
        await here.read()
        assert here.counts() == {session: 1} and here.sessions()[f"opencode:{session}"].turns == 1


async def test_ids_begin_anew_after_two_years_and_copies_are_known_still(tmp_path: Path) -> None:
    wrap = (BEGIN // (1 << 36) + 1) * (1 << 36) - BEGIN
    made = Made(tmp_path / "data" / "opencode.db")
    parent = made.session(wrap - 100)
    for at in (wrap - 60, wrap - 10, wrap, wrap + 60):
        made.turn(parent, at)
    fork = made.fork(parent, wrap + 500)
    assert identity("msg", BEGIN + wrap, 0) < identity("msg", BEGIN + wrap - 1, 0)
    async with world(tmp_path, tmp_path / "data") as here:
        await here.read()
        assert here.counts() == {parent: 4} and here.sessions()[f"opencode:{fork}"].turns == 0


# --- rows that go away or come back -------------------------------------------------------------------------------


@pytest.mark.parametrize("undone", [1, 2, 5])
async def test_messages_that_were_undone_and_others_in_their_places(undone: int, tmp_path: Path) -> None:
    made = Made(tmp_path / "data" / "opencode.db")
    session = made.session()
    for number in range(6):
        made.turn(session, 100 * number)
    async with world(tmp_path, tmp_path / "data") as here:
        await here.read()
        rows = made.db.execute("SELECT id FROM message ORDER BY rowid DESC LIMIT ?", (2 * undone,)).fetchall()
        for (native,) in rows:
            made.db.execute("DELETE FROM part WHERE message_id = ?", (native,))
            made.db.execute("DELETE FROM message WHERE id = ?", (native,))
        seq = await here.read()
        for number in range(undone):
            made.turn(session, 1000 + 100 * number, text=f"instead {number}")
        await here.read()
        assert here.counts() == {session: 6 + undone}
        assert here.sessions()[f"opencode:{session}"].turns == 6 + undone
        assert await here.read() > seq


def vacuum(path: Path) -> None:
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("VACUUM")


def restore(path: Path) -> None:
    copy = path.with_suffix(".copy")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


def renumber(path: Path) -> None:
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("UPDATE message SET rowid = rowid + 1000000")


@pytest.mark.parametrize("what", [vacuum, restore, renumber])
async def test_a_file_that_was_rewritten_or_restored_adds_nothing(what: Callable[[Path], None], tmp_path: Path) -> None:
    made = Made(tmp_path / "data" / "opencode.db")
    parent, fork, second = family(made)
    made.begin(second, 3000, made.ask(second, 2990))
    async with world(tmp_path, tmp_path / "data") as here:
        seq = await here.read()
        made.db.close()
        what(made.path)
        assert await here.read() == seq
        assert await here.read(again=True) == seq
        assert here.counts() == {parent: 2, fork: 1, second: 1}
        with sqlite3.connect(made.path, isolation_level=None) as db:
            made.db = db
            made.turn(second, 4000)
            await here.read()
            assert here.counts() == {parent: 2, fork: 1, second: 2}


async def test_an_older_state_of_the_database_adds_nothing_and_what_follows_does(tmp_path: Path) -> None:
    made = Made(tmp_path / "data" / "opencode.db")
    session = made.session()
    made.turn(session, 10)
    backup = made.path.read_bytes()
    made.turn(session, 100)
    async with world(tmp_path, tmp_path / "data") as here:
        seq = await here.read()
        made.db.close()
        made.path.write_bytes(backup)
        assert await here.read() == seq
        made.db = sqlite3.connect(made.path, isolation_level=None)
        made.turn(session, 200, text="another")
        await here.read()
        assert here.counts() == {session: 3}


async def test_a_copy_of_the_database_under_another_name_adds_nothing(tmp_path: Path) -> None:
    made = Made(tmp_path / "data" / "opencode.db")
    family(made)
    async with world(tmp_path, tmp_path / "data") as here:
        seq = await here.read()
        (tmp_path / "data" / "opencode-backup.db").write_bytes(made.path.read_bytes())
        assert await here.read() == seq
