"""`orc resume`: let a paused session go on."""

from __future__ import annotations

import argparse

from orchestrator_tui.cli.commanding import add_arguments, run_command


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the host for it."""
    return run_command("resume", args, {})
