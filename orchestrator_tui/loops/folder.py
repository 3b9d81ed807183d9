"""A loop's directory, `<state>/loops/<id>/`: what is in it."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

import msgspec
from msgspec import Struct

from orchestrator_tui.paths import make_private
from orchestrator_tui.private import is_locked, write_durably

ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""A loop's id."""
MAX_FILE = 16 << 20
"""Bytes of a file of ours; what is larger is not read."""


class Use(Struct, frozen=True):
    """`use.json`: with what the next iterations go on, instead of what the spec says."""

    model: str | None = None
    effort: str | None = None


class Folder:
    """One loop's directory."""

    def __init__(self, path: Path) -> None:
        self.path, self.id = path, path.name
        self.spec, self.state, self.log = path / "spec.json", path / "state.json", path / "loop.jsonl"
        self.prices, self.lock = path / "prices.json", path / "lock"
        self.iterations, self.checks, self.jobs = path / "iterations", path / "checks", path / "jobs"
        self.stop, self.anyway, self._use = path / "stop", path / "anyway", path / "use.json"
        """`stop` and `anyway` exist once a person has said so; what is in them is the reason."""

    def make(self) -> None:
        """Create it, private to this user. Raises StoreNotWritable."""
        for directory in (self.path, self.iterations, self.checks, self.jobs):
            make_private(directory)

    def use(self) -> Use:
        """With what the next iteration goes on."""
        try:
            return msgspec.json.decode(self._use.read_bytes(), type=Use)
        except (OSError, msgspec.MsgspecError):
            return Use()

    def go_on_with(self, model: str | None, effort: str | None) -> None:
        """Have the next iterations use another model or effort. Raises OSError."""
        write_durably(self._use, msgspec.json.encode(Use(model, effort)))

    def take(self) -> int | None:
        """The lock that the loop's one runner holds for life: its descriptor; None when another one has it."""
        fd = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return None
        return fd

    @property
    def runs(self) -> bool:
        """Whether a runner lives: the kernel lets go of its lock however it ends."""
        return is_locked(self.lock)


def folders(state_dir: Path) -> list[Folder]:
    """Every loop that has a spec, the oldest first; what is not named like one is left alone."""
    base = state_dir / "loops"
    try:
        found = sorted(base.iterdir())
    except OSError:
        return []
    mine = [path for path in found if ID.fullmatch(path.name) and path.is_dir() and not path.is_symlink()]
    return [Folder(path) for path in mine if (path / "spec.json").is_file()]
