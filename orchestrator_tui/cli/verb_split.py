"""`orc split`: give a session's remaining work to several, each in a working tree of its own."""

from __future__ import annotations

import argparse

from orchestrator_tui.cli.commanding import add_arguments, run_command
from orchestrator_tui.events import Facts


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_arguments(parser, many=False)
    parser.add_argument(
        "--part", metavar="TEXT", action="append", default=[], help="one part; default: its own to-do list"
    )
    parser.add_argument("--carry", action="store_true", help="carry uncommitted changes over into each working tree")
    parser.add_argument("--shared", action="store_true", help="all in its own directory, without working trees")
    parser.add_argument("--fresh", action="store_true", help="with a summary instead of its whole context")
    parser.add_argument("--model", metavar="M", default="", help="another model for the parts")


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    wanted: Facts = {
        "parts": args.part,
        "dirty": "carry" if args.carry else "refuse",
        "shared": args.shared,
        "fresh": args.fresh,
        "model": args.model,
    }
    return run_command("split", args, wanted)
