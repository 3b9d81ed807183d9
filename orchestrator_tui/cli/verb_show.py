"""`orc show`: one session, with its last turns."""

from __future__ import annotations

import argparse
from typing import Any

from orchestrator_tui import events as ev
from orchestrator_tui import paths
from orchestrator_tui.cli.answer import console, give_json, pick, say
from orchestrator_tui.cli.costs import CostLine, cost_json, cost_lines, cost_text
from orchestrator_tui.cli.fleets import View, check_host, find_session
from orchestrator_tui.cli.shapes import session_json, tokens_json
from orchestrator_tui.cli.trusted import trust_json, worktree_json
from orchestrator_tui.cli.words import STYLES, money, short_id
from orchestrator_tui.clock import SystemClock, iso
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import status_of, subject
from orchestrator_tui.fleet.trust import proof_words, trust_of
from orchestrator_tui.fleet.worktree import changes_words
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.text import age, line
from orchestrator_tui.ui.draw.ink import GLYPHS, short
from orchestrator_tui.ui.draw.meters import price_words

LAST = 30
"""Events of which the last turns are made."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("session", metavar="SESSION", help="an id, a unique prefix of it, or a part of a title")
    parser.add_argument("--json", action="store_true", help="one JSON object (schema orc.session/1)")


def run(args: argparse.Namespace) -> int:
    """Print the session."""
    place = paths.find()
    now = SystemClock().now()
    with Reader(place.database) as reader:
        fleet = fleet_now(reader)
        note = check_host(fleet, place, now)
        session = find_session(reader, fleet, args.session)
        statuses = {s.id: status_of(fleet, s, now) for s in fleet.sessions.values()}
        seen = View(fleet, now, [session], statuses, fleet.children(), note)
        costs = cost_lines(reader.usages(session.id))
        latest = reader.latest_of_session(session.id, LAST * 4)
    turns = [turn for turn in (_turn(event) for event in latest) if turn is not None][-LAST:]
    if args.json:
        value = session_json(seen, session)
        value["tasks"] = [{"id": t.task_id, "subject": t.subject, "status": t.status} for t in session.tasks.values()]
        value["children"] = [child.id for child in seen.children.get(session.id, [])]
        tree = fleet.totals([session, *fleet.descendants(session, seen.children)])
        value["tree_tokens"] = tokens_json(tree.tokens)
        value["cost_lines"] = cost_json(costs)
        value["worktree"], value["trust"] = worktree_json(session), trust_json(session)
        value["last"] = turns
        give_json({"schema": "orc.session/1", "at": iso(now), "session": value})
        return 0
    _print(seen, session, turns, costs)
    if note:
        say(note)
    return 0


def _turn(event: ev.Event) -> dict[str, Any] | None:
    """One line of a transcript: when, what, how it went."""
    body = event.body
    kind, text = ev.type_of(body), None
    if isinstance(body, ev.UserMessage | ev.AssistantMessage | ev.AssistantThinking):
        text = body.text.text
    elif isinstance(body, ev.ToolCall):
        text = f"{body.tool} {subject(body.arguments.text)}"
    elif isinstance(body, ev.ToolResult):
        text = ("ok " if body.ok else "failed ") + body.output.text
    elif isinstance(body, ev.ApiError):
        text = f"{body.status or ''} {body.text}".strip()
    elif isinstance(body, ev.CompactEnded):
        text = "the context was summarised"
    elif isinstance(body, ev.ProcessGone):
        text = f"process {body.pid} gone"
    elif isinstance(body, ev.Unparsed):
        text = body.reason
    return None if text is None else {"at": iso(event.at), "type": kind, "text": text}


MARKS = {
    "user.message": "›", "assistant.message": "●", "assistant.thinking": "◌", "tool.call": "▶", "tool.result": " ",
    "api.error": "╳", "process.gone": "†", "unparsed": "?",
}  # fmt: skip


def _print(seen: View, session: Session, turns: list[dict[str, Any]], costs: list[CostLine]) -> None:
    from rich.text import Text

    out = console()
    status = seen.statuses[session.id]
    width = max(40, out.width)

    def put(label: str, text: str, style: str = "") -> None:
        out.print(Text.assemble((f"{label:<9}", "dim"), (line(text, width - 10), style)), soft_wrap=True)

    put("session", session.id, "bold")
    if session.title:
        put("title", session.title)
    put(
        "status",
        f"{GLYPHS[status.status]} {status.status.replace('_', ' ')} for {age(seen.at - status.since)}",
        STYLES[status.severity],
    )
    put("evidence", status.evidence, STYLES[status.severity])
    put("in", f"{pick(session.cwd)}  {session.branch or ''}")
    if session.worktree.seen is not None:
        put("changes", changes_words(session.worktree.seen))
    if proof := proof_words(trust_of(session), seen.at):
        put("proof", proof)
    process = f"pid {session.pid}" if session.pid else "no process matched"
    put("model", f"{pick(session.model)}  {process}  {pick(session.client_version, '')}")
    t = session.spend.tokens
    put(
        "tokens",
        f"{short(t.total)} in {session.spend.requests} responses: input {t.input}, cache read {t.cache_read}, "
        f"cache write {t.cache_write}, output {t.output}",
    )
    listed = session.client in seen.listed
    put("cost", f"{money(session.spend) or '$0.00'}  {price_words(session.spend, listed)}")
    for item in costs:
        put("", cost_text(item), "dim")
    since = session.since_progress
    if session.progress_at is not None and since.requests:
        put("since", f"{money(since)} in {age(seen.at - session.progress_at)} since the last progress")
    if session.context_tokens is not None:
        window = short(session.window) if session.window else "?"
        put("context", f"{short(session.context_tokens)} of {window}")
    if session.parent:
        put("parent", f"{session.relation} of {session.parent}")
    for child in seen.children.get(session.id, []):
        mark = GLYPHS[seen.statuses[child.id].status]
        put("child", f"{mark} {short_id(child.id)} {child.relation}: {child.title or ''}")
    for task in session.tasks.values():
        put("to do", f"[{'x' if task.status == 'completed' else ' '}] {task.subject}")
    out.print()
    for turn in turns:
        clock = turn["at"][11:19]
        mark = MARKS.get(turn["type"], "·")
        out.print(Text.assemble((clock, "dim"), f" {mark} ", line(turn["text"], width - 12)), soft_wrap=True)
