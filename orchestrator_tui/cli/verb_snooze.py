"""`orc snooze`: leave a session out of the queue for a while."""

from __future__ import annotations

import argparse

from orchestrator_tui.cli.commanding import add_arguments, run_command
from orchestrator_tui.clock import SECOND, parse_duration
from orchestrator_tui.errors import UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_arguments(parser)
    parser.add_argument("--for", dest="time", metavar="TIME", default="15m", help="how long (default 15m); 0s ends it")


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    length = parse_duration(args.time)
    if length is None:
        raise UsageError(f"not a length of time: {args.time!r}; write 90s, 15m, 2h or 1d")
    return run_command("snooze", args, {"seconds": length / SECOND})
