"""Codex's rollouts for the tests: the recordings of 0.169.0, and lines made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestrator_tui import events as ev
from orchestrator_tui.clients.base import Draft
from tests.clients.feeding import as_line, feed, of, parser_for, read_home
from tests.conftest import DATA

CODEX = DATA / "clients" / "codex-0.169.0"
SCENARIOS = sorted(path.parent.name for path in CODEX.glob("*/truth.json"))
ROLLOUTS = sorted(str(path.relative_to(CODEX)) for path in CODEX.glob("*/home/.codex/sessions/**/*.jsonl"))
THREAD = "01a1fb2c-288e-7311-a562-e3babfeed4fe"
OTHER = "01a1fb35-7777-7bf3-8512-5dba2e906d4f"
FILE = f"/c/sessions/2026/11/20/rollout-2026-11-20T22-55-37-{THREAD}.jsonl"
KINDS = ("requests", "input", "cache_read", "cache_write", "output")


def scenario(name: str) -> dict[str, list[Draft]]:
    """Thread -> drafts of a recording."""
    return {Path(path).stem[-36:]: drafts for path, drafts in read_home("codex", CODEX / name / "home/.codex").items()}


def only(name: str) -> list[Draft]:
    """The drafts of a recording with one rollout."""
    (drafts,) = scenario(name).values()
    return drafts


def said(drafts: list[Draft], field: str) -> list[object]:
    """What was said of a session, in order."""
    return [getattr(body, field) for body in of(drafts, ev.SessionUpdated) if getattr(body, field) is not None]


def line(kind: str, **payload: Any) -> bytes:
    """A line of a rollout."""
    line.at = getattr(line, "at", 0) + 1  # type: ignore[attr-defined]
    stamp = f"2026-11-20T10:00:{line.at % 60:02d}.000Z"  # type: ignore[attr-defined]
    return as_line({"timestamp": stamp, "ordinal": line.at, "type": kind, "payload": payload})  # type: ignore[attr-defined]


def event(what: str, **payload: Any) -> bytes:
    """A line with an event."""
    return line("event_msg", type=what, **payload)


def item(what: str, **payload: Any) -> bytes:
    """A line with one of the model's items."""
    return line("response_item", type=what, **payload)


def counts(n: int, cached: int = 0, out: int = 10) -> dict[str, int]:
    """A usage as Codex writes it."""
    return {"input_tokens": n, "cached_input_tokens": cached, "output_tokens": out, "total_tokens": n + out}


def counted(total: object, last: object) -> bytes:
    """A `token_count`."""
    return event("token_count", info={"total_token_usage": total, "last_token_usage": last}, rate_limits=None)


def recorded(response: object, usage: object, total: object) -> bytes:
    """A `token_usage_record`."""
    return line("token_usage_record", response_id=response, usage=usage, thread_token_usage=total)


def read(*lines: bytes) -> list[Draft]:
    """The drafts of a rollout of these lines."""
    return feed(parser_for("codex", FILE), lines)


def prompts(drafts: list[Draft]) -> list[int]:
    """Input tokens of each response counted."""
    return [usage.tokens.prompt for usage in of(drafts, ev.Usage)]
