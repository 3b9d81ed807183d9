"""`orc export`: a session or the fleet for others: as a log, a page, a write-up, a picture, a recording."""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import sys
from collections.abc import Callable, Iterable
from heapq import merge
from pathlib import Path

from orchestrator_tui import config, paths
from orchestrator_tui import events as ev
from orchestrator_tui.cli.answer import say
from orchestrator_tui.cli.fleets import find_session
from orchestrator_tui.cli.stretch import check_times
from orchestrator_tui.clock import DAY, SECOND, SystemClock, iso, parse_time
from orchestrator_tui.errors import OrcError, UsageError
from orchestrator_tui.export import log
from orchestrator_tui.export.files import put
from orchestrator_tui.export.fleet_page import fill, instants
from orchestrator_tui.export.masking import Hide, hiding
from orchestrator_tui.export.page import Page
from orchestrator_tui.export.post_mortem import post_mortem
from orchestrator_tui.export.told import Told, told
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.ledger import Decision, decisions
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import status_of
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.load import departed, fleet_at, fleet_now
from orchestrator_tui.store.moments import span
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import spent
from orchestrator_tui.text import line

FLEET = "fleet"
STDOUT = Path("-")
PER_SECOND = 10
"""Frames of a recording per second of playing."""
MOST_FRAMES = 3_000


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add = parser.add_argument
    add("what", metavar="SESSION|fleet", help="a session (id, prefix, seat, part of a title), or the word fleet")
    add("--format", required=True, choices=sorted(FORMATS), help="jsonl imports again; fleet as jsonl is a directory")
    add(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="FILE",
        help="where to; written whole or not at all; - is standard output",
    )
    add("--since", metavar="TIME", help="from when: an ISO time, or how long ago (2h, 3d); a fleet's last day else")
    add("--until", metavar="TIME", help="to when; else to now, or to the session's end")
    add("--at", metavar="TIME", help="svg: of which instant; else the end")
    add("--size", metavar="COLSxROWS", default="160x44", help="svg and cast: of which screen (default 160x44)")
    add("--speed", type=float, default=60.0, metavar="N", help="cast: so many seconds pass in one (default 60)")
    add("--unmasked", action="store_true", help="leave in what looks like a secret")


def run(args: argparse.Namespace) -> int:
    """Write it, and say what was written."""
    place = paths.find()
    with Reader(place.database) as reader:
        job = Job(reader, place, args)
        words = FORMATS[args.format](job)
    say(f"orc export: {line(_name(args.output), 400)}: {words}")
    if args.unmasked:
        say("orc export: nothing was masked: look for secrets before you give it away")
    return 0


def _name(target: Path) -> str:
    return "standard output" if target == STDOUT else str(target)


class Job:
    """What is to be written: of whom, from when to when."""

    def __init__(self, reader: Reader, place: Paths, args: argparse.Namespace) -> None:
        """Raises UsageError and OrcError for what cannot be."""
        self.reader, self.place, self.args, self.mask = reader, place, args, not args.unmasked
        self.hide = hiding(self.mask)
        self.settings = config.load(place.config)
        self.target: Path = args.output
        self.now = SystemClock().now()
        reach = span(reader)
        if reach is None:
            raise OrcError("nothing is stored yet: there is nothing to export")
        self.first = reach[0]
        # A screen that cannot be drawn ends with more than a line: what it would read is read here first.
        spent(reader, self.now, self.now)
        since = parse_time(args.since, self.now) if args.since else None
        until = parse_time(args.until, self.now) if args.until else None
        check_times(since, until, self.now)
        # A log is the whole session: half of one would count otherwise. All else is as it stood then.
        self.stood = until if args.format != "jsonl" else None
        self.fleet = fleet_now(reader) if self.stood is None else fleet_at(reader, self.stood)
        self.session: Session | None = None
        if args.what != FLEET:
            self.session = find_session(reader, self.fleet, args.what, self.stood)
        ended = min(self.now, self.session.last_at) if self.session is not None else self.now
        self.end = until if until is not None else ended
        begun = self.session.started_at if self.session is not None else max(0, self.end - DAY)
        self.start = since if since is not None else begun
        reached = self.session.started_at if self.session is not None else self.first
        if args.format != "jsonl" and self.start < reached <= self.end:
            # Nothing was there before: a day of which an hour is stored is that hour.
            self.start = reached
        if self.start > self.end:
            raise UsageError(f"--since ({iso(self.start)}) is after the end ({iso(self.end)})")

    @property
    def one(self) -> str | None:
        """The session's id; None is the fleet."""
        return self.session.id if self.session is not None else None

    def write(self, text: str | Iterable[str], target: Path | None = None) -> None:
        """The whole file, for its owner alone; what was there before stays until it is written."""
        if target is None and self.target == STDOUT:
            sys.stdout.writelines([text] if isinstance(text, str) else text)
            return
        put(target or self.target, [text] if isinstance(text, str) else text)

    def helpers(self, fleet: Fleet, root: Session) -> list[Session]:
        """A session's sub-agents, and theirs."""
        below = fleet.descendants(root, fleet.children())
        return [session for session in below if session.relation == "subagent"]

    def events(self, sessions: Iterable[str]) -> list[ev.Event]:
        """Everything of these sessions within the stretch, in time order."""
        streams = [self.reader.of_session(name, until=self.end) for name in sessions]
        made = merge(*streams, key=lambda event: (event.at, event.seq))
        return [event for event in made if event.at >= self.start]

    def decided(self, session: str | None) -> list[Decision]:
        """What was decided on a session, or within the stretch on any."""
        stood = self.stood if self.stood is not None else self.now
        made = decisions(event for event in self.reader.commands(0) if event.at <= stood)
        if session is not None:
            return [one for one in made if one.session == session]
        return [one for one in made if self.start <= one.at <= self.end]


