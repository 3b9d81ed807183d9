"""Which events each key of a replay steps to, and the speeds of its clock."""

from __future__ import annotations

from orchestrator_tui.ui.actions import ACTIONS, Action

SPEEDS = (1, 2, 5, 10, 30, 60, 100, 300, 1000)
TURNS = ("turn.started", "turn.ended", "user.message", "session.ended")
DECISIONS = ("command.requested",)
STEPS: dict[str, tuple[bool, tuple[str, ...], bool]] = {
    "event-before": (False, (), False),
    "event-after": (True, (), False),
    "decision-before": (False, DECISIONS, False),
    "decision-after": (True, DECISIONS, False),
    "turn-before": (False, TURNS, True),
    "turn-after": (True, TURNS, True),
}
"""Action -> (forward, types of events, of the selected session alone)."""
ACTS = frozenset(
    {
        "replay", "now", "play", "slower", "faster", "minute-before", "minute-after", "set-time", "skip-idle", "loop",
        "wider", "narrower", "compare", *STEPS,
    }
)  # fmt: skip
"""The actions of a replay."""
KEPT = frozenset(
    {
        "left", "right", "up", "down", "open", "pane", "overlay", "glance", "recall", "need-me", "mark", "unmark",
        "filter", "back", "region-on", "region-back", "report", "ledger", "zoom-in", "zoom-out", "next-needs-you",
        "next-free", "latest-alert", "theme", "quit", "palette", "help", "doctor", "diff",
    }
)  # fmt: skip
"""What else a key of the map does there: looking, moving, marking. All others could change something: refused."""


def refused(action: Action) -> bool:
    """Whether an action is none of the past."""
    return action.holds("fleet") and action.id not in KEPT | ACTS


REFUSED = frozenset(action.id for action in ACTIONS if refused(action))
"""What is refused."""
