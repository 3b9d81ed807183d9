"""An empty map: what it says in each case, and that each step that it offers is one key that works."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from orchestrator_tui.config import Clients, Config
from orchestrator_tui.errors import StoreError
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui import machine, own_verb
from orchestrator_tui.ui.draw.welcome import Empty, draw_empty
from orchestrator_tui.ui.keymap import Keymap
from orchestrator_tui.ui.machine import Found, Place
from orchestrator_tui.ui.screens.doctor import DoctorScreen, Finding, finding_lines
from orchestrator_tui.ui.toasts import Toasts
from tests.conftest import Orc
from tests.ui import fleets
from tests.ui.fleets import dashboard, text, until
from tests.ui.terminal import Terminal

FOUND = Found((Place("claude", "~/.claude", 1204, 31),), ("gemini",), "out")
CASES = {
    "first": Empty(found=FOUND),
    "looking": Empty(),
    "nothing found": Empty(found=Found((), ("claude", "codex"))),
    "no host": Empty(host="no host has run yet"),
    "filter": Empty("zzz", 31),
    "ended": Empty(known=31, found=FOUND),
    "hostile": Empty("\x1b[31m\u202e" + "发" * 400, 1),
    "reading": Empty(found=FOUND, reading="12 of 400 files"),
}
SIZES = [(116, 22), (76, 11), (36, 4), (36, 1), (150, 45), (3, 2), (1, 1), (8, 0)]


def words_of(empty: Empty, columns: int, rows: int, keys: Keymap | None = None) -> str:
    lines = draw_empty(empty, columns, rows, keys or Keymap())
    assert len(lines) <= rows
    texts = ["".join(part for part, _ in line) for line in lines]
    assert all(cell_len(one) == columns for one in texts)
    return "\n".join(texts)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", SIZES)
def test_it_fits_and_has_a_next_step(case: str, size: tuple[int, int]) -> None:
    words = words_of(CASES[case], *size)
    assert "\x1b" not in words and "\u202e" not in words
    if size[0] >= 36 and size[1]:
        keys = {part for line in draw_empty(CASES[case], *size) for part, role in line if role == "key bold"}
        assert keys, words


def test_what_it_says() -> None:
    words = words_of(CASES["first"], 116, 22)
    assert "claude  1,204 transcripts, 31 of the last 7 days  ~/.claude" in words
    assert "I  read all 1,204 transcripts" in words and "H  let orc answer Claude's" in words
    assert "It sends nothing." in words
    assert "H " not in words_of(Empty(found=Found(FOUND.places, (), "in")), 116, 22)
    assert "W  start the host" in words_of(CASES["no host"], 116, 22)
    assert "Esc  take the filter away" in words_of(CASES["filter"], 116, 22)
    assert "c  begin a session here" in words_of(CASES["ended"], 116, 22)
    assert "12 of 400 files" in words_of(CASES["reading"], 76, 10)
    assert "F5  play" not in words and "F5  play the demo" in words_of(CASES["first"], 116, 22, Keymap({"demo": "F5"}))


def test_looking_at_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    project = home / ".claude" / "projects" / "-work"
    project.mkdir(parents=True)
    for number in range(30):
        (project / f"11111111-1111-4111-8111-{number:012d}.jsonl").write_text("{}\n")
    monkeypatch.setenv("HOME", str(home))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    place = fleets.paths_in(tmp_path / "orc", None)
    monkeypatch.setattr(machine, "look", LOOK)
    found = machine.look(place, Config(), fleets.NOW)
    assert [(one.client, one.path, one.files) for one in found.places if one.client == "claude"] == [
        ("claude", "~/.claude", 30)
    ]
    assert found.hook == "out" and found.whole and "codex" in found.absent
    assert not machine.look(place, Config(clients=Clients(off=["claude"])), fleets.NOW).files
    monkeypatch.setattr(machine, "FILES", 7)
    found = machine.look(place, Config(), fleets.NOW)
    assert found.files <= 7 and not found.whole
    (home / ".claude" / "settings.json").write_text("[")
    assert machine.look(place, Config(), fleets.NOW).hook == "unknown"


LOOK = machine.look


async def test_looking_does_not_hold_the_screen_up(empty: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    go, threads = threading.Event(), []

    def slow(*_: object) -> Found:
        threads.append(threading.current_thread())
        go.wait(20)
        return FOUND

    monkeypatch.setattr(machine, "look", slow)
    async with dashboard(empty) as (app, pilot):
        assert "looking at what is on this machine" in "\n".join(text(app))
        await pilot.press("question_mark", "escape")
        go.set()
        await until(lambda: app.first.found is not None)
        await pilot.pause()
        assert "1,204 transcripts" in "\n".join(text(app))
        assert threads and threading.main_thread() not in threads


async def test_a_full_fleet_looks_at_nothing(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "look", lambda *_: pytest.fail("looked"))
    async with dashboard(paths, (200, 55)) as (app, _):
        app.tick()
        assert app.first.found is None
        footer = text(app)[-1]
        assert "demo" not in footer and "doctor" not in footer


async def test_keys_of_the_first_steps(empty: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, ...]] = []
    diff = '--- /h/settings.json (now)\n+++ /h/settings.json (then)\n@@ -1 +1 @@\n+{"hooks": 1}\nnothing was changed\n'

    async def verb(*arguments: str, seconds: float) -> tuple[int, str]:
        said.append(arguments)
        if arguments[0] == "doctor":
            return 1, json.dumps({"findings": [{"about": "store", "state": "bad", "text": "broken", "fix": "mend it"}]})
        return (0, "the hook is in /h/settings.json") if "--yes" in arguments else (1, diff)

    monkeypatch.setattr(own_verb, "run", verb)
    monkeypatch.setattr(
        "orchestrator_tui.ui.commanding.Commanding.ask", lambda self, name, what: said.append((name, str(what)))
    )
    monkeypatch.setattr("orchestrator_tui.ui.source.Live.host_runs", lambda self: True)
    async with dashboard(empty, (120, 35)) as (app, pilot):
        await until(lambda: app.first.found is not None)
        await pilot.pause()
        for word in ("I read all", "H hook", "P demo", "! doctor"):
            assert word in text(app)[-1]
        await pilot.press("I")
        assert said.pop() == ("ingest", "{'all': True, 'roots': ''}")
        await pilot.press("H")
        await until(lambda: app.screen.query_one("AskBar").has_class("-open"))
        await pilot.pause()
        shown = "\n".join(text(app))
        assert "change /h/settings.json?" in shown and '+{"hooks": 1}' in shown and "map" in shown
        assert said == [("hooks", "install", "claude")]
        fleets.clock_of(app).ns += fleets.SECOND
        await pilot.press("y")
        await until(lambda: len(said) == 2)
        assert said[1] == ("hooks", "install", "claude", "--yes")
        await until(lambda: "the hook is in /h/settings.json" in "\n".join(text(app)))
        await pilot.press("exclamation_mark")
        await until(lambda: isinstance(app.screen, DoctorScreen) and bool(app.screen.findings))
        await pilot.pause()
        assert "broken" in "\n".join(text(app)) and "mend it" in "\n".join(text(app)) and "1 off" in text(app)[0]
        await pilot.press("down", "pagedown", "escape")
        await pilot.pause()
        await pilot.press("P")
        await pilot.pause()
        assert "`orc demo` in another one" in "\n".join(text(app))


async def test_a_verb_is_a_process_without_input() -> None:
    status, out = await own_verb.run("--version", seconds=60)
    assert (status, out.split()[0]) == (0, "orc") or out
    status, out = await own_verb.run("nope", seconds=60)
    assert status != 0 and out


async def test_without_a_host_one_key_starts_it(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    fleets.host(monkeypatch, runs=False)
    began: list[Paths] = []

    class Record:
        pid = 77

    def start(place: Paths) -> Record:
        began.append(place)
        return Record()

    monkeypatch.setattr("orchestrator_tui.host.run.start_in_background", start)
    async with dashboard(paths, (200, 55)) as (app, pilot):
        fleets.clock_of(app).ns += 600 * fleets.SECOND
        app.tick()
        await pilot.pause()
        assert "W start host" in text(app)[-1]
        await pilot.press("W")
        await until(lambda: bool(began))
        await until(lambda: "the host runs now: pid 77" in "\n".join(text(app)))


async def test_when_all_are_finished_there_is_a_next_step(empty: Paths) -> None:
    await fleets.append(empty, ("claude:a", fleets.ask()), ("claude:a", fleets.say("done", True)))
    async with dashboard(empty, (200, 55)) as (app, pilot):
        app.tick()
        await pilot.pause()
        if set(app.drawn.counts) == {"finished"}:
            assert "all are finished" in "\n".join(text(app)) and ", goes through them" in "\n".join(text(app))
        fleets.clock_of(app).ns += 40 * 3600 * fleets.SECOND
        app.tick()
        await pilot.pause()
        assert "ended some time ago" in "\n".join(text(app)) and "begin a session here" in "\n".join(text(app))


async def test_a_store_that_cannot_be_read_any_more_is_told(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    async with dashboard(paths) as (app, pilot):

        def broken() -> Iterator[None]:
            raise StoreError("it has schema 99, this orc knows 4; upgrade orc")

        monkeypatch.setattr(app.live, "following", broken)
        app.tick()
        app.tick()
        await pilot.pause()
        assert "\n".join(text(app)).count("the store cannot be read: it has schema 99") == 1
        monkeypatch.undo()


# --- words that come by themselves ---------------------------------------------------------------------------------


def test_toasts_are_at_most_two_rows_and_go() -> None:
    toasts = Toasts()
    for number in range(50):
        toasts.add(f"word {number}\x1b[31m\n", "error", 5, 0)
    rows = toasts.lines(1, 60)
    assert len(rows) == 2 and "more" in "".join(part for part, _ in rows[1])
    assert all(sum(cell_len(part) for part, _ in row) == 60 and "\x1b" not in str(row) for row in rows)
    assert toasts.lines(6 * fleets.SECOND, 60) == []
    for columns in (1, 2, 3, 10):
        toasts.add("发票 a long word", "warning", 5, 0)
        assert all(sum(cell_len(part) for part, _ in row) == columns for row in toasts.lines(1, columns))


@pytest.mark.parametrize("size", [(200, 55), (120, 35), (80, 24), (40, 12)])
async def test_toasts_never_cover_the_queue_nor_take_the_keys(paths: Paths, size: tuple[int, int]) -> None:
    async with dashboard(paths, size, notices=True) as (app, pilot):
        before = app.focused
        for number in range(3):
            app.notify(f"something {number} " + "is to be told " * 20, severity="warning", markup=False)
        await pilot.pause()
        app.redraw()
        await pilot.pause()
        rows = text(app)
        there = [number for number, row in enumerate(rows) if row.lstrip().startswith("! something")]
        assert len(there) == 2 and app.focused is before
        for name in ("queue", "map"):
            region = fleets.panels(app)[name].region if name in fleets.panels(app) else None
            assert region is None or not set(there) & set(range(region.y, region.bottom))
        chosen = app.selected
        await pilot.press("full_stop")
        assert app.selected != chosen
        fleets.clock_of(app).ns += 60 * fleets.SECOND
        app.tick()
        await pilot.pause()
        assert not [row for row in text(app) if "something" in row]


def test_findings_fit() -> None:
    found = (Finding("x" * 99, "bad", "\x1b[31mtext " * 99, "fix " * 99), Finding("b", "other", ""))
    for columns in (200, 80, 20, 10):
        assert all(sum(cell_len(part) for part, _ in row) == columns for row in finding_lines(found, columns))


def test_the_first_steps_in_a_terminal(host: Orc) -> None:
    """The real verbs, below the real screen: nothing is asked of the terminal, and it is left as it was."""
    with Terminal(host, 120, 35) as terminal:
        terminal.wait("no session yet")
        terminal.wait("play the demo")
        terminal.press("!")
        terminal.wait("doctor")
        terminal.wait("again")
        terminal.wait("schema")
        assert terminal.leave() == 0
        assert terminal.restored and "Traceback" not in terminal.text
