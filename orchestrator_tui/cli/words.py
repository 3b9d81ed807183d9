"""How a session is put into a row for people: glyphs, short numbers, short names."""

from __future__ import annotations

from orchestrator_tui.fleet.tokens import Spend

GLYPHS = {
    "working": "●", "tool_running": "▶", "thinking": "◌", "waiting": "◆", "rate_limited": "◔", "looping": "∞",
    "spinning": "≋", "stalled": "■", "errored": "╳", "dead": "†", "orphaned": "◇", "paused": "‖", "finished": "✓",
    "fog": "·",
}  # fmt: skip
"""One cell wide each, and never the only sign: the word stands beside it (docs/architecture.md)."""
STYLES = {"red": "bold red", "amber": "yellow", "ok": ""}


def short_count(count: int) -> str:
    """A token count in at most five characters: `812`, `14.2k`, `3.1M`."""
    for unit, size in (("G", 1_000_000_000), ("M", 1_000_000), ("k", 1_000)):
        if count >= size:
            value = count / size
            return f"{value:.1f}{unit}" if value < 100 else f"{value:.0f}{unit}"
    return str(count)


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
