"""`orc ingest`: one complete pass over what is on disk; where a host runs, that host makes it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

from orchestrator_tui import config, paths
from orchestrator_tui.cli.asking import asked
from orchestrator_tui.errors import HostRunning, OrcError
from orchestrator_tui.events import Facts
from orchestrator_tui.host.lock import holder_of
from orchestrator_tui.host.roots import named_roots
from orchestrator_tui.host.run import ingest_once
from orchestrator_tui.paths import Paths


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("--all", action="store_true", help="everything, not only what was active in the last 7 days")
    parser.add_argument(
        "--root",
        metavar="CLIENT=DIR",
        action="append",
        default=[],
        help="read this directory instead; may be repeated",
    )


def run(args: argparse.Namespace) -> int:
    """Read, and say what was read."""
    place = paths.find()
    settings = config.load(place.config)
    roots = named_roots(args.root)
    begun = time.monotonic()
    if holder_of(place.host_lock) is None:
        try:
            files, events = asyncio.run(
                ingest_once(place, settings, everything=args.all, roots=roots or None, progress=_bar())
            )
        except HostRunning:
            files, events = asyncio.run(_ask(place, args.all, args.root))
    else:
        files, events = asyncio.run(_ask(place, args.all, args.root))
    _clear()
    print(f"read {files} files, {events} new events in {time.monotonic() - begun:.1f} s")
    return 0


async def _ask(place: Paths, everything: bool, roots: list[str]) -> tuple[int, int]:
    """Ask the running host, and follow its progress."""
    wanted: Facts = {"all": everything, "roots": "\n".join(roots)}
    ended = await asked(place, "ingest", wanted, "orc ingest", _bar())
    if ended.outcome != "done":
        raise OrcError(f"the host refused: {ended.text}")
    files, events = ended.receipt.get("files"), ended.receipt.get("events")
    return files if isinstance(files, int) else 0, events if isinstance(events, int) else 0


def _bar() -> Callable[[int, int], Awaitable[None]] | None:
    if not sys.stderr.isatty():
        return None

    async def show(done: int, total: int) -> None:
        filled = 30 * done // max(1, total)
        sys.stderr.write(f"\r{'━' * filled}{'─' * (30 - filled)} {done}/{total} files ")
        sys.stderr.flush()

    return show


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
