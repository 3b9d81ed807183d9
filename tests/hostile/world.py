"""A host of its own on a scratch home, for the tests of one module, and what they look at from outside."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.conftest import Orc
from tests.host.owned.conftest import end_all

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")


def scratch(root: Path) -> Orc:
    """`orc` with an empty home; the tests may themselves be run by an agent."""
    (root / "home").mkdir()
    return Orc(root / "state", root / "home")


@contextmanager
def running(orc: Orc, **env: str) -> Iterator[int]:
    """A host; yields its process id. What it started is ended, too."""
    process = orc.start_host(**env)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)
        end_all(orc.state)
        if process.stderr is not None:
            process.stderr.close()


def family(pid: int) -> list[psutil.Process]:
    """A process and everything below it."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def most_resident(pid: int) -> int:
    """The most bytes of memory that any of these ever had."""
    found = 0
    for one in family(pid):
        try:
            status = Path(f"/proc/{one.pid}/status").read_text()
        except OSError:
            continue
        found = max(found, int(status.split("VmHWM:")[1].split()[0]) << 10)
    return found


def tree(root: Path) -> dict[str, tuple[int, int]]:
    """Everything below a directory: path -> (size, when it was changed)."""
    found = {}
    for path in root.rglob("*"):
        status = path.lstat()
        found[str(path)] = (0, 0) if path.is_dir() and not path.is_symlink() else (status.st_size, status.st_mtime_ns)
    return found


def recent(text: str, ends: float) -> str:
    """A recorded file with its times moved so that the last is `ends`, seconds since the epoch."""
    stamps = [datetime.fromisoformat(found.replace("Z", "+00:00")) for found in _STAMP.findall(text)]
    apart = ends - max(stamps).timestamp()

    def moved(match: re.Match[str]) -> str:
        at = datetime.fromisoformat(match[0].replace("Z", "+00:00")).timestamp() + apart
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    return _STAMP.sub(moved, text)


def lay_out(recording: Path, home: Path, apart: float = 120.0) -> list[Path]:
    """A recording's files below a home, as if they had been written just now; returns its transcripts."""
    shutil.copytree(recording, home, dirs_exist_ok=True)
    found = []
    for source in sorted(recording.rglob("*.jsonl")):
        path = home / source.relative_to(recording)
        if "history" not in path.name:
            path.write_text(recent(source.read_text(), time.time() - apart))
            os.utime(path)
            found.append(path)
    return found
