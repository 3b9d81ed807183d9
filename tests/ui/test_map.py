"""The map: where everything stands, what each zoom shows, and how little is done for a change."""

from __future__ import annotations

import itertools
import random

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from orchestrator_tui.fleet.status import Status
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.fleet.told import said
from orchestrator_tui.ui.draw.map import ZOOMS, Painter, Zoom, draw_map, natural_zoom, plan_of
from orchestrator_tui.ui.draw.map.layout import GRIDS, coarse, density_of
from orchestrator_tui.ui.draw.map.minimap import Scale, buckets, draw_minimap, outside, row_at, scale_of, view_of
from orchestrator_tui.ui.frame import Cell, Frame, Region, region_of
from tests.ui.fleets import NOW, SECOND

WIDTHS = (1, 2, 7, 24, 40, 76, 114, 296)
HOSTILE = ("", "a" * 400, "账单🚀" * 40, "[bold]x[/]", "e\u0301" * 30, "\u200b" * 9)


def cell(number: int, region: str = "web", **more: object) -> Cell:
    status = Status("working", "ok", NOW - 60 * SECOND, "writing")
    base = Cell(
        id=f"c:{region}{number}", name=f"task {number}", seat=f"{region}/{number}", region=region, status=status,
        model="m", tokens_per_minute=0, usd_per_minute=None, spark=(), helpers=(), spend=Spend(),
        number=number,
    )  # fmt: skip
    return replace(base, **more)


def region(name: str, count: int) -> Region:
    return region_of(name, tuple(cell(n, name) for n in range(1, count + 1)))


def frame(*sizes: int) -> Frame:
    return Frame(NOW, tuple(region(f"r{n}", size) for n, size in enumerate(sizes)))


def loop(rounds: int, most: int = 0) -> Region:
    parent = cell(0, "loops", id="loop:a", name="fix-flaky", rounds=most)
    its = [cell(0, "loops", id=f"i{n}", name=f"#{n}", relation="iteration", parent="loop:a") for n in range(rounds)]
    return region_of("loops", (cell(1, "loops"), parent, *its))


@pytest.mark.parametrize("zoom", ZOOMS)
@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("density", [0, 1, -1])
def test_every_line_is_as_wide_as_the_map_and_no_cells_overlap(zoom: Zoom, columns: int, density: int) -> None:
    shown = Frame(NOW, (*frame(1, 3, 8, 17, 40, 200, 5, 1).regions, loop(300), loop(1)))
    plan = plan_of(shown.regions, columns, zoom, density % len(GRIDS[zoom]))
    painter = Painter()
    painter.see(shown, columns, zoom, "c:r23", None, {"c:r21": "*12"})
    lines = painter.lines(0, painter.plan.rows)
    assert len(lines) == painter.plan.rows
    for line in lines:
        assert sum(cell_len(text) for text, _ in line) == columns
    taken: set[tuple[int, int]] = set()
    for spot in plan.spots.values():
        places = {(x, y) for x in range(spot.x, spot.x + spot.width) for y in range(spot.y, spot.y + spot.height)}
        assert not places & taken or columns < 24
        taken |= places
        assert spot.y + spot.height <= plan.rows


@pytest.mark.parametrize("zoom", ZOOMS)
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_was_written_breaks_a_line(zoom: Zoom, text: str) -> None:
    one = cell(1, text, name=text, model=text, last=text, helpers=("working",) * 4, context=0.97)
    for columns in WIDTHS:
        drawn = draw_map(Frame(NOW, (region_of(text, (one,)),)), columns, zoom, one.id)
        assert {sum(cell_len(part) for part, _ in line) for line in drawn.lines} == {columns}


@pytest.mark.parametrize("zoom", ZOOMS)
def test_an_arrival_moves_nobody(zoom: Zoom) -> None:
    rng = random.Random(5)
    sizes = [rng.randrange(1, 30) for _ in range(9)]
    before = plan_of(frame(*sizes).regions, 114, zoom).spots
    # Within a coarse step of a region's size its neighbours stay; a new region comes after all others.
    grown = plan_of(frame(*sizes, 4).regions, 114, zoom)
    last = max(shelf.top for shelf in grown.shelves)
    above = {name: spot for name, spot in before.items() if grown.spots[name].y < last}
    assert above and all(grown.spots[name] == spot for name, spot in above.items())
    big = frame(*sizes[:4], 33, *sizes[5:])
    bigger = frame(*sizes[:4], 34, *sizes[5:])
    one, two = plan_of(big.regions, 114, zoom).spots, plan_of(bigger.regions, 114, zoom).spots
    assert coarse(33) == coarse(34)
    # A row more below is all that may come of it.
    down = {two[name].y - spot.y for name, spot in one.items()}
    assert all(two[name].x == spot.x for name, spot in one.items()) and len(down) <= 2 and min(down) == 0


