"""Fixtures of the tests of faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An installation in which things go wrong; nothing of it is left afterwards."""
    made = World(tmp_path)
    yield made
    made.close()
