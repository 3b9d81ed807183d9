"""Exporting from within a replay: asked in the bar, written by the verb, told with the file's name."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from textual.pilot import Pilot

from orchestrator_tui.clock import SECOND
from orchestrator_tui.config import Config, Screen
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui import own_verb
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.replay.exporting import Exporting
from orchestrator_tui.ui.widgets.askbar import Pick
from tests.conftest import Orc
from tests.ui.fleets import NOW, dashboard, name_of, text

SECRET = "ghp_q7Zr2mK9xT4vB8nL1cW5q7Zr2mK9xT4vB8"


@pytest.fixture
def lived(orc: Orc, monkeypatch: pytest.MonkeyPatch) -> Orc:
    """A session that ended a quarter of an hour ago, by the machine's own clock: the verb goes by that."""
    begun = time.time() - 1800
    inbox = orc.state / "inbox"
    inbox.mkdir(parents=True)
    head = {"kind": "session", "schema": "orc.log/1", "session": "lived", "t": 0, "epoch": begun, "title": "</b>it"}
    lines = [
        head,
        {"kind": "user", "t": 1, "text": f"use {SECRET} to push"},
        {"kind": "usage", "t": 302, "id": "r", "model": "claude-opus-4-8", "input": 10, "output": 20},
        {"kind": "assistant_text", "t": 600, "text": "half of it"},
        {"kind": "assistant_text", "t": 900, "text": "all done here", "stop_reason": "end_turn"},
    ]
    (inbox / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    orc.run("ingest", "--all")
    for name, value in orc.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(orc.state.parent)
    return orc


def exporting(app: OrcApp) -> Exporting:
    return app.deck.keys.exporting


def choose(app: OrcApp, name: str, value: str) -> None:
    """What the arrows would choose."""
    pick = app.board.bar.query_one(f".ask-{name}", Pick)
    while pick.value != value:
        pick.step(1)


async def written(app: OrcApp, pilot: Pilot[None]) -> str:
    """Wait for the process; what the screen says then."""
    for _ in range(1200):
        await pilot.pause(0.05)
        if not exporting(app)._busy:
            break
    app.redraw()
    await pilot.pause()
    return "\n".join(text(app))


async def test_the_instant_is_written_by_the_verb(lived: Orc) -> None:
    app = OrcApp(lived.paths, Config(screen=Screen(theme="night")))
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await pilot.press("r")
        await pilot.pause()
        session = app.live.fleet.sessions["log:lived"]
        app.deck.seek(session.started_at + 700 * SECOND)
        app.select("log:lived")
        await pilot.press("ctrl+e")
        await pilot.pause()
        assert app.board.bar.opened and "as the timeline shows" in "\n".join(text(app))
        choose(app, "of", "</b>it")
        await pilot.press("tab", "tab", "tab", *"x.svg", "enter")
        said = await written(app, pilot)
        target = lived.state.parent / "x.svg"
        assert "x.svg: the screen at" in said, said
        svg = target.read_text().replace("&#160;", " ")
        assert "half of it" in svg and "all done here" not in svg and SECRET not in svg
        assert target.stat().st_mode & 0o777 == 0o600
        # Nothing is written over, and the fleet has no write-up.
        await pilot.press("ctrl+e")
        await pilot.pause()
        await pilot.press("tab", "tab", "tab", *"x.svg", "enter")
        await pilot.pause()
        assert "is there already" in "\n".join(text(app))
        choose(app, "format", "write-up")
        await pilot.press(*["backspace"] * 5, "enter")
        await pilot.pause()
        assert "a write-up is of one session" in "\n".join(text(app))
        choose(app, "of", "</b>it")
        await pilot.press("enter")
        said = await written(app, pilot)
        (made,) = lived.state.parent.glob("orc-log-lived-*.md")
        assert made.name in said.replace("\n", "")
        told = made.read_text()
        assert "half of it" in told and "all done here" not in told and "as it stood at" in told and SECRET not in told


async def test_what_the_verb_is_given(paths: Paths) -> None:
    async with dashboard(paths, (600, 300)) as (app, pilot):
        await pilot.press("r")
        app.deck.seek(NOW - 600 * SECOND)
        target, made = Path("/x y/-o"), exporting(app)
        assert made.arguments("svg", None, target, False) == [
            "export", "--format=svg", "--output=/x y/-o", "--size=500x200", "--at=2026-11-21T13:50:00.000Z",
            "--", "fleet",
        ]  # fmt: skip
        assert made.arguments("md", name_of(0), target, True)[3:] == [
            "--until=2026-11-21T13:50:00.000Z", "--unmasked", "--", name_of(0),
        ]  # fmt: skip
        assert made.arguments("jsonl", "--x", target, False)[3:] == ["--", "--x"]
        assert made.end == NOW - 600 * SECOND and made.start == app.deck.start
        await pilot.press("L")
        app.deck.seek(NOW - 300 * SECOND)
        await pilot.press("L", "greater_than_sign")
        app.deck.seek(NOW - 400 * SECOND)
        assert made.arguments("cast", None, target, False)[3:] == [
            "--size=500x200", "--since=2026-11-21T13:50:00.000Z", "--until=2026-11-21T13:55:00.000Z",
            "--speed=100", "--", "fleet",
        ]  # fmt: skip
        # An event within the last millisecond is in what is written.
        app.deck.clock.at += 1
        assert made.arguments("md", name_of(0), target, False)[3] == "--until=2026-11-21T13:53:20.001Z"


async def test_what_cannot_be_written_is_told_in_the_bar_or_below(lived: Orc, monkeypatch: pytest.MonkeyPatch) -> None:
    app = OrcApp(lived.paths, Config(screen=Screen(theme="night")))
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await pilot.press("ctrl+e")
        assert not app.board.bar.opened
        await pilot.press("r")
        for name, words in (("/no/where/x.svg", "no directory /no/where"), ("~nobody-at-all/x", "no name of a file")):
            await pilot.press("ctrl+e")
            await pilot.pause()
            await pilot.press("tab", "tab", "tab", *name, "enter")
            await pilot.pause()
            assert words in "\n".join(text(app))
            await pilot.press("escape")

        async def failed(*words: str, seconds: float) -> tuple[int, str]:
            return 1, "orc export: the disk is full \x1b[2J\n"

        monkeypatch.setattr(own_verb, "run", failed)
        await pilot.press("ctrl+e")
        await pilot.pause()
        await pilot.press("enter")
        said = await written(app, pilot)
        assert "nothing was exported: orc export: the disk is full" in said and app.deck.on
