"""Signs: one cell each, in the common terminal fonts, and every one of them replaced where only ASCII may be drawn."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from orchestrator_tui.config import Config, Screen
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui import glyphs
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.draw.ink import GLYPHS, SPARKS
from orchestrator_tui.ui.draw.overlay import BLOCKS
from orchestrator_tui.ui.glyphs import ASCII, SCALE, STATUS, to_ascii
from tests.ui.fleets import PROJECTS, WIDE, Clock, text

ROOT = Path(glyphs.__file__).parent
NOT_DRAWN = ("glyphs.py", "keynames.py", "bigfont.py")
"""Files that know more signs than they draw."""
FONTS = {
    "DejaVu Sans Mono": "dejavu/DejaVuSansMono.ttf",
    "JetBrains Mono": "jetbrains-mono/JetBrainsMono-Regular.ttf",
    "Noto Sans Mono": "noto/NotoSansMono-Regular.ttf",
}
"""Debian: fonts-dejavu-core, fonts-jetbrains-mono, fonts-noto-mono."""
PLACES = (Path("/usr/share/fonts/truetype"), Path("/usr/share/fonts"))
LETTERS = set("".join((WIDE, *PROJECTS))) | set("naïve café")
"""What the frozen fleet's sessions wrote beyond ASCII."""
VIEWS: dict[str, tuple[str, ...]] = {
    "fleet": (), "dots": ("minus",), "session": ("enter",), "help": ("question_mark",), "diff": ("D",),
    "filter": ("slash", "b"), "nothing": ("slash", "z", "z", "z", "enter"), "themes": ("T",), "message": ("m",),
    "kill": ("X",), "new": ("c",), "burn": ("o",), "since": ("o", "o"), "context": ("o", "o", "o", "o"),
    "inspector": ("tab",), "glance": ("G",), "palette": ("colon",), "marked": ("v", "l", "v"), "split": ("s",),
}  # fmt: skip


def drawn() -> dict[str, str]:
    """Every sign beyond ASCII in what the rooms of the screen draw, and a file where it stands."""
    found: dict[str, str] = {}
    for path in sorted(ROOT.rglob("*.py")):
        if path.name in NOT_DRAWN:
            continue
        for words in _strings(ast.parse(path.read_text(encoding="utf-8"))):
            found.update((sign, path.name) for sign in words if not sign.isascii())
    return found


def _strings(tree: ast.AST) -> Iterator[str]:
    """Every string of a program but those that only describe."""
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.value


def test_every_sign_has_one_ascii_character() -> None:
    missing = {sign: where for sign, where in drawn().items() if sign not in ASCII}
    assert not missing, "signs that orchestrator_tui/ui/glyphs.py does not know"
    assert set(STATUS) == set(GLYPHS)
    for sign, plain in ASCII.items():
        assert len(sign) == len(plain) == 1 and plain.isascii() and plain.isprintable(), sign


def test_every_sign_is_one_cell_wide() -> None:
    for sign in {*drawn(), *GLYPHS.values(), *SPARKS, *ASCII}:
        assert cell_len(sign) == 1, sign


@pytest.mark.parametrize("font", FONTS)
def test_every_sign_is_in_the_font(font: str) -> None:
    fonts = pytest.importorskip("fontTools.ttLib")
    path = next((place / FONTS[font] for place in PLACES if (place / FONTS[font]).is_file()), None)
    if path is None:
        pytest.skip(f"{font} is not installed")
    known = fonts.TTFont(path).getBestCmap()
    missing = {sign: where for sign, where in drawn().items() if ord(sign) not in known}
    assert not missing, f"{font} has no such signs"


def test_signs_stay_apart_in_ascii() -> None:
    assert len(set(STATUS.values())) == len(STATUS)
    assert len(set(SCALE.values())) == len(SCALE)
    # A dot whose colour tells something else is a step of the scale: it must not look like a status.
    assert not set(STATUS.values()) & {to_ascii(block) for block in BLOCKS}
    assert not set(STATUS.values()) & {"?", "'", "*"}, "unknown, child and mark stand in dots, too"
    assert to_ascii("▌") not in STATUS.values()


def test_words_of_sessions_keep_their_letters() -> None:
    assert to_ascii("naïve 账单 🚀 ok") == "naïve 账单 🚀 ok"
    assert to_ascii("a → b … ●") == "a > b ~ o"


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", [(120, 35), (200, 55), (60, 20)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_screen_in_ascii_has_no_other_sign(paths: Paths, view: str, size: tuple[int, int]) -> None:
    app = OrcApp(paths, Config(screen=Screen(glyphs="ascii")), Clock())
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        await pilot.press(*VIEWS[view])
        await pilot.pause()
        app.notify("it is done", title="so", timeout=60)
        await pilot.pause()
        rows = text(app)
        assert len(rows) == size[1]
        others = {sign for row in rows for sign in row if not sign.isascii()} - LETTERS
        assert not others, "\n".join(row for row in rows if others & set(row))
        assert [cell_len(row) for row in rows] == [size[0]] * size[1]


async def test_by_default_signs_are_what_they_are(paths: Paths) -> None:
    app = OrcApp(paths, Config(), Clock())
    async with app.run_test(size=(120, 35)) as pilot:
        await pilot.pause()
        assert "╭" in "".join(text(app)) and GLYPHS["waiting"] in "".join(text(app))


def test_the_page_on_signs_says_what_is_drawn() -> None:
    page = (ROOT.parents[1] / "docs" / "themes.md").read_text(encoding="utf-8")
    for status, sign in GLYPHS.items():
        words = {"rate_limited": "rate-limited"}.get(status, status.replace("_", " "))
        assert f"| {words} | {sign} | `{STATUS[status]}` |" in page
    for block in BLOCKS:
        assert to_ascii(block) in "_-+%#"
