"""The demo's parts: who is on stage, what costs are held against, and what a sweep takes for its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from orchestrator_tui import config
from orchestrator_tui.demo.cast import CAST, FEWEST, MORE, MOST, SETTINGS, cast
from orchestrator_tui.demo.cast import directives as lines
from orchestrator_tui.demo.sums import logged
from orchestrator_tui.demo.sweeping import is_own, own, sweep
from orchestrator_tui.host.owned.launch import SHIM
from orchestrator_tui.loops.embedded.directives import directives
from orchestrator_tui.loops.embedded.repos import KINDS


@pytest.mark.parametrize("count", range(FEWEST, MOST + 1))
def test_a_cast_has_so_many_parts_and_no_name_twice(count: int) -> None:
    parts = cast(count)
    assert len({part.name for part in parts}) == len(parts) == count
    assert {"ingest", "gateway", "ledger", "search", "archive", "builds", "billing", "webapp"} <= {
        part.name for part in parts
    }
    wrong = {one.name for part in parts for one in directives(lines(part), "small")}
    assert {"stall", "loop", "spin", "overspend", "sleep", "rate-limit", "ask", "error"} <= wrong


@pytest.mark.parametrize("part", [*CAST, *MORE], ids=lambda part: part.name)
def test_a_part_asks_for_what_there_is(part: object) -> None:
    from orchestrator_tui.demo.cast import Part

    assert isinstance(part, Part)
    assert part.kind in KINDS
    assert len(directives(lines(part), "small")) == (len(part.directive.split("\n")) if part.directive else 0)


def test_the_settings_are_settings(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(SETTINGS)
    settings = config.load(tmp_path / "config.toml")
    assert settings.ladder == {"loop": ["embedded/small", "embedded/large"]}


def test_responses_are_counted_once_and_streams_never(tmp_path: Path) -> None:
    log = tmp_path / "x.jsonl"
    rows: list[dict[str, object]] = [
        {"kind": "usage", "stream": True, "out": 5, "cost": 9},
        {"kind": "usage", "id": "a", "cost": 0.25},
        {"kind": "usage", "id": "a", "cost": 0.25},
        {"kind": "usage", "id": "b", "cost": None},
        {"kind": "user", "text": "cost"},
    ]
    log.write_bytes(b"\n".join(map(msgspec.json.encode, rows)) + b'\n[1]\n{"kind":"usage","id":"c","co')
    assert logged(log) == {"a": 250_000_000, "b": 0}


def test_a_sweep_ends_its_own_and_nobody_else(tmp_path: Path) -> None:
    scratch = tmp_path / "orc-demo-x"
    (scratch / "home").mkdir(parents=True)
    wait = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    run = f"{scratch}/state/owned/r1"

    def begin(argv: list[str], **env: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(argv, env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline()
        return process

    mine = [begin(wait, HOME=f"{scratch}/home"), begin(wait, ORC_HOME=f"{scratch}/state")]
    mine.append(begin([*wait, str(SHIM), run]))
    others = [
        begin(wait, HOME=f"{scratch}/home2"), begin(wait, HOME=str(tmp_path)), begin(wait, NOTE=f"HOME={scratch}/home"),
        begin([*wait, f"{scratch}/state/run/host.log"]), begin([*wait, str(SHIM), f"{tmp_path}/state/owned/r1"]),
    ]  # fmt: skip
    try:
        assert sorted(own(scratch)) == sorted(process.pid for process in mine)
        assert not is_own(os.getpid(), scratch)
        assert sweep(scratch) == []
        assert not scratch.exists()
        assert [process.wait(10) for process in mine] == [-9, -9, -9]
        assert [process.poll() for process in others] == [None] * len(others)
    finally:
        for process in (*mine, *others):
            process.kill()
            process.communicate()
