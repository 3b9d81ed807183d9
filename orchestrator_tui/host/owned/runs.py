"""Run directories, `<state>/owned/<name>/`: all there is of an owned session beside its client's own files.

`run.json` is the host's: what was started, and as which session. The rest is the shim's: `lock`, `shim.json`,
`exit.json`, the output in `out.N` and `err`, and `mail/` with what is to be said (docs/architecture.md).
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from orchestrator_tui.clients.driving import Launch, Task
from orchestrator_tui.clock import DAY, SECOND
from orchestrator_tui.events import Relation
from orchestrator_tui.host.procfs import ProcessTable, same_start
from orchestrator_tui.paths import make_private
from orchestrator_tui.private import is_locked, write
from orchestrator_tui.text import line, utf8

KEPT = 14 * DAY
"""After its end a run is kept this long."""
WORDS = 240
"""Characters of a client's last words."""
_NAME = re.compile(r"\d{8}-\d{6}-[a-z][a-z0-9]{0,15}-[0-9a-f]{6}")
_T = TypeVar("_T")


class Record(Struct, frozen=True):
    """`run.json`."""

    client: str
    task: Task
    launch: Launch
    made_at: int
    host_id: str
    channel: str = ""
    served: bool = False
    title: str | None = None
    parent: str | None = None
    relation: Relation | None = None
    session: str | None = None
    """The client's own id, once it is known."""


class Shim(Struct, frozen=True):
    """`shim.json`: who runs, since the client runs."""

    pid: int
    started: int | None
    boot: str
    child: int
    child_started: int | None
    at: int


class Exit(Struct, frozen=True):
    """`exit.json`: how the client ended; neither status nor signal where that was not seen."""

    status: int | None
    signal: int | None
    words: str
    at: int
    rusage: dict[str, float] = field(default_factory=dict)
    """Seconds `user` and `system`, and `max_rss` in the kernel's unit."""

    @property
    def text(self) -> str:
        """In words for a person."""
        if self.words:
            return line(self.words, WORDS)
        return f"it ended with signal {self.signal}" if self.signal else f"it ended with status {self.status}"


class Run:
    """One run directory."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, path.name

    @property
    def mail(self) -> Path:
        """Messages that the client has not been given yet."""
        return self.path / "mail"

    def record(self) -> Record | None:
        """What was started; None where that cannot be read."""
        return self._read("run.json", Record)

    def save(self, record: Record) -> None:
        """Write `run.json`."""
        self.write("run.json", msgspec.json.encode(record))

    def shim(self) -> Shim | None:
        """The processes of the run; None before the client runs."""
        return self._read("shim.json", Shim)

    def exit(self) -> Exit | None:
        """How the client ended; None while it runs, or where nobody saw it."""
        return self._read("exit.json", Exit)

    def has_shim(self) -> bool:
        """Whether its shim lives: it holds the lock for life, and the kernel lets go of it however it ends."""
        return is_locked(self.path / "lock")

    def has_client(self, table: ProcessTable) -> bool:
        """Whether the very process that the shim started still runs."""
        shim = self.shim()
        if shim is None or self.exit() is not None or shim.boot != boot_id():
            return False
        stat = table.stat(shim.child) if shim.child > 1 else None
        if stat is None:
            return False
        if shim.child_started is not None:
            return same_start(stat, shim.child_started)
        return stat.began_at <= shim.at + SECOND

    def words(self) -> str:
        """The last that the client wrote to its error output, else to its output, on one line; "" when nothing."""
        outputs = sorted((int(path.name[4:]), path) for path in self.path.glob("out.*") if path.name[4:].isdecimal())
        for path in (self.path / "err", *(path for _, path in reversed(outputs))):
            with suppress(OSError), path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - 4096))
                said = file.read(4096).decode("utf-8", "replace").strip().splitlines()
                if said:
                    return line(said[-1].strip(), WORDS)
        return ""

    def write(self, name: str, data: bytes) -> None:
        """A file of this directory, whole or not at all. Raises OSError."""
        write(self.path / name, data)

    def write_spec(self, argv: Sequence[str], cwd: str, environ: Mapping[str, str], segment: int | None = None) -> None:
        """What the shim is to start; it removes the file, which holds the whole environment."""
        spec: dict[str, object] = {"argv": [utf8(word) for word in argv], "cwd": cwd, "environ": dict(environ)}
        if segment is not None:
            spec["segment"] = segment
        # The standard library's encoder keeps bytes of the environment that are no UTF-8.
        self.write("spec.json", json.dumps(spec).encode())

    def _read(self, name: str, kind: type[_T]) -> _T | None:
        try:
            return msgspec.json.decode((self.path / name).read_bytes(), type=kind)
        except (OSError, msgspec.MsgspecError):
            return None


def boot_id() -> str:
    """As the shim has it: "" where the kernel has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def base(state_dir: Path) -> Path:
    """Where run directories are."""
    return state_dir / "owned"


def make(state_dir: Path, client: str, now: int) -> Run:
    """A fresh run directory of mode 0700, named by the host alone. Raises StoreNotWritable."""
    stamp = datetime.fromtimestamp(now // SECOND, UTC).strftime("%Y%m%d-%H%M%S")
    plain = re.sub(r"[^a-z0-9]", "", client.lower())[:16].lstrip("0123456789") or "client"
    run = Run(base(state_dir) / f"{stamp}-{plain}-{secrets.token_hex(3)}")
    make_private(run.path)
    make_private(run.mail)
    return run


def listed(state_dir: Path) -> list[Run]:
    """All run directories, the oldest first; what is not named like one is left alone."""
    try:
        found = sorted(base(state_dir).iterdir())
    except OSError:
        return []
    return [Run(path) for path in found if _NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink()]


def tidy(state_dir: Path, table: ProcessTable, now: int) -> list[str]:
    """Remove runs that ended 14 days ago, never one of which something lives; returns their names."""
    removed = []
    for run in listed(state_dir):
        ended = run.exit()
        try:
            at = ended.at if ended is not None else (run.path / "run.json").stat().st_mtime_ns
        except OSError:
            at = run.path.stat().st_mtime_ns
        if now - at > KEPT and not run.has_shim() and not run.has_client(table):
            shutil.rmtree(run.path, ignore_errors=True)
            removed.append(run.name)
    return removed
