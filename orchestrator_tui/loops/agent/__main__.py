"""`python -m orchestrator_tui.loops.agent`."""

from __future__ import annotations

import sys

from orchestrator_tui.loops.agent.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
