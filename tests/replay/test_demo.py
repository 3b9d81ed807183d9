"""A demo run, looked at while it plays and replayed afterwards: at random instants both say the same."""

from __future__ import annotations

import os
import random
import time

from orchestrator_tui.cli.verb_demo import pictured
from orchestrator_tui.store import load
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.ui.replay.past import Past
from tests.conftest import Orc
from tests.replay.test_past import answer

LONG = bool(os.environ.get("ORC_LONG"))
ENOUGH, LATEST = (400, 120) if LONG else (30, 20)
"""Instants that are noted, and seconds after which the rest is gone without."""


def test_a_demo_is_replayed_as_it_was_told_live(orc: Orc) -> None:
    told: list[tuple[int, int, str]] = []
    with pictured(seed=3, loops=8) as place:
        end = time.monotonic() + LATEST
        while not place.database.exists() and time.monotonic() < end:
            time.sleep(0.05)
        with Reader(place.database) as reader:
            fleet = load.fleet_now(reader)
            at = -1
            while len(told) < ENOUGH and time.monotonic() < end:
                load.follow(reader, fleet)
                if fleet.at > at:
                    at = fleet.at
                    told.append((fleet.seq, at, answer(fleet, at)))
                time.sleep(0.02)
            # What was found later belongs to a time that was told without it: there the two must differ.
            clean = [
                (at, words)
                for seq, at, words in told
                if not reader.query("SELECT 1 FROM events WHERE seq > ? AND at <= ? LIMIT 1", seq, at)
            ]
            random.Random(7).shuffle(clean)
            assert len(clean) >= (100 if LONG else 5), (len(told), len(clean))
            shown = Past(reader, clean[0][0])
            kinds: set[str] = set()
            for at, words in clean[: 100 if LONG else ENOUGH]:
                shown.seek(at)
                assert answer(shown.fleet, at) == words
                kinds |= {session.client for session in shown.fleet.sessions.values()}
            print(f"{len(told)} noted, {len(clean)} of them whole, clients {sorted(kinds)}")
    assert kinds
