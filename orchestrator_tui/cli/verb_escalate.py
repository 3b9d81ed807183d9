"""`orc escalate`: the same conversation on the next larger model, or on one that is named."""

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
    parser.add_argument("--cap", metavar="USD", type=float, help="step down again when this much was spent on it")
    parser.add_argument("--model", metavar="M", help="this model, instead of the next rung of the ladder")
    parser.add_argument("--effort", metavar="E", help="with --model: how much it shall think")


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    wanted: Facts = {}
    if args.note is not None:
        wanted["note"] = args.note
    if args.cap is not None:
        wanted["cap_usd"] = args.cap
    if args.model is not None:
        return run_command("use", args, {**wanted, "model": args.model, "effort": args.effort})
    return run_command("escalate", args, wanted, before=ladder_words("up"))
