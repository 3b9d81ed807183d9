"""What a host at work leaves with the clients: nothing."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

from tests.conftest import CLAUDE, Orc, wait_for


def tree(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Path -> mode, time of change, content; of everything below `root`."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        found[str(path.relative_to(root))] = (status.st_mode, status.st_mtime_ns, content)
    return found


def test_a_host_at_work_changes_no_file_of_a_client(orc: Orc) -> None:
    shutil.copytree(CLAUDE / "subagent" / "home", orc.home, dirs_exist_ok=True)
    (orc.home / ".codex" / "sessions").mkdir(parents=True)
    before = tree(orc.home)
    process = orc.start_host()
    try:
        wait_for(lambda: len(orc.sessions()) >= 2, 60)
    finally:
        process.terminate()
        process.wait(30)
        if process.stderr is not None:
            process.stderr.close()
    assert tree(orc.home) == before
