"""The fold: pure functions of events and a time. No I/O, no asyncio, no clock of its own."""

FOLD_VERSION = 7
"""Changes when the fold's state does; a snapshot of another version is ignored."""

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
