"""What a command may load before it needs it, looked at from outside."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = "import sys; print(*sorted(sys.modules))"


def loaded_by(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", f"{code}; {LOADED}"], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("code", "forbidden"),
    [
        (
            "from orchestrator_tui.cli import run; run(['--version'])",
            {"litellm", "textual", "rich", "asyncio", "sqlite3", "msgspec", "psutil", "argparse"},
        ),
        (
            "import orchestrator_tui.fleet.fleet, orchestrator_tui.fleet.status",
            {"textual", "asyncio", "sqlite3", "rich", "psutil", "litellm", "aiosqlite"},
        ),
        (
            "import orchestrator_tui.cli.verb_sessions",
            {"textual", "litellm", "asyncio", "aiosqlite", "psutil", "multiprocessing"},
        ),
        ("import orchestrator_tui.clients", {"textual", "litellm", "asyncio", "sqlite3", "rich"}),
        ("import orchestrator_tui.host.run", {"textual", "litellm", "rich"}),
        ("import orchestrator_tui.host.reading", {"textual", "litellm", "rich", "psutil", "asyncio", "aiosqlite"}),
    ],
)
def test_import_stays_light(code: str, forbidden: set[str]) -> None:
    assert not loaded_by(code) & forbidden
