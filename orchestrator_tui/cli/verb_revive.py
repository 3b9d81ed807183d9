"""`orc revive`: go on with a session that died, failed, or was stopped by a limit."""

from __future__ import annotations

import argparse

from orchestrator_tui.cli.commanding import add_arguments, run_command


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_arguments(parser)
    parser.add_argument(
        "--note", metavar="TEXT", default="", help="what the model is told; default: what interrupted it"
    )


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    return run_command("revive", args, {"note": args.note})
