"""The process that parses history: it can die, and it cannot outlive its host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from orchestrator_tui.clients.base import FileRef
from orchestrator_tui.host.reading import Job, pack, read, unpack
from orchestrator_tui.host.worker import LENGTH, Worker
from tests.conftest import Orc, wait_for
from tests.host.transcripts import write


def workers(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and b"orchestrator_tui.host.worker" in (entry / "cmdline").read_bytes():
                ppid = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                found += [int(entry.name)] if ppid == parent else []
        except OSError:
            continue
    return found


def begun(orc: Orc, sessions: int) -> subprocess.Popen[bytes]:
    """An `orc ingest` that has its worker at work."""
    for n in range(sessions):
        write(orc.home, f"s{n:02d}", 900, time.time() - 86_400 * (n + 1))
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator_tui", "ingest", "--all"],
        env=orc.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: workers(process.pid))
    return process


def test_a_killed_host_takes_its_worker_along(orc: Orc) -> None:
    process = begun(orc, 8)
    (worker,) = workers(process.pid)
    process.kill()
    process.wait()
    wait_for(lambda: not Path(f"/proc/{worker}").exists())


def test_a_killed_worker_loses_nothing(orc: Orc) -> None:
    process = begun(orc, 8)
    for worker in workers(process.pid):
        os.kill(worker, signal.SIGKILL)
    assert process.wait(60) == 0
    assert {s["requests"] for s in orc.sessions().values()} == {1800}
    assert len(orc.sessions()) == 8


async def test_answers_come_in_order_and_are_what_reading_here_gives(orc: Orc) -> None:
    jobs = []
    for n in range(6):
        path = write(orc.home, f"s{n}", 20 * (n + 1), time.time() - 86_400)
        jobs.append(Job(FileRef("claude", str(path), "lines", str(orc.home)), None, 0))
    worker = Worker()
    futures = [await worker.submit([job]) for job in jobs]
    steps = [(await worker.steps(future))[0] for future in futures]
    await worker.close()
    assert steps == [read(job) for job in jobs]


def test_the_worker_ends_with_its_input() -> None:
    data = pack([])
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator_tui.host.worker"],
        input=len(data).to_bytes(LENGTH, "big") + data + b"cut",
        capture_output=True,
        timeout=20,
        check=True,
    )
    assert unpack(done.stdout[LENGTH:]) == []
    assert done.stderr == b""
