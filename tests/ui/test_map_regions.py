"""Regions that a person puts elsewhere: by keys, as an event, kept by the fold and by its snapshots."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.clock import SystemClock
from orchestrator_tui.config import Config
from orchestrator_tui.fleet.arranged import MAX_REGIONS, Arranged
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.host.control.callers import chain_of
from orchestrator_tui.host.run import opened
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.asking import ask, command
from orchestrator_tui.ui.arranging import in_order, moved, pinned
from tests.ui import fleets
from tests.ui.fleets import append, dashboard
from tests.ui.test_commands import sent

NAMES = ["a", "b", "c", "d"]


def test_a_region_moves_past_its_neighbour_and_no_farther() -> None:
    assert moved(NAMES, Arranged(), "c", -1) == Arranged(("a", "c", "b", "d"))
    assert moved(NAMES, Arranged(), "a", -1) is None
    assert moved(NAMES, Arranged(), "d", 1) is None
    # Those that are pinned stay among themselves.
    assert moved(NAMES, Arranged((), ("a",)), "b", -1) is None


def test_a_pin_is_set_and_taken_away() -> None:
    after = pinned(NAMES, Arranged(), "c")
    assert in_order(NAMES, after) == ["c", "a", "b", "d"]
    assert pinned(NAMES, after, "c").pinned == ()


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["back", "on", "pin"])), max_size=30))
def test_no_name_is_lost_or_doubled(steps: list[tuple[str, str]]) -> None:
    arranged = Arranged(("gone",))
    for name, step in steps:
        by = -1 if step == "back" else 1
        arranged = (pinned(NAMES, arranged, name) if step == "pin" else moved(NAMES, arranged, name, by)) or arranged
        assert sorted(in_order(NAMES, arranged)) == NAMES
        assert len(set(arranged.regions)) == len(arranged.regions)
    assert "gone" in arranged.regions


def test_the_fold_keeps_it_and_its_snapshot_too() -> None:
    fleet = Fleet()
    body = ev.RegionsArranged(["b", "a", "b"], ["c"])
    fleet.apply(ev.Event(1, 1, 1, None, None, body))
    assert fleet.arranged == Arranged(("b", "a"), ("c",))
    other = Fleet()
    other.load(fleet.dump())
    assert other.arranged == fleet.arranged
    many = ev.RegionsArranged([str(n) for n in range(9_999)])
    fleet.apply(ev.Event(2, 2, 2, None, None, many))
    assert len(fleet.arranged.regions) == MAX_REGIONS


async def test_the_host_answers(tmp_path: Path) -> None:
    async with opened(Paths(tmp_path / "c", tmp_path / "s", tmp_path / "r"), Config(), SystemClock()) as host:
        for regions in (["b", "\x1b[2Ja" + "x" * 90], ["n"] * (MAX_REGIONS + 1)):
            facts: ev.Facts = {"regions": regions, "pinned": ["b"]}
            request = command("arrange", facts, "test", time.time_ns(), chain=chain_of(os.getpid()))
            await ask(host.paths.database, request, time.time_ns())
            await host.commands.obey()
        names = host.fleet.arranged.regions
        assert names[0] == "b" and len(names) == 2
        assert "\x1b" not in names[1] and len(names[1]) <= 40
        assert host.fleet.arranged.pinned == ("b",)


async def test_keys_ask_for_it(paths: Paths) -> None:
    async with dashboard(paths, (200, 55)) as (app, pilot):
        names = [region.name for region in app.drawn.regions]
        app.select(app.drawn.regions[2].cells[0].id)
        await pilot.press("left_curly_bracket")
        order = [names[0], names[2], names[1], *names[3:]]
        assert await sent(app, pilot) == [("arrange", {"regions": order, "pinned": []})]
        # At once again: what was asked counts, not what has come back.
        await pilot.press("left_curly_bracket", "vertical_line")
        order = [names[2], *names[:2], *names[3:]]
        assert (await sent(app, pilot))[-1] == ("arrange", {"regions": order, "pinned": [names[2]]})
        await append(paths, (None, ev.RegionsArranged(order, [names[2]])))
        app.tick()
        assert [region.name for region in app.drawn.regions] == order
        assert "pinned" in "\n".join(fleets.text(app))
    async with dashboard(paths, (200, 55)) as (app, _):
        assert [region.name for region in app.drawn.regions] == order


async def test_a_pinned_region_stays_when_nobody_is_in_it(paths: Paths) -> None:
    await append(paths, (None, ev.RegionsArranged([], ["quiet"])))
    async with dashboard(paths, (200, 55)) as (app, _):
        assert app.drawn.regions[0].name == "quiet"
        assert "quiet  0" in "\n".join(fleets.text(app))


async def test_nothing_is_asked_where_nobody_would_answer(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    fleets.host(monkeypatch, runs=False)
    async with dashboard(paths, (200, 55)) as (app, pilot):
        await pilot.press("right_curly_bracket", "vertical_line")
        assert await sent(app, pilot) == []
