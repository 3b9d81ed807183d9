"""A tmux server of a test's own, with the stand-in client in it, as the pane's process or as a job of its shell."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from orchestrator_tui.host.control.terminal.front import look
from orchestrator_tui.host.control.terminal.tmux import Pane, pane_of
from tests.conftest import wait_for

READER = Path(__file__).with_name("reader.py")


class Terminal:
    """One pane; `self.pid` is the client in it."""

    def __init__(self, place: Path, mode: str = "", shell: str = "bash --norc --noprofile", job: bool = True) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self.place, self.file = place, place / "entered"
        self.reader = [sys.executable, str(READER), str(self.file), mode]
        self._base = ["tmux", "-u", "-S", str(place / "s"), "-f", "/dev/null"]
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("TMUX")}
        self._env |= {"TERM": "xterm-256color", "HISTFILE": str(place / "history"), "LC_ALL": "C.UTF-8", "PS1": "$ "}
        argv = shlex.split(shell) if job else self.reader
        self("new-session", "-d", "-s", "t", "-x", "80", "-y", "30", "-c", str(place), "--", *argv)
        self.first = int(self("display-message", "-p", "-t", "t", "#{pane_pid}"))
        self.pid = self.first
        if job:
            self.run_client()
        else:
            self.wait_for_text("ready")

    def __call__(self, *args: str) -> str:
        done = subprocess.run([*self._base, *args], env=self._env, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def close(self) -> None:
        """End the server and what is in it."""
        subprocess.run([*self._base, "kill-server"], env=self._env, capture_output=True, timeout=20)

    def run_client(self) -> None:
        """Start the client as a job of the shell."""
        self.type(shlex.join(self.reader))
        self.pid = wait_for(lambda: self.child())
        self.wait_for_text("ready")

    def child(self) -> int:
        """The shell's child, once it is the client."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.first), "-f", "reader.py"], capture_output=True, text=True, timeout=20
        )
        return int((found.stdout.split() or ["0"])[0])

    def type(self, text: str) -> None:
        """Type a line as a person does."""
        self("send-keys", "-t", "t", "-l", text)
        self("send-keys", "-t", "t", "Enter")

    def screen(self) -> str:
        """What is seen."""
        return self("capture-pane", "-p", "-J", "-t", "t")

    def wait_for_text(self, text: str) -> None:
        """Wait until it is seen."""
        wait_for(lambda: text in self.screen())

    def entered(self) -> list[str]:
        """What the client was given, text by text."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [json.loads(line) for line in lines]

    async def pane(self) -> Pane:
        """As orc finds it."""
        seat = await look(self.pid)
        assert seat is not None
        pane = await pane_of(seat.tty.removeprefix("/dev/"), self.pid)
        assert pane is not None
        return pane


Make = Callable[..., Terminal]
