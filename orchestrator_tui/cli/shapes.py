"""The JSON of docs/contract.md §2: what `--json` prints for sessions, tokens and totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from orchestrator_tui.cli.fleets import View
from orchestrator_tui.clock import SECOND, iso
from orchestrator_tui.events import Tokens
from orchestrator_tui.fleet.burn import WINDOWS
from orchestrator_tui.fleet.quota import quotas
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
        "cost_basis": "list" if session.client in view.listed else "api",
        "unpriced_requests": session.spend.unpriced,
        "estimated_requests": session.spend.estimated,
        "local_requests": session.spend.local,
        "tree_cost_usd": tree.cost_usd,
        "burn_usd_per_min": None if rate.unpriced else rate.usd_per_minute,
        "output_tokens_per_s": rate.output_per_second,
        "burn": burn_json([session], view.at),
        "context_tokens": session.context_tokens,
        "context_window": session.window,
        "wasted_usd": session.alerts.wasted / 1e9,
        "cost_since_progress_usd": session.since_progress.cost_usd,
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
        "estimated_requests": total.estimated,
        "local_requests": total.local,
        "burn_usd_per_min": _burn(view),
        "output_tokens_per_s": sum(s.burn.rate(view.at).output_per_second for s in view.sessions),
        "burn": burn_json(view.sessions, view.at),
        "burn_by_project": {
            name or "": burn_json(members, view.at) for name, members in sorted(_by_project(view).items()) if members
        },
        "statuses": dict(Counter(view.statuses[s.id].status for s in view.sessions)),
        "needs_you": sum(view.statuses[s.id].needs_you for s in view.sessions),
    }


def burn_json(sessions: Sequence[Session], at: int) -> dict[str, Any]:
    """How fast some sessions go, per window of `fleet.burn.WINDOWS`; money is null where something has no price."""
    found = {}
    for seconds in WINDOWS:
        rates = [session.burn.rate(at, seconds) for session in sessions if session.burn.stretches]
        priced = not any(rate.unpriced for rate in rates)
        found[f"{seconds}s"] = {
            "usd_per_min": sum(rate.usd_per_minute for rate in rates) if priced else None,
            "output_tokens_per_s": sum(rate.output_per_second for rate in rates),
        }
    return found


def _by_project(view: View) -> dict[str, list[Session]]:
    """Sessions that burn, by project."""
    found: dict[str, list[Session]] = {}
    for session in view.sessions:
        if session.burn.stretches and session.burn.stretches[-1].last > view.at // SECOND - WINDOWS[-1]:
            found.setdefault(session.project or "", []).append(session)
    return found


def spend_json(spend: Spend) -> dict[str, Any]:
    """A sum of the roll-ups."""
    return {
        "tokens": tokens_json(spend.tokens),
        "requests": spend.requests,
        "cost_usd": spend.cost_usd,
        "cost_state": spend.cost_state,
        "unpriced_requests": spend.unpriced,
    }


def spending_json(view: View) -> dict[str, Any]:
    """What was used today and this week (days of this machine's time zone), over everything that is stored."""
    return {
        "today": spend_json(view.today),
        "week": spend_json(view.week),
        "today_by_project": {name: spend_json(spend) for name, spend in view.projects.items()},
        "today_by_model": {name: spend_json(spend) for name, spend in view.models.items()},
    }


def quotas_json(view: View) -> list[dict[str, Any]]:
    """What is left of subscriptions."""
    return [
        {
            "client": quota.client,
            "name": quota.name or None,
            "plan": quota.plan,
            "used_percent": quota.used_percent,
            "window_minutes": quota.window_minutes,
            "resets_at": iso(quota.resets_at) if quota.resets_at is not None else None,
            "empty_at": iso(quota.empty_at) if quota.empty_at is not None else None,
            "estimated": quota.estimated,
            "seen_at": iso(quota.seen_at),
        }
        for quota in quotas(view.fleet.sessions.values(), view.at)
    ]


def _burn(view: View) -> float | None:
    """Dollars per minute now; null when something that burns has no price."""
    rates = [session.burn.rate(view.at) for session in view.sessions if session.burn.stretches]
    return None if any(rate.unpriced for rate in rates) else sum(rate.usd_per_minute for rate in rates)
