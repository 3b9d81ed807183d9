"""The ask bar on the screen: sound at every size, hostile text is only text, and what is exact stays exact."""

from __future__ import annotations

import json

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.paths import Paths
from orchestrator_tui.text import utf8
from orchestrator_tui.ui.draw.askbar import head_lines, key_line, request_lines, window
from orchestrator_tui.ui.draw.ink import Line
from orchestrator_tui.ui.draw.receipt import receipt_words
from orchestrator_tui.ui.draw.request import request_rows
from orchestrator_tui.ui.marks import Marks, tags_of
from orchestrator_tui.ui.questions import Field, Question
from tests.ui import fleets
from tests.ui.fleets import ASKS, SECOND, append, clock_of, dashboard, name_of, text
from tests.ui.pictures import compare
from tests.ui.test_commands import bar, prepare, sent
from tests.ui.test_pty import BAD, HOSTILE
from tests.ui.test_snapshots import sound

SIZES = ((80, 24), (1, 1), (139, 3), (2, 50), (300, 80), (40, 12), (30, 9), (200, 55))
OPENING = {
    "kill": "x",
    "message": "m",
    "approve": "y",
    "deny": "n",
    "split": "s",
    "new": "c",
    "model": "E",
    "group": "g",
}


def words_of(rows: list[Line]) -> str:
    return "\n".join("".join(part for part, _ in row).rstrip() for row in rows)


@pytest.mark.parametrize("name", OPENING)
async def test_resize_while_the_bar_is_open(paths: Paths, name: str) -> None:
    await prepare(paths, known=())
    async with dashboard(paths, (200, 55)) as (app, pilot):
        app.select(ASKS)
        await pilot.press(OPENING[name])
        assert bar(app).opened
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await pilot.pause()
            app.tick()
            await pilot.pause()
            sound(app)
            assert bar(app).opened
        await pilot.press("escape")
        await pilot.pause()
        sound(app)
        assert await sent(app, pilot) == []


async def test_what_is_typed_survives_frames_themes_and_sizes(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, (200, 55)) as (app, pilot):
        app.select(name_of(1))
        await pilot.press("m", *"half a word")
        await append(paths, (name_of(0), fleets.say("news")))
        app.tick()
        app.use_theme(app.themes.get("paper"))
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        await pilot.press("!", "enter")
        assert await sent(app, pilot) == [("message", {"session": name_of(1), "text": "half a word!"})]


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_text_is_only_text(paths: Paths, name: str) -> None:
    evil = utf8(HOSTILE[name])  # as clients' rooms store it
    asked = ev.PermissionAsked(
        request_id=f"id{evil}", tool=f"Bash{evil}", what=excerpt(json.dumps({"command": evil, f"k{evil}": 1})), via="hook",
        words=evil,
    )  # fmt: skip
    about = ev.SessionUpdated(title=f"{evil} end", model=f"m{evil}", cwd=f"/tmp/{evil}")
    todo = ev.TaskUpdated(task_id="9", subject=f"{evil} part", status="pending")
    gone = ev.PermissionAnswered("p1", "gone")
    seat = ev.SeatTaken(region=f"r{evil}", number=1)
    await prepare(paths, (ASKS, gone), (ASKS, about), (ASKS, asked), (ASKS, todo), (ASKS, seat), known=())
    async with dashboard(paths, (120, 40)) as (app, pilot):
        app.select(ASKS)
        for key in ("y", "n", "s", "m", "c", "d", "x", "w", "E"):
            await pilot.press(key)
            await pilot.pause()
            rows = text(app)
            assert all(row.isprintable() for row in rows), key
            assert not BAD.search("\n".join(rows)), key
            assert all(ord(char) >= 32 for row in rows for char in row)
            await pilot.press("escape")
        clock_of(app).ns += SECOND
        await pilot.press("y")
        clock_of(app).ns += SECOND
        await pilot.press("end", "y")
        ((verb, what),) = await sent(app, pilot)
        # What is answered is the client's own id, whatever it holds.
        assert verb == "approve" and what["request"] == asked.request_id


async def test_a_paste_is_cleaned(paths: Paths) -> None:
    from textual import events

    await prepare(paths)
    async with dashboard(paths, (120, 35)) as (app, pilot):
        app.select(name_of(1))
        await pilot.press("m")
        await pilot.pause()
        assert app.focused is not None
        app.focused.post_message(events.Paste("one\x1b[201~\ntwo\x1b]52;c;QQ==\x07 \u202eend"))
        await pilot.pause()
        await pilot.press("enter")
        ((_, what),) = await sent(app, pilot)
        assert what["text"].startswith("one") and "\ntwo" in what["text"]
        assert not BAD.search(what["text"]) and "\x1b" not in what["text"]


LONG = '{"command":"' + "echo one && " * 60 + 'rm -rf build"}'
SHOTS: dict[str, tuple[str, tuple[str, ...], tuple[int, int]]] = {
    "ask-kill-many": (name_of(0), ("v", "right", "v", "x"), (120, 35)),
    "ask-approve": (ASKS, ("y",), (80, 24)),
    "ask-split": (name_of(0), ("s",), (120, 35)),
    "ask-message": (name_of(1), ("m",), (200, 55)),
    "ask-new": (name_of(1), ("c",), (80, 24)),
    "commanded": (ASKS, (), (200, 55)),
    "commanded-dots": (ASKS, ("v", "minus"), (120, 35)),
}


@pytest.mark.parametrize("name", SHOTS)
async def test_what_it_looks_like(paths: Paths, name: str) -> None:
    session, keys, size = SHOTS[name]
    await append(paths, *fleets.commanded())
    async with dashboard(paths, size) as (app, pilot):
        app.select(session)
        await pilot.press(*keys)
        await pilot.pause()
        for field in app.screen.query("Entry"):
            field.cursor_blink = False  # type: ignore[attr-defined]
        app.tick()
        await pilot.pause()
        sound(app)
        compare(app, name)


