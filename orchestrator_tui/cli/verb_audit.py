"""`orc audit`: a log or a session played through the status rules, every change with its evidence."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from heapq import merge
from pathlib import Path, PurePath
from typing import Any

from msgspec import Struct

from orchestrator_tui import paths
from orchestrator_tui.cli.answer import give_json, give_table, say
from orchestrator_tui.cli.counted import Counted
from orchestrator_tui.cli.fleets import find_session
from orchestrator_tui.cli.shapes import tokens_json
from orchestrator_tui.cli.words import STYLES, money
from orchestrator_tui.clients import BY_NAME
from orchestrator_tui.clients.base import FileRef, Record
from orchestrator_tui.clients.values import decode_object
from orchestrator_tui.clock import SECOND, iso
from orchestrator_tui.errors import OrcError, UsageError
from orchestrator_tui.events import Event, SettingsChanged
from orchestrator_tui.events.shapes import Settings
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import Status, status_of
from orchestrator_tui.fleet.thresholds import PREFIX, checked
from orchestrator_tui.fleet.words import RANK
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.ink import GLYPHS


class Change(Struct, frozen=True):
    """One entry of the timeline."""

    event: int
    at: int
    status: Status
    agent: str | None = None
    """The sub-agent whose status it is; None: the session's own."""


class Audit(Struct):
    """What playing a session gave."""

    fleet: Fleet
    session: str
    events: int
    first_at: int
    timeline: list[Change]


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument(
        "what", metavar="FILE-or-SESSION", help="an orc.log/1 file, a client's transcript, or a session"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object (schema orc.audit/1)")
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="THRESHOLD=VALUE",
        action="append",
        default=[],
        help="another threshold for this audit, e.g. repeat_error=4; docs/status.md names them all",
    )


def run(args: argparse.Namespace) -> int:
    """Play and print."""
    path = Path(args.what)
    settings = _settings(args.settings)
    audit = audit_file(path, settings) if path.is_file() else audit_session(args.what, settings)
    spend = audit.fleet.sessions[audit.session].spend if audit.session in audit.fleet.sessions else None
    if args.json:
        give_json(
            {
                "schema": "orc.audit/1",
                "session": audit.session,
                "events": audit.events,
                "timeline": [_json(audit, change) for change in audit.timeline],
                "tokens": tokens_json(spend.tokens) if spend else None,
                "cost_usd": spend.cost_usd if spend and spend.requests else None,
            }
        )
        return 0
    columns = (("event", "right"), ("at", "right"), ("", "left"), ("status", "left"), ("evidence", "last"))
    give_table(columns, [_row(audit, change) for change in audit.timeline])
    say(f"{audit.session}: {audit.events} events, {len(audit.timeline)} changes, {money(spend) if spend else '?'}")
    return 0


def _settings(pairs: list[str]) -> Settings:
    """`threshold=value` pairs as an event's settings. Raises UsageError naming what is wrong."""
    settings: Settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair!r}: write THRESHOLD=VALUE, e.g. repeat_error=4")
        try:
            settings[f"{PREFIX}{name}"] = checked(name, value)
        except ValueError as error:
            raise UsageError(f"--set {pair}: {error}") from error
    return settings


def _json(audit: Audit, change: Change) -> dict[str, Any]:
    status = change.status
    return {
        "event": change.event,
        "t": iso(change.at),
        "at_s": round((change.at - audit.first_at) / SECOND, 3),
        "status": status.status,
        "severity": status.severity,
        "badges": list(status.badges),
        "possible": list(status.possible),
        "evidence": status.evidence,
        "agent": change.agent,
        "cause": status.cause or None,
        "lines": list(status.lines),
    }


def _row(audit: Audit, change: Change) -> list[tuple[str, str]]:
    status = change.status
    style = STYLES[status.severity]
    seconds = (change.at - audit.first_at) / SECOND
    word = " + ".join([status.status.replace("_", " "), *status.badges])
    return [
        (str(change.event), "dim"), (f"{seconds:.1f}s", "dim"), (GLYPHS[status.status], style), (word, style),
        (line(_told(change), 200), style),
    ]  # fmt: skip


def _told(change: Change) -> str:
    return f"{change.agent}: {change.status.evidence}" if change.agent else change.status.evidence


# --- a file --------------------------------------------------------------------------------------------------


