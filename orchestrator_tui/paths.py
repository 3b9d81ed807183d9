"""Where orc keeps its own things, and how they are made private.

`ORC_HOME`, when set, holds everything; else the platform's own directories (docs/contract.md §1): those of the XDG Base
Directory Specification, on a Mac `~/Library/Application Support` where no XDG variable says otherwise.
"""

from __future__ import annotations

import os
import pwd
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from orchestrator_tui.errors import StoreNotWritable

APP = "orchestrator-tui"


class Paths(Struct, frozen=True):
    """The files and directories of one installation."""

    config_dir: Path
    state_dir: Path
    run_dir: Path

    @property
    def config(self) -> Path:
        """The person's settings."""
        return self.config_dir / "config.toml"

    @property
    def themes(self) -> Path:
        """The person's own themes."""
        return self.config_dir / "themes"

    @property
    def database(self) -> Path:
        """The event store."""
        return self.state_dir / "events.db"

    @property
    def inbox(self) -> Path:
        """Where any agent may write an open session log (docs/contract.md §3)."""
        return self.state_dir / "inbox"

    @property
    def host_lock(self) -> Path:
        """Held by the running host; says which process it is."""
        return self.run_dir / "host.lock"

    @property
    def host_log(self) -> Path:
        """What a host in the background had to say."""
        return self.run_dir / "host.log"

    @property
    def doorbell(self) -> Path:
        """A FIFO without content: a byte in it means `look at the store now`."""
        return self.run_dir / "doorbell"

    @property
    def spool(self) -> Path:
        """Where hooks of clients ask, and find the answer; it exists while a host runs."""
        return self.run_dir / "spool"

    @property
    def owned(self) -> Path:
        """A directory for each session that runs under a shim of ours."""
        return self.state_dir / "owned"

    @property
    def loops(self) -> Path:
        """A directory for each loop, and the logs of the built-in agent."""
        return self.state_dir / "loops"

    @property
    def worktrees(self) -> Path:
        """Working trees of splits and loops."""
        return self.state_dir / "worktrees"

    @property
    def viewers(self) -> Path:
        """Dashboards hold a shared lock on this file while they are open."""
        return self.run_dir / "viewers"

    def make(self) -> None:
        """Create the directories, private to this user (0700) whatever the umask."""
        for directory in (self.config_dir, self.state_dir, self.run_dir, self.inbox, self.loops):
            make_private(directory)


def make_private(directory: Path) -> None:
    """Create a directory of mode 0700, those above it too where they are missing, and tighten an existing one of ours.

    Raises StoreNotWritable when it cannot be made, or is one that users share (`/tmp`).
    """
    try:
        if not directory.parent.exists():
            make_private(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
        status = directory.stat()
        if status.st_mode & stat.S_ISVTX:
            raise StoreNotWritable(f"{directory} is shared with other users; set ORC_HOME to a directory of your own")
        # Also right after it was made: the umask may have taken our own rights.
        if status.st_uid == os.getuid() and status.st_mode & 0o777 != 0o700:
            directory.chmod(0o700)
    except OSError as error:
        raise StoreNotWritable(
            f"cannot use {directory}: {error.strerror}; set ORC_HOME to a directory that you can write"
        ) from error


def find(environ: Mapping[str, str] | None = None) -> Paths:
    """The paths for this environment, and no other; nothing is created.

    Raises StoreNotWritable when nothing says where this user's files are.
    """
    env = os.environ if environ is None else environ
    own = env.get("ORC_HOME")
    if own:
        root = _home(env) / own[2:] if own == "~" or own.startswith("~/") else Path(own).expanduser().absolute()
        return Paths(root, root, root / "run")
    mac = sys.platform == "darwin"
    state = _directory(env, "XDG_STATE_HOME", "Library/Application Support" if mac else ".local/state") / APP
    config = _directory(env, "XDG_CONFIG_HOME", "Library/Application Support" if mac else ".config") / APP
    runtime = Path(env.get("XDG_RUNTIME_DIR", ""))
    # Without a runtime directory (macOS, cron) locks live with the state: they must not move between logins.
    return Paths(config, state, runtime / APP if runtime.is_absolute() and _is_private(runtime) else state / "run")


def _directory(env: Mapping[str, str], name: str, default: str) -> Path:
    """A directory by its variable; a relative one is none (XDG)."""
    said = Path(env.get(name, ""))
    return said if said.is_absolute() else _home(env) / default


def _home(env: Mapping[str, str]) -> Path:
    home = env.get("HOME")
    if home:
        return Path(home).absolute()
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError as error:
        raise StoreNotWritable("this user has no home directory; set HOME or ORC_HOME") from error


def _is_private(directory: Path) -> bool:
    """Whether it is a directory of ours that nobody else can enter."""
    try:
        status = directory.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and status.st_mode & 0o777 == 0o700
