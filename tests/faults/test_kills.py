"""kill -9 of host, dashboard and shim at random instants: nothing lost, nothing doubled, nothing left frozen or alive."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter

from orchestrator_tui.host.lock import holder_of
from orchestrator_tui.host.owned.runs import Run, listed
from orchestrator_tui.host.procfs import table
from orchestrator_tui.store.reader import Reader
from tests.conftest import wait_for
from tests.faults.forks import Forks
from tests.faults.world import LONG, World

KILLS = 3000 if LONG else 200
NAMES = [f"s{n}" for n in range(8)]


def gone(pid: int) -> bool:
    stat = table().stat(pid)
    return stat is None or stat.state in ("Z", "X")


def kill(pid: int) -> bool:
    """kill -9; whether it lived."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        for _ in range(5000):
            if gone(pid):
                return True
            time.sleep(0.002)
    return False


def owned(world: World) -> Run:
    (run,) = listed(world.orc.state)
    return run


def test_whatever_is_killed_nothing_is_lost_doubled_or_left(world: World) -> None:
    chance, killed = random.Random(13), Counter[str]()
    forks = Forks(world)
    try:
        wait_for(lambda: gone(forks.begin("own")) or listed(world.orc.state), 30)
        wait_for(lambda: holder_of(world.orc.paths.host_lock) is None and owned(world).shim() is not None, 30)
        first = owned(world).shim()
        assert first is not None
        storm(world, forks, chance, killed)
        assert killed.total() >= KILLS, killed
        last = forks.begin("host")
        world.settled(120)
        wait_for(lambda: owned(world).has_shim(), 30)
        shim = owned(world).shim()
        # The client has noticed nothing: the same process, and no end of its input.
        assert shim is not None and shim.child == first.child and not gone(first.child)
        assert b"eof" not in (owned(world).path / "out.0").read_bytes()
        assert world.frozen() == []
        told_once(world)
        os.kill(last, signal.SIGTERM)
        wait_for(lambda: gone(last), 30)
        world.whole()
        os.kill(first.child, signal.SIGKILL)
        # Nothing runs on: no host, no dashboard, no shim without its client.
        wait_for(lambda: all(pid == forks._process.pid for pid in world.processes()), 30)
    finally:
        forks.close()
    print(dict(killed))


def storm(world: World, forks: Forks, chance: random.Random, killed: Counter[str]) -> None:
    """Processes come and go; clients write all the while."""
    host, screens = 0, [0]
    while killed.total() < KILLS:
        if gone(host):
            host = forks.begin("host")
        if chance.random() < 0.3:
            world.write(chance.choice(NAMES), 1, chance.choice((0, 1, 7, 100)))
        # Most end while they begin, some in the middle of their work.
        time.sleep(chance.choice((0, 0.002, 0.01, 0.03, 0.06, 0.1)) * chance.random() * 2)
        what = chance.choices(("host", "shim", "dashboard"), (12, 3, 1))[0]
        if what == "host":
            killed[what] += kill(host)
        elif what == "shim":
            shim = shimmed(world, host)
            if shim:
                # Perhaps while the one before it is being replaced.
                time.sleep(chance.uniform(0, 0.02))
                killed[what] += kill(shim)
        elif world.orc.paths.database.exists():
            killed[what] += kill(screens[0]) if not gone(screens[0]) else 0
            screens[0] = forks.begin("dashboard")
    kill(host)
    kill(screens[0])


def shimmed(world: World, host: int) -> int:
    """The owned session's shim; where it has none, a host that lives has a while to give it another. 0: none."""
    for _ in range(100):
        shim = owned(world).shim()
        if shim is not None and owned(world).has_shim() and not gone(shim.pid):
            return shim.pid
        if gone(host):
            return 0
        time.sleep(0.02)
    return 0


def told_once(world: World) -> None:
    """No record of a transcript is stored twice, and the hosts' own words are in order."""
    with Reader(world.orc.paths.database) as reader:
        twice = reader.query(
            "SELECT session, record, type, count(*) FROM events WHERE record IS NOT NULL"
            " GROUP BY session, record, type, payload HAVING count(*) > 1"
        )
        assert not twice, twice[:5]
        ((events, last),) = reader.query("SELECT count(*), max(seq) FROM events")
    assert events == last
