"""The JSON of docs/contract.md §2: what `--json` prints for sessions, tokens and totals."""

from __future__ import annotations

from collections import Counter
from typing import Any

from orchestrator_tui.cli.fleets import View
from orchestrator_tui.clock import iso
from orchestrator_tui.events import Tokens
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.tokens import Spend


def tokens_json(tokens: Tokens) -> dict[str, int]:
    """Counts by kind; the first four of the contract's sum to all tokens."""
    return {
        "input": tokens.input,
        "cache_read": tokens.cache_read,
        "cache_write": tokens.cache_write,
        "cache_write_1h": tokens.cache_write_1h,
        "output": tokens.output,
        "reasoning": tokens.reasoning,
    }


def session_json(view: View, session: Session) -> dict[str, Any]:
    """One session as `orc sessions --json` has it."""
    status = view.statuses[session.id]
    tree = view.fleet.totals([session, *view.fleet.descendants(session, view.children)])
    rate = session.burn.rate(view.at)
    return {
        "id": session.id,
        "seat": session.place,
        "client": session.client,
        "title": session.title,
        "project": session.project,
        "cwd": session.cwd,
        "branch": session.branch,
        "model": session.model,
        "effort": session.effort,
        "pid": session.pid,
        "status": status.status,
        "severity": status.severity,
        "since": iso(status.since),
        "evidence": status.evidence,
        "badges": list(status.badges),
        "possible": list(status.possible),
        "needs_you": status.needs_you,
        "parent": session.parent,
        "relation": session.relation,
        "host": session.host,
        "owned": session.owned,
        "started_at": iso(session.started_at),
        "last_event_at": iso(session.last_at),
        "turns": session.turns,
        "tokens": tokens_json(session.spend.tokens),
        "requests": session.spend.requests,
        "cost_usd": session.spend.cost_usd,
        "cost_state": session.spend.cost_state,
        "unpriced_requests": session.spend.unpriced,
        "tree_cost_usd": tree.cost_usd,
        "burn_usd_per_min": rate.usd_per_minute if not session.spend.unpriced else None,
        "output_tokens_per_s": rate.output_per_second,
        "context_tokens": session.context_tokens,
        "context_window": session.context_window,
        "cost_since_progress_usd": None,
        "permission_mode": session.permission_mode,
        "unparsed_lines": session.unparsed,
    }


def totals_json(view: View) -> dict[str, Any]:
    """The totals over the listed sessions."""
    total: Spend = view.fleet.totals(view.sessions)
    return {
        "sessions": len(view.sessions),
        "tokens": tokens_json(total.tokens),
        "requests": total.requests,
        "cost_usd": total.cost_usd,
        "cost_state": total.cost_state,
        "unpriced_requests": total.unpriced,
        "burn_usd_per_min": _burn(view),
        "output_tokens_per_s": sum(s.burn.rate(view.at).output_per_second for s in view.sessions),
        "statuses": dict(Counter(view.statuses[s.id].status for s in view.sessions)),
        "needs_you": sum(view.statuses[s.id].needs_you for s in view.sessions),
    }


def _burn(view: View) -> float | None:
    """Dollars per minute now; null when something that burns has no price."""
    rates = [(session, session.burn.rate(view.at)) for session in view.sessions if session.burn.buckets]
    if any(session.spend.unpriced and rate.total for session, rate in rates):
        return None
    return sum(rate.usd_per_minute for _, rate in rates)
