"""Where orc keeps its own things, and how they are made private.

`ORC_HOME`, when set, holds everything; else the platform's own directories (CONTRACT §1).
"""

from __future__ import annotations

import os
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
        """Where any agent may write an open session log (CONTRACT §3)."""
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
    def viewers(self) -> Path:
        """Dashboards hold a shared lock on this file while they are open."""
        return self.run_dir / "viewers"

    def make(self) -> None:
        """Create the directories, private to this user (0700) whatever the umask."""
        for directory in (self.config_dir, self.state_dir, self.run_dir, self.inbox):
            make_private(directory)


def make_private(directory: Path) -> None:
    """Create a directory of mode 0700 and tighten an existing one of ours.

    Raises StoreNotWritable when it cannot be made.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.stat()
        if status.st_mode & 0o077 and status.st_uid == os.getuid():
            directory.chmod(0o700)
    except OSError as error:
        raise StoreNotWritable(
            f"cannot use {directory}: {error.strerror}; set ORC_HOME to a directory that you can write"
        ) from error


def find(environ: dict[str, str] | None = None) -> Paths:
    """The paths for this environment; nothing is created."""
    env = os.environ if environ is None else environ
    home = env.get("ORC_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        return Paths(root, root, root / "run")
    import platformdirs

    state = Path(platformdirs.user_state_dir(APP))
    # Without a runtime directory (macOS, cron) locks live with the state: they must not move between logins.
    runtime = Path(platformdirs.user_runtime_dir(APP)) if env.get("XDG_RUNTIME_DIR") else state / "run"
    return Paths(Path(platformdirs.user_config_dir(APP)), state, runtime)
