"""Choosing a theme: it is seen at once, kept in the settings with nothing else changed, or given back (T17)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from textual.content import Content

from orchestrator_tui.config import load as load_config
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.draw.ink import width
from orchestrator_tui.ui.draw.swatches import theme_strip
from orchestrator_tui.ui.keeping import keep
from orchestrator_tui.ui.theme import load, shipped
from tests.ui.fleets import dashboard, panels, text, until
from tests.ui.test_snapshots import sound

NAMES = sorted(load(Path("/nowhere")).loaded)
SETTINGS = """# mine
[budgets]
day = 20.0 # not more

[screen] # how it looks
# dark, please
  theme   =  'night'   # or paper
glyphs = "unicode"
"""


async def test_each_theme_is_seen_as_it_is_reached_and_the_map_stays(paths: Paths) -> None:
    async with dashboard(paths, (160, 44)) as (app, pilot):
        await pilot.press("T")
        assert app.picking.opened
        at = NAMES.index("night")
        for key in ("right", "l", "j", "down", "T", "tab", *["l"] * len(NAMES)):
            await pilot.press(key)
            await pilot.pause()
            at = (at + 1) % len(NAMES)
            assert app.theme_file.name == NAMES[at]
            rows = "\n".join(text(app))
            assert "╭─ map" in rows and "Enter keep" in rows and app.theme_file.description in rows
            assert f"theme {at + 1}/{len(NAMES)}" in rows
            sound(app)
        for key in ("left", "h", "k", "up", "shift+tab"):
            await pilot.press(key)
            at = (at - 1) % len(NAMES)
            assert app.theme_file.name == NAMES[at]
        await pilot.press("home")
        assert app.theme_file.name == NAMES[0]
        assert not app.paths.config.exists()


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_leaving_gives_the_colours_back_and_writes_nothing(paths: Paths, key: str) -> None:
    paths.config.write_text(SETTINGS)
    async with dashboard(paths) as (app, pilot):
        # The first of the map is in view in any case: nothing scrolls.
        app.select(app.drawn.order[0])
        await pilot.pause()
        before = text(app)
        await pilot.press("T", "l", "l", key)
        await until(lambda: text(app) == before)
        assert app.theme_file.name == "night" and not app.picking.opened
        assert paths.config.read_text() == SETTINGS
        # Keys have their own meaning again.
        await pilot.press("question_mark")
        assert app.screen is not app.screen_stack[1]


async def test_keeping_changes_one_value_and_the_next_start_has_it(paths: Paths) -> None:
    paths.config.write_text(SETTINGS)
    async with dashboard(paths) as (app, pilot):
        await pilot.press("T", "l", "enter")
        await pilot.pause()
        assert app.theme_file.name == "paper" and not app.picking.opened
    assert paths.config.read_text() == SETTINGS.replace("'night'", '"paper"')
    assert load_config(paths.config).screen.theme == "paper"


async def test_where_it_cannot_be_written_it_says_so_and_the_theme_stays(paths: Paths) -> None:
    paths.config.mkdir()
    async with dashboard(paths, notices=True) as (app, pilot):
        await pilot.press("T", "l", "enter")
        await until(lambda: "until you leave: cannot read" in "\n".join(text(app)))
        assert app.theme_file.name == "paper"


async def test_no_other_key_does_anything_while_it_is_open(paths: Paths) -> None:
    async with dashboard(paths) as (app, pilot):
        await pilot.press("T", *"xXypsemvgozuDbwc:?G", "slash", "space", "enter")
        await pilot.pause()
        assert len(app.screen_stack) == 2 and not app.screen.query_one("AskBar").has_class("-open")
        assert not app.commanding.batches


@pytest.mark.parametrize("keys", [("enter",), ("question_mark",), ("D",)], ids=["session", "help", "diff"])
async def test_it_opens_on_every_screen(paths: Paths, keys: tuple[str, ...]) -> None:
    async with dashboard(paths) as (app, pilot):
        await pilot.press(*keys)
        await pilot.pause()
        depth = len(app.screen_stack)
        await pilot.press("T", "l")
        await pilot.pause()
        assert app.theme_file.name == "paper" and "Enter keep" in "\n".join(text(app))
        sound(app)
        await pilot.press("escape")
        assert len(app.screen_stack) == depth and app.theme_file.name == "night"


async def test_no_color_leaves_no_choice(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with dashboard(paths, notices=True) as (app, pilot):
        await pilot.press("T")
        await until(lambda: "NO_COLOR is set" in "\n".join(text(app)))
        assert not app.picking.opened and app.theme_file.name == "plain"
        for strip in app.screen._compositor.render_strips():
            for segment in strip:
                style = segment.style
                for colour in (style.color, style.bgcolor) if style is not None else ():
                    assert colour is None or colour.is_default, segment


async def test_files_are_read_again_and_a_broken_one_is_named(paths: Paths) -> None:
    async with dashboard(paths, notices=True) as (app, pilot):
        paths.themes.mkdir(exist_ok=True)
        words = (shipped() / "night.toml").read_text()
        (paths.themes / "a.toml").write_text(words.replace('"night"', '"aaa"'))
        (paths.themes / "b.toml").write_text("[" + words)
        await pilot.press("T", "home")
        assert app.theme_file.name == "aaa"
        await until(lambda: "theme b.toml" in "\n".join(text(app)))


async def test_the_palette_names_every_theme(paths: Paths) -> None:
    async with dashboard(paths) as (app, _):
        titles = {command.title: command for command in app.get_system_commands(app.screen)}
        assert {f"theme {name}" for name in NAMES} <= set(titles)
        titles["theme dusk"].callback()
        assert app.theme_file.name == "dusk"
        assert load_config(paths.config).screen.theme == "dusk"


async def test_a_hostile_description_is_only_text(paths: Paths) -> None:
    paths.themes.mkdir(exist_ok=True)
    evil = "[@click=app.quit]x[/] \\u001b]52;c;QQ==\\u0007 \\u202e 账单" + "y" * 500
    words = (shipped() / "night.toml").read_text().replace("dark and calm; the default", evil)
    (paths.themes / "a.toml").write_text(words.replace('"night"', '"aaa"'))
    async with dashboard(paths) as (app, pilot):
        await pilot.press("T", "home")
        await pilot.pause()
        assert app.theme_file.name == "aaa"
        sound(app)
        shown = app.theme_file.description
        assert shown.isprintable() and "[@click=app.quit]x[/]" in "\n".join(text(app)) and len(shown) <= 100
        help_text = next(one.help for one in app.get_system_commands(app.screen) if one.title == "theme aaa")
        assert Content.from_markup(help_text).plain == shown


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (20, 6), (40, 12), (80, 24), (300, 80)])
async def test_the_strip_at_every_size(paths: Paths, size: tuple[int, int]) -> None:
    async with dashboard(paths, size) as (app, pilot):
        await pilot.press("T", "l", "l")
        await pilot.pause()
        for panel in panels(app).values():
            assert all(sum(width(part) for part, _ in line) == panel.size.width for line in panel._lines)


@pytest.mark.parametrize("columns", [1, 4, 10, 23, 24, 30, 60, 100, 200])
def test_the_chosen_one_is_always_on_the_strip(columns: int) -> None:
    listed = [load(Path("/nowhere")).loaded[name] for name in NAMES]
    for at, theme in enumerate(listed):
        for line in theme_strip(listed, at, columns, 2):
            assert sum(width(part) for part, _ in line) == columns
        shown = "".join(part for part, _ in theme_strip(listed, at, columns, 1)[0])
        assert columns < 24 or f"▌{theme.name} " in shown


# --- the settings file ------------------------------------------------------------------------------------

FILES = {
    "empty": ("", '[screen]\ntheme = "x"\n'),
    "no section": ("[host]\nidle_minutes = 3\n", '[host]\nidle_minutes = 3\n\n[screen]\ntheme = "x"\n'),
    "no line end": ("[host]\nidle_minutes = 3", '[host]\nidle_minutes = 3\n\n[screen]\ntheme = "x"\n'),
    "section without it": (
        "[screen]\nglyphs = 'ascii'\n[host]\n",
        "[screen]\ntheme = \"x\"\nglyphs = 'ascii'\n[host]\n",
    ),
    "section at the end": ("[screen]", '[screen]\ntheme = "x"\n'),
    "quoted section": ('["screen"]\ntheme="a"', '["screen"]\ntheme="x"'),
    "comment after": ('[screen]\ntheme = "a" # "b"\n', '[screen]\ntheme = "x" # "b"\n'),
    "dotted": ('screen.theme = "a"\n[host]\n', 'screen.theme = "x"\n[host]\n'),
    "inline": ('screen = {glyphs = "ascii", theme = "a"}\n', 'screen = {glyphs = "ascii", theme = "x"}\n'),
    "windows": ('[screen]\r\ntheme = "a"\r\n# b\r\n', '[screen]\r\ntheme = "x"\r\n# b\r\n'),
    "another theme": ('[other]\ntheme = "a"\n[screen]\ntheme = "a"\n', '[other]\ntheme = "a"\n[screen]\ntheme = "x"\n'),
    "in a text": (
        "a = '''\n[screen]\ntheme = \"a\"\n'''\n",
        "a = '''\n[screen]\ntheme = \"a\"\n'''\n\n[screen]\ntheme = \"x\"\n",
    ),
    "already": ("[screen]\ntheme = 'x' # so\n", "[screen]\ntheme = 'x' # so\n"),
    "letters": ('# äöü 账单\n[screen]\ntheme = "é"\n', '# äöü 账单\n[screen]\ntheme = "x"\n'),
}


@pytest.mark.parametrize("name", FILES)
def test_only_that_value_changes(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config.toml"
    before, after = FILES[name]
    path.write_bytes(before.encode())
    assert keep(path, "screen", "theme", "x") == ""
    assert path.read_bytes() == after.encode()
    assert [found.name for found in tmp_path.iterdir()] == ["config.toml"]


REFUSED = {
    "broken": (b"[screen\n", "is not TOML"), "no text": (b"\xff\xfe", "cannot read"),
    "no table": (b"screen = 3\n", "is no table"), "inline without it": (b'screen = {glyphs = "ascii"}\n', "yourself"),
    "huge": (b"#" * (1 << 20) + b"\n", "cannot read"), "deep": (b"a = " + b"[" * 20_000 + b"]" * 20_000, "is not TOML"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_changed_safely_is_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config.toml"
    before, words = REFUSED[name]
    path.write_bytes(before)
    told = keep(path, "screen", "theme", "x")
    assert words in told and told.isprintable() and len(told) <= 300
    assert path.read_bytes() == before


def test_mode_and_link_stay_and_a_new_file_is_private(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "orc.toml"
    real.parent.mkdir()
    real.write_text("[screen]\n")
    real.chmod(0o640)
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    assert keep(link, "screen", "theme", "x") == ""
    assert link.is_symlink() and real.read_text() == '[screen]\ntheme = "x"\n'
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    fresh = tmp_path / "new" / "config.toml"
    assert keep(fresh, "screen", "theme", "x") == ""
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o600


def test_what_another_program_wrote_meanwhile_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[screen]\n")
    real = os.fsync

    def other(number: int) -> None:
        real(number)
        path.write_text("[screen]\nglyphs = 'ascii'\n")

    monkeypatch.setattr("orchestrator_tui.ui.keeping.os.fsync", other)
    assert "changed just now" in keep(path, "screen", "theme", "x")
    assert path.read_text() == "[screen]\nglyphs = 'ascii'\n"
    assert [found.name for found in tmp_path.iterdir()] == ["config.toml"]
