"""Files for others: whole or not at all, and their owner's alone, as they quote what agents wrote."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orchestrator_tui.errors import OrcError
from orchestrator_tui.private import write


def put(target: Path, text: Iterable[str]) -> None:
    """Write a file; into a pipe or a device as it is, a link's target in its place. Raises OrcError."""
    data = "".join(text).encode()
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            write(target.resolve(), data)
    except OSError as error:
        raise OrcError(f"{target} cannot be written: {error.strerror}") from error
