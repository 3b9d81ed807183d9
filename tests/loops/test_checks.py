"""Checks: exit status decides, scores are read, hostile output and hanging checks do no harm."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from orchestrator_tui.loops import checks
from orchestrator_tui.loops.checks import counted, matched
from orchestrator_tui.loops.jobs import Job
from orchestrator_tui.loops.spec import load
from orchestrator_tui.loops.state import CheckResult
from tests.conftest import wait_for
from tests.loops.workshop import Workshop, left

BOUND = 70_000


def run(shop: Workshop, code: str, name: str = "one", **more: object) -> CheckResult:
    folder = shop.loop(name, until=(sys.executable, "-c", code), **more)
    found = checks.run(folder, load(folder.spec), "1-1", lambda: None)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("==== 3 failed, 5 passed in 0.12s ====", (5, 8)),
        ("5 passed, 1 warning in 0.1s", (5, 5)),
        ("2 failed, 1 passed, 3 errors, 4 skipped in 1.00s", (1, 6)),
        ("3 errors in 0.50s", (0, 3)),
        ("src/a.c: 3 errors generated.", (0, 0)),
        ("Ran 8 tests in 0.001s\n\nFAILED (failures=2, errors=1)", (5, 8)),
        ("Ran 8 tests in 0.001s\n\nOK", (8, 8)),
        ("test result: FAILED. 5 passed; 3 failed; 0 ignored\nx\ntest result: ok. 2 passed; 0 failed; 0 ignored", (7, 10)),
        ("ok  \tex.com/a\t0.1s\nFAIL\tex.com/b\t0.2s\nFAIL", (1, 2)),
        ("--- PASS: TestA (0.0s)\n    --- FAIL: TestB/x (0.0s)\nFAIL", (1, 2)),
        ("Test Suites: 1 failed, 1 total\nTests:       1 failed, 5 passed, 6 total\nTime: 1 s", (5, 6)),
        (" Test Files  1 failed | 2 passed (3)\n      Tests  2 failed | 3 passed (5)", (3, 5)),
        ("  5 passing (20ms)\n  3 failing\n", (5, 8)),
        ("# tests 8\n# pass 5\n# fail 3", (5, 8)),
        ("ℹ pass 5\nℹ fail 0", (5, 5)),
        ("1 passed in 0.1s\nlater\n2 failed, 1 passed in 0.2s", (1, 3)),
        ("nothing of the kind", (0, 0)),
        ("", (0, 0)),
        ("v1.2.3 passed", (0, 0)),
        ("99999999999999 passed", (0, 0)),
    ],
)  # fmt: skip
def test_summaries_of_known_runners(text: str, counts: tuple[int, int]) -> None:
    assert counted(text) == counts


@pytest.mark.parametrize(
    "text", ["passed " * 20_000, "1 " * 40_000, "a/" * 40_000, "FAIL " + "./" * 40_000, "9" * 65_000, "(" * 65_000]
)
def test_hostile_text_takes_no_time(text: str) -> None:
    began = time.monotonic()
    counted(text)
    counted("\n".join(text[n : n + 300] for n in range(0, len(text), 300)))
    assert time.monotonic() - began < 5


def test_the_exit_status_decides_whatever_is_printed(shop: Workshop) -> None:
    bad = run(shop, "print('5 passed in 0.01s'); raise SystemExit(1)")
    assert not bad.ok and bad.status == 1 and bad.score == 1.0 and "5 passed" in bad.words
    good = run(shop, "print('5 failed in 0.01s')", "two")
    assert good.ok and good.status == 0


def test_a_persons_expression_gives_the_score(shop: Workshop) -> None:
    code = "print('coverage: 12.5%'); print('coverage: 80.5%'); raise SystemExit(1)"
    found = run(shop, code, score_pattern=r"coverage: (\S+)")
    assert found.score == 80.5 and found.words == "score 80.5" and not found.ok
    assert run(shop, "print('none')", "two", score_pattern=r"coverage: (\S+)").score is None


def test_an_expression_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MATCHING", 0.5)
    assert matched(r"(a+)+$", "a" * 60 + "b") is None
    assert matched(r"x(\w+)", "xnan") is None and matched(r"x(\w+)", "x1e400") is None
    assert matched(r"x(\w)?", "x") is None


def test_a_check_that_hangs_is_ended_with_all_that_it_started(shop: Workshop, tmp_path: Path) -> None:
    code = (
        "import subprocess, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen(['sleep', '300']); print('on my way', flush=True); time.sleep(300)"
    )
    found = run(shop, code, check_seconds=1.0)
    assert found.timed_out and not found.ok and "stopped after 1 s" in found.words
    assert (shop.state / "loops/one/checks/1.txt").read_text().startswith("on my way")
    wait_for(lambda: not left(tmp_path))


def test_what_a_check_leaves_running_is_ended(shop: Workshop, tmp_path: Path) -> None:
    found = run(shop, "import subprocess; subprocess.Popen(['sleep', '300']); print('ok')")
    assert found.ok and found.seconds < 60
    wait_for(lambda: not left(tmp_path))


def test_hostile_output_is_kept_bounded_and_shown_clean(shop: Workshop) -> None:
    code = (
        "import sys; o = sys.stdout.buffer; o.write(b'begin \\x1b]0;x\\x07\\xff\\x00\\n');"
        "[o.write(b'y' * 100_000 + b'\\n') for _ in range(50)]; o.write('end \\u202e\\x1b[2J'.encode()); sys.exit(3)"
    )
    found = run(shop, code)
    kept = (shop.state / "loops/one/checks/1.txt").read_bytes()
    assert len(kept) < BOUND and kept.startswith(b"begin") and b"bytes are left out" in kept and b"end" in kept
    assert found.status == 3 and "\x1b" not in found.words and "\u202e" not in found.words and len(found.words) <= 130


def test_two_outputs_that_differ_in_times_only_are_the_same(shop: Workshop) -> None:
    code = "import time; print(f'1 failed in {time.time() % 7:.2f}s'); raise SystemExit(1)"
    assert run(shop, code).digest == run(shop, code, "two").digest
    assert run(shop, code).digest != run(shop, code.replace("(1)", "(2)"), "three").digest


def test_a_check_that_cannot_be_run_says_why(shop: Workshop) -> None:
    folder = shop.loop("one", until=("/no/such/program",))
    found = checks.run(folder, load(folder.spec), "1-1", lambda: None)
    assert found is not None and not found.ok and found.status == 127 and "No such file" in found.words


def test_a_check_is_begun_once_whoever_asks(shop: Workshop) -> None:
    folder = shop.loop("one", until=("sh", "-c", "echo ran >> ran.log; sleep 0.3"))
    spec = load(folder.spec)
    other = Job(folder.jobs, "1-1-check", "one/1-1-check")
    other.prepare(spec.until, spec.work_dir, keep=checks.KEPT, merge=True)
    keepers = [other.begin() for _ in range(5)]
    assert checks.run(folder, spec, "1-1", lambda: None) is not None
    assert [keeper.wait(20) for keeper in keepers if keeper is not None].count(0) <= 1
    assert checks.run(folder, spec, "1-1", lambda: None) is not None
    assert (shop.repo / "ran.log").read_text() == "ran\n"
