"""From the key to a frozen tree among 800 other processes: with nothing else to do, and while a big tree is being indexed."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import msgspec

from orchestrator_tui.events import CommandEnded, CommandRequested
from orchestrator_tui.host.control.callers import MARKS, chain_of
from orchestrator_tui.host.control.processes.trees import Root, marks_of, scan
from orchestrator_tui.host.lock import ring
from orchestrator_tui.host.procfs import LinuxTable
from orchestrator_tui.store.asking import ask, command
from orchestrator_tui.store.reader import Reader
from tests.bench.generate import write_tree
from tests.bench.report import median, note, percentile, table, target
from tests.conftest import Orc, wait_for
from tests.host.control.world import TABLE, carrying, end_tree, ref, spawn, state

MOST = 100.0
"""Milliseconds from the key to the last process stopped."""
OTHERS, ROUNDS = 800, 40
SCRIPT = "for i in 1 2 3 4; do setsid sh -c 'sleep 3000 & sleep 3001; :' & done; (setsid sleep 3002 &); wait"
TREE = 14


def register(orc: Orc, pid: int, native: str) -> str:
    """The registry entry that Claude Code writes; returns the session."""
    stat = wait_for(lambda: TABLE.stat(pid))
    entry = {"pid": pid, "sessionId": native, "cwd": "/w/web", "procStart": str(stat.started), "kind": "interactive"}
    folder = orc.home / ".claude" / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{pid}.json").write_bytes(msgspec.json.encode(entry))
    return f"claude:{native}"


def request(orc: Orc, verb: str, session: str) -> CommandRequested:
    """Ask as the dashboard does."""
    arguments: dict[str, str | float | bool | list[str] | None] = {"confirmed": True, "seconds": 30}
    if verb != "undo":
        arguments["session"] = session
    now = time.time_ns()
    asked = command(verb, arguments, "bench", now, "", chain_of(os.getpid()))
    asyncio.run(ask(orc.paths.database, asked, now))
    ring(orc.paths.doorbell)
    return asked


def answer(orc: Orc, asked: CommandRequested) -> CommandEnded:
    """Its outcome."""

    def look() -> CommandEnded | None:
        with Reader(orc.paths.database) as reader:
            bodies = [event.body for event in reader.commands(max(0, reader.last_seq() - 20_000))]
        return next((b for b in bodies if isinstance(b, CommandEnded) and b.command_id == asked.command_id), None)

    return wait_for(look, 60)


def rounds(orc: Orc, session: str, pids: list[int], count: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the key to the whole tree stopped, and the host's own part of them."""
    total, own = [], []
    for _ in range(count):
        begun = time.perf_counter()
        asked = request(orc, "kill", session)
        while any(state(pid) != "T" for pid in pids):
            if time.perf_counter() - begun > 20:
                raise AssertionError(f"not frozen: {answer(orc, asked)}")
        total.append(1000 * (time.perf_counter() - begun))
        request(orc, "undo", session)
        own.append(float(answer(orc, asked).receipt["frozen_ms"]))  # type: ignore[arg-type]
    return total, own


def row(name: str, total: list[float], own: list[float]) -> list[str]:
    """One line of the table."""
    note(f"key to frozen tree, {name}: p95", percentile(total, 0.95), "ms", MOST)
    return [
        name, str(len(total)), f"{median(total):.1f}", f"{percentile(total, 0.95):.1f}", f"{max(total):.1f}",
        f"{median(own):.1f}", target(percentile(total, 0.95), MOST, " ms"),
    ]  # fmt: skip


def main() -> None:
    """Set up, measure, clear away."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--history", type=int, default=150, metavar="MB", help="transcripts that are indexed meanwhile")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    args = parser.parse_args()
    if MARKS.keys() & os.environ.keys():
        # The host would not take a command from inside an agent.
        env = {name: value for name, value in os.environ.items() if name not in MARKS}
        os.execve(sys.executable, [sys.executable, *sys.argv], env)
    native, others = str(uuid.uuid4()), []
    rows, host = [], None
    with tempfile.TemporaryDirectory() as folder:
        orc = Orc(Path(folder, "state"), Path(folder, "home"))
        orc.home.mkdir()
        client = None
        try:
            # Older than the client, as nearly all processes of a machine are.
            others = [subprocess.Popen(["sleep", "3000"]) for _ in range(OTHERS)]
            client = spawn(SCRIPT, native)
            wait_for(lambda: len(carrying(native)) == TREE)
            session = register(orc, client.pid, native)
            pids = carrying(native)
            host = orc.start_host()
            wait_for(lambda: orc.sessions().get(session, {}).get("pid") == client.pid)
            rows.append(row(f"{OTHERS} other processes", *rounds(orc, session, pids, args.rounds)))
            looks = []
            for _ in range(30):
                begun = time.perf_counter()
                found = scan(
                    LinuxTable(), Root(ref(client.pid), marks_of("claude", native, None), since=ref(client.pid).started)
                )
                looks.append(1000 * (time.perf_counter() - begun))
            write_tree(orc.home, args.history << 20, time.time_ns() - 3600 * 10**9, median=100_000)
            reading = subprocess.Popen(
                [sys.executable, "-m", "orchestrator_tui", "ingest", "--all"], env=orc.env, stdout=subprocess.DEVNULL
            )
            begun, total, own = time.monotonic(), [], []
            while reading.poll() is None and len(total) < 10 * args.rounds:
                one = rounds(orc, session, pids, 1)
                total, own = total + one[0], own + one[1]
            seconds = time.monotonic() - begun
            rows.append(row(f"and {args.history} MB being indexed", total, own))
            reading.wait()
        finally:
            for process in others:
                process.kill()
            for process in others:
                process.wait()
            end_tree(native)
            if client is not None:
                client.wait()
            if host is not None:
                host.terminate()
                host.wait(30)
    head = ["key to frozen, ms", "times", "median", "p95", "worst", "host's part", "target (p95)"]
    table(f"a tree of {TREE} processes is frozen", head, rows)
    print(f"  one look over all processes: median {median(looks):.1f} ms, {len(found.members)} found")
    print(f"  indexing ran for {seconds:.0f} s meanwhile")


if __name__ == "__main__":
    main()