def _jsonl(job: Job) -> str:
    if job.session is not None:
        return _log(job, job.session, job.target)
    roots = {session.id: session for session in departed(job.reader, job.fleet)} | job.fleet.sessions
    chosen = [s for s in roots.values() if s.last_at >= job.start and s.relation != "subagent"]
    if job.target == STDOUT:
        raise UsageError("a fleet as jsonl is a directory, a file for each session: name one with -o")
    try:
        job.target.mkdir(mode=0o700)
    except OSError as error:
        raise OrcError(f"{job.target} cannot be made: {error.strerror}; give the name of a new directory") from error
    for session in chosen:
        _log(job, session, job.target / f"{log.name_of(session.id)}.jsonl")
    return f"{len(chosen)} sessions, each in a file; `orc ingest --root log={job.target}` of another orc reads them"


def _log(job: Job, session: Session, target: Path) -> str:
    helpers = [helper.id for helper in job.helpers(job.fleet, session)]
    # A log is the whole session: half of one would count otherwise.
    job.start, job.end = min(job.start, session.started_at), job.now
    events = job.events([session.id, *helpers])
    job.write(log.lines(session, helpers, events, mask=job.mask), target)
    return f"{len(events)} events; another orc reads it: a copy in its inbox, or `orc ingest --root log=DIR`"


def _md(job: Job) -> str:
    session = job.session
    if session is None:
        raise UsageError("a write-up is of one session; `orc report --markdown FILE` is the fleet's")
    status = status_of(job.fleet, session, job.stood if job.stood is not None else job.now)
    decided = job.decided(session.id)
    text = post_mortem(
        session, status, job.helpers(job.fleet, session), told(job.events([session.id]), job.hide), decided, job.now,
        mask=job.mask, stood=job.stood,
    )  # fmt: skip
    job.write(text)
    return f"{len(text.splitlines())} lines"


def _html(job: Job) -> str:
    session = job.session
    if session is None:
        page, only = Page("the fleet", mask=job.mask), None
        entries = [_word(one, job.hide) for one in job.decided(None)]
    else:
        page = Page(session.title or session.place or session.id, mask=job.mask)
        only = frozenset([session.id, *(helper.id for helper in job.helpers(job.fleet, session))])
        acts = [_word(one, job.hide) for one in job.decided(session.id)]
        entries = sorted([*told(job.events([session.id]), job.hide), *acts], key=lambda entry: entry.at)
    fill(page, job.reader, job.start, job.end, only)
    job.write(page.text(entries))
    return "a page with its own scrubber; it needs no network"


def _word(one: Decision, hide: Hide) -> Told:
    about = f" {one.session}" if one.session else ""
    why = f": {one.why}" if one.why else ""
    words = f"{one.verb}{about} by {one.actor or '?'}, {one.outcome or 'under way'}{why}"
    return Told(one.at, "command", line(hide(words), 400))


def _svg(job: Job) -> str:
    from orchestrator_tui.export import screen

    at = parse_time(job.args.at, job.now) if job.args.at else job.end
    if at > job.now:
        raise UsageError(f"--at lies in the future: {iso(at)}")
    begun = job.session.started_at if job.session is not None else job.first
    if at < begun:
        raise UsageError(f"nothing was there at {iso(at)}: it begins at {iso(begun)}")
    size = _size(job.args.size)
    _in_colour()
    job.write(asyncio.run(screen.picture(job.place, job.settings, at, job.one, size, job.mask)))
    return f"the screen at {iso(at)}"


def _cast(job: Job) -> str:
    from orchestrator_tui.export import screen

    speed = job.args.speed
    if not (math.isfinite(speed) and 0 < speed <= 1e6):
        raise UsageError("--speed takes a number above 0")
    frames = max(2, min(MOST_FRAMES, round((job.end - job.start) / SECOND / speed * PER_SECOND)))
    size, moments = _size(job.args.size), instants(job.start, job.end, frames)
    _in_colour()

    async def whole() -> list[str]:
        made = screen.cast(job.place, job.settings, moments, job.one, size, speed, job.mask)
        return [part async for part in made]

    job.write(asyncio.run(whole()))
    return f"{len(moments)} instants from {iso(job.start)} to {iso(job.end)}; `asciinema play` shows it"


def _in_colour() -> None:
    """`NO_COLOR` is about this terminal, not about a file for others."""
    os.environ.pop("NO_COLOR", None)


def _size(text: str) -> tuple[int, int]:
    columns, _, rows = text.partition("x")
    if not (columns.isdecimal() and rows.isdecimal() and 20 <= int(columns) <= 500 and 6 <= int(rows) <= 200):
        raise UsageError("--size takes COLSxROWS, from 20x6 to 500x200")
    return int(columns), int(rows)


FORMATS: dict[str, Callable[[Job], str]] = {"cast": _cast, "html": _html, "jsonl": _jsonl, "md": _md, "svg": _svg}
"""Format -> what writes it, and says what was written."""
