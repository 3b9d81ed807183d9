"""What keeps a busy screen light: work makes way for a key, the store is looked at less often, sums are asked seldom."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from orchestrator_tui.clock import SECOND
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.ui import memory, spent, ticking
from orchestrator_tui.ui.frame import Frame, Money
from tests.ui import fleets
from tests.ui.fleets import NOW, dashboard, until


async def test_a_frame_in_the_making_waits_for_a_key(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "FEW", 0)
    monkeypatch.setattr(ticking, "PATIENCE", 30.0)
    async with dashboard(paths) as (app, _):
        make, waiting, over = app.framer.frame, threading.Event(), threading.Event()

        def paused(*asked: object) -> Frame:
            way = asked[-1]

            def pause() -> None:
                app.ticking._way.clear()
                waiting.set()
                way()  # type: ignore[operator]
                over.set()

            return make(*asked[:-1], pause)  # type: ignore[arg-type, call-arg]

        monkeypatch.setattr(app.framer, "frame", paused)
        await fleets.append(paths, (fleets.name_of(0), fleets.say("a word")))
        turn = asyncio.get_running_loop().create_task(app.ticking._turn())
        await until(waiting.is_set)
        assert not over.is_set() and not turn.done()
        # A key whose effect is painted lets it go on, again and again.
        while not turn.done():
            app.ticking._way.set()
            await asyncio.sleep(0.001)
        assert over.is_set()


async def test_a_key_that_is_never_painted_holds_up_nothing(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "PATIENCE", 0.01)
    async with dashboard(paths) as (app, _):
        app.ticking._way.clear()
        app.ticking._make_way()
        assert app.ticking._way.is_set()


async def test_the_store_is_looked_at_when_a_frame_may_show_it(paths: Paths) -> None:
    async with dashboard(paths) as (app, _):
        pace = app.ticking
        pace._not_before = 0.0
        assert pace._pause(0.1) == 0.1
        # However dear frames are, what happened is known within half a second: bells ring for it.
        pace._not_before = 1e18
        assert pace._pause(0.1) == ticking.SELDOM
        app.deck.open(NOW - 60 * SECOND)
        assert pace._pause(0.1) == 0.1
        app.deck.close()


def test_sums_that_are_dear_are_asked_less_often(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    with Reader(paths.database) as reader:
        kept, asked, mono = spent.Spent(reader), list[int](), iter(range(0, 1 << 62, 30_000_000))

        def sums(today: int, now: int) -> Money:
            asked.append(now)
            return Money(today=Spend(), midnight=1 << 62)

        monkeypatch.setattr(time, "perf_counter_ns", lambda: next(mono))
        monkeypatch.setattr(kept, "_sums", sums)
        for tenth in range(100):
            kept.refresh(NOW + tenth * SECOND // 10, tenth)
        # 30 ms of work at most once in 3 s.
        assert asked == [NOW, NOW + 3 * SECOND, NOW + 6 * SECOND, NOW + 9 * SECOND]


def test_garbage_is_not_looked_for_while_something_is_built() -> None:
    import gc

    assert gc.isenabled()
    with memory.building():
        assert not gc.isenabled()
        with memory.building():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
