"""`orc message`: tell a session something, by its own channel or in its tmux pane."""

from __future__ import annotations

import argparse
import sys

from orchestrator_tui.cli.commanding import add_arguments, run_command


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_arguments(parser, many=False)
    parser.add_argument("text", metavar="TEXT", help="- reads it from stdin")


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    text = sys.stdin.read() if args.text == "-" else args.text
    return run_command("message", args, {"text": text})
