"""`orc ledger` from outside: who, when, why, on what evidence, at what price, and what came of it."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator_tui import events as ev
from tests.cli.test_report import hostile
from tests.conftest import Orc
from tests.fleet.test_report import Step, about, day, write

FIELDS = {
    "seq", "at", "command_id", "command", "session", "actor", "process", "why", "arguments", "status", "severity",
    "evidence", "cost_usd", "tokens", "started_at", "committed_at", "ended_at", "outcome", "text", "receipt",
}  # fmt: skip


def test_a_decision_is_told_whole(orc: Orc) -> None:
    orc.paths.make()
    asyncio.run(write(orc.paths.database, day()))
    answer = orc.json("ledger")
    assert answer["schema"] == "orc.ledger/1"
    kill, ack = answer["decisions"]
    assert set(kill) >= FIELDS
    assert (kill["command"], kill["session"], kill["actor"], kill["why"]) == (
        "kill", "claude:a", "dashboard", "goes round",
    )  # fmt: skip
    assert (kill["status"], kill["evidence"], kill["cost_usd"]) == ("looping", "same call 5x", 0.18)
    assert kill["before"]["cost_usd"] == pytest.approx(0.18) and kill["before"]["cost_state"] == "exact"
    assert kill["after"]["cost_usd"] == pytest.approx(0.11) and kill["after"]["seconds"] == 600.0
    assert kill["status_after"] is not None and kill["after"]["progress"] == 0
    assert ack["after"]["progress"] is None and ack["status_after"] is None


def test_only_a_session_or_a_time(orc: Orc) -> None:
    orc.paths.make()
    asyncio.run(write(orc.paths.database, day()))
    assert [d["command"] for d in orc.json("ledger", "--session", "codex:b")["decisions"]] == ["ack"]
    # Not from the quarter of an hour on that sums are kept by, but from the very time.
    assert [d["command"] for d in orc.json("ledger", "--since", "2026-01-05T10:03:30Z")["decisions"]] == ["ack"]
    assert orc.json("ledger", "--since", "2026-01-05T10:10:00Z")["decisions"] == []
    assert orc.run("ledger", "--session", "nobody", check=False).returncode == 1


def test_a_small_price_is_no_nothing(orc: Orc) -> None:
    orc.paths.make()
    asyncio.run(write(orc.paths.database, cheap()))
    assert "$0.0013" in orc.run("ledger").stdout
    text = orc.run("export", "claude:a", "--format", "md", "-o", "-").stdout
    assert "\\$0.0013" in text and "\\$0.00 " not in text


def cheap() -> list[Step]:
    """A decision about a session that had cost a tenth of a cent."""
    moment = ev.Moment("claude:a", "looping", "red", "same call 5x", 0.0013, 9, 9)
    asked = ev.CommandRequested(command_id="k", verb="kill", arguments={"session": "claude:a"}, actor="dashboard")
    return [
        (0, "claude:a", about("claude", title="a")), (2, None, asked), (2, None, ev.CommandStarted("k", moment)),
        (3, None, ev.CommandEnded("k", "done", "")),
    ]  # fmt: skip


def test_hostile_text_is_inert(orc: Orc) -> None:
    orc.paths.make()
    asyncio.run(write(orc.paths.database, hostile()))
    for args in ((), ("--json",)):
        shown = orc.run("ledger", *args).stdout
        assert "\x1b" not in shown and "\u202e" not in shown and "\x07" not in shown


def test_it_is_read_in_80_columns(orc: Orc, tmp_path: Path) -> None:
    orc.paths.make()
    asyncio.run(write(orc.paths.database, day()))
    shown = on_terminal(orc, 80, "ledger")
    assert "kill claude:a" in shown or "kill fix it" in shown
    assert "because goes round" in shown and "same call 5x" in shown and "before" in shown
    assert all(len(row) <= 80 for row in shown.splitlines())


def on_terminal(orc: Orc, columns: int, *args: str) -> str:
    """What a command shows on a terminal of so many columns, without styles."""
    main, child = pty.openpty()
    os.set_blocking(main, True)
    import fcntl
    import re
    import struct
    import termios

    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {**orc.env, "TERM": "xterm", "COLUMNS": str(columns)}
    process = subprocess.Popen([sys.executable, "-m", "orchestrator_tui", *args], env=env, stdout=child)
    os.close(child)
    shown = b""
    try:
        while part := os.read(main, 65536):
            shown += part
    except OSError:
        pass  # The other end is closed.
    finally:
        os.close(main)
    assert process.wait(20) == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).replace("\r", "")
