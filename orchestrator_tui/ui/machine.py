"""What is on this machine before anything was read: clients, transcripts, the hook. Never on the screen's loop."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal

from msgspec import Struct

from orchestrator_tui.clock import DAY
from orchestrator_tui.config import Config
from orchestrator_tui.errors import OrcError
from orchestrator_tui.paths import Paths

SECONDS = 2.0
"""So long it looks; what it has not counted by then stays uncounted, and that is told."""
FILES = 20_000
"""Files that it counts at most."""
MAX_SETTINGS = 1 << 20
Hook = Literal["in", "out", "unknown"]


class Place(Struct, frozen=True):
    """One client's directory."""

    client: str
    path: str
    """With `~` for the home directory."""
    files: int
    """Transcripts; a database counts as one."""
    recent: int
    """Of them written within the last 7 days."""


class Found(Struct, frozen=True):
    """What was found."""

    places: tuple[Place, ...] = ()
    absent: tuple[str, ...] = ()
    """Clients of which there is nothing."""
    hook: Hook = "unknown"
    """Whether Claude's settings have orc's hook; unknown where there is no Claude, or they cannot be read."""
    whole: bool = True
    """Whether everything was counted."""

    @property
    def files(self) -> int:
        """Transcripts of all clients."""
        return sum(place.files for place in self.places)


def look(paths: Paths, config: Config, now: int) -> Found:
    """Count; a second or two on a full disk. `now`: nanoseconds since the epoch."""
    # Who opens a dashboard on a full fleet does not wait for the clients' code.
    from orchestrator_tui.clients import ALL
    from orchestrator_tui.clients.listing import Listing
    from orchestrator_tui.host.roots import find_roots

    until, left = time.monotonic() + SECONDS, FILES
    places: list[Place] = []
    absent: list[str] = []
    whole = True
    try:
        roots = find_roots(paths, config)
    except (OSError, OrcError):
        return Found(whole=False)
    for client in ALL:
        if client.name in config.clients.off:
            continue
        # orc's own places are made by orc: that they are there says nothing of this machine.
        ours = {str(paths.inbox), str(paths.loops)}
        there = [root for root in roots.get(client.name, ()) if str(root) not in ours]
        if not there and client.name not in ("log", "loop"):
            absent.append(client.name)
        for root in there:
            files = recent = 0
            try:
                for ref in client.discover(root, Listing(), now):
                    if left <= 0 or time.monotonic() > until:
                        whole = False
                        break
                    left -= 1
                    if ref.kind in ("lines", "database"):
                        files += 1
                        recent += _written(ref.path) > now - 7 * DAY
            except (OSError, OrcError):
                whole = False
            places.append(Place(client.name, _short(root), files, recent))
    return Found(tuple(places), tuple(absent), _hook(paths), whole)


def _written(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _short(path: Path) -> str:
    home = os.environ.get("HOME", "")
    text = str(path)
    return "~" + text[len(home) :] if home and text.startswith(home + "/") else text


def _hook(paths: Paths) -> Hook:
    from orchestrator_tui.clients.claude.hooks import Unusable, has_hook

    own = os.environ.get("CLAUDE_CONFIG_DIR")
    directory = Path(own) if own else Path(os.environ.get("HOME") or "~").expanduser() / ".claude"
    settings = directory / "settings.json"
    try:
        if not directory.is_dir():
            return "unknown"
        if not settings.exists():
            return "out"
        if not settings.is_file() or settings.stat().st_size > MAX_SETTINGS:
            return "unknown"
        text = settings.read_text(encoding="utf-8")
        return "in" if has_hook(text, str(paths.state_dir / "hooks" / "permission.sh")) else "out"
    except (OSError, UnicodeDecodeError, Unusable):
        return "unknown"
