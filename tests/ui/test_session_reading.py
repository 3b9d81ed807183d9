"""What the session screen reads: pages of a bounded size, the tail, a moment, searches, the ledger's part."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clock import SECOND
from orchestrator_tui.excerpt import excerpt, output
from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.store.batch import Batch, Entry
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.writer import Store
from orchestrator_tui.ui.draw.curves import carried, per_column
from orchestrator_tui.ui.draw.instruments import Part, shares
from orchestrator_tui.ui.reading.decided import Decided
from orchestrator_tui.ui.reading.entries import amount, arguments, copied, entries_of, told, whole
from orchestrator_tui.ui.reading.finding import Search
from orchestrator_tui.ui.reading.lately import Lately, Scale, Use
from orchestrator_tui.ui.reading.layout import Laid
from orchestrator_tui.ui.reading.pages import KEEP, PAGE, TOLD, Pages
from orchestrator_tui.ui.reading.view import View
from tests.ui import fleets, sessions
from tests.ui.fleets import NOW

BUSY = "claude:busy"
COUNT = 40_000


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a long session, and another one that writes between its events."""
    path = tmp_path_factory.mktemp("busy") / "events.db"

    async def fill() -> None:
        async with Store.open(path) as store:
            entries = []
            for number, (ago, name, body) in enumerate(sessions.busy_session(COUNT)):
                entries.append((ago, Entry(name, body)))
                if number % 7 == 0:
                    entries.append((ago, Entry("claude:other", fleets.say("something else"))))
            step = 2000
            for at in range(0, len(entries), step):
                part = entries[at : at + step]
                await store.append([Batch([entry for _, entry in part])], NOW - part[-1][0] * SECOND)

    asyncio.run(fill())
    return path


def test_types_that_are_shown_are_types() -> None:
    assert set(TOLD) <= set(ev.TYPES)


def test_a_long_session_opens_and_scrolls_by_pages(busy: Path) -> None:
    with Reader(busy) as reader:
        pages = Pages(reader, BUSY)
        view, laid = View(pages), Laid()
        view.to_end()
        assert pages.rows_read <= 2 * PAGE
        rows = view.rows(laid.lay, 50)
        assert len(rows) == 50 and "Step 39999" in "".join(text for text, _ in rows[-1][1])
        seen: list[int] = []
        for _ in range(60):
            before = pages.rows_read
            view.scroll(laid.lay, 50, -49)
            assert pages.rows_read - before <= 4 * PAGE
            assert len(pages.events) <= KEEP * PAGE
            seen.append(view.rows(laid.lay, 50)[0][0].seq)
        assert seen == sorted(seen, reverse=True) and len(set(seen)) == 60
        before = pages.rows_read
        view.to_start()
        assert pages.rows_read - before <= 2 * PAGE
        assert "step-0" in "".join(text for text, _ in view.rows(laid.lay, 50)[1][1])
        before = pages.rows_read
        view.to_end()
        assert pages.rows_read - before <= 2 * PAGE and view.follows


def test_down_through_everything_leaves_nothing_out(busy: Path) -> None:
    with Reader(busy) as reader:
        pages = Pages(reader, BUSY)
        view, laid = View(pages), Laid()
        view.to_start()
        seen: list[int] = []
        for _ in range(3000):
            for entry, _line in view.rows(laid.lay, 40):
                if not seen or entry.seq > seen[-1]:
                    seen.append(entry.seq)
            if len(seen) > 4000:
                break
            view.scroll(laid.lay, 40, 39)
        said = [e for e in reader.of_session(BUSY) if isinstance(e.body, ev.ToolCall | ev.AssistantMessage)]
        assert seen[:4000] == [event.seq for event in said][:4000]


def test_a_moment_shows_what_was_there_by_then(busy: Path) -> None:
    until = NOW - 1000 * SECOND
    with Reader(busy) as reader:
        pages = Pages(reader, BUSY, until)
        pages.to_end()
        assert pages.rows_read < 100 + 2 * PAGE
        last = max(event.seq for event in reader.of_session(BUSY, until))
        assert pages.newest == last and pages.events[-1].at <= until
        assert not pages.follow() and not pages.newer()
        lately = Lately(reader, BUSY, until)
        lately.follow(pages.end)
        assert lately.spans and max(span.start for span in lately.spans) <= until


def test_a_stretch_without_anything_to_show_is_passed(tmp_path: Path) -> None:
    path = tmp_path / "events.db"

    async def fill() -> None:
        async with Store.open(path) as store:
            quiet = [Entry("claude:q", ev.StreamProgress(output=n)) for n in range(5 * PAGE)]
            entries = [Entry("claude:q", fleets.ask("first")), *quiet, Entry("claude:q", fleets.say("last"))]
            await store.append([Batch(entries)], NOW)

    asyncio.run(fill())
    with Reader(path) as reader:
        view = View(Pages(reader, "claude:q"))
        view.to_end()
        shown = view.rows(Laid().lay, 20)
        assert ["first" in "".join(t for t, _ in row) for _, row in shown] == [False, True, False]
        assert len(view.pages._pages) == 1


