"""`orc approve`: allow what a session asks, this once; what it is is shown first."""

from __future__ import annotations

import argparse

from orchestrator_tui.cli.commanding import add_arguments, run_command
from orchestrator_tui.cli.permissions import asked_words
from orchestrator_tui.events import Facts


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_arguments(parser)
    parser.add_argument("--request", metavar="ID", default="", help="which one, where several are asked")
    parser.add_argument("--words", metavar="TEXT", default="", help="the answer, where a question is asked")
    parser.add_argument("--second", action="store_true", help="the second key that a policy may want")


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    wanted: Facts = {"request": args.request, "second": args.second, "words": args.words}
    return run_command("approve", args, wanted, before=asked_words(args.request))
