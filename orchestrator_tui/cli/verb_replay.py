"""`orc replay`: the dashboard on the past."""

from __future__ import annotations

import argparse
import os
import sys

from orchestrator_tui import config, paths
from orchestrator_tui.cli.fleets import find_session
from orchestrator_tui.clock import SystemClock, iso, parse_time
from orchestrator_tui.errors import UsageError
from orchestrator_tui.store.load import fleet_at
from orchestrator_tui.store.reader import Reader


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("session", nargs="?", metavar="SESSION", help="open this session; without, the whole fleet")
    parser.add_argument("--at", metavar="TIME", help="begin then: ISO 8601, or a duration back such as 15m")


def run(args: argparse.Namespace) -> int:
    """Open the dashboard; what is wrong with the names is said before it opens."""
    place = paths.find()
    settings = config.load(place.config)
    now = SystemClock().now()
    at = parse_time(args.at, now) if args.at else None
    if at is not None and at > now:
        raise UsageError(f"--at lies in the future: {iso(at)}")
    session = None
    with Reader(place.database) as reader:
        if args.session is not None:
            found = find_session(reader, fleet_at(reader, at if at is not None else now), args.session, at)
            session = found.id
            # Without a time a session is shown as it was last seen.
            at = at if at is not None else found.last_at
    if not sys.stdout.isatty() or not sys.stdin.isatty() or os.environ.get("TERM") == "dumb":
        raise UsageError("a replay needs a terminal; `orc sessions --at TIME` prints the fleet as it stood then")
    from orchestrator_tui.ui.app import OrcApp

    app = OrcApp(place, settings)
    app.begin = (at, session)
    return app.show()
