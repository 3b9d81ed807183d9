"""Loops that wait, from outside: rows on the map that say what for, begun by themselves, skipped with the reason."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui.loops.folder import Folder
from tests.conftest import Orc, wait_for
from tests.loops.workshop import AGENT, Workshop, left, state_of


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    found = Workshop(tmp_path)
    yield found
    found.close()


def begin(orc: Orc, shop: Workshop, name: str, does: str, *words: str, until: str = "") -> Folder:
    """`orc run` of a loop with the stand-in."""
    agent = f"{sys.executable} {AGENT} {shop.root / name} {does}"
    check = until or f"{sys.executable} check.py"
    given = ("run", name, "--name", name, "--agent", "command", "--command", agent, "--dir", str(shop.repo), "--until",
             check, "--max", "1", "--yes", *words)  # fmt: skip
    return Folder(orc.state / "loops" / orc.json(*given)["receipt"]["loop"])


def row(orc: Orc, folder: Folder) -> dict[str, Any]:
    return orc.sessions().get(f"loop:{folder.id}", {})


def is_errored(orc: Orc, folder: Folder) -> bool:
    return row(orc, folder).get("status") == "errored"


def window(begins: timedelta, ends: timedelta) -> str:
    now = datetime.now()
    return f"{now + begins:%H:%M}-{now + ends:%H:%M}"


def test_what_waits_is_on_the_map_and_begins_or_is_skipped_by_itself(host: Orc, shop: Workshop, tmp_path: Path) -> None:
    first = begin(host, shop, "first", "wait 25", "--anyway", until="true")
    fails = begin(host, shop, "fails", "wait 25 nothing", until="false")
    then = begin(host, shop, "then", "", "--after", first.id, "--anyway", until="true")
    never = begin(host, shop, "never", "", "--after", fails.id)
    after_that = begin(host, shop, "after-that", "", "--after", never.id)
    tonight = begin(host, shop, "tonight", "", "--window", window(timedelta(hours=2), timedelta(hours=3)))
    later = begin(host, shop, "later", "", "--at", "2099-01-01T12:00:00Z")
    waiting = {then: f"for loop {first.id}", never: f"for loop {fails.id}", after_that: f"for loop {never.id}",
               tonight: "for ", later: "until 2099-01-01"}  # fmt: skip
    for folder, words in waiting.items():
        shown = row(host, folder)
        assert shown["title"] == folder.id.split("-", 2)[2].rpartition("-")[0] and shown["project"] == "repo"
        # Nothing runs, and nothing is well either.
        assert shown["status"] in ("paused", "fog") and shown["severity"] == "ok", shown
        assert words in shown["evidence"], shown
    known = {one["id"]: one for one in host.json("loops")["loops"]}
    assert known[later.id]["state"] == "queued" and "until 2099-01-01" in known[later.id]["words"]
    wait_for(lambda: state_of(then).outcome == "passed", 120)
    assert state_of(then).began_at >= (state_of(first).ended_at or 0)
    wait_for(lambda: state_of(after_that).outcome == "skipped", 120)
    wait_for(lambda: row(host, then)["status"] == "finished", 30)
    for folder, why in ((never, "did not succeed"), (after_that, "was skipped")):
        wait_for(partial(is_errored, host, folder), 30)
        assert "skipped" in row(host, folder)["evidence"] and why in row(host, folder)["evidence"]
        assert not (tmp_path / folder.id).exists()
    assert host.run("loops", "stop", later.id).returncode == 0
    wait_for(lambda: row(host, later)["status"] == "finished", 30)
    assert not state_of(tonight).began_at and not (tmp_path / "tonight").exists()


def test_at_most_so_many_at_once(host: Orc, shop: Workshop) -> None:
    words = ("--max-parallel", "1", "--anyway")
    loops = [begin(host, shop, f"n{n}", "wait 2", *words, until="true") for n in range(3)]
    assert row(host, loops[2])["status"] in ("paused", "fog")
    assert "fewer than 1 loops run" in row(host, loops[2])["evidence"]
    most = 0
    while not all(state_of(one).outcome for one in loops):
        most = max(most, sum(bool(one.runs) for one in loops))
        time.sleep(0.1)
    assert most == 1 and {state_of(one).outcome for one in loops} == {"passed"}
    spans = sorted((state_of(one).began_at, state_of(one).ended_at or 0) for one in loops)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))


def test_between_two_iterations_the_hours_count_too(shop: Workshop, tmp_path: Path) -> None:
    """The window closes while the first iteration works: the second one waits, also with a runner that is new."""
    now = datetime.now()
    ends = (now + timedelta(minutes=1)).replace(second=0, microsecond=0)
    if (ends - now).total_seconds() < 10:
        ends += timedelta(minutes=1)
    seconds = (ends - now).total_seconds()
    hours = f"{now - timedelta(hours=1):%H:%M}-{ends:%H:%M}"
    folder = shop.loop(does=("wait", str(seconds + 1)), window=hours)
    process = shop.start(folder)
    wait_for(lambda: '"tool":"wait"' in folder.log.read_text() if folder.log.exists() else False, seconds + 30)
    assert len(state_of(folder).iterations) == 1 and state_of(folder).iterations[0].phase == "committed"
    process.kill()
    process.communicate()
    process = shop.start(folder)
    time.sleep(1)
    assert process.poll() is None and len(state_of(folder).iterations) == 1
    assert folder.log.read_text().count('"tool":"wait"') == 1
    folder.stop.write_text("enough")
    assert process.wait(20) == 130 and state_of(folder).outcome == "stopped"
    wait_for(lambda: not left(tmp_path))
