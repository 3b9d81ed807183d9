"""Colours from `themes/*.toml`: the shipped ones and the person's own. A bad file gives a notice, never a crash."""

from __future__ import annotations

import os
import re
import tomllib
from importlib.resources import files
from pathlib import Path

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace
from textual.theme import Theme

from orchestrator_tui.text import line

MAX_BYTES = 64 * 1024
"""A theme is a page of colours; anything larger is not one."""
DEFAULT = "night"
HEX = re.compile(r"#[0-9a-fA-F]{6}")
PLAIN = "plain"
"""The terminal's own colours, for NO_COLOR: state is told by glyphs, weight and reverse alone."""


class Palette(Struct, frozen=True, forbid_unknown_fields=True):
    """Every colour that is drawn, as `#rrggbb`."""

    background: str
    surface: str
    """Behind tiles and bars."""
    text: str
    strong: str
    dim: str
    faint: str
    """Rules and what is quiet."""
    border: str
    focus: str
    """The selected thing and the focused frame."""
    key: str
    money: str
    working: str
    tool: str
    thinking: str
    waiting: str
    limited: str
    looping: str
    spinning: str
    stalled: str
    errored: str
    dead: str
    paused: str
    finished: str
    fog: str
    amber: str
    """Background of what is in trouble soon."""
    red: str
    """Background of what is in trouble now."""
    burn: list[str] = field(default_factory=list)
    """From cold to hot, at least two."""


class ThemeFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A theme as it is written."""

    name: str
    colors: Palette
    dark: bool = True
    description: str = ""


class Themes(Struct, frozen=True):
    """What could be loaded, and a line for each file that could not."""

    loaded: dict[str, ThemeFile]
    failed: list[str]

    def get(self, name: str) -> ThemeFile:
        """A theme by name; an unknown name gives the default."""
        return self.loaded.get(name) or self.loaded.get(DEFAULT) or plain()


def load(own: Path) -> Themes:
    """The shipped themes and those of a directory of the person's, which win."""
    loaded: dict[str, ThemeFile] = {PLAIN: plain()}
    failed: list[str] = []
    for directory in (shipped(), own):
        try:
            found = sorted(directory.glob("*.toml"))
        except OSError:
            continue
        for path in found:
            theme, why = read(path)
            if theme is not None:
                loaded[theme.name] = theme
            else:
                failed.append(f"theme {line(path.name, 60)}: {line(why, 160)}")
    return Themes(loaded, failed)


def shipped() -> Path:
    """The themes that come with orc: inside the wheel, or beside the package in a checkout."""
    inside = Path(str(files("orchestrator_tui") / "_themes"))
    return inside if inside.is_dir() else Path(__file__).parents[2] / "themes"


def read(path: Path) -> tuple[ThemeFile | None, str]:
    """One theme, or why it cannot be used."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None, "no file of a reasonable size"
        theme = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), ThemeFile)
    except (OSError, ValueError, msgspec.ValidationError, RecursionError) as error:
        # Also what is no syntax error to tomllib: a number of thousands of digits.
        return None, str(error)
    if not theme.name.replace("-", "").isalnum() or len(theme.name) > 32:
        return None, "its name must be letters, digits and dashes"
    if theme.name == PLAIN:
        return None, f"the name {PLAIN} is taken: it stands for the terminal's own colours"
    if len(theme.colors.burn) < 2:
        return None, "`burn` needs at least two colours"
    for name in Palette.__struct_fields__:
        value = getattr(theme.colors, name)
        for colour in value if isinstance(value, list) else [value]:
            if not HEX.fullmatch(colour):
                return None, f"{name} = {colour!r} is no colour; write #rrggbb"
    return replace(theme, description=line(theme.description, 100)), ""


def plain() -> ThemeFile:
    """Without colours of its own."""
    names = {name: "default" for name in Palette.__struct_fields__ if name != "burn"}
    return ThemeFile(PLAIN, Palette(**names, burn=["default", "default"]), True, "the terminal's own colours")


def chosen(wanted: str) -> str:
    """The theme to begin with: NO_COLOR wins over the settings."""
    return PLAIN if os.environ.get("NO_COLOR") else wanted


def as_textual(theme: ThemeFile) -> Theme | None:
    """The theme for Textual's own widgets (palette, input); None for the terminal's own colours."""
    colours = theme.colors
    if theme.name == PLAIN:
        return None
    return Theme(
        name=f"orc-{theme.name}",
        primary=colours.key,
        secondary=colours.tool,
        accent=colours.focus,
        foreground=colours.text,
        background=colours.background,
        surface=colours.surface,
        panel=colours.surface,
        warning=colours.waiting,
        error=colours.errored,
        success=colours.working,
        dark=theme.dark,
    )
