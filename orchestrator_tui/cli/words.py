"""How a session is put into a row for people: glyphs, short numbers, short names."""

from __future__ import annotations

from orchestrator_tui.fleet.tokens import Spend

STYLES = {"red": "bold red", "amber": "yellow", "ok": ""}


def money(spend: Spend) -> str:
    """Dollars with their state: `$1.84`, `≥ $0.40` with unpriced responses, `?` when nothing has a price."""
    if not spend.requests:
        return ""
    cost = spend.cost_usd
    if cost is None:
        return "?"
    text = f"${cost:.2f}" if cost >= 0.005 or cost == 0 else f"${cost:.4f}"
    return f"≥ {text}" if spend.cost_state == "partial" else text


def short_id(session: str) -> str:
    """An id as a row shows it: the client, and enough of its own id to be typed."""
    client, _, native = session.partition(":")
    return f"{client}:{native[:8]}" if len(native) > 14 and "/" not in native else session[:28]
