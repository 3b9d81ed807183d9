"""The command line: one small module per verb, and nothing heavy imported before a verb needs it."""

from __future__ import annotations

from collections.abc import Sequence


def run(argv: Sequence[str]) -> int:
    """Run one command line; returns the exit status."""
    if list(argv) in (["--version"], ["-V"]):
        from orchestrator_tui import __version__

        print(f"orc {__version__}")
        return 0
    from orchestrator_tui.cli.main import main

    return main(argv)