def audit_file(path: Path, settings: Settings | None = None) -> Audit:
    """Play one file: no store, no configuration, nothing learned before.

    Each event is judged at the largest time so far, and nothing between two events: there nobody looked.
    """
    client, lines = _lines(path)
    parser = BY_NAME[client].parser(FileRef(client, str(PurePath(path.absolute())), "lines", str(path.parent)), None, 0)
    fleet = Fleet()
    fleet.watch.always = True
    fleet.settings = settings or {}
    timeline: list[Change] = []
    counted = Counted()
    session = parser.session or path.stem
    now = seq = 0
    index = -1
    for number, record in lines:
        header = number == 0 and client == "log" and (decode_object(record.data) or {}).get("kind") == "session"
        index += 0 if header else 1
        for draft in parser.feed(record):
            at = draft.source_at if draft.source_at is not None else now
            now = max(now, at)
            for body in counted.bodies(draft):
                seq += 1
                fleet.apply(Event(seq, now, now, draft.source_at, draft.session, body))
        session = parser.session or session
        if not header and session in fleet.sessions:
            _judge(fleet, session, index, now, timeline)
    return Audit(fleet, session, index + 1, parser.first_at or 0, timeline)


def _lines(path: Path) -> tuple[str, Iterator[tuple[int, Record]]]:
    """Whose format the file has, and its lines; blank ones are no events."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise OrcError(f"cannot read {path}: {error.strerror}") from error

    def records() -> Iterator[tuple[int, Record]]:
        offset = number = 0
        for part in data.split(b"\n"):
            if part.strip():
                yield number, Record(offset, len(part) + 1, part)
                number += 1
            offset += len(part) + 1

    head = decode_object(data.partition(b"\n")[0]) or {}
    return _client_of(head), records()


def _client_of(head: dict[str, Any]) -> str:
    """Whose first line it is; what nobody else writes is taken for the open log."""
    if head.get("type") == "session_meta" and "payload" in head:
        return "codex"
    if "sessionId" in head and "kind" not in head and "projectHash" not in head:
        return "claude"
    return "gemini" if "projectHash" in head and "gemini" in BY_NAME else "log"


def _judge(fleet: Fleet, session: str, index: int, now: int, timeline: list[Change]) -> None:
    """Note a change; what a sub-agent does that is graver than the session's own status is told as the sub-agent's."""
    root = fleet.sessions[session]
    status, agent = status_of(fleet, root, now), None
    for kid in _below(fleet, root):
        theirs = status_of(fleet, kid, now)
        if RANK[theirs.severity] > RANK[status.severity]:
            status, agent = theirs, kid.title or kid.id
    last = timeline[-1] if timeline else None
    if last is None or _shape(last.status, last.agent) != _shape(status, agent):
        timeline.append(Change(index, now, status, agent))


def _below(fleet: Fleet, session: Session) -> Iterator[Session]:
    seen, queue = {session.id}, fleet.kids(session)
    while queue:
        kid = queue.pop(0)
        if kid.id not in seen:
            seen.add(kid.id)
            yield kid
            queue += fleet.kids(kid)


def _shape(status: Status, agent: str | None) -> tuple[object, ...]:
    return status.status, status.severity, status.badges, agent


# --- a stored session ----------------------------------------------------------------------------------------


def audit_session(name: str, settings: Settings | None = None) -> Audit:
    """Play a stored session, with its parents and sub-agents; the host's beats advance the time too."""
    with Reader(paths.find().database) as reader:
        now = fleet_now(reader)
        session = find_session(reader, now, name)
        family = {session.id} | {child.id for child in now.descendants(session, now.children())}
        parent = session.parent
        while parent is not None and parent not in family:
            family.add(parent)
            parent = now.sessions[parent].parent if parent in now.sessions else None
        streams = [reader.of_session(member) for member in family]
        streams.append(reader.of_fleet(session.started_at))
        fleet = Fleet()
        fleet.settings = {**now.settings, **(settings or {})}
        timeline: list[Change] = []
        index = -1
        for event in merge(*streams, key=lambda e: (e.at, e.seq)):
            fleet.apply(event)
            if settings and isinstance(event.body, SettingsChanged):
                fleet.settings = {**fleet.settings, **settings}
            index += event.session == session.id
            if session.id in fleet.sessions:
                # What happened while nobody looked is judged as it happened; only silence needs somebody who looks.
                fleet.watch.always = event.session is not None and not fleet.watch.looking(event.at)
                _judge(fleet, session.id, index, event.at, timeline)
                fleet.watch.always = False
    return Audit(fleet, session.id, index + 1, session.started_at, timeline)
