"""The embedded model registered once, with every way to a network closed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator_tui.loops.embedded import register
from orchestrator_tui.loops.embedded.repos import Repo, make

MadeRepo = Callable[..., Repo]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"a connection to {address!r}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.delenv("ORC_EMBEDDED_PACE", raising=False)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """litellm knows the embedded model, which remembers nothing of other tests."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    monkeypatch.setattr(litellm, "suppress_debug_info", True)
    monkeypatch.setattr(litellm, "custom_provider_map", [])
    register(7)
    register(7)
    assert len(litellm.custom_provider_map) == 1
    yield


@pytest.fixture
def repo(tmp_path: Path) -> MadeRepo:
    def of(kind: str, seed: int = 0, directive: str = "", name: str = "repo") -> Repo:
        return make(tmp_path / name, kind, seed, directive)

    return of
