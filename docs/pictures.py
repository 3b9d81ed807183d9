"""Make the pictures of the README anew: `make pictures`. They are the real dashboard on the demo's fleet."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from pathlib import Path

from orchestrator_tui.cli.verb_demo import pictured
from orchestrator_tui.config import Config, Screen
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp

SECONDS = 45.0
"""How long the demo plays before the picture is taken: by then every kind of session is there."""
FONTS = '"JetBrains Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace'


async def picture(place: Paths, size: tuple[int, int], theme: str, keys: list[str]) -> str:
    """The screen as SVG; no web font is asked for."""
    app = OrcApp(place, Config(screen=Screen(theme=theme)))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
        await pilot.pause()
        svg = app.export_screenshot(title="orc")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return re.sub(r"font-family: ?[^;]*;", f"font-family: {FONTS};", svg)


def main() -> None:
    """Play, then take them all at one time."""
    os.environ.pop("NO_COLOR", None)
    here = Path(__file__).parent
    with pictured(1, 14) as place:
        time.sleep(SECONDS)
        for name, size, theme, keys in (
            ("fleet", (160, 44), "night", ["full_stop"]),
            ("fleet-paper", (160, 44), "paper", ["full_stop"]),
            ("fleet-80x24", (80, 24), "night", []),
        ):
            svg = asyncio.run(picture(place, size, theme, keys))
            (here / f"{name}.svg").write_text(svg, encoding="utf-8")
            print(f"docs/{name}.svg", file=sys.stderr)


if __name__ == "__main__":
    main()
