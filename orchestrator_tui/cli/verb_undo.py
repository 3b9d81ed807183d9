"""`orc undo`: take the newest command back, or the one that is named, while that is possible."""

from __future__ import annotations

import argparse

from orchestrator_tui.cli.commanding import add_common, give, run_one


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("command", metavar="COMMAND", nargs="?", default="", help="its id, as the ledger has it")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    ended = run_one("undo", args, {"command": args.command})
    give("undo", args.command or None, ended, args.json)
    return 0 if ended.outcome == "done" else 1