def test_a_seat_is_kept_when_others_go_and_empty_rows_are_left_out() -> None:
    whole = region("web", 30)
    spots = plan_of((whole,), 114, "tiles").spots
    fewer = region_of("web", tuple(c for c in whole.cells if c.number not in (2, 3)))
    kept = plan_of((fewer,), 114, "tiles").spots
    assert all(kept[name] == spots[name] for name in kept)
    per = plan_of((whole,), 114, "tiles").shelves[0].blocks[0].per
    rows = region_of("web", tuple(c for c in whole.cells if c.number > per))
    left = plan_of((rows,), 114, "tiles").spots
    assert all(left[name].x == spots[name].x for name in left)


def test_a_filter_leaves_no_gaps() -> None:
    found = region_of("web", (cell(3), cell(9), cell(27)), compact=True)
    assert found.shape.slots == (0, 1, 2)


def test_small_regions_share_a_row_and_large_ones_have_their_own() -> None:
    plan = plan_of(frame(2, 2, 1, 40, 2).regions, 114, "tiles")
    assert [[block.region for block in shelf.blocks] for shelf in plan.shelves] == [[0, 1, 2], [3], [4]]


@pytest.mark.parametrize(
    ("count", "zoom"), [(1, "cards"), (6, "cards"), (30, "tiles"), (300, "dots"), (10_000, "dots")]
)
def test_the_first_zoom_follows_the_size(count: int, zoom: Zoom) -> None:
    assert natural_zoom(count, 114, 47) == zoom


def test_a_zoom_that_is_in_use_is_left_late() -> None:
    changes = [n for n in range(2, 400) if natural_zoom(n, 114, 47) != natural_zoom(n - 1, 114, 47)]
    for n in changes:
        assert natural_zoom(n, 114, 47, natural_zoom(n - 1, 114, 47)) == natural_zoom(n - 1, 114, 47)


def test_dots_take_the_room_that_there_is() -> None:
    assert [density_of(frame(n).regions, 114, 47, "dots") for n in (100, 1_000, 10_000)] == [0, 1, 2]
    assert plan_of(frame(10_000).regions, 196, "dots").rows <= 60


def test_a_loop_is_a_line_with_its_iterations() -> None:
    shown = Frame(NOW, (loop(7),))
    for zoom in ZOOMS:
        drawn = draw_map(shown, 114, zoom, "i3")
        spots = drawn.spots
        assert {spots["loop:a"].y} == {spots[f"i{n}"].y for n in range(7)}
        assert [spots[f"i{n}"].x for n in range(7)] == list(range(spots["i0"].x, spots["i0"].x + 7))
        words = "".join(text for text, _ in drawn.lines[spots["loop:a"].y])
        assert "» ● fix-flaky" in words and "●●●●●●●" in words and "7 rounds" in words
    at_most = draw_map(Frame(NOW, (loop(7, 20),)), 114, "tiles", None)
    assert "7/20 rounds" in "".join(text for text, _ in at_most.lines[at_most.spots["loop:a"].y])
    long = draw_map(Frame(NOW, (loop(300),)), 114, "tiles", None)
    assert "i0" not in long.spots and "i299" in long.spots
    assert "…●" in "".join(text for text, _ in long.lines[long.spots["i299"].y])


def test_kin_of_the_selected_one_stand_out() -> None:
    parent = cell(1, heirs=(("c:web2", "working"),))
    child = cell(2, relation="fork", parent="c:web1")
    for zoom in ZOOMS:
        for selected in (parent.id, child.id):
            lines = draw_map(Frame(NOW, (region_of("web", (parent, child, cell(3))),)), 114, zoom, selected).lines
            assert "┆" in "".join(text for line in lines for text, _ in line)


def test_cards_say_what_tiles_have_no_room_for() -> None:
    one = cell(
        1, name="migrate the tables", model="claude-opus-4-8", context=0.71, context_tokens=142_000,
        last="Bash pytest -q", tokens_per_minute=9_000, usd_per_minute=0.31, spark=(1, 2, 3, 4, 5, 6, 7, 8),
    )  # fmt: skip
    words = "\n".join(
        "".join(t for t, _ in line)
        for line in draw_map(Frame(NOW, (region_of("web", (one,)),)), 60, "cards", None).lines
    )
    for part in ("migrate the tables", "claude-opus-4-8", "71%", "142k", "Bash pytest -q", "$0.31/m", "▁▁▂▂"):
        assert part in words


