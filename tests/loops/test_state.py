"""How far a loop is: written whole or not at all, never begun anew over a damaged file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator_tui.errors import OrcError
from orchestrator_tui.loops import state
from orchestrator_tui.loops.state import CheckResult, Iteration, LoopState


def test_a_state_is_the_same_when_it_is_read_again(tmp_path: Path) -> None:
    one = LoopState(
        "one", 5, CheckResult(False, 1, 0.5, "1 of 2"), iterations=[Iteration(1, "committed"), Iteration(2)]
    )
    state.save(tmp_path / "state.json", one)
    assert state.load(tmp_path / "state.json", "one") == one
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["state.json"]


def test_no_state_is_a_beginning(tmp_path: Path) -> None:
    assert state.load(tmp_path / "state.json", "one") == LoopState("one")


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b'{"id":"two"}', b'{"id":"one","iterations":[{"n":2}]}', b'{"id":"one","iterations":[{"n":1},{"n":1}]}',
     b'{"id":"one","outcome":"won"}', b"[" * 100_000],
)  # fmt: skip
def test_a_damaged_state_is_never_begun_anew(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "state.json").write_bytes(data)
    with pytest.raises(OrcError, match="left as it is"):
        state.load(tmp_path / "state.json", "one")


def test_a_writer_that_is_killed_leaves_the_old_state_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    code = (
        "import sys; from pathlib import Path; from orchestrator_tui.loops import state; n = 0\n"
        "from orchestrator_tui.loops.state import *\n"
        "print(flush=True)\n"
        "while True:\n"
        "    n += 1; state.save(Path(sys.argv[1]), LoopState('one', n, words='x' * 100_000))"
    )
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(50):
            if path.exists():
                assert len(state.load(path, "one").words) == 100_000
        process.kill()
        process.communicate()
        if path.exists():
            assert len(state.load(path, "one").words) == 100_000


def test_odds_count_how_often_the_check_was_better_than_ever() -> None:
    def check(score: float | None, ok: bool = False) -> CheckResult:
        return CheckResult(ok, score=score)

    one = LoopState("one", first=check(0.1))
    one.iterations = [Iteration(n + 1, check=check(score)) for n, score in enumerate([0.2, 0.2, 0.1, 0.5])]
    assert one.odds() == (2, 4)
    assert LoopState("one").odds() == (0, 0)
    assert LoopState("one", first=check(None), iterations=[Iteration(1, check=check(None, True))]).odds() == (1, 1)
