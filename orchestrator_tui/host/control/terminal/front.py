"""Who has a terminal: what typed input on it would reach. And small programs, asked something with a deadline."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from orchestrator_tui.host.control.callers import is_client

SECONDS = 3.0
"""That a program may take to answer; then it is killed."""
SHELLS = frozenset(
    {"sh", "bash", "rbash", "zsh", "fish", "dash", "ash", "ksh", "mksh", "ksh93", "tcsh", "csh", "nu", "elvish",
     "xonsh", "pwsh", "busybox"}
)  # fmt: skip
"""What runs any line that is typed into it."""

EDITORS = frozenset({"bash", "rbash", "zsh", "fish", "ksh", "mksh", "ksh93", "tcsh", "nu", "elvish", "xonsh", "pwsh"})
"""Of these the ones that set the terminal up anew for each line."""


class Seat(Struct, frozen=True):
    """A process and its terminal, at one look."""

    pid: int
    parent: int
    group: int
    front: int
    """The process group that has the terminal, as the kernel tells any process on it; -1 without a terminal."""
    tty: str
    """Such as /dev/pts/3; "" without one."""
    state: str
    """One letter as in ps."""
    name: str

    @property
    def stopped(self) -> bool:
        """By job control, SIGSTOP or a debugger."""
        return self.state in ("T", "t")

    @property
    def in_front(self) -> bool:
        """Whether its process group has the terminal."""
        return bool(self.tty) and self.front == self.group


async def call(
    argv: Sequence[str], text: bytes = b"", seconds: float | None = None, environ: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a small program with `text` as its input; its exit code and output, 255 when it cannot be run or is too slow.

    Of a program that fails the output is what it wrote as an error. `environ` is added to our own environment.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **environ} if environ else None,
        )
    except (OSError, ValueError) as error:
        return 255, str(error)
    try:
        out, err = await asyncio.wait_for(process.communicate(text), seconds or SECONDS)
    except TimeoutError:
        return 255, f"{Path(argv[0]).name} did not answer within {seconds or SECONDS:g} s"
    finally:
        if process.returncode is None:
            # Not waited for: a server that hangs may have been handed our pipes, and keeps them open.
            transport: asyncio.SubprocessTransport = vars(process)["_transport"]
            transport.close()
    code = process.returncode or 0
    return code, (out if code == 0 else err or out).decode("utf-8", "replace")


async def look(pid: int) -> Seat | None:
    """A process now; None when it is gone or a zombie."""
    if sys.platform == "linux" and not os.environ.get("ORC_PORTABLE"):
        return _stat(pid)
    code, text = await call(["ps", "-o", "ppid=,pgid=,tpgid=,stat=,tty=,comm=", "-p", str(pid)])
    words = text.split(None, 5)
    if code or len(words) < 6 or words[3].startswith("Z"):
        return None
    tty = "" if words[4].startswith("?") else f"/dev/{words[4]}"
    name = Path(words[5].strip()).name.lstrip("-")
    return Seat(pid, int(words[0]), int(words[1]), int(words[2]), tty, words[3][:1], name)


def _stat(pid: int) -> Seat | None:
    """From /proc/PID/stat; the name in it may hold spaces and parentheses."""
    data = _read(f"/proc/{pid}/stat")
    begin, end = data.find(b"("), data.rfind(b")")
    if begin < 0 or end < begin:
        return None
    words = data[end + 2 :].split()
    state = words[0].decode("ascii", "replace")
    if state in "ZXx":
        return None
    device = int(words[4])
    major, minor = os.major(device), os.minor(device)
    tty = "" if not device else f"/dev/pts/{(major - 136) * 256 + minor}" if 136 <= major <= 143 else f"/dev/tty{minor}"
    name = data[begin + 1 : end].decode("utf-8", "replace")
    return Seat(pid, int(words[1]), int(words[2]), int(words[5]), tty, state, name)


def takes_lines(tty: str) -> bool:
    """Whether the terminal itself makes lines and turns Ctrl-C into an interrupt; False while a program has it raw."""
    try:
        fd = os.open(tty, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        incoming, _, _, local, *_ = termios.tcgetattr(fd)
    except termios.error:
        return False
    finally:
        os.close(fd)
    return bool(local & termios.ICANON and local & termios.ISIG and incoming & termios.ICRNL)


def reader_besides(client: Seat) -> str:
    """The name of another program that the client has put before itself on its terminal, such as an editor; "" if none.

    It is in the client's own process group, so only its being below the client and reading the terminal tells.
    """
    if sys.platform != "linux":
        return ""
    for entry in os.listdir("/proc"):
        if not entry.isdecimal() or int(entry) == client.pid:
            continue
        other = _stat(int(entry))
        if other is None or other.group != client.group or _link(f"/proc/{entry}/fd/0") != client.tty:
            continue
        # A client's wrapper and the client itself are two programs.
        argv = os.fsdecode(_read(f"/proc/{entry}/cmdline")).rstrip("\0").split("\0")
        if _is_below(other, client.pid) and not is_client(argv):
            return other.name
    return ""


def _is_below(seat: Seat, pid: int) -> bool:
    for _ in range(64):
        if seat.parent == pid:
            return True
        above = _stat(seat.parent)
        if above is None or above.pid <= 1:
            return False
        seat = above
    return False


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _read(path: str, most: int = 65536) -> bytes:
    """A file of /proc; b"" when the process is gone or another user's."""
    try:
        with Path(path).open("rb") as file:
            return file.read(most)
    except OSError:
        return b""
