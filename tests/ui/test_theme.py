"""Themes: the shipped ones, the person's own, and files that are broken on purpose (T17)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator_tui.paths import Paths
from orchestrator_tui.ui import theme
from orchestrator_tui.ui.draw.ink import ROLES
from orchestrator_tui.ui.theme import PLAIN, Palette, ThemeFile, as_textual, load, plain, shipped
from orchestrator_tui.ui.widgets.panel import Styles
from tests.ui.fleets import dashboard, text, until

NIGHT = (shipped() / "night.toml").read_text()
FOG = load(Path("/none")).loaded["night"].colors.fog
SHIPPED = {"abyss", "aurora", "contrast", "dawn", "dusk", "mono", "night", "paper", "phosphor", "signal"}


def put(words: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(words)


def other(old: str, new: str) -> Callable[[Path], object]:
    assert old in NIGHT
    return put(NIGHT.replace('name = "night"', 'name = "mine"', 1).replace(old, new))


BROKEN: dict[str, Callable[[Path], object]] = {
    "no TOML": put("name = [[["),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "empty": put(""),
    "missing colour": other(f'fog = "{FOG}"\n', ""),
    "unknown key": other("[colors]", '[colors]\nimport = "os"'),
    "unknown section": other("[colors]", '[css]\nx = "Screen { display: none }"\n[colors]'),
    "colour of another type": other(f'fog = "{FOG}"', "fog = 7"),
    "nonsense colour": other(FOG, "#nonsense"),
    "css for a colour": other(FOG, "red; } Screen { display: none"),
    "escape for a colour": other(FOG, "\\u001b]52;c;QQ==\\u0007"),
    "markup for a colour": other(FOG, "[@click=app.quit]x[/]"),
    "one burn colour": other(NIGHT[NIGHT.index("burn = ") :].strip(), 'burn = ["red"]'),
    "nonsense in burn": other('burn = ["#', 'burn = ["nonsense", "#'),
    "huge": put(NIGHT + "#" * 70_000),
    "nested without end": put("a = " + "[" * 20_000 + "]" * 20_000),
    "name with a path": put(NIGHT.replace('"night"', '"../../x"')),
    "name with markup": put(NIGHT.replace('"night"', '"[@click=app.quit]x[/]"')),
    "name without letters": put(NIGHT.replace('"night"', '"--"')),
    "no name": put(NIGHT.replace('"night"', '""')),
    "long name": put(NIGHT.replace('"night"', '"' + "n" * 33 + '"')),
    "a directory": lambda path: path.mkdir(),
    "an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("/nowhere"),
    "a link to itself": lambda path: path.symlink_to(path),
}


def own(paths: Paths, name: str = "mine") -> Path:
    paths.themes.mkdir(exist_ok=True)
    return paths.themes / f"{name}.toml"


def test_shipped_themes_load(tmp_path: Path) -> None:
    found = load(tmp_path / "none")
    assert found.failed == []
    assert set(found.loaded) == SHIPPED | {PLAIN}
    for name in SHIPPED:
        assert found.loaded[name].description
        assert as_textual(found.loaded[name]) is not None


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_theme_is_one_notice(tmp_path: Path, case: str) -> None:
    BROKEN[case](tmp_path / "x.toml")
    found = load(tmp_path)
    assert len(found.failed) == 1, case
    assert found.failed[0].startswith("theme x.toml: ")
    assert found.failed[0].isprintable()
    assert len(found.failed[0]) < 300
    assert set(found.loaded) == SHIPPED | {PLAIN}
    assert found.get("mine") == found.loaded["night"]


async def test_every_broken_theme_at_once_in_the_app(empty: Paths) -> None:
    for number, make in enumerate(BROKEN.values()):
        make(own(empty, f"x{number}"))
    own(empty, "[@click=app.quit]x").write_text("[")
    async with dashboard(empty, theme="mine", notices=True) as (app, pilot):
        await until(lambda: "a theme cannot be used: theme " in "\n".join(text(app)))
        assert len(app.themes.failed) == len(BROKEN) + 1
        assert len(app._notifications) == len(BROKEN) + 2
        assert not any(note.markup for note in app._notifications)
        assert app.theme_file.name == "night"
        styles = [segment.style for strip in app.screen._compositor.render_strips() for segment in strip]
        assert not any(style is not None and "@click" in style.meta for style in styles)
        await pilot.press("T", "l")
        assert app.theme_file.name == "paper"


@pytest.mark.parametrize("wanted", ["nope", "[@click=app.quit]x[/]", "\x1b]52;c;QQ==\x07", "../night", ""])
async def test_an_unknown_theme_falls_back_with_a_notice(empty: Paths, wanted: str) -> None:
    async with dashboard(empty, theme=wanted, notices=True) as (app, _):
        await until(lambda: "no theme is named" in "\n".join(text(app)))
        assert app.theme_file.name == "night"
        (note,) = app._notifications
        assert note.message == f"no theme is named {wanted!r}; using night"


async def test_a_theme_of_ones_own_wins_over_the_shipped_one(empty: Paths) -> None:
    own(empty).write_text(NIGHT.replace("#0b0e14", "#010203"))
    async with dashboard(empty) as (app, pilot):
        assert app.theme_file.colors.background == "#010203"
        style = next(iter(app.screen._compositor.render_strips()[10])).style
        assert style is not None and style.bgcolor is not None
        assert style.bgcolor.get_truecolor().hex == "#010203"
        assert not app._notifications
        await pilot.press("T", "j", "j", "k", "k", "enter")
        assert app.theme_file.colors.background == "#010203"


def test_a_broken_theme_of_a_shipped_name_leaves_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text(NIGHT.replace("#0b0e14", "nonsense"))
    found = load(tmp_path)
    assert found.get("night").colors.background == "#0b0e14"
    assert len(found.failed) == 1


def test_themes_that_are_no_directory(tmp_path: Path) -> None:
    path = tmp_path / "themes"
    path.write_text("")
    assert load(path).failed == []


@pytest.mark.parametrize(("colour", "expected"), [("", "night"), ("1", PLAIN), ("0", PLAIN)])
def test_no_color_wins_over_the_settings(monkeypatch: pytest.MonkeyPatch, colour: str, expected: str) -> None:
    monkeypatch.setenv("NO_COLOR", colour)
    assert theme.chosen("night") == expected


def test_without_colours_a_state_is_told_by_weight() -> None:
    styles = Styles(plain())
    for role in (*ROLES.values(), "text on red", "strong bold on amber"):
        assert styles.get(role).color is None
        assert styles.get(role).bgcolor is None
    assert styles.get("text on red").reverse
    assert styles.get("text on red").bold
    assert styles.get("text on amber").reverse


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_role_has_a_colour_that_differs_from_the_ground(name: str) -> None:
    file: ThemeFile = load(Path("/nowhere")).loaded[name]
    colours = file.colors
    for field in Palette.__struct_fields__:
        if field not in ("background", "burn"):
            assert getattr(colours, field) != colours.background, field
    assert set(ROLES.values()) <= set(Palette.__struct_fields__)
