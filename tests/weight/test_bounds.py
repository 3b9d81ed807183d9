"""What is remembered between two steps has a bound, and nothing depends on its being remembered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clients.listing import Listing
from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import Tokens
from orchestrator_tui.fleet.timers import Timers
from orchestrator_tui.store import rows
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.spending import spent
from orchestrator_tui.store.writer import Store

FAR = 1 << 62


async def test_rows_of_sessions_that_were_forgotten_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MAX_OWNERS", 5)
    body = ev.Usage(model="claude-opus-4-8", tokens=Tokens(1, 2, 3, 4))
    async with Store.open(tmp_path / "events.db") as store:
        for round_ in range(3):
            for number in range(20):
                # The same response twice a round: it counts once, whoever is remembered.
                entry = Entry(f"claude:s{number}", body, response=f"r{number}.{round_}".encode())
                await store.append([Batch([entry, entry])], (100 * round_ + number + 1) * SECOND)
                assert len(store._owners.by_id) <= rows.MAX_OWNERS + 1
    with Reader(tmp_path / "events.db") as reader:
        assert len(reader.session_ids()) == 20
        assert spent(reader, 0, FAR)[""].requests == 60


def test_documents_go_with_their_files(tmp_path: Path) -> None:
    listing = Listing()
    for number in range(30):
        path = tmp_path / f"{number}.json"
        path.write_text(str(number))
        os.utime(tmp_path, (number, number))
        names = [found.path for found in listing.walk(tmp_path, 0, FAR)]
        assert [listing.document(name, lambda data, _: data) for name in names] == [str(number).encode()]
        path.unlink()
    assert len(listing._documents) == 1


def test_what_is_never_due_any_more_is_not_kept() -> None:
    timers = Timers()
    for number in range(10_000):
        timers.set(f"s{number}", FAR)
        timers.drop(f"s{number}")
    assert len(timers) == 0 and len(timers._queue) <= 65 and not timers._queued
    timers.set("again", 5)
    timers.drop("again")
    timers.set("again", 7)
    assert timers.due(6) == [] and timers.due(7) == ["again"] and timers.due(9) == []
