"""`make bench`: every benchmark of the set in a process of its own, and one table of what they said at the end.

`--quick` takes smaller stores and fewer runs, in about four minutes; `--only screen host` some of them. Numbers of a
loaded machine are worth little: the table names the load before and after, and ratios are to something measured in the
same minute.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from msgspec import Struct

from tests.bench.compare_ccusage import find
from tests.bench.report import RESULTS, machine, noted, one_table

CCUSAGE = "ccusage@20.0.24"
"""The newest that was measured."""
NPM_SECONDS = 120.0
MOST_SECONDS = 1800.0
"""A benchmark that takes longer is ended, and that is said."""


class Part(Struct):
    """One benchmark: its module, and what it is given."""

    name: str
    full: list[str]
    quick: list[str] | None
    """None: not in the quick form."""


def parts(store: Path, ccusage: str | None) -> list[Part]:
    """The set, in its order; those that look at a million events share one store."""
    kept, other = ["--keep", str(store)], ["--ccusage", ccusage] if ccusage else []
    return [
        Part("bench_seek", ["--events", "1000000", *kept], ["--events", "100000", *kept]),
        Part("bench_screen", ["--million", str(store), "--runs", "3"], ["--million", str(store), "--runs", "1", "--seconds", "6"]),
        Part("bench_replay", kept, [*kept, "--jumps", "15"]),
        Part("bench_host", [], ["--brief"]),
        Part("bench_kill", [], ["--rounds", "10", "--history", "20"]),
        Part("bench_ingest", other, ["--mb", "30", "--files", "0", "--runs", "1", *other]),
        Part("bench_store", [], None),
        Part("bench_spending", [], None),
        Part("bench_fold", [], None),
        Part("soak", [], ["--hours", "0.5", "--sample", "2"]),
    ]  # fmt: skip


def other_reader(named: str | None, scratch: Path) -> str | None:
    """The ccusage to compare with: the one named or on the PATH, else what npm gives; None, said, when it gives nothing."""
    found = find(named)
    if found is not None or named is not None or shutil.which("npm") is None:
        if found is None:
            print("ccusage: not found, so orc is compared with a plain read alone")
        return found
    words = [
        "npm",
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--include=optional",
        "--prefix",
        str(scratch),
        CCUSAGE,
    ]
    try:
        subprocess.run(words, check=True, timeout=NPM_SECONDS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = str(scratch / "node_modules" / ".bin" / "ccusage")
        # A native program that npm may have left out.
        subprocess.run([found, "--version"], check=True, timeout=NPM_SECONDS, stdout=subprocess.DEVNULL)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"ccusage: npm did not give it ({type(error).__name__}), so orc is compared with a plain read alone")
        return None
    return found


def run(part: Part, quick: bool, results: Path) -> str:
    """One benchmark to its end; returns what was wrong, "" when nothing was."""
    words = part.quick if quick else part.full
    assert words is not None
    command = [sys.executable, "-m", f"tests.bench.{part.name}", *words]
    print(f"\n== {' '.join(command[2:])}", flush=True)
    begun = time.monotonic()
    process = subprocess.Popen(command, env={**os.environ, RESULTS: str(results)})
    try:
        status = process.wait(MOST_SECONDS)
    except subprocess.TimeoutExpired:
        return f"{part.name}: ended after {MOST_SECONDS:.0f} s"
    finally:
        # As Ctrl-C does: it ends what it has started.
        for number in (signal.SIGINT, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(30)
    print(f"== {time.monotonic() - begun:.0f} s", flush=True)
    return f"{part.name}: ended with {status}" if status else ""


def main() -> int:
    """Run the set; 1 when a benchmark failed. A missed target is told, not failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small stores, few runs")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="such as screen, host, soak")
    parser.add_argument("--store", type=Path, help="build the large store here, or use the one that was built here")
    parser.add_argument("--ccusage", help="the ccusage to compare with")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    before, faults = machine(), []
    with tempfile.TemporaryDirectory(prefix="orc-bench-") as scratch:
        results, store = Path(scratch) / "results", args.store or Path(scratch) / "store"
        reads = not args.only or any("ingest" in name for name in args.only)
        ccusage = other_reader(args.ccusage, Path(scratch) / "npm") if reads else None
        for part in parts(store, ccusage):
            wanted = not args.only or any(name in part.name for name in args.only)
            if wanted and (part.quick is not None or not args.quick):
                fault = run(part, args.quick, results)
                faults += [fault] if fault else []
        found = noted(results)
    print(f"\nbefore: {before}")
    one_table("everything" + (", the quick form" if args.quick else ""), found)
    missed = [result.what for result in found if not result.met]
    print(f"  {len(found)} figures, {len(missed)} missed" + (f": {'; '.join(missed)}" if missed else ""))
    for fault in faults:
        print(f"  {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
