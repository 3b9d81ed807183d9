"""What a session asks leave for, in full, before it is allowed."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator_tui.fleet.session import Session
from orchestrator_tui.text import clean


def asked_words(request: str) -> Callable[[Session], str]:
    """Words for one session: exactly what would be allowed, cleaned."""

    def words(session: Session) -> str:
        asks = session.steering.asks
        asked = asks.get(request) if request else next(iter(asks.values()), None)
        if asked is None:
            return ""
        what = asked.asked.what
        cut = f"\n  ... {what.length} characters in all" if what.length > len(what.text) else ""
        return f"{session.place or session.id} asks for {clean(asked.asked.tool)}:\n  {clean(what.text)}{cut}"

    return words
