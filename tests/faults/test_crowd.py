"""Much at once, and gone at once: thousands of files, a client's directory, a terminal that shrinks, and one that is slow."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import termios
import time

import psutil

from orchestrator_tui.host.lock import holder_of
from orchestrator_tui.store.reader import Reader
from tests.conftest import wait_for
from tests.faults.world import LONG, World, long
from tests.host.transcripts import lines
from tests.ui.terminal import Terminal

FILES = 5000 if LONG else 800
SLOW = 10_000
"""Bytes a second that a slow terminal takes."""


@long
def test_thousands_of_files_at_once(world: World) -> None:
    world.write("live", 1)
    world.host()
    wait_for(lambda: world.counted() == world.wanted(), 30)
    turn = b"".join(lines("@", 1, time.time() - 90_000))
    away = world.root / "away"
    away.mkdir()
    for number in range(FILES):
        path = away / f"f{number}.jsonl"
        path.write_bytes(turn.replace(b"@", b"f%d" % number))
        os.utime(path, (time.time() - 86_400 - number,) * 2)
        world.written[f"f{number}"] = 1
    away.rename(world.transcripts.with_name("-tmp-demo-many"))
    # What is live is not kept waiting by them.
    world.write("live", 1)
    wait_for(lambda: world.counted().get("claude:live") == 4, 30)
    world.settled(300)
    assert world.stop() == 0


def test_a_clients_directory_is_deleted_and_comes_back(world: World) -> None:
    world.write("a", 3)
    world.write("b", 3)
    process = world.host()
    world.settled()
    kept = world.root / "kept"
    shutil.copytree(world.transcripts.parents[1], kept)
    shutil.rmtree(world.transcripts.parents[1])
    with Reader(world.orc.paths.database) as reader:
        before = reader.last_seq()
    time.sleep(2.5)
    assert process.poll() is None and world.counted() == world.wanted()
    kept.rename(world.transcripts.parents[1])
    world.write("a", 2)
    world.write("c", 1)
    world.settled()
    with Reader(world.orc.paths.database) as reader:
        twice = reader.query(
            "SELECT 1 FROM events WHERE seq > ? AND record IN (SELECT record FROM events WHERE seq <= ?)",
            before,
            before,
        )
    assert not twice
    assert world.stop() == 0


def size(terminal: Terminal, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    terminal.process.send_signal(signal.SIGWINCH)


def test_one_cell_and_back(world: World) -> None:
    world.write("a", 3)
    world.host()
    wait_for(lambda: world.counted() == world.wanted(), 30)
    with Terminal(world.orc, 120, 35) as terminal:
        terminal.wait("task 0 of a")
        for rows, columns in ((1, 1), (2, 300), (300, 2), (1, 1)):
            size(terminal, rows, columns)
            terminal.read(0.3)
            assert terminal.process.poll() is None
        at = len(terminal.text)
        size(terminal, 35, 120)
        terminal.wait("task 0 of a", at)
        assert terminal.leave() == 0 and terminal.restored
        assert "Traceback" not in terminal.text


def trickle(terminal: Terminal, seconds: float) -> int:
    """Read as a slow line does; returns the bytes."""
    end, took = time.monotonic() + seconds, 0
    os.set_blocking(terminal.master, False)
    while time.monotonic() < end and terminal.process.poll() is None:
        try:
            part = os.read(terminal.master, SLOW // 20)
        except (BlockingIOError, OSError):
            part = b""
        terminal.output += part
        took += len(part)
        time.sleep(0.05)
    os.set_blocking(terminal.master, True)
    return took


@long
def test_a_slow_terminal_holds_nobody_up(world: World) -> None:
    for number in range(40):
        world.write(f"s{number}", 1)
    world.host()
    wait_for(lambda: world.counted() == world.wanted(), 60)
    seconds = 60.0 if LONG else 5.0
    with Terminal(world.orc, 200, 55) as terminal:
        trickle(terminal, 3)
        process = psutil.Process(terminal.process.pid)
        before = process.memory_info().rss
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            # Everything that makes the screen change, faster than it can be shown.
            for number in range(0, 40, 4):
                world.write(f"s{number}", 1)
            os.write(terminal.master, b"T+-.,")
            trickle(terminal, 0.5)
        # The host goes on as ever.
        wait_for(lambda: world.counted() == world.wanted(), 30)
        assert holder_of(world.orc.paths.host_lock) is not None
        assert process.memory_info().rss - before < 60 << 20
        # It ends although most of what it wrote has not been taken.
        end = time.monotonic() + 60
        while terminal.process.poll() is None and time.monotonic() < end:
            os.write(terminal.master, b"\x1b")
            trickle(terminal, 1)
            os.write(terminal.master, b"q")
            trickle(terminal, 5)
        assert terminal.process.poll() == 0
    world.whole()
