"""`orc ack`: say that what is told of a session is no trouble; that cause stays muted for it."""

from __future__ import annotations

import argparse

from orchestrator_tui.cli.judged import run_judgement


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("session", metavar="SESSION", nargs="+", help="an id, a unique prefix, a seat, part of a title")
    parser.add_argument("--why", metavar="TEXT", default="", help="the reason, for the ledger")
    parser.add_argument("--json", action="store_true", help="one JSON object per session (schema orc.command/1)")


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    return run_judgement("ack", args.session, {"why": args.why}, args.json)
