"""Entry point of `orc` and of `python -m orchestrator_tui`."""

import sys


def main() -> int:
    """Run one command; the exit status is docs/contract.md §1's (0 done, 1 failed, 2 usage, 130 interrupted)."""
    from orchestrator_tui.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
