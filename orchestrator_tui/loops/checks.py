"""The check of a loop: run in its working tree with a limit of time, and what its output says in numbers."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

from orchestrator_tui.excerpt import digest
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.jobs import Exit, Job
from orchestrator_tui.loops.spec import LoopSpec
from orchestrator_tui.loops.state import CheckResult
from orchestrator_tui.private import write_durably
from orchestrator_tui.text import clean, line

KEPT = (32 << 10, 32 << 10)
"""Bytes of the output that are kept, of its head and of its end."""
WORDS = 120
MATCHING = 5.0
"""Seconds that a person's expression may take on the output."""
LINES = 4000
"""Lines of the end of an output in which a summary is looked for."""
WIDTH = 500
_COUNT = re.compile(r"(?<![\w.])(\d{1,9}) (passed|failed|errors?|passing|failing)\b")
_TOOK = re.compile(r" in \d{1,9}\.\d\ds")
"""What pytest ends its line with: `3 errors` alone may be a compiler's."""
_UNITTEST_RAN = re.compile(r"Ran (\d{1,9}) tests? in ")
_UNITTEST_BAD = re.compile(r"(?:failures|errors|unexpected successes)=(\d{1,9})")
_CARGO = re.compile(r"test result: \w+\. (\d{1,9}) passed; (\d{1,9}) failed")
_TAP = re.compile(r"(?:#|ℹ) (pass|fail) (\d{1,9})")
_GO = re.compile(r"\s*--- (PASS|FAIL): ")
_GO_PACKAGE = re.compile(r"(ok|FAIL)\s+\S*[./]\S*\s")


def run(folder: Folder, spec: LoopSpec, name: str, seen: Callable[[], None]) -> CheckResult | None:
    """Run it, or see one through that was begun before; None when it was killed from outside.

    `name` is `<iteration>-<attempt>`; its output is left in `checks/<iteration>.txt`. Raises OSError.
    """
    job = Job(folder.jobs, f"{name}-check", f"{spec.id}/{name}-check")
    job.prepare(spec.until, spec.work_dir, seconds=spec.check_seconds, keep=KEPT, merge=True)
    ended = job.run(seen)
    if ended is None:
        return None
    output = job.output(most=2 * sum(KEPT)) or ended.words
    write_durably(folder.checks / f"{name.partition('-')[0]}.txt", output.encode())
    return judged(spec, ended, output)


def judged(spec: LoopSpec, ended: Exit, output: str) -> CheckResult:
    """What one run says."""
    text = clean(output)
    ok = ended.status == 0 and not ended.timed_out
    passed, total = counted(text)
    score: float | None = None
    words = ""
    if total:
        score, words = passed / total, f"{passed} of {total} tests pass"
    if spec.score_pattern is not None:
        score = matched(spec.score_pattern, text)
        words = f"score {score:g}" if score is not None else "no score in its output"
    if ended.timed_out:
        words = f"stopped after {spec.check_seconds:g} s" + (f", {words}" if words else "")
    elif ended.status is None:
        words = f"killed by signal {ended.signal}"
    elif not words or (not ok and total and passed == total):
        last = next((part.strip() for part in reversed(text.splitlines()) if part.strip()), "")
        words = "it passes" if ok else line(ended.words or last, WORDS) or f"exit status {ended.status}"
    same = digest(f"{ended.status} {ended.signal} {ended.timed_out}\n{output}")
    return CheckResult(ok, ended.status, score, words, same, ended.seconds, ended.timed_out, ended.at)


def counted(text: str) -> tuple[int, int]:
    """(tests that pass, tests) as the summary of a known runner says; (0, 0) where there is none.

    pytest, unittest, cargo, go, jest, vitest, mocha, node: each by the lines it ends with.
    """
    lines = [part[:WIDTH] for part in text.splitlines()[-LINES:]]
    crates = [(int(m[1]), int(m[2])) for m in map(_CARGO.search, lines) if m]
    if crates:
        good, bad = (sum(column) for column in zip(*crates, strict=True))
        return good, good + bad
    for place in range(len(lines) - 1, -1, -1):
        if ran := _UNITTEST_RAN.match(lines[place]):
            bad = sum(int(n) for rest in lines[place + 1 : place + 8] for n in _UNITTEST_BAD.findall(rest))
            return max(0, int(ran[1]) - bad), max(int(ran[1]), bad)
        found = _COUNT.findall(lines[place])
        if found and (not all(what.startswith("error") for _, what in found) or _TOOK.search(lines[place])):
            # mocha has one line for each count.
            near = [pair for one in lines[max(0, place - 2) : place] for pair in _COUNT.findall(one)]
            if found[-1][1] in ("passing", "failing"):
                found += [pair for pair in near if pair[1] in ("passing", "failing") and pair[1] != found[-1][1]]
            good = sum(int(n) for n, what in found if what.startswith("pass"))
            return good, sum(int(n) for n, _ in found)
    tap = {m[1]: int(m[2]) for m in map(_TAP.match, lines) if m}
    if tap:
        return tap.get("pass", 0), sum(tap.values())
    for pattern in (_GO, _GO_PACKAGE):
        words = [m[1] for m in map(pattern.match, lines) if m]
        if words:
            return sum(word in ("PASS", "ok") for word in words), len(words)
    return 0, 0


def matched(pattern: str, text: str) -> float | None:
    """The number that the first group of a person's expression finds last in an output; None for no number.

    In a process of its own: no output may keep an expression busy for longer than a few seconds.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-X", "utf8", "-c", _MATCH, pattern],
            input=text.encode("utf-8", "replace"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=MATCHING,
        )  # fmt: skip
        value = float(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return value if abs(value) < 1e15 else None


_MATCH = """
import re, sys
found = None
for found in re.finditer(sys.argv[1], sys.stdin.read(), re.MULTILINE):
    pass
print(float(found[1].strip().rstrip("%").replace(",", ""))) if found and found[1] else None
"""
