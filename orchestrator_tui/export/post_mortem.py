"""What became of one session, as Markdown for others: what it was, what it cost, what happened, what was decided."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from orchestrator_tui.clock import SECOND, iso
from orchestrator_tui.export.masking import Hide, hiding
from orchestrator_tui.export.page import dollars
from orchestrator_tui.export.plain import escaped
from orchestrator_tui.export.told import Told
from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.fleet.report.saying import usd
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status
from orchestrator_tui.fleet.worktree import changes_words
from orchestrator_tui.text import age, line

MOST = 400
"""Entries of the transcript: the first and the last ones."""


def post_mortem(
    session: Session, status: Status, children: list[Session], told: Iterable[Told], decided: list[Decision],
    now: int, *, mask: bool = True, stood: int | None = None,
) -> str:  # fmt: skip
    """The whole text; `stood`: the past instant of which it tells."""
    # Before it is written as Markdown: escapes would hide a secret from the mask.
    hide = hiding(mask)
    entries = [replace(entry, text=hide(entry.text)) for entry in told]
    parts = [
        *_facts(session, status, now, stood, hide),
        *_money(session, children, hide),
        *_alerts(entries),
        *_decisions(decided, hide),
        *_transcript(entries),
    ]
    return "\n".join(parts) + "\n"


def _facts(session: Session, status: Status, now: int, stood: int | None, hide: Hide) -> Iterator[str]:
    yield f"# {escaped(line(hide(session.title or session.place or session.id), 120))}"
    yield ""
    rows = {
        "session": session.id, "client": f"{session.client} {session.client_version or ''}".strip(),
        "project": session.project, "branch": session.branch, "model": session.model,
        "began": iso(session.started_at), "last heard of": iso(session.last_at),
        "took": age(max(0, session.last_at - session.started_at)),
        "ended": f"{status.status}: {status.evidence}", "turns": str(session.turns),
        "changed": changes_words(session.worktree.seen) if session.worktree.seen is not None else None,
    }  # fmt: skip
    yield "| | |"
    yield "|---|---|"
    for name, value in rows.items():
        if value:
            yield f"| {name} | {escaped(line(hide(str(value)), 240))} |"
    yield ""
    yield f"Written {iso(now)}{f', as it stood at {iso(stood)}' if stood is not None else ''}."
    yield ""


def _money(session: Session, children: list[Session], hide: Hide) -> Iterator[str]:
    yield "## Cost"
    yield ""
    yield "| session | requests | input | cache read | cache write | output | cost |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for one in (session, *children):
        tokens = one.spend.tokens
        name = "this session" if one is session else escaped(line(hide(one.title or one.id), 60))
        figures = (one.spend.requests, tokens.input, tokens.cache_read, tokens.cache_write, tokens.output)
        yield f"| {name} | {' | '.join(f'{figure}' for figure in figures)} | {dollars(one) or '-'} |"
    yield ""


def _alerts(entries: list[Told]) -> Iterator[str]:
    alerts = [entry for entry in entries if entry.kind == "alert"]
    if not alerts:
        return
    yield "## Alerts"
    yield ""
    for entry in alerts:
        yield f"- {iso(entry.at)} {escaped(line(entry.text, 400))}"
    yield ""


def _decisions(decided: list[Decision], hide: Hide) -> Iterator[str]:
    if not decided:
        return
    yield "## Decisions"
    yield ""
    yield "| when | who | what | outcome | cost then | why, and on what evidence |"
    yield "|---|---|---|---|--:|---|"
    for one in decided:
        moment = one.moment
        cost = usd(moment.cost_usd) if moment is not None and moment.cost_usd is not None else "?"
        words = "; ".join(part for part in (one.why, moment.evidence if moment is not None else "", one.text) if part)
        cells = (iso(one.at), one.actor or "?", one.verb, one.outcome or "under way", cost, words)
        yield "| " + " | ".join(escaped(line(hide(cell), 240)) for cell in cells) + " |"
    yield ""


def _transcript(entries: list[Told]) -> Iterator[str]:
    yield "## What happened"
    yield ""
    left = len(entries) - MOST
    shown = entries if left <= 0 else [*entries[: MOST // 4], *entries[-(MOST - MOST // 4) :]]
    for index, entry in enumerate(shown):
        if left > 0 and index == MOST // 4:
            yield f"*{left} entries are left out here.*"
            yield ""
        stamp = iso(entry.at // SECOND * SECOND)
        if "\n" not in entry.text and len(entry.text) <= 160:
            yield f"- {stamp} **{entry.kind}** {escaped(line(entry.text, 200))}"
            continue
        yield f"- {stamp} **{entry.kind}**"
        yield ""
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", entry.text)), default=0))
        yield f"  {fence}text"
        yield from (f"  {row}" for row in entry.text.split("\n"))
        yield f"  {fence}"
        yield ""
    yield ""