@pytest.mark.parametrize("size", [(200, 55), (80, 24)], ids=str)
async def test_what_can_be_taken_back_is_told_above_the_footer(paths: Paths, size: tuple[int, int]) -> None:
    stopped = ev.ProcessObserved(pid=1001, started=7, stopped=True)
    order = fleets.requested("kill", name_of(1))
    await append(paths, *fleets.commanded(), (None, order), (None, fleets.started()), (name_of(1), stopped))
    async with dashboard(paths, size) as (app, pilot):
        app.select(name_of(1))
        await pilot.pause()
        assert text(app)[-2].strip() == "kill api/1  frozen  5 s  u takes it back"
        sound(app)
        compare(app, f"undo-{size[0]}x{size[1]}")


# --- drawing -----------------------------------------------------------------------------------------------------


def asked(text: str, **more: object) -> ev.PermissionAsked:
    return ev.PermissionAsked(request_id="r", tool="Bash", what=excerpt(text, 4096), via="hook", **more)  # type: ignore[arg-type]


def test_a_request_is_shown_to_its_last_character() -> None:
    command = "a  b   \n\n   c" + "x" * 300 + "  end"
    rows = request_rows(asked(json.dumps({"command": command})), 60)
    parts = ["".join(part for part, _ in row)[9:] for row in rows[1:]]
    assert all(len(part) == 51 for part in parts)
    assert "".join(parts).replace(" ", "") == command.replace(" ", "").replace("\n", "")
    assert parts[0].startswith("a  b   ") and parts[1].strip() == "" and parts[2].startswith("   c")


@pytest.mark.parametrize(
    "text",
    ['{"command":"ls","command":"rm -rf /"}', '{"a":{"command":"rm"}}', "not json", '["x"]', "[" * 4000, "{}", '"x"'],
)
def test_what_is_not_plain_is_shown_as_it_is(text: str) -> None:
    rows = request_rows(asked(text), 6000)
    assert text in words_of(rows)


def test_what_was_cut_says_so() -> None:
    what = excerpt("x" * 9000, 1000, 100)
    rows = request_rows(ev.PermissionAsked(request_id="r", tool="Bash", what=what, via="hook"), 80)
    assert "NOT ALL OF IT IS HERE: 1,100 of 9,000 characters" in words_of(rows)


def test_a_window_says_where_it_is() -> None:
    question = Question("q", "yes", lambda _: "", asked=(("a", asked(LONG)), ("b", asked("ls"))))
    rows = request_lines(question, 40)
    assert "lines 1-5 of" in words_of(window(rows, 0, 6, 44)) and "that is all" in words_of(
        window(rows, len(rows) - 5, 6, 44)
    )
    assert words_of(rows).splitlines()[0] == "a"
    for columns in (1, 2, 7, 40, 200):
        for most in (1, 2, 5):
            lines = head_lines(question, "wrong " * 30, columns, most)
            assert 0 < len(lines) <= max(most, 2) + 1
            key_line(question, False, columns)


def test_keys_of_every_kind_of_question() -> None:
    def told(**more: object) -> str:
        return words_of([key_line(Question("q", "do it", lambda _: "", **more), True, 120)])  # type: ignore[arg-type]

    assert told().split()[:3] == ["y", "do", "it"]
    assert "1-9 do it" in told(digits=True)
    assert "Enter do it" in told(fields=(Field("a", "a"),))
    assert "Ctrl+S do it" in told(fields=(Field("a", "a", lines=True, rows=3), Field("b", "b", choices=("x",))))


def test_receipts() -> None:
    assert receipt_words({}) == ""
    assert receipt_words({"ended": ["a"], "survived": ["1 sh", "2 sh"], "requests_after_key": 0}) == (
        "ended 1 process, SURVIVED: 1 sh and 1 more, no request after the key"
    )
    assert receipt_words({"requests_after_key": 2, "cost_after_key_usd": None}) == (
        "2 requests after the key, its price is not known"
    )
    assert receipt_words({"used_model": "opus\x1b[2J", "remapped": False}) == "opus answers"
    assert (
        receipt_words({"used_model": "x", "remapped": True, "words": "asked for y, x answered"})
        == "asked for y, x answered"
    )
    assert receipt_words({"children": ["a", "b"], "worktrees": ["/a", "/b"], "why_not_paused": "it is a shell"}) == (
        "2 sessions go on with it in 2 worktrees, why not paused: it is a shell"
    )
    assert receipt_words({"landed": True, "queued": False, "note": "n"}) == "it landed, n"
    for odd in (True, "x", [1], None, 1e300):
        receipt_words(dict.fromkeys(("ended", "requests_after_key", "dirty_files", "untracked", "children"), odd))  # type: ignore[misc]


def test_marks_and_tags() -> None:
    marks = Marks()
    marks.toggle("a")
    marks.toggle("b")
    marks.toggle("a")
    assert marks.targets("z") == ["b"] and "b" in marks and len(marks) == 1
    assert not marks.recall(2, ["a", "b"]) and marks.recall(2, ["a", "b"])
    marks.moved("b")
    assert len(marks) == 2
    marks.moved("c")
    assert marks.targets("z") == ["z"] and marks.targets(None) == []
    marks.recall(1, ["a", "b"])
    marks.toggle("c")
    marks.moved("nobody")  # chosen by hand: it stays
    marks.keep({"c": 1})
    assert marks.targets(None) == ["c"]
    assert tags_of(marks, {3: ["c", "d"], 1: ["d"]}) == {"c": "*3", "d": "13"}
