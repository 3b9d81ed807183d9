"""The dashboard's bell in a real terminal: once per cause, never for what was there, and no hostile byte with it."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.config import Notify
from orchestrator_tui.events import Event
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.notices import Notice
from orchestrator_tui.paths import Paths
from orchestrator_tui.text import line
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.notify import BELL, Bells, composed
from tests.conftest import Orc, wait_for
from tests.ui import fleets
from tests.ui.terminal import Terminal, plain, sequences
from tests.ui.test_pty import BAD, HOSTILE, log

SECOND = 1_000_000_000
T0 = 1_790_000_000 * SECOND
ST = "\x1b\\"
TEXT = " ".join(HOSTILE.values())


def notice(title: str = "api/7 waits; for you", body: str = "a;b") -> Notice:
    return Notice(title, body, "log:a", "red", "c", "waiting", "api/7", ("log:a", "c"))


# --- what is written -----------------------------------------------------------------------------------------


def test_the_sequences() -> None:
    assert composed(notice(), "osc9", False) == f"\x1b]9;orc: api/7 waits; for you - a;b{ST}"
    assert composed(notice(), "osc777", False) == f"\x1b]777;notify;orc: api/7 waits, for you;a,b{ST}"
    assert composed(notice("t", "b"), "osc9", True) == "\x1bPtmux;\x1b\x1b]9;orc: t - b\x1b\x1b\\\x1b\\"


@given(st.text(), st.text(), st.sampled_from(["osc9", "osc777"]), st.booleans())
def test_a_sequence_is_one_sequence(title: str, body: str, way: Any, tmux: bool) -> None:
    written = composed(notice(line(title), line(body)), way, tmux)
    if tmux:
        assert written.startswith("\x1bPtmux;") and written.endswith(ST)
        inner = written.removeprefix("\x1bPtmux;").removesuffix(ST)
        assert not re.search("(?<!\x1b)(?:\x1b\x1b)*\x1b(?!\x1b)", inner), "every escape is doubled"
        written = inner.replace("\x1b\x1b", "\x1b")
    assert re.fullmatch("\x1b\\](?:9|777);[^\x00-\x1f\x7f-\x9f]*\x1b\\\\", written)


@pytest.mark.parametrize(
    ("settings", "env", "written"),
    [
        (Notify(), {}, BELL),
        (Notify(), {"TMUX": "x"}, BELL),
        (Notify(bell=False), {}, ""),
        (Notify(off=True, terminal="osc9"), {}, ""),
        (Notify(bell=False, terminal="osc9"), {}, f"\x1b]9;orc: log waits for you - t: why{ST}"),
        (Notify(terminal="osc777"), {}, f"\x1b]777;notify;orc: log waits for you;t: why{ST}{BELL}"),
        (Notify(bell=False, terminal="osc9"), {"TMUX": "x"}, BELL),
        (Notify(bell=False, terminal="osc9"), {"STY": "x"}, BELL),
        (Notify(bell=False, terminal="osc9", tmux_passthrough=True), {"STY": "x"}, BELL),
        (
            Notify(bell=False, terminal="osc9", tmux_passthrough=True),
            {"TMUX": "x"},
            "\x1bPtmux;\x1b\x1b]9;orc: log waits for you - t: why\x1b\x1b\\\x1b\\",
        ),
    ],
)
def test_what_a_terminal_gets(settings: Notify, env: dict[str, str], written: str) -> None:
    fleet = Fleet()
    bells = Bells(settings, fleet, T0, env)
    alert = ev.AlertRaised(cause="c", status="waiting", severity="red", evidence="why", since=T0)
    events = [Event(n, T0, T0, None, "log:a", body) for n, body in enumerate((ev.SessionUpdated(title="t"), alert), 1)]
    fleet.apply_all(events)
    bells.see(fleet, events, T0)
    assert bells.due(T0) == ""
    assert bells.due(T0 + 2 * SECOND) == written
    assert bells.due(T0 + 60 * SECOND) == ""


async def test_an_open_dashboard_follows_the_store(paths: Paths) -> None:
    """What is open in the store as it opens rings nothing; what comes then rings once."""
    written: list[str] = []

    def listen(app: OrcApp) -> None:
        assert app._driver is not None
        app._driver.write = written.append  # type: ignore[method-assign]

    async with fleets.dashboard(paths) as (app, _):
        listen(app)
        clock = fleets.clock_of(app)
        clock.ns += 5 * SECOND
        app.tick()
        assert BELL not in written
        alert = ev.AlertRaised(cause="n", status="waiting", severity="red", evidence="why", since=clock.ns)
        await fleets.append(paths, (fleets.name_of(3), alert), at=clock.ns)
        app.tick()
        for _ in range(4):
            clock.ns += SECOND
            app.tick()
        assert [part for part in written if BELL in part] == [BELL]


# --- a real terminal -----------------------------------------------------------------------------------------


def asking(orc: Orc, name: str) -> None:
    """A session that begins to wait for a person now, hostile in every field."""
    lines: list[dict[str, Any]] = [
        {"title": f"{TEXT} end", "project": f"p {TEXT}", "model": "m"},
        {"kind": "user", "t": 0, "text": "go"},
        {"kind": "hook", "t": 0, "name": TEXT, "type": "permission_prompt", "text": f"asks {name} {TEXT}"},
    ]
    log(orc, name, lines, time.time())


def bells(terminal: Terminal) -> int:
    """How often it rang; Textual ends its OSC 22 (the pointer's shape) with the same byte."""
    return re.sub("\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)", "", terminal.text).count(BELL)


def walk(orc: Orc, count: int, **env: str) -> tuple[Terminal, set[str]]:
    """A dashboard in which sessions ask one after the other, and one did before it was opened."""
    with Terminal(orc) as quiet:
        quiet.wait("no session yet")
        quiet.leave()
        allowed = sequences(quiet.text)
    asking(orc, "before")
    wait_for(lambda: "alert.raised" in orc.run("events").stdout)
    with Terminal(orc, **env) as terminal:
        terminal.wait("needs you 1")
        terminal.read(3.0)
        assert bells(terminal) == 0, "it was there before"
        for number in range(1, count + 1):
            asking(orc, f"new{number}")
            terminal.until(lambda number=number: bells(terminal) >= number)  # type: ignore[misc]
            with (orc.paths.inbox / f"new{number}.jsonl").open("a") as file:
                usage = {"kind": "usage", "t": 1, "id": "r", "input": 5, "output": 7}
                file.write(json.dumps(usage) + "\n")
            terminal.read(3.0)
            assert bells(terminal) == number, "once per cause"
        assert terminal.leave() == 0
        assert terminal.restored
    return terminal, allowed


def test_the_bell_comes_once_per_cause_and_alone(host: Orc) -> None:
    terminal, allowed = walk(host, 2, TMUX="", STY="")
    assert sequences(terminal.text) <= allowed | {BELL}
    assert not BAD.search(terminal.text)
    assert "Traceback" not in plain(terminal.text)


def test_a_hostile_title_stays_within_its_notification(orc: Orc) -> None:
    orc.paths.make()
    orc.paths.config.write_text('[notify]\nterminal = "osc9"\n')
    process = orc.start_host()
    try:
        terminal, allowed = walk(orc, 1, TMUX="", STY="")
    finally:
        process.terminate()
        process.wait(20)
        assert process.stderr is not None
        process.stderr.close()
    more = sequences(terminal.text) - allowed - {BELL}
    assert more and all(re.fullmatch("\x1b\\]9;orc: [^\x00-\x1f\x7f-\x9f]*\x1b\\\\", found) for found in more)
    assert all(" waits for you - " in found for found in more)
    assert not BAD.search(terminal.text)
