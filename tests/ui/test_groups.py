"""Control groups from outside: assign, add, recall, centre, all that need somebody; the bar; kept across restarts."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from orchestrator_tui import events as ev
from orchestrator_tui.config import Config
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.draw.ageless import ageless
from orchestrator_tui.ui.draw.groups import Group, draw_groups, groups_of
from orchestrator_tui.ui.draw.map import draw_map
from orchestrator_tui.ui.owner import UNKNOWN, WIDEST, owner_of
from orchestrator_tui.ui.theme import load
from orchestrator_tui.ui.widgets.groupbar import GroupBar
from orchestrator_tui.ui.widgets.panel import Styles, ramp
from tests.ui.fleets import ASKS, NOW, append, clock_of, dashboard, first, fleet_screen, name_of, requested, text
from tests.ui.test_commands import lower, prepare, sent

OWN = name_of(1)
WIDE = (200, 55)
ALL = Group(9, 1000, "looping", 999, 1234.5, 7)


def bar_of(app: OrcApp) -> str:
    """The bar's row; "" while there is none."""
    bar = fleet_screen(app).query_one(GroupBar)
    return text(app)[bar.region.y].rstrip() if bar.has_class("-open") else ""


# --- the bar ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [1, 5, 12, 40, 79, 80, 120, 200, 300])
def test_the_bar_fills_its_row_and_every_group_on_it_can_be_pointed_at(columns: int) -> None:
    groups = [replace(ALL, number=number) for number in range(1, 10)]
    bar = draw_groups(groups, columns, recalled=3)
    assert sum(cell_len(part) for part, _ in bar.line) == columns
    for begin, end, number in bar.spots:
        told = "".join(part for part, _ in bar.line)[begin:end]
        assert told.startswith(f" {number} ") and bar.at(begin) == bar.at(end - 1) == number
    if len(bar.spots) < len(groups) and columns > 5:
        assert f"+{len(groups) - len(bar.spots)}" in "".join(part for part, _ in bar.line)


async def test_it_says_size_worst_state_who_needs_somebody_and_burn(paths: Paths) -> None:
    await prepare(paths, (None, ev.GroupAssigned(3, [first("dead"), first("working"), "claude:gone"])))
    async with dashboard(paths, WIDE) as (app, _):
        groups = groups_of(app.live.fleet.groups, app.live.fleet.sessions, app.framer.cell)
        assert [(one.number, one.size, one.worst, one.needs) for one in groups] == [
            (1, 3, "working", 0), (2, 1, "waiting", 1), (3, 2, "dead", 1),
        ]  # fmt: skip
        told = bar_of(app)
        assert "$0.97/min" in told and "1 needs you" in told
        assert told.index(" 1  ●") < told.index(" 2  ◆") < told.index(" 3  †")


async def test_it_is_not_there_without_groups_and_a_filter_does_not_change_it(paths: Paths) -> None:
    async with dashboard(paths, WIDE) as (app, pilot):
        assert bar_of(app) == ""
        await append(paths, (None, ev.GroupAssigned(5, [ASKS, OWN])))
        app.tick()
        await pilot.pause()
        before = bar_of(app)
        assert " 5 " in before
        app.filter = "zzz"
        app.make_frame()
        app.redraw()
        await pilot.pause()
        assert bar_of(app) == before and not app.drawn.regions


async def test_a_click_recalls(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, WIDE) as (app, pilot):
        bar = fleet_screen(app).query_one(GroupBar)
        begin = draw_groups(
            groups_of(app.live.fleet.groups, app.live.fleet.sessions, app.framer.cell), bar.size.width
        ).spots[1][0]
        await pilot.click(bar, offset=(begin + 1, 0))
        assert app.commanding.marks.targets(None) == [ASKS] and app.selected == ASKS


# --- keys ------------------------------------------------------------------------------------------------------


async def test_assign_add_recall_and_centre(paths: Paths) -> None:
    await prepare(paths)
    async with dashboard(paths, (80, 24)) as (app, pilot):
        app.select(OWN)
        await pilot.press("g", "4")
        app.select(ASKS)
        await pilot.press("A", "1")
        app.select(name_of(0))
        await pilot.press("A", "1")
        assert "in group 1 already" in "\n".join(text(app))
        await pilot.press("escape")
        assert await sent(app, pilot) == [
            ("group", {"number": 4, "sessions": [OWN]}),
            ("group", {"number": 1, "sessions": [name_of(0), name_of(7), name_of(8), ASKS]}),
        ]
        last = name_of(20)
        await append(paths, (None, ev.GroupAssigned(4, [last])))
        app.tick()
        screen = fleet_screen(app)
        await pilot.press("4")
        assert app.selected == last
        centred: list[int] = []
        before = screen.centre

        def centre() -> None:
            centred.append(1)
            before()

        screen.centre = centre  # type: ignore[method-assign]
        await pilot.press("4")
        assert centred == [1]
        await pilot.press("1")
        assert len(app.commanding.marks) == 3 and centred == [1]


