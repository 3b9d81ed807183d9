"""The dashboard itself as a picture (SVG) and as a recording (asciinema v2), drawn from the store at given instants."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter
from textual.pilot import Pilot

from orchestrator_tui.clock import SECOND
from orchestrator_tui.config import Config
from orchestrator_tui.export.masking import blot
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp

FONTS = '"JetBrains Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace'
LEAST_SHOWN = 0.05
"""Seconds that a frame of a recording stays at least."""


class Blots(LineFilter):
    """Blots secrets out of a row; what stands beside them does not move."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The row as it leaves."""
        text = "".join(segment.text for segment in segments)
        clean = blot(text)
        if clean == text:
            return segments
        made, place = [], 0
        for part, style, control in segments:
            made.append(Segment(clean[place : place + len(part)], style, control))
            place += len(part)
        return made


@asynccontextmanager
async def shown(
    place: Paths, settings: Config, at: int, session: str | None, size: tuple[int, int], mask: bool
) -> AsyncIterator[tuple[OrcApp, Pilot[None]]]:
    """The dashboard on the past, without a terminal."""
    app = OrcApp(place, settings)
    app.filters += [Blots()] * mask
    app.begin = (at, session)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


async def picture(
    place: Paths, settings: Config, at: int, session: str | None, size: tuple[int, int], mask: bool
) -> str:
    """One instant as SVG; no font is asked for from anywhere."""
    async with shown(place, settings, at, session, size, mask) as (app, pilot):
        await pilot.pause()
        svg = app.export_screenshot(title="orc")
    svg = re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    return re.sub(r"font-family: ?[^;]*;", f"font-family: {FONTS};", svg)


async def cast(
    place: Paths, settings: Config, instants: list[int], session: str | None, size: tuple[int, int], speed: float,
    mask: bool,
) -> AsyncIterator[str]:  # fmt: skip
    """The recording, line by line; a frame writes only the rows that differ from the frame before."""
    columns, rows = size
    head = {"version": 2, "width": columns, "height": rows, "timestamp": instants[0] // SECOND, "title": "orc"}
    yield json.dumps({**head, "env": {"TERM": "xterm-256color"}}) + "\n"
    before: list[str] = []
    async with shown(place, settings, instants[0], session, size, mask) as (app, pilot):
        for n, at in enumerate(instants):
            app.deck.seek(at)
            await pilot.pause()
            now = _rows(app, columns)
            text = "" if before else "\x1b[?25l\x1b[2J"
            text += "".join(
                f"\x1b[{y + 1};1H{row}" for y, row in enumerate(now) if y >= len(before) or row != before[y]
            )
            before = now
            if text:
                passed = max((at - instants[0]) / SECOND / speed, n * LEAST_SHOWN)
                yield json.dumps([round(passed, 3), "o", text]) + "\n"


def _rows(app: OrcApp, columns: int) -> list[str]:
    """What the terminal would be sent for each row."""
    console = Console(
        file=io.StringIO(), width=columns, force_terminal=True, color_system="truecolor", legacy_windows=False
    )
    # Textual offers whole screens as SVG only; rows as strips are what its own drivers write.
    strips = app.screen._compositor.render_strips(app.size)
    return [strip.render(console) + "\x1b[0m" for strip in strips]
