"""`orc events`: the stored events, in the order of their places in time."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from orchestrator_tui import paths
from orchestrator_tui.cli.answer import ascii_controls
from orchestrator_tui.cli.fleets import find_session
from orchestrator_tui.cli.words import short_id
from orchestrator_tui.clock import SystemClock, iso, parse_time
from orchestrator_tui.events import Event, encode, type_of
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.text import line

POLL = 0.2
"""Seconds between two looks with `--follow`; each costs microseconds."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("session", metavar="SESSION", nargs="?", help="only this session's")
    parser.add_argument("--since", metavar="TIME", help="from then on: ISO 8601, or a duration back such as 15m")
    parser.add_argument("--follow", action="store_true", help="go on with what is appended")
    parser.add_argument("--json", action="store_true", help="one object (orc.events/1); with --follow one per line")


def run(args: argparse.Namespace) -> int:
    """Print events; streamed, so that a million of them cost no memory."""
    place = paths.find()
    with Reader(place.database) as reader:
        session = None
        if args.session:
            session = find_session(reader, fleet_now(reader), args.session).id
        since = parse_time(args.since, SystemClock().now()) if args.since else 0
        seq = reader.last_seq()
        stored = _stored(reader, session, since, seq)
        if args.json and not args.follow:
            _one_object(stored)
            return 0
        for event in stored:
            _print(event, args.json)
        while args.follow:
            sys.stdout.flush()
            time.sleep(POLL)
            for event in reader.tail(seq):
                seq = event.seq
                if session is None or event.session == session:
                    _print(event, args.json)
    return 0


def _stored(reader: Reader, session: str | None, since: int, seq: int) -> Iterator[Event]:
    events = reader.of_session(session) if session else reader.since(since)
    return (event for event in events if event.at >= since and event.seq <= seq)


def event_json(event: Event) -> dict[str, Any]:
    """One event; the body's own fields are under `body`."""
    return {
        "seq": event.seq,
        "at": iso(event.at),
        "seen_at": iso(event.seen_at),
        "source_at": None if event.source_at is None else iso(event.source_at),
        "session": event.session,
        "type": type_of(event.body),
        "body": msgspec.Raw(encode(event.body)),
    }


def _one_object(events: Iterator[Event]) -> None:
    sys.stdout.write('{"schema":"orc.events/1","events":[')
    for index, event in enumerate(events):
        sys.stdout.write((",\n" if index else "\n") + ascii_controls(msgspec.json.encode(event_json(event)).decode()))
    sys.stdout.write("\n]}\n")


def _print(event: Event, as_json: bool) -> None:
    if as_json:
        value = {"schema": "orc.event/1", **event_json(event)}
        print(ascii_controls(msgspec.json.encode(value).decode()))
        return
    words = encode(event.body).decode("utf-8", "replace")
    who = short_id(event.session) if event.session else "-"
    print(f"{event.seq:>8}  {iso(event.at)}  {line(who):<18} {line(type_of(event.body)):<20} {line(words, 160)}")
