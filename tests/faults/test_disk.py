"""The disk is full, refuses, or may not be written: it is said in one line, nothing breaks, and it goes on after."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator_tui.host.lock import holder_of
from tests.conftest import wait_for
from tests.faults.world import LONG, World, fill, long, small_disk
from tests.ui.terminal import Terminal

SINGLE = (("sessions",), ("store", "verify"), ("store", "stats"), ("ledger",), ("doctor",), ("host", "status"))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[World]:
    """A world whose state is on a disk of 24 MB; its clients write elsewhere."""
    with small_disk(tmp_path / "disk"):
        made = World(tmp_path, tmp_path / "disk" / "state")
        (tmp_path / "disk" / "state").mkdir(mode=0o700)
        try:
            yield made
        finally:
            made.close()


def trouble(world: World) -> str:
    holder = holder_of(world.orc.paths.host_lock)
    return holder.trouble if holder is not None else ""


def test_a_full_disk_is_told_waited_out_and_nothing_is_lost(small: World, tmp_path: Path) -> None:
    small.write("a", 4)
    small.host()
    small.settled()
    filler = fill(tmp_path / "disk")
    # Small writes may still find room in the pages that are there.
    wait_for(lambda: small.write("a", 6) or trouble(small), 30)
    assert "no space left" in trouble(small)
    assert "no space left" in small.orc.run("sessions").stderr
    assert "no space left" in small.orc.run("host", "status").stdout
    asked = small.orc.run("ack", "claude:a", check=False)
    assert asked.returncode == 1 and len(asked.stderr.strip().splitlines()) == 1 and "no space left" in asked.stderr
    with Terminal(small.orc, 120, 35) as terminal:
        terminal.wait("no space left")
        assert terminal.leave() == 0
        assert "Traceback" not in terminal.text
    small.write("b", 5)
    filler.unlink()
    small.settled()
    assert trouble(small) == "" and "can be written again" in small.said()
    assert small.stop() == 0
    small.whole()


def test_a_host_ends_and_begins_on_a_full_disk_with_one_line(small: World, tmp_path: Path) -> None:
    small.write("a", 4)
    small.host()
    small.settled()
    filler = fill(tmp_path / "disk")
    wait_for(lambda: small.write("a", 6) or trouble(small), 30)
    began = time.monotonic()
    assert small.stop() in (0, 1) and time.monotonic() - began < 20
    assert all(line.startswith("orc host: ") for line in small.said().splitlines())
    # A terminal's first `orc host`, on the full disk: it runs and waits, or says why not.
    done = small.orc.run("host", check=False)
    assert "Traceback" not in done.stdout + done.stderr and len(done.stderr.strip().splitlines()) == 1
    filler.unlink()
    if done.returncode:
        small.orc.run("host")
    small.settled()
    small.orc.run("host", "stop")


@long
def test_filled_at_any_write_it_goes_on(small: World, tmp_path: Path) -> None:
    """Filled, and freed again, at random instants; every few times the host is killed on the full disk."""
    chance = random.Random(3)
    filler = tmp_path / "disk" / "filler"
    process = small.host()
    for number in range(60 if LONG else 8):
        for _ in range(chance.randint(1, 4)):
            small.write(f"s{chance.randint(0, 4)}", chance.randint(1, 3))
            time.sleep(chance.uniform(0, 0.1))
        fill(tmp_path / "disk", chance.choice((0, 0, 4096, 16_384, 65_536, 262_144)))
        for _ in range(3):
            small.write(f"s{chance.randint(0, 4)}")
            time.sleep(chance.uniform(0, 0.3))
        if number % 3 == 2:
            process.kill()
            process.wait()
        filler.unlink()
        if process.poll() is not None:
            process = small.host()
    assert process.poll() is None, small.said()[-1500:]
    small.settled()
    assert small.stop() == 0


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from orchestrator_tui.cli import run
sys.exit(run(["host", "--foreground"]))
"""


@long
def test_a_file_that_may_not_grow_is_waited_out(world: World) -> None:
    """As a quota: the write fails, and not for want of room on the disk."""
    world.write("a", 3)
    process = world.host("-c", LIMITED, str(400_000))
    wait_for(lambda: world.write("a", 4) or trouble(world), 30)
    assert "refused" in trouble(world) or "no space" in trouble(world), trouble(world)
    assert process.poll() is None
    subprocess.run(["prlimit", "--pid", str(process.pid), "--fsize=unlimited:unlimited"], check=True)
    world.settled()
    assert world.stop() == 0


def test_a_state_that_may_only_be_read_is_read_and_nothing_else(small: World, tmp_path: Path) -> None:
    small.write("a", 4)
    small.orc.run("ingest")
    subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
    try:
        for verb in SINGLE:
            done = small.orc.run(*verb, check=False)
            assert "Traceback" not in done.stderr, done.stderr
        assert "1 sessions" in small.orc.run("sessions").stderr
        for verb in (("host",), ("host", "--foreground"), ("ingest",), ("ack", "claude:a"), ("store", "prune")):
            done = small.orc.run(*verb, check=False)
            assert done.returncode == 1 and len(done.stderr.strip().splitlines()) <= 2, (verb, done.stderr)
            assert done.stderr.startswith("orc ") and "Traceback" not in done.stderr
        with Terminal(small.orc, 120, 35) as terminal:
            terminal.until(lambda: terminal.process.poll() is not None)
            assert terminal.end() == 1 and "Traceback" not in terminal.text and "cannot" in terminal.text
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(tmp_path / "disk")], check=True)
    small.write("a", 1)
    small.orc.run("ingest")
    small.settled(1)
