"""A verb of orc's own, run as a process beside the dashboard."""

from __future__ import annotations

import asyncio
import sys

from orchestrator_tui.text import clean, line

MAX_OUTPUT = 1 << 18
"""Bytes of what it printed that are read."""


async def run(*words: str, seconds: float) -> tuple[int, str]:
    """(status, what it printed). It has no input, so that it asks nothing; it ends with whoever waits for it."""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "orchestrator_tui", *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
    except OSError as error:
        return 1, str(error)
    try:
        async with asyncio.timeout(seconds):
            out, _ = await process.communicate()
    except TimeoutError:
        return 1, f"it did not end within {f'{seconds / 60:.0f} minutes' if seconds > 60 else f'{seconds:.0f} s'}"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out[:MAX_OUTPUT].decode("utf-8", "replace")


def rows_of(out: str) -> list[str]:
    """The rows that say something, cleaned."""
    return [line(row, 300) for row in clean(out).splitlines() if row.strip()]
