"""What tests of all rooms share: scratch state, recorded data, and the real command as a subprocess."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

from orchestrator_tui.paths import Paths

DATA = Path(__file__).parent / "data"
CLAUDE = DATA / "clients" / "claude-2.1.197"
CASES = DATA / "status-cases"

# How long an example takes says something of the machine only.
hypothesis.register_profile("anywhere", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.load_profile("anywhere")

PROCESSES = (
    "tests/host/",
    "tests/loops/",
    "tests/cli/",
    "tests/real/",
    "tests/hostile/",
    "tests/faults/",
    "tests/weight/",
    "tests/ui/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What depends on processes and threads being given the processor in time is tried up to twice more, and shown so."""
    root = Path(__file__).parents[1]
    for item in items:
        if str(item.path.relative_to(root)).startswith(PROCESSES):
            item.add_marker(pytest.mark.flaky(reruns=2))


# A shell that runs the tests in the background has it ignored, and every program under test would ignore it, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

KEPT = ("PATH", "LANG", "LC_ALL", "TERM", "USER", "LOGNAME", "SHELL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")
"""What of the environment the programs under test get."""


class Orc:
    """The command `orc` with a state directory and a home of its own."""

    def __init__(self, state: Path, home: Path) -> None:
        self.state, self.home = state, home
        self.paths = Paths(state, state, state / "run")
        # What a build machine sets (`CI`) makes clients run without a screen.
        self.env = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.env.update(HOME=str(home), ORC_HOME=str(state), NO_COLOR="1")

    def run(self, *args: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator_tui", *args],
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.state.parent,
        )
        if check and done.returncode:
            raise AssertionError(f"orc {' '.join(args)} ended with {done.returncode}: {done.stderr}")
        return done

    def json(self, *args: str) -> Any:
        """The JSON answer of one command."""
        return msgspec.json.decode(self.run(*args, "--json").stdout)

    def sessions(self, *args: str) -> dict[str, dict[str, Any]]:
        """Session id -> session, as `orc sessions --all --json` has it."""
        return {s["id"]: s for s in self.json("sessions", "--all", *args)["sessions"]}

    def start_host(self, **env: str) -> subprocess.Popen[bytes]:
        """A host in the foreground of a process of its own; returns when it looks."""
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator_tui", "host", "--foreground"],
            env={**self.env, **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        wait_for(lambda: process.poll() is not None or self.run("host", "status", check=False).returncode == 0)
        if process.poll() is not None and process.stderr is not None:
            raise AssertionError(process.stderr.read().decode())
        return process


def wait_for(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Wait until a condition holds, and return what it gave; a failure names the condition's last answer."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not become true within {seconds} s: {value!r}")
        time.sleep(0.05)


@pytest.fixture
def orc(tmp_path: Path) -> Orc:
    """`orc` with an empty home."""
    home = tmp_path / "home"
    home.mkdir()
    return Orc(tmp_path / "state", home)


@pytest.fixture
def host(orc: Orc) -> Iterator[Orc]:
    """`orc` with a running host."""
    process = orc.start_host()
    yield orc
    process.terminate()
    process.wait(20)
    if process.stderr is not None:
        process.stderr.close()
