"""Small aligned tables, medians, what machine they are from; and the figures that `make bench` puts in one table.

A benchmark says a figure with `note`; where `ORC_BENCH_RESULTS` names a file it is written there, a line of JSON each.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

RESULTS = "ORC_BENCH_RESULTS"


class Result(Struct):
    """One figure, what it is compared with, and what it must not exceed."""

    what: str
    value: float
    unit: str = ""
    ratio: float | None = None
    of: str = ""
    """What the ratio is to."""
    most: float | None = None
    on_ratio: bool = False
    """The target is for the ratio, not for the value."""

    @property
    def met(self) -> bool:
        """Whether it is within its target; where there is none it is."""
        figure = self.ratio if self.on_ratio else self.value
        return self.most is None or (figure is not None and figure <= self.most)

    def cells(self) -> list[str]:
        """As a row of a table: what, value, ratio, target, met."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x {self.of}".strip()
        goal = "" if self.most is None else f"<= {self.most:g}{'x' if self.on_ratio else f' {self.unit}'.rstrip()}"
        verdict = "" if self.most is None else "met" if self.met else "MISSED"
        return [self.what, f"{self.value:,.{_digits(self.value)}f} {self.unit}".rstrip(), ratio, goal, verdict]


COLUMNS = ("what", "value", "ratio", "target", "")


def _digits(value: float) -> int:
    return 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2


def note(
    what: str,
    value: float,
    unit: str = "",
    most: float | None = None,
    *,
    ratio: float | None = None,
    of: str = "",
    on_ratio: bool = False,
) -> Result:
    """A figure for the one table, written where `ORC_BENCH_RESULTS` says; `most` is its target."""
    result = Result(what, float(value), unit, ratio, of, most, on_ratio)
    file = os.environ.get(RESULTS)
    if file:
        with Path(file).open("ab") as out:
            out.write(msgspec.json.encode(result) + b"\n")
    return result


def noted(file: Path) -> list[Result]:
    """The figures in a file."""
    lines = file.read_bytes().splitlines() if file.exists() else []
    return [msgspec.json.decode(line, type=Result) for line in lines]


def one_table(title: str, results: Iterable[Result]) -> None:
    """Print figures: what, value, ratio, target, met or missed."""
    table(title, COLUMNS, [result.cells() for result in results])


def machine() -> str:
    """One line on what a number was measured on."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.system()} {platform.release()}"
    )


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a title; the first column to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    print(f"\n{title}  [{machine()}]")
    for number, row in enumerate(cells):
        line = "  ".join(c.ljust(w) if not i else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        print(f"  {line}".rstrip())
        if not number:
            print("  " + "  ".join("-" * width for width in widths))


def target(value: float, most: float, unit: str = "") -> str:
    """A target and whether it was met."""
    return f"{'ok  ' if value <= most else 'MISS'} <= {most:g}{unit}"


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(values: Sequence[float], part: float) -> float:
    """The value that `part` (0..1) of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def timed(work: Callable[[], object], runs: int = 5) -> list[float]:
    """Seconds of each run."""
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return seconds
