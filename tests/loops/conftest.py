"""A repository with a check that fails, and loops that work on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loops.workshop import Workshop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop; nothing of it runs afterwards."""
    found = Workshop(tmp_path)
    yield found
    found.close()
