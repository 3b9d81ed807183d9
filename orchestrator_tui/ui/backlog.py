"""What was written for the terminal and not taken by it yet: a slow line shows fewer frames, never old ones for long.

Textual 8 writes in a thread, from a queue of thirty pieces; one that is full stops whoever writes.
"""

from __future__ import annotations

from queue import Empty, Queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.driver import Driver

MOST = 2
"""So many pieces may wait; with more, nothing new is drawn."""


def is_slow(driver: Driver | None) -> bool:
    """Whether the terminal is behind what was written."""
    queue = _queue(driver)
    return queue is not None and queue.qsize() > MOST


def drop(driver: Driver | None) -> None:
    """Forget what waits: the dashboard ends, and nobody would see it."""
    queue = _queue(driver)
    try:
        while queue is not None:
            queue.get_nowait()
    except Empty:
        pass


def _queue(driver: Driver | None) -> Queue[str | None] | None:
    found = getattr(getattr(driver, "_writer_thread", None), "_queue", None)
    return found if isinstance(found, Queue) else None