async def test_nothing_is_assigned_without_a_host(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.ui import fleets

    fleets.host(monkeypatch, runs=False)
    async with dashboard(paths) as (app, pilot):
        app.select(OWN)
        await pilot.press("A", "1")
        assert "no host" in lower(app)
        assert await sent(app, pilot) == []


async def test_all_that_need_somebody_are_also_those_with_a_cause_in_common(paths: Paths) -> None:
    trouble = ev.ApiError(status=401, text="OAuth token has expired, run /login", final=True)
    same = [name_of(7), name_of(8)]
    await append(paths, *((name, trouble) for name in same))
    async with dashboard(paths, WIDE) as (app, pilot):
        clock_of(app).ns += 1_000_000_000
        app.tick()
        await pilot.press("0")
        marked = set(app.commanding.marks.targets(None))
        assert {cell.id for cell in app.drawn.queue} <= marked
        assert len(marked) == len(app.drawn.queue) + sum(app.drawn.alike.values())
        assert f"{len(marked)} that need you" in "\n".join(text(app))


async def test_groups_stay_across_restarts(paths: Paths) -> None:
    await append(paths, (None, ev.GroupAssigned(7, [ASKS, OWN])))
    for _ in range(2):
        async with dashboard(paths, WIDE) as (app, pilot):
            assert " 7 " in bar_of(app)
            await pilot.press("7")
            assert app.commanding.marks.targets(None) == [ASKS, OWN]


# --- overlays --------------------------------------------------------------------------------------------------


def session(**facts: object) -> Session:
    made = Session("claude:a", NOW, NOW, NOW, client="claude")
    for name, value in facts.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("facts", "parent", "owner"),
    [
        ({"interactive": True}, None, (0, "you")),
        ({"interactive": False}, None, UNKNOWN),
        ({}, None, UNKNOWN),
        ({"owned": True}, None, (1, "orc")),
        ({"client": "loop", "title": "docs"}, None, (2, "loop docs")),
        ({"relation": "iteration", "parent": "loop:l"}, {"title": "fix-flaky"}, (2, "loop fix-flaky")),
        ({"relation": "split", "parent": "claude:p"}, {"region": "api", "seat": 7}, (3, "split api/7")),
        ({"relation": "fork", "parent": "claude:p", "interactive": True}, None, (3, "fork p")),
        ({"relation": "subagent", "parent": "claude:p"}, {"region": "api", "seat": 7}, (4, "by api/7")),
        ({"relation": "fork", "parent": "claude:p"}, {"title": "\x1b[2J发票" * 9}, None),
    ],
)
def test_who_began_a_session(
    facts: dict[str, object], parent: dict[str, object] | None, owner: tuple[int, str] | None
) -> None:
    found = owner_of(session(**facts), session(**parent) if parent is not None else None)
    assert owner is None or found == owner
    assert cell_len(found[1]) <= WIDEST and found[1].isprintable()


@pytest.mark.parametrize("theme", ["night", "paper"])
async def test_every_overlay_has_a_legend_on_one_row_in_colours_of_the_theme(paths: Paths, theme: str) -> None:
    await prepare(paths)
    async with dashboard(paths, theme=theme) as (app, pilot):
        colours = load(paths.themes).loaded[theme].colors.burn
        seen = []
        for _ in app.overlays:
            await pilot.press("o")
            await pilot.pause()
            seen.append(app.overlay.id)
            if app.overlay.legend:
                words = [word for word in app.overlay.legend if word]
                assert sum(all(word in row for word in words) for row in text(app)) == 1, app.overlay.id
            drawn = draw_map(app.drawn, 100, "tiles", None, app.overlay)
            roles = {role for line in drawn.lines for _, role in line if role.startswith("heat")}
            styles = {Styles(app.theme_file).get(role).color.name for role in roles}  # type: ignore[union-attr]
            assert styles <= set(colours)
        assert sorted(seen) == sorted(["status", "burn", "since", "age", "context", "owner", "tier"])
        assert [ramp(colours, f"heat{step}") for step in (0, 4)] == [colours[0], colours[-1]]


# --- proofs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ("permission for 41s: Bash git push", "permission: Bash git push"),
        ("waits 44m: Bash sleep 10s", "waits: Bash sleep 10s"),
        ("process 1006 gone 48m ago with Bash pytest open", "process 1006 gone with Bash pytest open"),
        ("same Bash call 6x: npm test, identical error, 1m40s, no edit", "same Bash call 6x: npm test, identical error, no edit"),
        ("model silent 11m, no child", "model silent 11m, no child"),
        ("API 401: login expired", "API 401: login expired"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_proof_beside_an_age_does_without_its_own(evidence: str, said: str) -> None:
    assert ageless(evidence) == said


def test_a_restart_reads_what_a_host_kept(paths: Paths) -> None:
    asyncio.run(append(paths, (None, ev.GroupAssigned(2, [OWN])), (None, ev.GroupAssigned(2, []))))
    app = OrcApp(paths, Config())
    try:
        assert app.live.fleet.groups[2] == []
    finally:
        app.live.close()


# --- meters ----------------------------------------------------------------------------------------------------


async def test_the_meters_say_how_many_decisions_an_hour(paths: Paths) -> None:
    async with dashboard(paths, (300, 80)) as (app, pilot):
        assert "DECISIONS" not in text(app)[0]
        asked = [
            (None, requested("kill", OWN, f"k{number}", actor)) for number, actor in enumerate(("a", "b", "orc: host"))
        ]
        await append(paths, *asked)
        app.tick()
        await pilot.pause()
        assert app.drawn.decided == 2, app.live.fleet.orders
        assert "DECISIONS 2/h" in text(app)[0]
