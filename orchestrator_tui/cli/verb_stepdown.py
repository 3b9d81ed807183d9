"""`orc stepdown`: the same conversation on the next smaller model."""

from __future__ import annotations

import argparse

from orchestrator_tui.cli.commanding import add_arguments, run_command
from orchestrator_tui.cli.rungs import ladder_words
from orchestrator_tui.events import Facts


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_arguments(parser)
    parser.add_argument(
        "--note", metavar="TEXT", help="what the model is told; default: made from the evidence; '' is nothing"
    )


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    wanted: Facts = {}
    if args.note is not None:
        wanted["note"] = args.note
    return run_command("stepdown", args, wanted, before=ladder_words("down"))
