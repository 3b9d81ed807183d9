"""What decisions changed, worked out from a kept state of a session as from its beginning."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.fleet.ledger import decisions
from orchestrator_tui.store import load, measuring, snapshots
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.measuring import measure
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.writer import Store
from tests.bench.streams import batches, stream
from tests.fleet.generated import SECOND, START


async def test_from_a_kept_state_as_from_the_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "FULL_EVERY", 1500)
    monkeypatch.setattr(snapshots, "DELTA_EVERY", 200)
    path, names = tmp_path / "events.db", set[str]()
    async with Store.open(path) as store:
        with Reader(path) as reader:
            fleet = load.fleet_now(reader)
            keeper = snapshots.Snapshots(store, fleet)
            for n, (at, entries) in enumerate(batches(stream(6, START, 4 * 3600 * SECOND, 2500), 10)):
                names |= {entry.session for entry in entries if entry.session is not None}
                asked: list[Entry] = []
                if n % 25 == 24:
                    about: ev.Facts = {"session": sorted(names)[n % len(names)]}
                    command = f"k{n}"
                    asked = [
                        Entry(None, ev.CommandRequested(command_id=command, verb="message", arguments=about, actor="me")),
                        Entry(None, ev.CommandStarted(command)), Entry(None, ev.CommandEnded(command, "done")),
                    ]  # fmt: skip
                appended = await store.append([Batch([*entries, *asked])], at)
                load.apply(reader, fleet, appended)
                await keeper.count(len(appended))
            made, now = decisions(reader.commands(0)), at + SECOND
            assert len(made) > 6
            whole = measure(reader, made, now)
            monkeypatch.setattr(measuring, "LONG", 50)
            states = [measuring._stood(reader, str(d.session), d.at)[0] for d in made]
            assert sum(state is not None for state in states) > 3
            assert measure(reader, made[-6:], now) == {d.command_id: whole[d.command_id] for d in made[-6:]}
            assert measure(reader, made, now) == whole and len(whole) == len(made)
