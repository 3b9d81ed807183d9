"""How much each program loads, all of it counted in a process of its own: a start is mostly imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator_tui.clock import MINUTE, SECOND
from orchestrator_tui.paths import Paths
from tests.weight.stores import write

COUNT = "import sys; print(*sorted(sys.modules), file=open({file!r}, 'w'))"
VERSION = "from orchestrator_tui.cli import run; run(['--version'])"
SESSIONS = "from orchestrator_tui.cli import run; run(['sessions', '--json'])"
HOST = """
import asyncio, os, signal, threading
from orchestrator_tui import config, paths
from orchestrator_tui.host.run import serve
from orchestrator_tui.host.service import Host

looked = Host.look_around

async def once(self, now):
    found = await looked(self, now)
    os.kill(os.getpid(), signal.SIGTERM)
    return found

Host.look_around = once
place = paths.find()
asyncio.run(serve(place, config.load(place.config)))
"""
DASHBOARD = """
from orchestrator_tui import config, paths
from orchestrator_tui.ui.app import OrcApp

async def shown(pilot):
    await pilot.pause()
    pilot.app.exit()

place = paths.find()
app = OrcApp(place, config.load(place.config))
app.run(headless=True, size=(200, 55), auto_pilot=shown)
assert not app.return_code, app.return_code
"""
HEAVY = {"litellm", "openai", "httpx", "aiohttp", "pydantic", "numpy", "tokenizers", "cryptography"}
"""What only the models of loops need."""

PROGRAMS = {
    # Name -> code, at most so many modules in all, at most so many of ours, and what is none of its business.
    "version": (VERSION, 70, 4, {"argparse", "msgspec", "sqlite3", "asyncio", "psutil", "rich", "textual", "pathlib"}),
    "sessions": (SESSIONS, 260, 100, {"textual", "asyncio", "aiosqlite", "psutil", "multiprocessing", "rich.console"}),
    "host": (HOST, 540, 260, {"textual", "rich", "markdown_it", "pygments"}),
    "dashboard": (DASHBOARD, 740, 270, {"psutil", "markdown_it", "pygments", "multiprocessing"}),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_program_loads(name: str, tmp_path: Path) -> None:
    code, most, ours, forbidden = PROGRAMS[name]
    state = tmp_path / "state"
    write(Paths(state, state, state / "run"), 200, SECOND, now_ago=MINUTE)
    file = tmp_path / "modules"
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH") if name in os.environ}
    env = {**kept, "HOME": str(tmp_path), "ORC_HOME": str(state), "TERM": "xterm-256color"}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{COUNT.format(file=str(file))}"],
        env=env, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert not done.returncode, done.stderr
    loaded = set(file.read_text().split())
    own = {module for module in loaded if module.startswith("orchestrator_tui")}
    print(f"{name}: {len(loaded)} modules, {len(own)} of ours")
    strangers = loaded & (forbidden | HEAVY)
    assert not strangers
    assert len(loaded) <= most
    assert len(own) <= ours
