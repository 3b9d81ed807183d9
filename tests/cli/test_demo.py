"""`orc demo`: every part works, and nothing is left behind however it ends."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator_tui.demo.cast import STATUSES
from tests.conftest import Orc, wait_for

ACTS = ("escalate", "split", "kill", "pause", "dead", "approve", "budget", "green")


@pytest.fixture
def scratch(orc: Orc) -> Iterator[Path]:
    """The temporary directory of the demo; afterwards nothing is in it and no process knows of it."""
    path = Path(tempfile.mkdtemp(prefix="orc-test-")).resolve()
    orc.env["TMPDIR"] = str(path)
    yield path
    left = processes(path), [item.name for item in path.iterdir()]
    for pid in left[0]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(path)
    assert left == ([], [])


def processes(scratch: Path) -> list[int]:
    """Those whose environment or command line names a demo below this directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (path / "environ").read_bytes() + (path / "cmdline").read_bytes()
            if f"{scratch}/orc-demo-".encode() in words:
                found.append(int(path.name))
    return found


def begin(orc: Orc, *words: str) -> subprocess.Popen[bytes]:
    """The headless demo, at work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator_tui", "demo", "--headless", "--seconds", "60", *words],
        env=orc.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        # A shell has its background jobs ignore SIGINT, and they hand that down: the tests may be such a job.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stderr is not None and b"seen: " in process.stderr.readline()
    return process


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}


def test_every_part_works_and_nothing_is_left(orc: Orc, scratch: Path) -> None:
    before = files(orc.home)
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator_tui", "demo", "--headless", "--seconds", "60", "--seed", "3"],
        env=orc.env, capture_output=True, text=True, timeout=170, cwd=orc.home, check=False,
    )  # fmt: skip
    said = done.stderr.splitlines()
    assert done.returncode == 0, done.stderr
    assert f"statuses seen: {', '.join(STATUSES)}" in said
    assert [f"{name}: well" for name in ACTS] == [line for line in said if line.endswith(": well")]
    assert any(line.startswith("costs: ") for line in said)
    assert any("loop:" in line and "embedded/large" in line for line in done.stdout.splitlines())
    assert any("claude:" in line for line in done.stdout.splitlines())
    assert any("codex:" in line for line in done.stdout.splitlines())
    assert files(orc.home) == before
    assert not (orc.state / "events.db").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_a_signal_in_the_middle_leaves_nothing(orc: Orc, scratch: Path, number: signal.Signals) -> None:
    process = begin(orc)
    wait_for(lambda: len(processes(scratch)) >= 8, 30)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode in (128 + number, -number)
    assert b"Traceback" not in errors


def test_impatient_ctrl_c_leaves_nothing(orc: Orc, scratch: Path) -> None:
    process = begin(orc)
    while process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    process.communicate(timeout=30)
    assert process.returncode != 0


def test_a_demo_that_is_killed_leaves_nothing(orc: Orc, scratch: Path) -> None:
    process = begin(orc)
    wait_for(lambda: len(processes(scratch)) >= 6, 30)
    process.kill()
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    wait_for(lambda: not processes(scratch) and not list(scratch.iterdir()), 30)


@pytest.mark.parametrize("end", ["--seconds", "SIGTERM", "SIGHUP", "q", "crash"])
def test_the_dashboard_ends_clean(orc: Orc, scratch: Path, end: str) -> None:
    words = ["-m", "orchestrator_tui", "demo", "--loops", "8", *(["--seconds", "6"] if end == "--seconds" else [])]
    if end == "crash":
        code = (
            "import sys; from orchestrator_tui.ui.app import OrcApp; from orchestrator_tui.cli.main import main\n"
            "def crash(): raise RuntimeError('on purpose')\n"
            "def mount(app): app.set_timer(5, crash)\n"
            "OrcApp.on_ready = mount\n"
            "sys.exit(main(sys.argv[1:]))"
        )
        words = ["-c", code, "demo", "--loops", "8"]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        [sys.executable, *words], env={**orc.env, "TERM": "xterm-256color"}, stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True,
    )  # fmt: skip
    drain = threading.Thread(target=_drain, args=(master,), daemon=True)
    drain.start()
    try:
        wait_for(lambda: process.poll() is not None or len(processes(scratch)) >= 5, 30)
        if end == "q":
            wait_for(lambda: not termios.tcgetattr(slave)[3] & termios.ICANON, 30)
            os.write(master, b"q")
        elif end.startswith("SIG"):
            process.send_signal(getattr(signal, end))
        status = process.wait(40)
        by_signal = 128 + getattr(signal, end) if end.startswith("SIG") else 0
        assert status == (1 if end == "crash" else by_signal)
        assert termios.tcgetattr(slave)[3] == before[3]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(slave)
        os.close(master)


def _drain(master: int) -> None:
    with suppress(OSError):
        while os.read(master, 65536):
            pass


@pytest.mark.parametrize(
    "args",
    [
        ["--headless", "--loops", "7"], ["--headless", "--loops", "41"], ["--headless", "--seconds", "0"],
        ["--headless", "--seconds", "nan"], ["--headless", "--seed", "-1"], ["--headless", "--loops", "x"], [],
    ],
)  # fmt: skip
def test_what_it_does_not_do(orc: Orc, scratch: Path, args: list[str]) -> None:
    done = orc.run("demo", *args, check=False)
    assert done.returncode == 2
    assert "orc demo: " in done.stderr and "Traceback" not in done.stderr
