"""`orc deny`: refuse what a session asks."""

from __future__ import annotations

import argparse

from orchestrator_tui.cli.commanding import add_arguments, run_command


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_arguments(parser)
    parser.add_argument("--request", metavar="ID", default="", help="which one, where several are asked")
    parser.add_argument("--words", metavar="TEXT", default="", help="what the model is told")


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    return run_command("deny", args, {"request": args.request, "words": args.words})
