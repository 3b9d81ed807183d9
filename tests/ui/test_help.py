"""The page of all keys and signs: whole on one screen of 120x35, nothing cut, the keys that are in force."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.actions import ACTIONS, by_head
from orchestrator_tui.ui.draw.help import MARKS, WHERE, WORDS, help_page
from orchestrator_tui.ui.draw.ink import GLYPHS
from orchestrator_tui.ui.keymap import Keymap
from orchestrator_tui.ui.screens.help import HelpScreen
from tests.ui.fleets import dashboard, text

SIZES = [(200, 55), (120, 35), (80, 24), (40, 12), (300, 80), (20, 5), (3, 3), (1, 1)]


def rows_of(columns: int, rows: int, page: int, keys: Keymap | None = None, place: str = "") -> list[str]:
    return ["".join(part for part, _ in line) for line in help_page(columns, rows, page, keys or Keymap(), place)]


def pages(columns: int, rows: int, place: str = "") -> list[str]:
    """All pages, each as one text without its frame's upper edge."""
    out: list[str] = []
    while len(out) < 60:
        text = "\n".join(rows_of(columns, rows, len(out), place=place)[1:])
        if text in out:
            break
        out.append(text)
    return out


@pytest.mark.parametrize("place", ["", "fleet", "session", "diff", "replay"])
@pytest.mark.parametrize("size, most", [((200, 55), 1), ((120, 35), 2), ((80, 24), 4), ((40, 12), 20)])
def test_everything_is_taught(size: tuple[int, int], most: int, place: str) -> None:
    there = pages(*size, place)
    assert len(there) <= most
    whole = "\n".join(there)
    for action in ACTIONS:
        told = action.help.partition(": ")[2] if action.help.startswith(WHERE) else action.help
        assert told in whole or (action.brief or action.label)[: 20 if size[0] < 80 else 99] in whole, action.id
    for status, (long, brief) in WORDS.items():
        assert f"{GLYPHS[status]} {status.replace('_', ' ')}" in whole
        assert long in whole or brief in whole
    assert all(long in whole or brief in whole for _, _, long, brief in MARKS)
    assert all(f" {head} " in whole for head, _ in by_head())


@pytest.mark.parametrize("place", ["fleet", "session", "diff"])
def test_what_applies_here_is_on_the_first_screen(place: str) -> None:
    first = pages(120, 35, place)[0]
    for action in ACTIONS:
        if action.holds(place):
            assert action.help in first or (action.brief or action.label) in first, action.id
    two = "".join(pages(80, 24, place)[:2])
    assert all((action.brief or action.label) in two or action.help in two for action in ACTIONS if action.holds(place))
    assert all(f"{GLYPHS[status]} {status.replace('_', ' ')}" in first for status in WORDS)


@pytest.mark.parametrize("size", SIZES)
def test_every_row_is_as_wide_as_the_screen(size: tuple[int, int]) -> None:
    for page in range(4):
        rows = rows_of(*size, page)
        assert len(rows) == size[1]
        assert {cell_len(row) for row in rows} == {size[0]}


def test_at_the_usual_sizes_nothing_is_cut() -> None:
    for size in ((200, 55), (120, 35), (80, 24)):
        assert not [row for page in pages(*size) for row in page.splitlines() if "…" in row]


def test_what_has_no_key_is_not_there_and_what_has_another_is() -> None:
    whole = "\n".join(rows_of(120, 35, 0, Keymap({"snooze": "", "kill": "ctrl+k"})))
    assert "snooze" not in whole and "Ctrl+K" in whole and "stop now" in whole


def test_texts_for_help_are_short_enough() -> None:
    assert [action.id for action in ACTIONS if cell_len(action.brief) > 26] == []
    assert [name for name, (_, brief) in WORDS.items() if cell_len(brief) > 20] == []


async def test_it_opens_turns_and_closes(paths: Paths) -> None:
    async with dashboard(paths, (80, 24)) as (app, pilot):
        await pilot.press("question_mark")
        await pilot.pause()
        first = text(app)
        assert isinstance(app.screen, HelpScreen) and "1 of " in first[0]
        await pilot.press("question_mark")
        await pilot.pause()
        assert "2 of " in text(app)[0] and "Signs" in "\n".join(text(app))
        await pilot.press("up")
        await pilot.pause()
        assert text(app) == first
        await pilot.press("escape")
        await pilot.pause()
        assert len(app.screen_stack) == 2


async def test_heads_of_other_places_are_dim(paths: Paths) -> None:
    async with dashboard(paths) as (app, pilot):
        await pilot.press("question_mark")
        await pilot.pause()
        lines = help_page(120, 35, 0, app.keys, "fleet")
        roles = {part.strip(): role for line in lines for part, role in line}
        assert roles["Command"] == "strong bold" and roles["In a diff"] == "dim bold"
