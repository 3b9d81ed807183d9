"""Fixtures of the tests with terminals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.control.terminal import Make, Terminal


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes terminals; they are closed afterwards."""
    made: list[Terminal] = []

    def start(name: str = "one", **how: object) -> Terminal:
        made.append(Terminal(tmp_path / name, **how))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for terminal in made:
        terminal.close()