# --- work ----------------------------------------------------------------------------------------------------


def test_only_rows_that_changed_are_made() -> None:
    shown = frame(3000, 3000, 4000)
    painter = Painter()
    plan = painter.see(shown, 114, "dots", "c:r01", None, {})
    painter.lines(0, 40)
    made = painter.made
    assert made <= 40
    painter.see(shown, 114, "dots", "c:r01", None, {})
    painter.lines(0, 40)
    assert painter.made == made
    # Three rows farther down three come into sight.
    painter.lines(3, 40)
    assert painter.made <= made + 3
    made = painter.made
    painter.see(shown, 114, "dots", "c:r02", None, {})
    painter.lines(0, 40)
    assert painter.made <= made + 2
    made = painter.made
    first = shown.regions[0]
    changed = replace(first, cells=(replace(first.cells[0], name="other"), *first.cells[1:]))
    later = painter.see(Frame(NOW, (changed, *shown.regions[1:])), 114, "dots", "c:r02", None, {})
    painter.lines(0, 40)
    assert later is plan and painter.made == made + 1


def test_a_ping_ends_by_itself() -> None:
    one = cell(1, alert_at=NOW - SECOND)
    painter = Painter()
    regions = (region_of("web", (one, cell(2))),)
    looks = []
    for second in (0, 1, 2, 9):
        painter.see(Frame(NOW + second * SECOND, regions), 60, "tiles", None, None, {})
        looks.append("█" in "".join(text for line in painter.lines(0, 9) for text, _ in line))
    assert looks == [True, True, False, False]


# --- the minimap ----------------------------------------------------------------------------------------------


def small(count: int, columns: int = 80, rows: int = 6) -> tuple[Frame, Scale]:
    shown = frame(count)
    return shown, scale_of(plan_of(shown.regions, 114, "dots"), columns, rows)


def test_the_minimap_shows_trouble_and_the_part_that_is_seen() -> None:
    shown, scale = small(5000)
    bad = replace(shown.regions[0].cells[4321], status=Status("errored", "red", NOW, "x"))
    cells = shown.regions[0].cells
    shown = Frame(NOW, (replace(shown.regions[0], cells=(*cells[:4321], bad, *cells[4322:])),), (bad,))
    seen = buckets(shown, scale)
    lines = draw_minimap(scale, seen, 0, 20, 114, outside(shown, scale.plan, 0, 20))
    words = ["".join(text for text, _ in line) for line in lines]
    assert sum("╳" in row for row in words) == 1
    assert "1 needs you" in " ".join(words)
    assert {cell_len(row) for row in words} == {114}
    first, last = view_of(scale, 0, 20)
    assert [row.startswith("▐") for row in words] == [first <= n <= last for n in range(6)]


@pytest.mark.parametrize("count", [700, 5000, 10_000])
def test_a_jump_shows_what_was_pointed_at(count: int) -> None:
    _, scale = small(count)
    height = 12
    for row in range(6):
        top = row_at(scale, row, height)
        assert 0 <= top <= scale.plan.rows - height
        first, last = view_of(scale, top, height)
        assert first <= row <= last + 1


def test_regions_of_one_screen_differ_in_no_two_drawings() -> None:
    shown = frame(4, 9, 30)
    for zoom, columns in itertools.product(ZOOMS, WIDTHS):
        assert draw_map(shown, columns, zoom, None).lines == draw_map(shown, columns, zoom, None).lines


def test_an_age_within_a_cards_sentence_is_said_as_it_is_now() -> None:
    words = said(NOW, "no bytes from the model for ", NOW - 22 * SECOND, " after a tool's result")
    status = Status("stalled", "red", NOW - 60 * SECOND, str(words), told=(words.parts,))
    painter, place = Painter(), (region_of("web", (cell(1, status=status),)),)

    def shown(now: int) -> str:
        plan = painter.see(Frame(now, place), 114, "cards", None, None, {})
        return "\n".join("".join(text for text, _ in line) for line in painter.lines(0, plan.rows))

    assert "for 22s" in shown(NOW) and "for 27s" in shown(NOW + 5 * SECOND)
    # Without one the card is not made again.
    quiet, made = (region_of("web", (cell(1),)),), set[int]()
    for second in range(5):
        painter.see(Frame(NOW + second * SECOND, quiet), 114, "cards", None, None, {})
        painter.lines(0, 9)
        made.add(painter.made)
    assert len(made) == 1
