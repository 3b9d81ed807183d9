"""`orc budget`: what one session may cost, its sub-agents included."""

from __future__ import annotations

import argparse

from orchestrator_tui.cli.commanding import add_arguments, run_command


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_arguments(parser, many=False)
    parser.add_argument("usd", metavar="USD", type=float, help="dollars; 0: what the settings say")


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    return run_command("budget", args, {"usd": args.usd or None})
