"""What every command has in common: which sessions are meant, the first yes, the answers (docs/contract.md §1, §2)."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence

from orchestrator_tui import paths
from orchestrator_tui.cli.answer import give_json, say
from orchestrator_tui.cli.asking import asked
from orchestrator_tui.cli.fleets import find_session
from orchestrator_tui.cli.verb_open import start_host
from orchestrator_tui.clock import iso
from orchestrator_tui.errors import OrcError, StoreError
from orchestrator_tui.events import CommandEnded, CommandStarted, Facts
from orchestrator_tui.fleet.confirming import question
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.lock import holder_of
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.text import line

PATIENCE = 10.0
"""Seconds that a host which was just started has to find a session."""
SCHEMA = "orc.command/1"


def add_arguments(parser: argparse.ArgumentParser, many: bool = True) -> None:
    """The options that every command has."""
    words = "an id, a unique prefix, a seat, part of a title"
    parser.add_argument("session", metavar="SESSION", nargs="+" if many else None, help=words)
    add_common(parser)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Those of a command that is about no session, too."""
    parser.add_argument("--why", metavar="TEXT", default="", help="the reason, for the ledger")
    parser.add_argument("--yes", action="store_true", help="do not ask, also the first time")
    parser.add_argument("--json", action="store_true", help="one JSON object per session (schema orc.command/1)")


def run_command(
    verb: str, args: argparse.Namespace, arguments: Facts, before: Callable[[Session], str] | None = None
) -> int:
    """Ask the host for it, for each session named; 1 when one failed or was refused, 130 when one was taken back.

    `before` gives what a person is to see, and on a terminal to say yes to, first.
    """
    place = paths.find()
    sessions = find(place, [args.session] if isinstance(args.session, str) else args.session)
    for session in sessions:
        _confirm(session, verb, args, len(sessions), before(session) if before is not None else "")
    if len(sessions) > 1:
        say(f"{verb} {len(sessions)} sessions: {', '.join(line(s.place or s.id, 40) for s in sessions)}")
    answers = asyncio.run(_ask_all(place, verb, sessions, arguments, args))
    for session, ended in zip(sessions, answers, strict=True):
        give(verb, session.id, ended, args.json)
    outcomes = {ended.outcome for ended in answers}
    return 1 if outcomes & {"failed", "refused"} else 130 if "undone" in outcomes else 0


def run_one(verb: str, args: argparse.Namespace, arguments: Facts) -> CommandEnded:
    """Ask the host for something that is about no session."""
    place = paths.find()
    start_host(place)
    agreed: Facts = {"confirmed": True} if args.yes else {}
    return asyncio.run(asked(place, verb, {**arguments, **agreed}, f"orc {verb}", why=args.why))


def find(place: Paths, names: Sequence[str]) -> list[Session]:
    """The sessions that are named, each once; a host is started where none runs, and given time to find them."""
    fresh = holder_of(place.host_lock) is None
    if fresh:
        start_host(place)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with Reader(place.database) as reader:
                fleet = fleet_now(reader)
                found = {s.id: s for s in (find_session(reader, fleet, name) for name in names)}
                return list(found.values())
        except StoreError:
            raise
        except OrcError:
            if not fresh or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


async def _ask_all(
    place: Paths, verb: str, sessions: Sequence[Session], arguments: Facts, args: argparse.Namespace
) -> list[CommandEnded]:
    def told(started: CommandStarted) -> None:
        if started.until is not None and sys.stderr.isatty():
            say(f"{verb}: Ctrl-C takes it back until {iso(started.until)[11:19]} UTC {line(started.text, 100)}")

    asking = (
        asked(
            place,
            verb,
            {**arguments, "session": session.id, "confirmed": True},
            f"orc {verb}",
            why=args.why,
            told=told,
        )
        for session in sessions
    )
    return list(await asyncio.gather(*asking))


def _confirm(session: Session, verb: str, args: argparse.Namespace, many: int, first: str) -> None:
    """Say what it is about; on a terminal, wait for a yes. Raises OrcError when there is none."""
    words = question(session, verb)
    name = line(session.place or session.id, 60)
    for text in (first, f"{name}: {line(words, 400)}" if words else ""):
        if text:
            say(text)
    asks = bool(words or first) and not args.yes and sys.stdin.isatty()
    if asks:
        sys.stderr.write(f"{verb} {name}? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
            raise OrcError("nothing was done")


def give(verb: str, session: str | None, ended: CommandEnded, as_json: bool) -> None:
    """Print one answer."""
    if as_json:
        give_json(
            {
                "schema": SCHEMA,
                "command": verb,
                "command_id": ended.command_id,
                "session": session,
                "outcome": ended.outcome,
                "text": ended.text or None,
                "receipt": ended.receipt,
            }
        )
        return
    words = ended.text or "; ".join(f"{name.replace('_', ' ')} {_words(v)}" for name, v in ended.receipt.items() if v)
    say(f"{' '.join(filter(None, (verb, session)))}: {ended.outcome}{', ' if words else ''}{words}")


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(line(str(item), 200) for item in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return "yes" if value is True else line(str(value), 400)
