"""`orc demo`: real loops on the embedded model in a place of their own, without key and network; nothing is left."""

from __future__ import annotations

import argparse
import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from orchestrator_tui import config, paths
from orchestrator_tui.cli.answer import say
from orchestrator_tui.demo.cast import FEWEST, MOST, USUAL
from orchestrator_tui.demo.stage import Stage, stage
from orchestrator_tui.errors import OrcError, UsageError
from orchestrator_tui.paths import Paths

HEADLESS_SECONDS = 60.0
RECORDED = 6
"""Recorded sessions of real clients that play beside the loops."""
SPARE = 90.0
"""Seconds beyond the play's own after which a director that does not end is ended."""
__all__ = ["arguments", "pictured", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add = parser.add_argument
    add("--loops", type=int, default=USUAL, metavar="N", help=f"so many loops and sessions (default {USUAL})")
    add("--seconds", type=float, metavar="S", help="end after so long (headless: 60)")
    add("--headless", action="store_true", help="no dashboard: play every act, check it, print the fleet")
    add("--seed", type=int, default=1, metavar="K", help="another seed gives another play")


def run(args: argparse.Namespace) -> int:
    """Play, show, and leave nothing behind."""
    if not FEWEST <= args.loops <= MOST:
        raise UsageError(f"--loops takes {FEWEST} to {MOST}")
    if args.seconds is not None and not (math.isfinite(args.seconds) and 1 <= args.seconds <= 86_400):
        raise UsageError("--seconds takes 1 to 86400")
    if not 0 <= args.seed < 1 << 31:
        raise UsageError("--seed takes 0 to 2147483647")
    if not args.headless and not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise UsageError("the demo needs a terminal; `orc demo --headless` does without")
    settings = config.load(paths.find().config) if not args.headless else config.Config()
    with _signals(), stage(args.seed, RECORDED) as here:
        if args.headless:
            return _headless(here, args)
        here.direct(args.seed, args.loops, args.seconds or 86_400.0, whole=False)
        # The person's own theme; everything else of the demo is its own.
        return _dashboard(here.place, settings, args.seconds)


@contextmanager
def pictured(seed: int, loops: int) -> Iterator[Paths]:
    """The demo as it plays beside the dashboard, for pictures of it."""
    with stage(seed, RECORDED) as here:
        here.direct(seed, loops, 86_400.0, whole=False)
        yield here.place


@contextmanager
def _signals() -> Iterator[None]:
    """A polite kill and a closed terminal take the same way out as Ctrl-C: nothing is left behind."""
    came: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    with suppress(ValueError):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)
    try:
        yield
    except KeyboardInterrupt:
        if came:
            raise SystemExit(128 + came[0]) from None
        raise
    if came:
        # Somebody took the exception for a plain end.
        raise SystemExit(128 + came[0])


def _headless(here: Stage, args: argparse.Namespace) -> int:
    from orchestrator_tui.cli.fleets import view
    from orchestrator_tui.cli.verb_sessions import give
    from orchestrator_tui.store.reader import Reader

    seconds = args.seconds or HEADLESS_SECONDS
    director = here.direct(args.seed, args.loops, seconds, whole=True)
    try:
        status = director.wait(seconds + SPARE)
    except subprocess.TimeoutExpired:
        raise OrcError(f"the play did not end within {seconds + SPARE:.0f} s") from None
    with Reader(here.place.database) as reader:
        give(view(reader, here.place, None, False))
    if status not in (0, 1):
        raise OrcError(f"the play broke off (status {status})")
    if status:
        say("orc demo: not every part worked; the lines above say which")
    return status


def _dashboard(place: Paths, settings: config.Config, seconds: float | None) -> int:
    from orchestrator_tui.ui.app import OrcApp

    app = OrcApp(place, settings)
    came: list[int] = []
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Before and after the app looks for them itself: an exception in the middle of its start would not end it well.
        signal.signal(number, lambda number, _: came.append(number))

    def begun() -> None:
        if came:
            app.exit(None, 128 + came[0])
        elif seconds:
            app.set_timer(seconds, app.exit)

    app.call_later(begun)
    return app.show()
