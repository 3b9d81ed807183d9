"""What a running host costs: 100 live sessions among 800 other processes, then silence."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import psutil

from orchestrator_tui.store.reader import Reader
from tests.bench.generate import PROJECTS, Talk, write_tree
from tests.bench.report import note, table, target

SESSIONS, OTHERS = 100, 800
EVERY = 2.0
"""Seconds between two lines of one session."""
SETTLE, MEASURE, QUIET = 20.0, 30.0, 70.0


class World:
    """Scratch directories, and every process that was started."""

    def __init__(self, folder: Path, sessions: int, others: int) -> None:
        self.home, self.state = folder / "home", folder / "state"
        self.pids: list[int] = []
        self.talks: list[tuple[Talk, Path]] = []
        self.registry = self.home / ".claude" / "sessions"
        self.registry.mkdir(parents=True)
        self.state.mkdir(mode=0o700)
        self._sessions, self._others = sessions, others

    def populate(self) -> None:
        """Start the processes, write the registry and the first lines."""
        for _ in range(self._others):
            self.pids.append(os.posix_spawn("/bin/sleep", ["sleep", "1000"], {}))
        for number in range(self._sessions):
            # Two commands and a wait: the shell stays, with one child.
            words = ["sh", "-c", "sleep 1000 & wait; :"]
            pid = os.posix_spawn("/bin/sh", words, dict(os.environ), setpgroup=0)
            self.pids.append(pid)
            self._register(number, pid)

    def _register(self, number: int, pid: int) -> None:
        project = PROJECTS[number % len(PROJECTS)]
        talk = Talk(f"host {number}", f"/home/dev/{project}")
        path = self.home / ".claude" / "projects" / f"-home-dev-{project}" / f"{talk.session}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(talk.line(time.time_ns()) for _ in range(30)))
        self.talks.append((talk, path))
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        entry = {
            "pid": pid, "sessionId": talk.session, "cwd": talk.cwd, "procStart": text.rpartition(")")[2].split()[19],
            "startedAt": time.time_ns() // 1_000_000, "version": "2.1.197", "kind": "interactive",
            "entrypoint": "cli", "name": f"{project}-{number}", "nameSource": "derived", "status": "busy",
        }  # fmt: skip
        (self.registry / f"{pid}.json").write_bytes(msgspec.json.encode(entry))

    def append(self, seconds: float) -> int:
        """Every session writes a line every two seconds, evenly spread; returns how many lines."""
        step, lines, begun = EVERY / len(self.talks), 0, time.monotonic()
        while (now := time.monotonic()) - begun < seconds:
            talk, path = self.talks[lines % len(self.talks)]
            with path.open("ab") as file:
                file.write(talk.line(time.time_ns()))
            lines += 1
            time.sleep(max(0.0, begun + lines * step - now))
        return lines

    def end(self) -> None:
        """Kill what was started, children included; reap it."""
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL) if os.getpgid(pid) == pid else os.kill(pid, signal.SIGKILL)
        for pid in self.pids:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


class Meter:
    """CPU of the host and events stored, from one instant to another."""

    def __init__(self, host: psutil.Process, reader: Reader) -> None:
        self._host, self._reader = host, reader
        self._began = self._mark()

    def _mark(self) -> tuple[float, float, float, int]:
        times = self._host.cpu_times()
        return time.monotonic(), times.user, times.system, self._reader.last_seq()

    def row(self, name: str, most: float) -> list[str]:
        """What was used since."""
        a, b = self._began, self._mark()
        wall, user, system, events = (y - x for x, y in zip(a, b, strict=True))
        percent = 100 * (user + system) / wall
        switches = self._host.num_ctx_switches()
        note(f"host, {OTHERS} other processes, {name}: CPU of a core", percent, "%", most)
        return [
            name, f"{percent:.2f} %", f"{100 * user / wall:.2f}", f"{100 * system / wall:.2f}", target(percent, most, " %"),
            f"{events * 60 / wall:,.0f}", f"{1e6 * (user + system) / max(1, events):,.0f}",
            f"{self._host.memory_info().rss / 2**20:.0f} MB", str(switches.voluntary),
        ]  # fmt: skip


def measure(world: World, host: psutil.Process, database: Path, brief: bool) -> None:
    """Busy, then silent."""
    rows, lines = [], 0
    world.append(SETTLE)
    with Reader(database) as reader:
        begun = reader.last_seq()
        meter = Meter(host, reader)
        lines = world.append(MEASURE)
        rows.append(meter.row(f"{len(world.talks)} sessions, a line every {EVERY:g} s", 2.0))
        kinds = reader.query(
            "SELECT type, count(*) FROM events WHERE seq > ? GROUP BY type ORDER BY 2 DESC LIMIT 8", begun
        )
        if not brief:
            time.sleep(QUIET)
            meter = Meter(host, reader)
            time.sleep(MEASURE)
            rows.append(meter.row(f"nothing new for {QUIET:g} s", 0.5))
        seen = reader.query("SELECT count(DISTINCT session) FROM events WHERE type = 'process.observed'")[0][0]
    head = ["", "CPU", "user", "system", "target", "events/min", "µs CPU/event", "RSS", "switches so far"]
    table(f"host, {OTHERS} other processes, {MEASURE:g} s each", head, rows)
    print(f"  {lines} lines written while busy; {seen} sessions have an observed process")
    print("  " + ", ".join(f"{name} {count}" for name, count in kinds))


def main() -> None:
    """Set up, measure, clear away."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--history", type=int, default=0, metavar="MB", help="old transcripts beside the live ones")
    parser.add_argument("--brief", action="store_true", help="the busy part only")
    parser.add_argument("--profile", metavar="FILE", help="run the host under cProfile (its CPU then counts that too)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orc-bench-") as folder:
        world = World(Path(folder), SESSIONS, OTHERS)
        host: subprocess.Popen[bytes] | None = None
        try:
            if args.history:
                write_tree(world.home, args.history << 20, time.time_ns() - 3600 * 10**9, median=100_000)
            world.populate()
            env = {k: v for k, v in os.environ.items() if not k.startswith(("CLAUDE", "ORC_", "XDG_"))}
            env.update(ORC_HOME=str(world.state), HOME=str(world.home))
            profiler = ["-m", "cProfile", "-o", args.profile] if args.profile else []
            words = [sys.executable, *profiler, "-m", "orchestrator_tui", "host", "--foreground"]
            host = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL)
            measure(world, psutil.Process(host.pid), world.state / "events.db", args.brief)
        finally:
            if host is not None:
                host.terminate()
                try:
                    host.wait(20)
                except subprocess.TimeoutExpired:
                    host.kill()
                    host.wait()
            world.end()


if __name__ == "__main__":
    main()
