"""`orc host`: start the background process, ask for it, end it."""

from __future__ import annotations

import argparse
import os
import sys

from orchestrator_tui import config, paths
from orchestrator_tui.cli.answer import give_json, say
from orchestrator_tui.clock import SystemClock, iso
from orchestrator_tui.host.lock import HostRecord, holder_of
from orchestrator_tui.text import age, line


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument(
        "what", nargs="?", choices=("start", "status", "stop"), default="start",
        help="start it in the background (default); say whether one runs, exit status 1 if not; end it",
    )  # fmt: skip
    parser.add_argument("--foreground", action="store_true", help="stay in this terminal until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="with status: one JSON object (schema orc.host/1)")


def run(args: argparse.Namespace) -> int:
    """Start, ask or stop."""
    place = paths.find()
    if args.what == "status":
        return _status(holder_of(place.host_lock), args.json)
    if args.what == "stop":
        from orchestrator_tui.host.run import stop_running

        holder = stop_running(place)
        say("no host was running" if holder is None else f"host {holder.pid} has ended")
        return 0
    settings = config.load(place.config)
    if args.foreground:
        import asyncio

        from orchestrator_tui.host.run import serve

        os.umask(0o077)
        asyncio.run(serve(place, settings))
        return 0
    from orchestrator_tui.host.run import start_in_background

    holder = start_in_background(place)
    say(f"host {holder.pid} is watching; `orc sessions` shows the fleet, `orc host stop` ends it")
    return 0


def _status(holder: HostRecord | None, as_json: bool) -> int:
    if as_json:
        give_json(
            {
                "schema": "orc.host/1",
                "running": holder is not None,
                "pid": holder.pid if holder else None,
                "since": iso(holder.since) if holder else None,
                "version": holder.version if holder else None,
                "trouble": holder.trouble or None if holder else None,
            }
        )
    elif holder is None:
        print("not running")
    else:
        print(f"running: pid {holder.pid}, version {holder.version}, for {age(SystemClock().now() - holder.since)}")
        if holder.trouble:
            print(f"it waits: {line(holder.trouble, 400)}")
    sys.stdout.flush()
    return 0 if holder is not None else 1
