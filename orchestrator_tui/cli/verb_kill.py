"""`orc kill`: end a session and its whole process tree; Ctrl-C takes it back while it is only frozen."""

from __future__ import annotations

import argparse

from orchestrator_tui.cli.commanding import add_arguments, run_command


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_arguments(parser)
    parser.add_argument("--now", action="store_true", help="at once, without the time to take it back")


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    return run_command("kill", args, {"now": args.now})
