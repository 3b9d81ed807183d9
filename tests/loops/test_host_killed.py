"""kill -9 of the host, ten times, while loops run: each ends as it would have, everything is run and counted once."""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from orchestrator_tui.demo.sums import compare, logged
from orchestrator_tui.fleet.ledger import decisions
from orchestrator_tui.loops import spec as specs
from orchestrator_tui.loops.embedded import repos
from orchestrator_tui.loops.folder import Folder, folders
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from tests.conftest import Orc, wait_for
from tests.loops.workshop import AGENT, Workshop, left, state_of

KILLS = 10
LIMIT = 0.02


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    found = Workshop(tmp_path)
    yield found
    found.close()


def begin(orc: Orc, *words: str) -> Folder:
    """`orc run`, as a person types it; the loop's directory."""
    session = orc.json("run", *words, "--yes")["receipt"]["session"]
    return Folder(orc.state / "loops" / session.partition(":")[2])


def end_of(folder: Folder) -> tuple[Any, ...]:
    """How a loop ended, with how many responses in each iteration and at what price."""
    state = state_of(folder)
    found = [logged(folder.iterations / f"{it.n}.jsonl") for it in state.iterations]
    return state.outcome, len(state.iterations), [len(one) for one in found]


def ended(folder: Folder) -> bool:
    return state_of(folder).outcome is not None and not folder.runs


def test_whatever_becomes_of_the_host_every_loop_ends_as_it_would_have(
    orc: Orc, shop: Workshop, tmp_path: Path
) -> None:  # fmt: skip
    orc.env["ORC_EMBEDDED_PACE"] = "0.8"
    wrong = {"green": ("return", ""), "spends": ("twin", "[[embedded: overspend tokens=3000]]"),
             "claims": ("spelling", "[[embedded: claim after=1]]")}  # fmt: skip
    made = {name: repos.make(tmp_path / f"{name}-1", kind, 1, text) for name, (kind, text) in wrong.items()}
    for name in made:
        shutil.copytree(tmp_path / f"{name}-1", tmp_path / f"{name}-2")
    host = orc.start_host()
    # The agent that is a command notes each of its runs itself.
    agent = f"{sys.executable} {AGENT} {shop.runs} wait 5"
    loops = {"steps": begin(orc, "make it right", "--agent", "command", "--command", agent, "--dir", str(shop.repo),
                            "--until", f"{sys.executable} check.py", "--max", "9", "--worktree")}  # fmt: skip
    for name, repo in made.items():
        more = ("--budget", str(LIMIT)) if name == "spends" else ()
        loops[name] = begin(orc, repo.task, "--agent", "builtin", "--model", "embedded/small", "--dir",
                            str(repo.directory), "--until", repo.check, "--max", "4", "--worktree", *more)  # fmt: skip
    # The same again without a host: how they would have ended.
    alone = {}
    for name in made:
        folder = Folder(tmp_path / "alone" / "loops" / name)
        folder.make()
        spec = replace(specs.load(loops[name].spec), id=name, tree=None, cwd=str(tmp_path / f"{name}-2"), database=None)
        specs.save(folder.spec, spec)
        if loops[name].prices.exists():
            shutil.copy(loops[name].prices, folder.prices)
        alone[name] = folder
        shop.start(folder, **orc.env)
    chance = random.Random(5)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.1, 1.2))
        host.kill()
        host.wait()
        if host.stderr is not None:
            host.stderr.close()
        host = orc.start_host()
    try:
        wait_for(lambda: all(map(ended, [*loops.values(), *alone.values()])), 120)
        check(orc, loops, alone)
        runs = Counter(line.split()[1] for line in shop.runs.read_text().splitlines() if line.startswith("begun"))
        assert runs == {str(it.n): 1 for it in state_of(loops["steps"]).iterations}
    finally:
        host.terminate()
        host.wait(20)
        if host.stderr is not None:
            host.stderr.close()
    wait_for(lambda: not [pid for pid in left(tmp_path) if pid != os.getpid()], 30)


def check(orc: Orc, loops: dict[str, Folder], alone: dict[str, Folder]) -> None:
    """What is on record of all of them."""
    assert {name: end_of(folder) for name, folder in loops.items() if name in alone} == {
        name: end_of(folder) for name, folder in alone.items()
    }
    outcomes = {name: state_of(folder).outcome for name, folder in loops.items()}
    assert outcomes["steps"] == outcomes["green"] == "passed" and outcomes["spends"] == "budget"
    for folder in loops.values():
        state = state_of(folder)
        assert all(it.phase == "committed" and not it.lost for it in state.iterations)
        assert [it.n for it in state.iterations] == list(range(1, len(state.iterations) + 1))
    spends = state_of(loops["spends"])
    costs = [cost for it in spends.iterations for cost in logged(loops["spends"].iterations / f"{it.n}.jsonl").values()]
    assert sum(costs) - costs[-1] < LIMIT * 1e9 <= sum(costs) and abs(spends.cost - sum(costs)) < 1000
    assert [one.id for one in folders(orc.state)] == sorted(folder.id for folder in loops.values())
    with Reader(orc.paths.database) as reader:
        sums = compare(reader, orc.paths)
        assert sums.equal, sums.words

        def told() -> bool:
            known = fleet_now(reader).sessions
            rows = [known.get(f"loop:{folder.id}") for folder in loops.values()]
            return all(row is not None and row.ended is not None for row in rows)

        wait_for(told, 30)
        fleet = fleet_now(reader)
        for folder in loops.values():
            kids = {kid.id for kid in fleet.sessions.values() if kid.parent == f"loop:{folder.id}"}
            assert kids == {it.session for it in state_of(folder).iterations}
        made = [one for one in decisions(reader.commands(0)) if one.verb == "loop"]
        assert [one.outcome for one in made] == ["done"] * len(loops)
        assert len({one.receipt["session"] for one in made}) == len(loops)
