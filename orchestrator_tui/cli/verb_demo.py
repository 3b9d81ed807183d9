"""`orc demo`: recorded sessions of real clients played into a scratch home, and the real host and dashboard on it."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator_tui import config, paths
from orchestrator_tui.cli.answer import say
from orchestrator_tui.errors import OrcError, UsageError
from orchestrator_tui.paths import Paths


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("--recorded", action="store_true", help="play recorded sessions (the only kind so far)")
    parser.add_argument("--loops", type=int, default=16, metavar="N", help="so many sessions at once (default 16)")
    parser.add_argument("--seconds", type=float, metavar="S", help="end after so long (headless: 20)")
    parser.add_argument("--headless", action="store_true", help="no dashboard: print progress, then the fleet")
    parser.add_argument("--seed", type=int, default=1, metavar="K", help="another seed gives another play")


def run(args: argparse.Namespace) -> int:
    """Play, show, and leave nothing behind."""
    if not 1 <= args.loops <= 200:
        raise UsageError("--loops takes 1 to 200")
    if not args.headless and not sys.stdout.isatty():
        raise UsageError("the demo needs a terminal; `orc demo --headless` does without")
    with stage(args.seed, args.loops) as place:
        if args.headless:
            _headless(place, args.seconds or 20.0)
        else:
            from orchestrator_tui.ui.app import OrcApp

            # The person's own theme; everything else of the demo is its own.
            settings = config.load(paths.find().config)
            app = OrcApp(place, settings)
            if args.seconds:
                app.call_later(lambda: app.set_timer(args.seconds, app.exit))
            app.run()
    return 0


@contextmanager
def stage(seed: int, sessions: int) -> Iterator[Paths]:
    """A scratch home with sessions at work in it, and a host that watches; gone afterwards."""
    scratch = Path(tempfile.mkdtemp(prefix="orc-demo-"))
    place = Paths(scratch / "state", scratch / "state", scratch / "state" / "run")
    home = scratch / "home"
    for client in (".claude/projects", ".codex/sessions"):
        (home / client).mkdir(parents=True)
    own = ("XDG_", "CLAUDE", "CODEX", "GEMINI", "OPENCODE", "ORC_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    env |= {"HOME": str(home), "ORC_HOME": str(place.state_dir), "PYTHONSAFEPATH": "1"}
    player = host = None
    with suppress(ValueError):
        # A polite kill and a closed terminal take the same way out as Ctrl-C: nothing is left behind.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
    try:
        place.make()
        player = subprocess.Popen(
            [sys.executable, "-m", "orchestrator_tui.demo.play", str(home), str(seed), str(sessions)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=env,
        )
        with place.host_log.open("wb") as log:
            host = subprocess.Popen(
                [sys.executable, "-m", "orchestrator_tui", "host", "--foreground"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                start_new_session=True,
            )
        _wait_for_store(place, host)
        yield place
    finally:
        if player is not None:
            if player.stdin is not None:
                player.stdin.close()
            _end(player)
        if host is not None:
            host.terminate()
            _end(host)
        shutil.rmtree(scratch, ignore_errors=True)


def _wait_for_store(place: Paths, host: subprocess.Popen[bytes]) -> None:
    from orchestrator_tui.errors import StoreError
    from orchestrator_tui.store.reader import Reader

    for _ in range(400):
        with suppress(StoreError), Reader(place.database) as reader:
            if reader.last_seq():
                return
        if host.poll() is not None:
            words = place.host_log.read_text(encoding="utf-8", errors="replace").strip()
            raise OrcError(f"the demo's host ended: {words[-300:]}")
        time.sleep(0.025)
    raise OrcError("the demo's host did not start within 10 s")


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _headless(place: Paths, seconds: float) -> None:
    from orchestrator_tui.cli.fleets import view
    from orchestrator_tui.cli.verb_sessions import give
    from orchestrator_tui.store.reader import Reader

    begun = time.monotonic()
    with Reader(place.database) as reader:
        while (passed := time.monotonic() - begun) < seconds:
            time.sleep(min(2.0, seconds - passed))
            seen = view(reader, place, None, False)
            states = sorted({status.status for status in seen.statuses.values()})
            requests = sum(session.spend.requests for session in seen.sessions)
            counts = f"{len(seen.sessions)} sessions  {requests} responses"
            say(f"{time.monotonic() - begun:5.1f} s  {counts}  {', '.join(states)}")
        seen = view(reader, place, None, False)
    give(seen)
    if not any(session.spend.requests for session in seen.sessions):
        raise OrcError("the demo's sessions were not seen; `orc doctor` says what is off")
