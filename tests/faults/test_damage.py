"""A store that is damaged or locked: said in a line that says what to do, kept aside, never emptied without a word."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator_tui.host.lock import holder_of
from orchestrator_tui.store.schema import BUSY_MS
from tests.conftest import wait_for
from tests.faults.forks import Forks
from tests.faults.test_kills import gone
from tests.faults.world import LONG, World, long

LOCKED = 30.0 if LONG else BUSY_MS / 1000 + 3
"""Seconds: longer than a writer waits by itself."""


@pytest.fixture
def forks(world: World) -> Iterator[Forks]:
    made = Forks(world)
    yield made
    made.close()


def flip(path: Path, *places: float, size: int = 4096) -> None:
    """Other bytes at some parts of a file."""
    chance = random.Random(1)
    with path.open("r+b") as file:
        for place in places:
            file.seek(int(path.stat().st_size * place))
            file.write(chance.randbytes(min(size, path.stat().st_size // 3)))


FORMS: dict[str, Callable[[Path], None]] = {
    "schema": lambda db: flip(db, 0.0, size=200),
    "everywhere": lambda db: flip(db, *(n / 12 for n in range(1, 12))),
    "cut": lambda db: os.truncate(db, db.stat().st_size // 2),
    "one byte": lambda db: os.truncate(db, 1),
    "empty, with a log": lambda db: os.truncate(db, 0),
    "text": lambda db: db.write_text("this is no database\n" * 200) and None,
}


def test_a_damaged_store_is_kept_and_everything_is_read_anew(world: World, forks: Forks) -> None:
    world.write("a", 20)
    host = forks.begin("host")
    wait_for(lambda: world.counted() == world.wanted(), 30)
    # Killed: there is a log beside the file.
    os.kill(host, signal.SIGKILL)
    wait_for(lambda: gone(host))
    good, log = world.root / "good", world.root / "log"
    shutil.copy(world.orc.paths.database.with_name("events.db-wal"), log)
    with sqlite3.connect(world.orc.paths.database) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    shutil.copytree(world.orc.state, good, ignore=shutil.ignore_patterns("doorbell"))
    for name, damage in FORMS.items():
        shutil.rmtree(world.orc.state)
        shutil.copytree(good, world.orc.state)
        database = world.orc.paths.database
        if name == "empty, with a log":
            shutil.copy(log, database.with_name("events.db-wal"))
        damage(database)
        size = database.stat().st_size
        begun = len(world.said())
        host = forks.begin("host")
        world_counts(world, name)
        found = database.parent.glob("events.db.damaged-*")
        (kept,) = [one for one in found if not one.name.endswith(("-wal", "-shm"))]
        assert kept.stat().st_size == size, name
        said = world.said()[begun:]
        assert "is damaged" in said and kept.name in said and "orc doctor" in said and "Traceback" not in said, said
        os.kill(host, signal.SIGTERM)
        wait_for(lambda pid=host: gone(pid), 20)
    world.whole()
    assert "a damaged store was kept" in world.orc.run("doctor", check=False).stdout


def world_counts(world: World, name: str) -> None:
    def done() -> bool:
        return world.counted() == world.wanted()

    try:
        wait_for(done, 30)
    except AssertionError:
        raise AssertionError(f"{name}: {world.said()[-1500:]}") from None


def test_each_verb_says_it_in_one_line(world: World) -> None:
    world.write("a", 20)
    world.orc.run("ingest")
    FORMS["everywhere"](world.orc.paths.database)
    size = world.orc.paths.database.stat().st_size
    for verb in (("store", "verify"), ("report",)):
        done = world.orc.run(*verb, check=False)
        assert done.returncode == 1 and "is damaged" in done.stdout + done.stderr
        assert "orc store verify" in done.stderr and len(done.stderr.strip().splitlines()) == 1
    # Nothing that only reads has touched it.
    assert world.orc.paths.database.stat().st_size == size


@long
def test_a_damaged_log_loses_nothing_for_good(world: World, forks: Forks) -> None:
    world.write("a", 10)
    host = forks.begin("host")
    wait_for(lambda: world.counted() == world.wanted(), 30)
    os.kill(host, signal.SIGKILL)
    wait_for(lambda: gone(host))
    log = world.orc.paths.database.with_name("events.db-wal")
    flip(log, 0.5, 0.7)
    host = forks.begin("host")
    world.settled()
    os.kill(host, signal.SIGTERM)
    wait_for(lambda: gone(host), 20)


@long
def test_pages_that_go_bad_under_a_running_host(world: World, forks: Forks) -> None:
    world.write("a", 20)
    host = forks.begin("host")
    wait_for(lambda: world.counted() == world.wanted(), 30)
    with sqlite3.connect(world.orc.paths.database) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    flip(world.orc.paths.database, *(n / 12 for n in range(1, 12)))
    world.write("b", 3)

    def anew() -> bool:
        if gone(host):
            # A host that could not be begun twice in one life; the next one is.
            forks.begin("host")
        return world.counted() == world.wanted()

    wait_for(anew, 60)
    assert "Traceback" not in world.said(), world.said()[-3000:]
    world.whole()


def test_a_store_that_another_program_locks_is_waited_for(world: World, forks: Forks) -> None:
    world.write("a", 3)
    host = forks.begin("host")
    wait_for(lambda: world.counted() == world.wanted(), 30)
    other = sqlite3.connect(world.orc.paths.database, isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        until = time.monotonic() + LOCKED
        world.write("a", 5)
        world.write("b", 5)
        wait_for(lambda: "locked" in (holder_of(world.orc.paths.host_lock) or pytest.fail("no host")).trouble, 20)
        # Whoever only reads is not kept waiting, and is told.
        assert "locked by another program" in world.orc.run("sessions").stderr
        time.sleep(max(0.0, until - time.monotonic()))
        assert not gone(host)
        other.execute("ROLLBACK")
    finally:
        other.close()
    world.settled()
    assert "can be written again" in world.said()
    os.kill(host, signal.SIGTERM)
    wait_for(lambda: gone(host), 20)
