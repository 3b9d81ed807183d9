"""`orc` without a verb: the dashboard, and a host in the background when none runs."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress

from orchestrator_tui import config, paths
from orchestrator_tui.errors import HostRunning, UsageError
from orchestrator_tui.paths import Paths


def run(args: argparse.Namespace) -> int:
    """Open the dashboard."""
    if not sys.stdout.isatty() or not sys.stdin.isatty() or os.environ.get("TERM") == "dumb":
        raise UsageError("the dashboard needs a terminal; `orc sessions` prints the fleet, `orc --help` the verbs")
    place = paths.find()
    settings = config.load(place.config)
    start_host(place)
    return open_dashboard(place, settings)


def start_host(place: Paths) -> None:
    """A host for this state directory, unless one runs."""
    from orchestrator_tui.host.lock import holder_of

    if holder_of(place.host_lock) is None:
        from orchestrator_tui.host.run import start_in_background

        with suppress(HostRunning):
            start_in_background(place)


def open_dashboard(place: Paths, settings: config.Config) -> int:
    """Run the dashboard until it is closed; returns the exit status."""
    from orchestrator_tui.ui.app import OrcApp

    return OrcApp(place, settings).show()
