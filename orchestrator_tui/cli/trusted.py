"""What a session changed and what shows that it works, as `orc show --json` has it."""

from __future__ import annotations

from typing import Any

from orchestrator_tui.clock import iso
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.trust import trust_of


def worktree_json(session: Session) -> dict[str, Any] | None:
    """What its checkout differs by; None where there is none, or nobody looked."""
    worktree = session.worktree
    seen = worktree.seen
    if seen is None:
        return None
    return {
        "seen_at": iso(worktree.seen_at),
        "root": seen.root,
        "branch": seen.branch,
        "base": seen.base,
        "head": seen.head,
        "files": [{"path": path, "added": added, "removed": removed} for path, added, removed in seen.files],
        "changed": seen.changed,
        "added": seen.added,
        "removed": seen.removed,
        "untracked": seen.untracked,
        "commits_since": seen.commits_since,
        "dirty": seen.dirty,
        "partial": seen.partial,
    }


def trust_json(session: Session) -> dict[str, Any]:
    """Its last test or check, against its last edit."""
    trust = trust_of(session)
    return {
        "last_check": trust.check or None,
        "last_check_at": None if trust.last_check_at is None else iso(trust.last_check_at),
        "last_check_ok": trust.last_check_ok,
        "last_edit_at": None if trust.last_edit_at is None else iso(trust.last_edit_at),
        "stale": trust.stale,
        "words": trust.words or None,
        "claim": trust.claim or None,
    }