async def test_what_comes_does_not_move_who_reads(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    steps = [(100 - n, "claude:t", fleets.say(f"line {n}")) for n in range(60)]
    await fleets.write(path, steps)
    with Reader(path) as reader:
        view, laid = View(Pages(reader, "claude:t")), Laid()
        view.to_end()
        view.rows(laid.lay, 10)
        view.scroll(laid.lay, 10, -5)
        before = [row for _, row in view.rows(laid.lay, 10)]
        async with Store.open(path) as store:
            await store.append([Batch([Entry("claude:t", fleets.say("new"))])], NOW)
        assert view.pages.follow()
        view.use((), frozenset())
        assert [row for _, row in view.rows(laid.lay, 10)] == before
        assert view.unread == 1
        view.to_end()
        assert "new" in "".join(text for text, _ in view.rows(laid.lay, 10)[-1][1])
        assert view.unread == 0


def test_the_search_finds_every_match_in_pages(busy: Path) -> None:
    with Reader(busy) as reader:
        end = reader.last_seq() + 1
        search = Search("NEEDLE-", BUSY, end)
        while not search.done:
            before = search.rows_read
            search.take(search.look(busy))
            assert search.rows_read - before <= 10_000
        right = [e.seq for e in reader.of_session(BUSY) if "needle-" in told(e.body)]
        assert search.order() == right and len(right) == COUNT // 1000
        assert search.step((right[3],), True) == right[4]
        assert search.step((right[0],), False) == right[-1]
        assert search.step((right[-1],), True) == right[0]
        assert search.place((right[5], 1)) == 6 and search.place((1,)) is None


def test_the_search_takes_signs_as_they_are(busy: Path) -> None:
    for text, body in (
        ("a.b(", fleets.say("call a.b(c) now")),
        ('say "hi"', sessions.call("Bash", "c", command='say "hi"')),
        ("größe", fleets.say("die GRÖSSE, die Größe")),
        ("line\\n", fleets.say("a line\\n")),
    ):
        search = Search(text, BUSY, 1)
        event = ev.Event(5, 0, 0, None, BUSY, body)
        assert search.matches(event), text
        stored = ev.encode(body).lower()
        assert not search._key or search._key.encode() in stored
    assert not Search("a.b", BUSY, 1).matches(ev.Event(5, 0, 0, None, BUSY, fleets.say("axb")))


async def test_the_ledger_of_one_session(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    me, other = "claude:me", "claude:other"
    steps: list[tuple[int, str | None, ev.KnownBody]] = [(90, me, fleets.ask()), (90, other, fleets.ask())]
    for number in range(40):
        who = me if number % 4 == 0 else other
        steps.append((80 - number, None, fleets.requested("kill", who, f"k{number}", why=f"reason {number}")))
        ended = ev.CommandEnded(command_id=f"k{number}", outcome="done", receipt={"ended": ["claude"]})
        steps.append((80 - number, None, ended))
    run = ev.CommandRequested(command_id="run", verb="run", arguments={}, actor="dashboard")
    steps += [(30, None, run), (29, None, ev.CommandEnded(command_id="run", outcome="done", receipt={"session": me}))]
    await fleets.write(path, sorted(steps, key=lambda step: -step[0]))
    with Reader(path) as reader:
        first = reader.first_seq(me)
    assert first is not None
    decided = Decided(me, first)
    decided.next = 60  # what is older and what is newer come apart
    late = Decided(me, first)
    while not late.done:
        late.take(late.look(path))
    while not decided.done:
        decided.take(decided.look(path))
    with Reader(path) as reader:
        decided.take(list(reader.commands(50)))
    assert [one.command_id for one in late.all] == [f"k{n}" for n in range(0, 40, 4)] + ["run"]
    assert [(one.seq, one.outcome) for one in decided.all] == [(one.seq, one.outcome) for one in late.all]
    assert len(decided._events) < 40


# --- entries ----------------------------------------------------------------------------------------------------


def numbered(*bodies: ev.KnownBody) -> list[ev.Event]:
    return [ev.Event(n + 1, NOW + n * SECOND, NOW, None, BUSY, body) for n, body in enumerate(bodies)]


def test_calls_have_their_results() -> None:
    events = numbered(
        sessions.call("A", "1"), sessions.call("B", "2"), sessions.result("2", "b"), sessions.result("1", "a"),
        sessions.result("0", "lost"), sessions.call("A", "1"),
    )  # fmt: skip
    entries = entries_of(events, (), {"1"})
    assert [(e.seq, e.result.seq if e.result else 0, e.runs) for e in entries] == [
        (1, 4, False), (2, 3, False), (5, 0, False), (6, 0, True),
    ]  # fmt: skip


def test_commands_stand_where_they_were_given() -> None:
    events = numbered(fleets.ask(), fleets.say("x"))
    command = Decision(2, NOW, "k", "kill", "dashboard", "", {}, None)
    events[1] = ev.Event(3, NOW, NOW, None, BUSY, events[1].body)
    assert [entry.seq for entry in entries_of(events, (command,), ())] == [1, 2, 3]
    before = Decision(0, NOW, "k", "kill", "dashboard", "", {}, None)
    assert [entry.seq for entry in entries_of(events, (before,), ())] == [1, 3]


def test_what_is_cut_is_told() -> None:
    text = output("a" * 20_000)
    assert "… 18.0k characters more …" in whole(text)
    assert amount(1) == "1 character" and amount(123_456) == "123k characters"
    bare = ev.without_text(fleets.say("abc"))
    assert isinstance(bare, ev.AssistantMessage) and whole(bare.text) == "… 3 characters more"


def test_hostile_words_are_inert() -> None:
    for body in (
        fleets.say(sessions.HOSTILE), fleets.ask(sessions.HOSTILE), sessions.result("1", sessions.HOSTILE),
        sessions.call(sessions.HOSTILE, "1", **{"k\x1b[2J": sessions.HOSTILE, "n": [sessions.HOSTILE]}),
        ev.ApiError(text=sessions.HOSTILE), ev.Hook(name=sessions.HOSTILE), ev.Unparsed(reason=sessions.HOSTILE),
        ev.SessionEnded(text=sessions.HOSTILE), ev.PermissionAnswered(request_id="1", decision="allowed"),
        ev.ModelRequested(model=sessions.HOSTILE, note=sessions.HOSTILE), ev.Check(name=sessions.HOSTILE, ok=True),
        ev.AlertRaised(cause="c", status="looping", severity="red", evidence=sessions.HOSTILE, since=1),
        fleets.permission(sessions.HOSTILE), ev.ProcessGone(pid=1, reason=sessions.HOSTILE),
        ev.AssistantThinking(text=excerpt(sessions.HOSTILE)), ev.Acknowledged(cause="c", reason=sessions.HOSTILE),
    ):  # fmt: skip
        (entry,) = entries_of(numbered(body), (), ())
        for text in (told(entry.body), copied(entry)[1]):  # type: ignore[arg-type]
            assert all(char.isprintable() or char == "\n" for char in text), body
        for unfolded in (False, True):
            laid = Laid()
            laid.all_open = unfolded
            laid.use(70, NOW, Search("markup", BUSY, 1).pattern)
            for row in laid.lay(entry):
                assert all(text.isprintable() for text, _ in row), (body, row)
    decision = Decision(
        1, NOW, "k", sessions.HOSTILE, sessions.HOSTILE, sessions.HOSTILE, {}, None, text=sessions.HOSTILE
    )
    (_, entry) = entries_of(numbered(fleets.ask()), (decision,), ())
    assert all(text.isprintable() for row in Laid().lay(entry) for text, _ in row)


def test_arguments_are_told_by_name() -> None:
    body = sessions.call("Edit", "1", file_path="a.py", new="one\ntwo", n=3)
    assert isinstance(body, ev.ToolCall)
    assert arguments(body.arguments) == "file_path: a.py\nn: 3\nnew: \n  one\n  two"
    deep = ev.ToolCall(call_id="1", tool="X", arguments=excerpt("[" * 900))
    assert arguments(deep.arguments).startswith("[[[")


# --- figures ----------------------------------------------------------------------------------------------------


def test_columns_of_time() -> None:
    scale = Scale(100, 10 * SECOND, 5)
    uses = [
        Use(1000 * SECOND, 5),
        Use(1009 * SECOND, 6),
        Use(1049 * SECOND, 7),
        Use(999 * SECOND, 9),
        Use(1050 * SECOND, 9),
    ]
    assert per_column(uses, scale) == [11, 0, 0, 0, 7]
    points = [(900 * SECOND, 3), (1011 * SECOND, 8), (1012 * SECOND, 9), (1030 * SECOND, 2)]
    assert carried(points, scale, 1035 * SECOND) == [3, 9, 9, 2, 0]


@pytest.mark.parametrize("columns", [1, 7, 40, 120])
def test_a_scale_holds_all_of_it(busy: Path, columns: int) -> None:
    with Reader(busy) as reader:
        lately = Lately(reader, BUSY)
        lately.follow()
        for span in (1, 60, 4000, 86_400 * 40):
            lately.began = NOW - span * SECOND
            scale = lately.scale(NOW, columns, NOW)
            assert scale.columns == columns and scale.place(NOW) == columns - 1
            assert columns == 1 or scale.place(lately.began) >= 0


def test_parts_share_the_rows() -> None:
    parts = [Part(str(n), lambda c, r: [], 3, 6) for n in range(4)]
    assert shares(parts, 0, 8) == [3, 3, 0, 0]
    assert shares(parts, 2, 9) == [0, 0, 4, 3]
    assert shares(parts, 0, 100) == [6, 6, 6, 6]
    assert shares(parts, 3, 2) == [0, 0, 0, 1]
