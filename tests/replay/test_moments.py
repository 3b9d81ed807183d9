"""What a timeline counts: marks, alerts, beats, gaps; in any order of chunks the same."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from msgspec.structs import asdict

from orchestrator_tui import events as ev
from orchestrator_tui.events import KnownBody
from orchestrator_tui.fleet.moments import BUCKET, CHUNK, Column, Track, columns_of, idle_until, statuses_in
from orchestrator_tui.store import moments
from orchestrator_tui.store.moments import count_chunk, search, span
from orchestrator_tui.store.reader import Reader
from tests.ui import fleets
from tests.ui.fleets import NOW, SECOND

LOOP = ev.AlertRaised(cause="l", status="looping", severity="red", evidence="same", since=NOW)


def filled(path: Path, steps: list[tuple[int, str | None, KnownBody]]) -> Reader:
    asyncio.run(fleets.write(path, sorted(steps, key=lambda step: -step[0])))
    return Reader(path)


def counted(reader: Reader, chunks: list[int]) -> Track:
    track = Track()
    for chunk in chunks:
        for _ in count_chunk(reader, track, chunk, NOW + CHUNK * 2):
            pass
    return track


def flat(columns: list[Column]) -> list[object]:
    return [asdict(column) for column in columns]


def test_chunks_in_any_order_and_again_give_the_same_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "PAGE", 7)
    rng = random.Random(3)
    steps: list[tuple[int, str | None, KnownBody]] = [(at, None, ev.Beat()) for at in range(6000, 3000, -30)]
    for n in range(40):
        at = rng.randrange(500, 6000)
        cause, name = f"c{n % 3}", f"log:{n % 4}"
        steps.append((at, name, ev.AlertRaised(cause, rng.choice(["looping", "waiting"]), "red", "e", NOW)))
        steps.append((at - rng.randrange(1, 400), name, ev.AlertCleared(cause)))
        steps.append((at, name, ev.Usage(tokens=ev.Tokens(1, 2, 3, 4), cost=n)))
    with filled(tmp_path / "e.db", steps) as reader:
        start = NOW - 6000 * SECOND
        chunks = Track().missing(start, NOW)
        assert len(chunks) in (10, 11)
        first = counted(reader, chunks)
        for _ in range(4):
            rng.shuffle(chunks)
            again = counted(reader, [*chunks, *chunks[:3]])
            args = (start, 60 * SECOND, 100)
            assert flat(columns_of(again, *args)) == flat(columns_of(first, *args))
            assert again.marks == first.marks
        columns = columns_of(first, start, 60 * SECOND, 100)
        assert sum(column.cost for column in columns) == sum(range(40))
        assert all(column.watched for column in columns[:50]) and not any(column.watched for column in columns[53:])
        assert set(statuses_in(columns)) == {"looping", "waiting"}
        first.forget(start + 3000 * SECOND)
        assert first.missing(start, start + 3000 * SECOND - CHUNK) == []
        assert first.missing(start, NOW) and not [m for m in first.marks if m.at >= start + 3000 * SECOND + CHUNK]


def test_an_alert_is_open_from_its_raise_to_its_end(tmp_path: Path) -> None:
    steps: list[tuple[int, str | None, KnownBody]] = [
        (3000, "log:a", LOOP),
        (2400, "log:a", ev.AlertEscalated(cause="l", status="stalled", severity="red", evidence="worse")),
        (1800, "log:a", ev.Acknowledged(cause="l")),
        (600, None, fleets.requested("kill", "log:a")),
        (500, None, fleets.requested("view", "log:a", "k2")),
        (400, "log:a", ev.ProcessGone(pid=3, reason="killed")),
        (300, "log:a", ev.AlertRaised(cause="budget red", status="working", severity="amber", evidence="x", since=0)),
        (200, "log:a", ev.Check(name="t", ok=False)),
    ]
    with filled(tmp_path / "e.db", steps) as reader:
        track = counted(reader, Track().missing(NOW - 3600 * SECOND, NOW))
        columns = columns_of(track, NOW - 3600 * SECOND, 600 * SECOND, 6)
        told = [sorted(column.open) for column in columns]
        assert told == [[], ["looping"], ["stalled"], [], [], ["working"]]
        assert [(mark.kind, mark.sign) for mark in track.marks] == [
            ("red", "looping"), ("command", "x"), ("death", "dead"), ("budget", "working"), ("check", "failed"),
        ]  # fmt: skip
        assert [mark.decision for mark in track.marks] == [False, True, False, False, False]


def test_idle_gaps_end_where_something_happens(tmp_path: Path) -> None:
    steps: list[tuple[int, str | None, KnownBody]] = [(at, None, ev.Beat()) for at in range(3000, 0, -30)]
    steps += [(2900, "log:a", fleets.ask()), (1000, "log:a", fleets.ask())]
    with filled(tmp_path / "e.db", steps) as reader:
        track = counted(reader, Track().missing(NOW - 3600 * SECOND, NOW))
        found = idle_until(track, NOW - 2800 * SECOND, NOW)
        assert found is not None and 0 <= NOW - 1000 * SECOND - found < BUCKET
        assert idle_until(track, NOW - 1100 * SECOND, NOW) is None
        assert idle_until(Track(), NOW - 2800 * SECOND, NOW) is None


def test_steps_find_the_next_of_a_kind_in_both_directions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "PAGE", 5)
    steps: list[tuple[int, str | None, KnownBody]] = [(at, None, ev.Beat()) for at in range(900, 0, -30)]
    steps += [(at, f"log:{at % 3}", fleets.ask()) for at in range(890, 0, -7)]
    steps += [(700, None, fleets.requested("kill", "log:1")), (100, None, fleets.requested("split", "log:1", "k2"))]
    with filled(tmp_path / "e.db", steps) as reader:

        def nearest(forward: bool, types: tuple[str, ...] = (), session: str | None = None) -> int | None:
            found = search(reader, NOW - 400 * SECOND, forward, types, session)
            event = next((event for event in found if event is not None), None)
            return (NOW - event.at) // SECOND if event is not None else None

        mine = [at for at in range(890, 0, -7) if at % 3 == 1]
        assert nearest(False, ("command.requested",)) == 700
        assert nearest(True, ("command.requested",)) == 100
        assert nearest(True) == max(at for at in range(890, 0, -7) if at < 400)
        assert nearest(False) == min(at for at in range(890, 0, -7) if at > 400)
        assert nearest(True, ("user.message",), "log:1") == max(at for at in mine if at < 400)
        assert nearest(False, ("user.message",), "log:1") == min(at for at in mine if at > 400)
        assert nearest(False, ("check",)) is None and nearest(True, (), "log:none") is None
        assert span(reader) == (NOW - 900 * SECOND, NOW - steps_last(steps) * SECOND)


def steps_last(steps: list[tuple[int, str | None, KnownBody]]) -> int:
    return min(at for at, _, _ in steps)
