"""The programs that bench_screen runs in a terminal: the dashboard of a state directory, and the smallest app there is.

`ORC_BENCH_PROFILE=FILE` writes what cProfile saw of the dashboard, from one second after its start to its end.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def dashboard(home: Path) -> None:
    """What `orc` runs when a host is there already."""
    from orchestrator_tui.config import Config
    from orchestrator_tui.paths import Paths
    from orchestrator_tui.ui.app import OrcApp

    app = OrcApp(Paths(home, home, home / "run"), Config())
    profile = os.environ.get("ORC_BENCH_PROFILE")
    if profile is None:
        app.show()
        return
    import cProfile

    # The processor's time: others work on the machine meanwhile.
    seen = cProfile.Profile(time.thread_time)
    # Not the start: from a second after it on, which is what a long day is made of.
    app.call_later(lambda: app.set_timer(1.0, lambda: seen.enable()))
    app.show()
    seen.disable()
    seen.dump_stats(profile)


def smallest() -> None:
    """One text on the screen."""
    from textual.app import App, ComposeResult
    from textual.widgets import Static

    class Smallest(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("first content")

    Smallest().run()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        dashboard(Path(sys.argv[1]))
    else:
        smallest()
