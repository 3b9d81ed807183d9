"""What is done about memory once a fleet has been taken in and judged: it stays, what it was made from goes."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

THRESHOLDS = (2000, 5, 50)
"""Of the garbage collector: a frame makes thousands of objects that all stay, or all go by themselves."""


@contextmanager
def building(after: Callable[[Callable[[], None]], bool] = lambda look: False) -> Iterator[None]:
    """A fleet is read or judged: nothing of it is garbage, and looking for some takes as long as the work itself.

    `after` may take it upon itself to have garbage looked for again, later: once what was made is painted.
    """
    looks = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looks and not after(gc.enable):
            gc.enable()


def settle_memory() -> None:
    """Look for garbage a last time in what is there, and give free pages back to the system; some milliseconds.

    To look through a whole fleet for what may go would stop every key for a while, again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    # glibc keeps what a snapshot of megabytes was read into; other C libraries have no such call.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
