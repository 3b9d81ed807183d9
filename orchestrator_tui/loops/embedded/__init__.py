"""The embedded model: `embedded/small` and `embedded/large`, programs that do small real tasks without a network.

It reads the conversation, decides on the next tool call, and finds faults by trying edits, as a small program-repair
tool does. `register` makes it known to litellm; `directives` has what it does wrong on purpose; `repos` makes the
scratch repositories that it works in; its prices are in `prices.json`.
"""

from __future__ import annotations

from pathlib import Path

from orchestrator_tui.loops.embedded.provider import PACE, PROVIDER, register

PRICES = Path(__file__).with_name("prices.json")

__all__ = ["PACE", "PRICES", "PROVIDER", "register"]
