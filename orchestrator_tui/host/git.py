"""Git, asked what it knows and nothing more: no repository makes it run a program, write, or reach the network.

A repository's own configuration can name programs. Here each way is closed:

- fsmonitor and hooks are switched off on the command line, which comes before every file;
- external diff programs and text conversions by `--no-ext-diff --no-textconv`, pagers by having no terminal;
- filters, which a diff runs on files of the checkout, by naming each one that is configured and emptying it; one that
  cannot be named so ends the look;
- submodules are not entered; what is missing in a partial clone is not fetched: no protocol is allowed;
- a bare repository that lies within another is not taken for one.

What the environment says to git is dropped, but for the person's own configuration and the machine's: those are trusted
(`safe.directory` stands there). A checkout that belongs to another user is left alone.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Event

from msgspec import Struct

from orchestrator_tui.errors import OrcError

SECONDS = 2.0
"""That one command may take; then it is killed."""
BYTES = 1 << 20
"""Of output that are taken; what writes more is killed."""
MAX_FILTERS = 32
_STEP = 0.2
"""Seconds until a command that runs learns of `close`."""
_SAFE = (
    "--no-pager", "--no-optional-locks", "--literal-pathspecs",
    # Empty is "no" to every version; a word would have been a program's name to old ones.
    "-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "-c", "diff.external=",
    "-c", "safe.bareRepository=explicit", "-c", "protocol.allow=never", "-c", "submodule.recurse=false",
    "-c", "core.quotePath=false", "-c", "color.ui=false", "-c", "diff.suppressBlankEmpty=false",
    # A diff would write the index, and a commit at that moment would find it locked.
    "-c", "diff.autoRefreshIndex=false",
    # A larger file counts as one without text: neither time nor memory go into its lines.
    "-c", "core.bigFileThreshold=4m", "-c", "diff.relative=false", "-c", "diff.noprefix=false",
    "-c", "diff.mnemonicPrefix=false",
)  # fmt: skip
_ENVIRONMENT = {
    "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat", "PAGER": "cat",
    "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_EDITOR": ":", "GIT_ASKPASS": "",
}  # fmt: skip
DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--ignore-submodules=dirty",
        "--submodule=short", "-O/dev/null")  # fmt: skip
"""How every diff begins."""


class GitTrouble(OrcError):
    """Git could not be run, was too slow, or said no; the words say which."""


class Answer(Struct, frozen=True):
    """What a command wrote."""

    code: int
    out: bytes
    cut: bool = False
    """There was more: only the first `most` bytes were taken."""


class Checkout(Struct, frozen=True):
    """A git checkout that may be looked at."""

    root: str
    """Absolute, without symbolic links."""
    off: tuple[str, ...] = ()
    """Arguments that empty the filters it configures."""


class Git:
    """Runs git; blocking, so call it in a thread. One command at a time per thread."""

    def __init__(self, program: str) -> None:
        """`program` is absolute: what is called git within a checkout is never it."""
        self._program = program
        self._closed = Event()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        paths = [path for path in kept.get("PATH", os.defpath).split(os.pathsep) if path.startswith("/")]
        self._environment = {**kept, **_ENVIRONMENT, "PATH": os.pathsep.join(paths)}

    @classmethod
    def find(cls) -> Git | None:
        """The person's git; None where there is none."""
        program = shutil.which("git")
        if program is None or not program.startswith("/"):
            return None
        tools = ("/Library/Developer/CommandLineTools/usr/bin/git", "/Applications/Xcode.app")
        if sys.platform == "darwin" and program == "/usr/bin/git" and not any(map(os.path.exists, tools)):
            # Without the developer tools this one opens a window that offers them.
            return None
        return cls(program)

    def close(self) -> None:
        """Kill what runs; nothing is run from here on."""
        self._closed.set()

    def run(self, cwd: str, *arguments: str, seconds: float = SECONDS, most: int = BYTES) -> Answer:
        """One command in a directory, at most so long and with so much output. Raises GitTrouble."""
        end = time.monotonic() + seconds
        try:
            process = subprocess.Popen(
                [self._program, *_SAFE, *arguments], cwd=cwd, env=self._environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise GitTrouble(f"git could not be run: {error}") from error
        try:
            out, cut = self._read(process, end, seconds, most)
            if not cut:
                process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise _slow(seconds) from error
        finally:
            if process.returncode is None:
                # Not waited for yet, so its number is still its own, and its group's.
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        return Answer(process.returncode, out[:most], cut)

    def _read(self, process: subprocess.Popen[bytes], end: float, seconds: float, most: int) -> tuple[bytes, bool]:
        out = bytearray()
        if process.stdout is None:
            return b"", False
        fd = process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(fd, selectors.EVENT_READ)
            while True:
                left = end - time.monotonic()
                if self._closed.is_set():
                    raise GitTrouble("git is not asked any more")
                if left <= 0:
                    raise _slow(seconds)
                if not selector.select(min(left, _STEP)):
                    continue
                part = os.read(fd, 1 << 16)
                if not part:
                    return bytes(out), False
                out += part
                if len(out) > most:
                    return bytes(out), True

    def ask(self, cwd: str, *arguments: str) -> str | None:
        """The one line that a command answers with; None where it says no. Raises GitTrouble."""
        answer = self.run(cwd, *arguments)
        if answer.code or answer.cut:
            return None
        text = answer.out.decode("utf-8", "replace").removesuffix("\n")
        return text if text and "\n" not in text and "\ufffd" not in text else None

    # --- what may be looked at ----------------------------------------------------------------------------

    def checkout(self, cwd: str) -> Checkout | None:
        """The checkout that a directory lies in; None where there is none, or where it is not this user's.

        Raises GitTrouble.
        """
        place = owned(cwd)
        if place is None:
            return None
        root = self.ask(place, "rev-parse", "--show-toplevel")
        if root is None or (root != place and not place.startswith(root.rstrip("/") + "/")):
            # `core.worktree` may name any directory: only one that this one lies in is the session's.
            return None
        common = self.ask(place, "rev-parse", "--git-common-dir")
        if common is None or owned(os.path.join(place, common)) is None or owned(root) != root:  # noqa: PTH118
            return None
        return Checkout(root, self._filters_off(root)) if os.path.lexists(os.path.join(root, ".git")) else None  # noqa: PTH118

    def _filters_off(self, root: str) -> tuple[str, ...]:
        answer = self.run(root, "config", "-z", "--name-only", "--get-regexp", r"^filter\.")
        keys = answer.out.decode("utf-8", "surrogateescape").split("\0")
        names = dict.fromkeys(key[len("filter.") :].rpartition(".")[0] for key in keys if key)
        names.pop("", None)
        if answer.cut or answer.code not in (0, 1) or len(names) > MAX_FILTERS or any("=" in name for name in names):
            raise GitTrouble("this checkout's filters cannot be switched off")
        off: list[str] = []
        for name in names:
            for what in ("clean=", "smudge=", "process=", "required=false"):
                off += ("-c", f"filter.{name}.{what}")
        return tuple(off)


def owned(path: str) -> str | None:
    """The directory's real path; None where it is none, or belongs to another user."""
    try:
        real = Path(path).resolve(strict=True)
        status = real.stat()
    except (OSError, ValueError, RuntimeError):
        return None
    return str(real) if path.startswith("/") and real.is_dir() and status.st_uid == os.geteuid() else None


def _slow(seconds: float) -> GitTrouble:
    return GitTrouble(f"git took longer than {seconds:g} s and was stopped")
