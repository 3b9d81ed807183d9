"""The demo's own place: a scratch home, a host, what plays in it; and its end, whatever it comes to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from orchestrator_tui.demo.cast import SETTINGS
from orchestrator_tui.demo.sweeping import sweep
from orchestrator_tui.errors import OrcError
from orchestrator_tui.loops.embedded import PACE
from orchestrator_tui.paths import Paths

HOST_SECONDS, PLAYER_SECONDS = 10.0, 20.0
"""For the host to look, and for the player to end everything."""
SECONDS_PER_STEP = "0.7"
"""How long the embedded model takes for a response, about."""
OWN = ("XDG_", "CLAUDE", "CODEX", "GEMINI", "OPENCODE", "ORC_", "GIT_", "LITELLM_")
"""What the person has set of these is not the demo's."""


class Stage(Struct):
    """Where it plays."""

    scratch: Path
    place: Paths
    environ: dict[str, str]

    def direct(self, seed: int, loops: int, seconds: float, whole: bool) -> subprocess.Popen[bytes]:
        """Start the director; what it says is on stderr where the whole play is asked for, else in a file."""
        words = [str(seed), str(loops), str(seconds), "whole" if whole else "open"]
        with (self.place.run_dir / "director.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "orchestrator_tui.demo.director", str(self.scratch), *words],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=None if whole else log,
                env=self.environ, start_new_session=True,
            )  # fmt: skip


@contextmanager
def stage(seed: int, recorded: int) -> Iterator[Stage]:
    """A scratch home with `recorded` sessions played in it, and a host that watches; nothing is left afterwards."""
    scratch = Path(tempfile.mkdtemp(prefix="orc-demo-")).resolve()
    home, state = scratch / "home", scratch / "state"
    here = Stage(scratch, Paths(state, state, state / "run"), _environment(home, state))
    player = None
    try:
        for directory in (".claude/projects", ".codex/sessions", "work", "tmp"):
            (home / directory).mkdir(parents=True)
        here.place.make()
        here.place.config.write_text(SETTINGS, encoding="utf-8")
        player = subprocess.Popen(
            [sys.executable, "-P", "-m", "orchestrator_tui.demo.play", str(scratch), str(seed), str(recorded)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=here.environ,
            start_new_session=True,
        )  # fmt: skip
        with here.place.host_log.open("wb") as log:
            host = subprocess.Popen(
                [sys.executable, "-P", "-m", "orchestrator_tui", "host", "--foreground"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=here.environ, start_new_session=True,
            )  # fmt: skip
        _wait_for_store(here.place, host)
        yield here
    finally:
        _clear(scratch, player)


def _environment(home: Path, state: Path) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    return env | {
        "HOME": str(home), "ORC_HOME": str(state), "TMPDIR": str(home / "tmp"),
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", PACE: SECONDS_PER_STEP,
    }  # fmt: skip


def _clear(scratch: Path, player: subprocess.Popen[bytes] | None) -> None:
    """End everything; raises OrcError. A second Ctrl-C has to wait; if this is killed, the player does it."""
    with suppress(ValueError):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    if player is not None:
        if player.stdin is not None:
            player.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            player.wait(PLAYER_SECONDS)
    left = sweep(scratch)
    if left or scratch.exists():
        raise OrcError(f"{scratch} could not be cleared: remove it, and end the processes {left}")


def _wait_for_store(place: Paths, host: subprocess.Popen[bytes]) -> None:
    from orchestrator_tui.errors import StoreError
    from orchestrator_tui.store.reader import Reader

    end = time.monotonic() + HOST_SECONDS
    while time.monotonic() < end:
        with suppress(StoreError), Reader(place.database) as reader:
            if reader.last_seq():
                return
        if host.poll() is not None:
            words = place.host_log.read_text(encoding="utf-8", errors="replace").strip()
            raise OrcError(f"the demo's host ended: {words[-300:]}")
        time.sleep(0.025)
    raise OrcError(f"the demo's host did not start within {HOST_SECONDS:.0f} s")
