"""A host and a dashboard whose clock runs faster than the machine's: the same programs, another clock.

`python -m tests.bench.fast host|dashboard STATE BEGUN SPEED FORGET`: BEGUN is the instant from which the time runs SPEED
times as fast (nanoseconds), FORGET how long ended sessions stay in the fold (seconds; 24 hours in use). SIGUSR1 writes
one line of what it holds to `STATE/census-<program>.jsonl`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from pathlib import Path

import msgspec

from orchestrator_tui.clock import SECOND
from orchestrator_tui.config import load
from orchestrator_tui.paths import Paths
from orchestrator_tui.store import snapshots
from tests.bench.census import objects, sizes

FULL_EVERY = 5_000
"""Events between two times at which ended sessions may leave the fold, a tenth of those in use."""


class FastClock:
    """Wall time that runs `speed` times as fast from `begun` on; the other clock is the machine's."""

    def __init__(self, begun: int, speed: float) -> None:
        self.begun, self.speed = begun, speed

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return self.begun + int((time.time_ns() - self.begun) * self.speed)

    def monotonic(self) -> int:
        """CLOCK_MONOTONIC, nanoseconds."""
        return time.monotonic_ns()


def counts_on_signal(file: Path, clock: FastClock, name: str) -> None:
    """SIGUSR1: one line on what the program holds."""

    def write(number: int, frame: object) -> None:
        gc.collect()
        roots = {type(thing).__name__: thing for thing in gc.get_objects() if type(thing).__name__ == name}
        line = {"at": clock.now(), "sizes": sizes(roots, 20), "objects": objects(200)}
        with file.open("ab") as out:
            out.write(msgspec.json.encode(line) + b"\n")

    signal.signal(signal.SIGUSR1, write)


def main() -> None:
    """Be one of the two."""
    what, state, begun, speed, forget = sys.argv[1:]
    home = Path(state)
    place, clock = Paths(home, home, home / "run"), FastClock(int(begun), float(speed))
    snapshots.KEEP_IN_FOLD = int(float(forget) * SECOND)
    snapshots.FULL_EVERY = FULL_EVERY
    counts_on_signal(home / f"census-{what}.jsonl", clock, "Host" if what == "host" else "OrcApp")
    if what == "host":
        from orchestrator_tui.host.run import serve

        os.umask(0o077)
        asyncio.run(serve(place, load(place.config), clock))
    else:
        from orchestrator_tui.ui.app import OrcApp

        OrcApp(place, load(place.config), clock).show()


if __name__ == "__main__":
    main()
