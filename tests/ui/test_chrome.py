"""Colours, palette, help and footer: all of them come from one table of actions and one palette."""

from __future__ import annotations

import pytest
from textual.widgets import OptionList

from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.actions import ACTIONS, NAMES
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.screens.fleet import FleetScreen
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
            await pilot.press("T")
            app.clear_notifications()
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


async def test_the_palette_and_help_have_every_action(paths: Paths) -> None:
    async with dashboard(paths, (120, 60)) as (app, pilot):
        await pilot.press("colon")
        await pilot.pause()
        told = "\n".join(offered(app))
        for action in ACTIONS:
            assert action.id == "palette" or action.help in told, action.id
        await pilot.press("escape")
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        shown = "\n".join(text(app))
        for action in ACTIONS:
            row = next(row for row in shown.split("\n") if action.help in row)
            assert " ".join(NAMES.get(key, key) for key in action.keys) in row
        await pilot.press("question_mark")
        assert len(app.screen_stack) == 3
        await pilot.press("escape")
        assert isinstance(app.screen, FleetScreen)


async def test_the_palette_runs_an_action(paths: Paths) -> None:
    async with dashboard(paths) as (app, pilot):
        await pilot.press("colon", *"page")
        await until(lambda: offered(app)[0].startswith("all keys on one page"))
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, HelpScreen))


@pytest.mark.parametrize("keys", [(), ("enter",)], ids=["fleet", "session"])
async def test_the_footer_has_only_what_applies(paths: Paths, keys: tuple[str, ...]) -> None:
    async with dashboard(paths) as (app, pilot):
        await pilot.press(*keys)
        await pilot.pause()
        where = ("session", "anywhere") if keys else ("fleet", "anywhere")
        parts = [part.strip() for part in text(app)[-1].split("   ") if part.strip()]
        assert parts == [f"{a.shown} {a.label}" for a in ACTIONS if a.footer and a.where in where]
