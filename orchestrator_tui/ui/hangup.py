"""A dashboard whose terminal is gone ends: without a signal, too, and also where it is stuck in writing to it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

LOOK_EVERY = 2.0
"""Seconds between two looks at the terminal."""
GRACE = 5.0
"""Seconds in which it may end by itself."""
TIDYING = 30.0
"""Seconds for what comes after the dashboard: the demo clears its place."""
STATUS = 128 + signal.SIGHUP


def ends_when_asked(loop: asyncio.AbstractEventLoop, end: Callable[[int], None]) -> None:
    """A closed terminal and a polite kill leave the terminal as it was, and the demo tidies up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, end, 128 + number)


@contextmanager
def ends_with_its_terminal(end: Callable[[int], None]) -> Iterator[None]:
    """Around the dashboard's whole run. `end(status)` asks it to end and is called from a thread of its own."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_EVERY):
            if not is_gone():
                continue
            with suppress(Exception):
                end(STATUS)
            # Whoever waits for a terminal that is gone waits for ever; what is kept is in the store.
            over.wait(GRACE)
            time.sleep(TIDYING if over.is_set() else 0)
            os._exit(STATUS)

    threading.Thread(target=look, name="terminal", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def is_gone() -> bool:
    """Whether the terminal on standard input was closed."""
    import termios

    try:
        termios.tcgetattr(0)
    except (OSError, termios.error):
        return True
    return False
