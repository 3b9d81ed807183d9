"""What a rung up or down would cost, before it is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from orchestrator_tui import config, paths
from orchestrator_tui.fleet import ladder
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host import price_files
from orchestrator_tui.text import line


def ladder_words(direction: Literal["up", "down"]) -> Callable[[Session], str]:
    """Words for one session: the price per rung, and what reading the context again costs there."""
    settings = config.load(paths.find().config)
    table = price_files.load(settings.prices).table

    def words(session: Session) -> str:
        try:
            step = (ladder.up if direction == "up" else ladder.down)(session, settings.told(), table)
        except ladder.NoRung:
            # The host says why when it refuses.
            return ""
        return f"{line(session.place or session.id, 60)}: {step.words}"

    return words
