"""How a session is put into a row for people: glyphs, short numbers, short names."""

from __future__ import annotations

from orchestrator_tui.fleet.tokens import Spend

STYLES = {"red": "bold red", "amber": "yellow", "ok": ""}


def money(spend: Spend) -> str:
    """Dollars with their state: `$1.84`, `~$1.84` estimated, `≥ $0.40` with unpriced responses, `?`, `local`."""
    if not spend.requests:
        return ""
    if spend.is_local:
        return "local"
    cost = spend.cost_usd
    if cost is None:
        return "?"
    text = f"${cost:.2f}" if abs(cost) >= 0.005 or cost == 0 else f"${cost:.4f}" if abs(cost) >= 0.00005 else "<$0.0001"
    return {"partial": "≥ ", "estimated": "~"}.get(spend.cost_state, "") + text


def short_id(session: str) -> str:
    """An id as a row shows it: the client, and enough of its own id to be typed."""
    client, _, native = session.partition(":")
    if client == "opencode" and native.startswith("ses_"):
        # Its ids begin with the time: those of one hour begin alike, and only their ends tell them apart.
        return f"{client}:{native[-8:]}"
    return f"{client}:{native[:8]}" if len(native) > 14 and "/" not in native else session[:28]
