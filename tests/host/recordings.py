"""The recordings of every client, read into stores by the host's own code, and what must be true afterwards."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from orchestrator_tui.config import Config
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.host.roots import find_roots
from orchestrator_tui.host.run import ingest_once
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import spent
from tests.conftest import DATA
from tests.store.test_spending import agree

KINDS = ("requests", "input", "cache_read", "cache_write", "output")
FOREVER = 9_000_000_000_000_000_000
Counts = dict[str, int]


class Recording(Struct, frozen=True):
    """One scenario of one client."""

    name: str
    client: str
    home: Path
    truth: Counts
    """What the model's server reported, summed."""


def recordings() -> list[Recording]:
    """All that there are, whoever put them there."""
    found = []
    for path in sorted((DATA / "clients").glob("*/*/truth.json")):
        truth = json.loads(path.read_text())
        counts = {kind: sum(model[kind] for model in truth["models"].values()) for kind in KINDS}
        client = path.parent.parent.name.partition("-")[0]
        found.append(Recording(f"{client}-{path.parent.name}", client, path.parent / "home", counts))
    return found


def summed(found: Sequence[Recording]) -> Counts:
    """The truth about several recordings."""
    return {kind: sum(recording.truth[kind] for recording in found) for kind in KINDS}


def place(state: Path) -> Paths:
    """The paths of a store of its own."""
    return Paths(state, state, state / "run")


def roots_in(home: Path) -> dict[str, Sequence[Path]]:
    """Every client's directories in a home, and none of this machine's."""
    nowhere = home / "none"
    return dict(find_roots(Paths(nowhere, nowhere, nowhere), Config(), {"HOME": str(home)}))


async def ingest(state: Path, roots: Mapping[str, Sequence[Path]], config: Config | None = None) -> int:
    """One complete pass; returns how many events it appended."""
    _, events = await ingest_once(place(state), config or Config(), everything=True, roots=roots)
    return events


def counted(state: Path) -> Counts:
    """What a store says was used; fold, counted responses and roll-ups say the same, of each session and in all."""
    with Reader(place(state).database) as reader:
        fleet = fleet_now(reader)
        rolled = spent(reader, 0, FOREVER).get("", Spend())
        assert reader.check() == "ok"
    db = sqlite3.connect(place(state).database)
    try:
        agree(db, fleet)
    finally:
        db.close()
    total = Spend()
    for session in fleet.sessions.values():
        total.merge(session.spend)
    assert total == rolled
    t = total.tokens
    return dict(zip(KINDS, (total.requests, t.input, t.cache_read, t.cache_write, t.output), strict=True))
