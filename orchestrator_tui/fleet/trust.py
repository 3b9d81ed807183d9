"""What a session's word is worth: the last test run or check, and whether anything was edited after it."""

from __future__ import annotations

from msgspec import Struct

from orchestrator_tui.fleet.session import Session
from orchestrator_tui.text import age


class Trust(Struct, frozen=True):
    """What was run and what was edited, by one session itself; its sub-agents' runs are their own."""

    last_check_at: int | None
    last_check_ok: bool | None
    """Whether it came out well; None without one."""
    last_edit_at: int | None
    stale: bool
    """Something was edited after the last check: it shows nothing of what is there now."""
    words: str
    """What that comes to, without times; "" where there is nothing to say."""
    check: str = ""
    """What was run, not cleaned."""
    claim: str = ""
    """What its last message says of tests, not cleaned; "" for nothing."""


def trust_of(session: Session) -> Trust:
    """From what the session's trace and edits tell."""
    work, worktree, claim = session.trace.work, session.worktree, session.trace.talk.claim
    checked, edited = work.tested_at or None, worktree.edited_at or None
    passed = None if checked is None else work.green_at >= checked
    stale = checked is not None and edited is not None and edited > checked
    return Trust(
        checked, passed, edited, stale, _words(passed, edited is not None, stale),
        worktree.check if checked is not None else "", claim.text if claim is not None else "",
    )  # fmt: skip


def _words(passed: bool | None, edits: bool, stale: bool) -> str:
    if passed is None:
        return "no test or check was run" if edits else ""
    word = "passed" if passed else "failed"
    return f"{word} before the last edit" if stale else f"{word} after the last edit" if edits else word


def proof_words(trust: Trust, now: int) -> str:
    """`pytest tests/a passed 3m ago, before the last edit`; "" where there is nothing to say."""
    if trust.last_check_at is None:
        return trust.words
    word, _, order = trust.words.partition(" ")
    when = f"{trust.check or 'a check'} {word} {age(now - trust.last_check_at)} ago"
    return f"{when}, {order}" if order else when
