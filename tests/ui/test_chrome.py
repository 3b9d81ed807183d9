"""Colours, palette, help and footer: all of them come from one table of actions and one palette."""

from __future__ import annotations

import pytest
from textual.widgets import OptionList

from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.actions import ACTIONS, COMMANDS
from orchestrator_tui.ui.advice import applies
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.screens.help import HelpScreen
from tests.ui import fleets
from tests.ui.fleets import dashboard, text, until


def colours(app: OrcApp) -> set[str]:
    """Every colour that is on the screen, by its hexadecimal digits."""
    out = set()
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            if segment.style is not None:
                out |= {c.get_truecolor().hex for c in (segment.style.color, segment.style.bgcolor) if c is not None}
    return out


@pytest.mark.parametrize("keys", [(), ("enter",), ("question_mark",)], ids=["fleet", "session", "help"])
async def test_theme_changes_the_colours_everywhere(paths: Paths, keys: tuple[str, ...]) -> None:
    async with dashboard(paths, (200, 55)) as (app, pilot):
        await pilot.press(*keys)
        await pilot.pause()
        for name in ("paper", "plain", "signal", "night"):
            before = [strip for panel in fleets.panels(app).values() for strip in panel._strips if strip]
            app.use_theme(app.themes.get(name))
            await pilot.pause()
            assert app.theme_file.name == name
            strips = [strip for panel in fleets.panels(app).values() for strip in panel._strips if strip]
            assert len(strips) == len(before) > 50
            assert not {id(strip) for strip in before} & {id(strip) for strip in strips}
            palette = app.theme_file.colors
            values = [getattr(palette, field) for field in palette.__struct_fields__ if field != "burn"]
            if name != "plain":
                assert colours(app) <= {value.lower() for value in values}, name
        await pilot.press("escape")
        await pilot.pause()
        assert colours(app) <= {value.lower() for value in values}


def offered(app: OrcApp) -> list[str]:
    """What the palette offers."""
    options = app.screen.query_one(OptionList)
    return [str(options.get_option_at_index(index).prompt) for index in range(options.option_count)] or [""]


async def test_the_palette_has_every_action(paths: Paths) -> None:
    async with dashboard(paths, (120, 60)) as (app, pilot):
        await pilot.press("colon")
        await pilot.pause()
        told = "\n".join(offered(app))
        for action in ACTIONS:
            offers = action.where != "ask" and action.id != "palette"
            assert (f"{action.label}: {action.help}" in told) is offers, action.id


async def test_the_palette_runs_an_action(paths: Paths) -> None:
    async with dashboard(paths) as (app, pilot):
        await pilot.press("colon", *"all keys")
        await until(lambda: offered(app)[0].startswith("help: all keys on one page"))
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, HelpScreen))


@pytest.mark.parametrize("keys", [(), ("enter",)], ids=["fleet", "session"])
async def test_the_footer_has_only_what_applies(paths: Paths, keys: tuple[str, ...]) -> None:
    async with dashboard(paths) as (app, pilot):
        await pilot.press(*keys)
        await pilot.pause()
        where = "session" if keys else "fleet"
        parts = [part.strip() for part in text(app)[-1].split("   ") if part.strip()]
        here = applies(app) | {action.id for action in ACTIONS if action.where == "session"}
        words = {action.footer for action in ACTIONS if action.footer and action.holds(where) and action.id in here}
        assert parts[-2:] == [": all", "? help"] and len(parts) > 8
        for part in parts:
            assert any(part.endswith(" " + word) for word in words), part


FITS: dict[str, tuple[str, set[str], set[str]]] = {
    "asks": (fleets.ASKS, {"y n answer", "x kill", "p pause"}, {"C bring back", "u undo"}),
    "dead": (fleets.first("dead"), {"C bring back"}, {"y n answer", "x kill", "u undo", "p pause"}),
    "works": (fleets.name_of(0), {"x kill", "s split", "m message"}, {"y n answer", "C bring back"}),
    "paused": (fleets.first("paused"), {"p pause", "x kill"}, {"C bring back"}),
}


@pytest.mark.parametrize("case", FITS)
async def test_the_footer_follows_the_selection(paths: Paths, case: str) -> None:
    session, there, absent = FITS[case]
    await fleets.append(paths, *fleets.commanded())
    async with dashboard(paths, (240, 55)) as (app, pilot):
        app.select(session)
        await pilot.pause()
        parts = {part.strip() for part in text(app)[-1].split("   ")}
        assert there <= parts and not absent & parts


async def test_without_a_host_the_footer_offers_nothing_of_it(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    fleets.host(monkeypatch, runs=False)
    async with dashboard(paths, (240, 55)) as (app, _):
        assert applies(app).isdisjoint(COMMANDS - {"terminal"})
        assert "x kill" not in text(app)[-1]
        assert not any(app.key_of(name) for name in ("kill", "approve"))
