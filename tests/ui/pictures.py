"""Pictures of the screen: kept as SVG, compared byte for byte, told as text when they differ."""

from __future__ import annotations

import difflib
import html
import os
import re
from pathlib import Path

from rich.cells import cell_len

from orchestrator_tui.ui.app import OrcApp

KEPT = Path(__file__).parent / "snapshots"
CELL = 12.2
"""Width of a cell in Rich's SVG."""
_TEXT = re.compile(r'<text class="[^"]*-r\d+" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', re.S)


def take(app: OrcApp) -> str:
    """The screen as SVG, without the ids that Rich draws from its content."""
    return re.sub(r"terminal-\d+", "terminal", app.export_screenshot(simplify=True))


def words(svg: str) -> list[str]:
    """The rows of a picture as plain text."""
    rows: dict[float, list[tuple[int, str]]] = {}
    for x, y, body in _TEXT.findall(svg):
        rows.setdefault(float(y), []).append((round(float(x) / CELL), html.unescape(body).replace("\xa0", " ")))
    out = []
    for _, parts in sorted(rows.items()):
        row = ""
        for column, part in sorted(parts):
            row += " " * (column - cell_len(row)) + part
        out.append(row.rstrip())
    return out


def compare(app: OrcApp, name: str) -> None:
    """Compare with the kept picture, or keep this one with ORC_UPDATE_SNAPSHOTS=1."""
    path, now = KEPT / f"{name}.svg", take(app)
    before = _kept(path, now)
    if now != before:
        diff = list(difflib.unified_diff(words(before), words(now), "kept", "now", lineterm="", n=0))
        told = "\n".join(diff) or "the text is the same: colours or weights differ"
        raise AssertionError(f"{name} looks different; look, then ORC_UPDATE_SNAPSHOTS=1\n{told}")


def compare_rows(rows: list[str], name: str) -> None:
    """The same for what the screen says, without its colours."""
    now = [row.rstrip() for row in rows]
    before = _kept(KEPT / f"{name}.txt", "\n".join(now) + "\n").split("\n")[:-1]
    told = "\n".join(difflib.unified_diff(before, now, "kept", "now", lineterm="", n=0))
    assert now == before, f"{name} looks different; look, then ORC_UPDATE_SNAPSHOTS=1\n{told}"


def _kept(path: Path, now: str) -> str:
    if os.environ.get("ORC_UPDATE_SNAPSHOTS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(now, encoding="utf-8")
        return now
    assert path.exists(), f"{path} is missing; ORC_UPDATE_SNAPSHOTS=1 makes it"
    return path.read_text(encoding="utf-8")
