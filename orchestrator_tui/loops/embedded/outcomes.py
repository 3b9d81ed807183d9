"""What a test run said: unittest's and pytest's words."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from msgspec import Struct

_FRAME = re.compile(r'^\s*File "([^"\n]+\.py)", line (\d+), in (\S+)', re.M)
_PYTEST_FRAME = re.compile(r"^(\S+\.py):(\d+): (?:in (\w+)|\w*(?:Error|Exception|Warning))", re.M)
_FAILED = re.compile(r"^(?:FAIL|ERROR): (\w+)\b|^(?:FAILED|ERROR) \S+\.py::(?:\w+::)*(\w+)", re.M)
_COUNTS = re.compile(r"(?:failures|errors|unexpected successes)=(\d+)|\b(\d+) (?:failed|errors?)\b")
_PASSED = re.compile(r"^OK\b(?! *\[)|^=* ?\d+ passed\b(?!.*\b(?:failed|error))", re.M)
_RED = re.compile(
    r"^FAILED\b|^\[(?:exit status|signal|killed)|Traceback \(most recent call last\)|\b\d+ failed\b", re.M
)
_ERROR = re.compile(r"^(?:E\s+)?([\w.]*(?:Error|Exception))\b:? ?(.*)$", re.M)


class Place(Struct, frozen=True):
    """A line that a traceback names; `path` as it stands there."""

    path: str
    line: int
    function: str


class Outcome(Struct, frozen=True):
    """One run of the tests."""

    passed: bool
    failing: int
    """Failures and errors; at least one when it did not pass."""
    places: tuple[Place, ...]
    tests: tuple[str, ...]
    """Names of the tests that fail."""
    error: str
    """The last error's own words."""


def outcome(text: str) -> Outcome:
    """Read what a test command printed."""
    passed = bool(_PASSED.search(text)) and not _RED.search(text)
    places = [Place(path, int(line), name) for path, line, name in _FRAME.findall(text)]
    places += [Place(path, int(line), name) for path, line, name in _PYTEST_FRAME.findall(text)]
    tests = [one or two for one, two in _FAILED.findall(text)]
    last = text[-600:]
    failing = sum(int(one or two) for one, two in _COUNTS.findall(last)) or len(set(tests)) or 1
    errors = [f"{name}: {words}".strip(": ") for name, words in _ERROR.findall(text)]
    return Outcome(passed, 0 if passed else failing, tuple(places), tuple(tests), errors[-1] if errors else "")


def among(path: str, files: list[str]) -> str | None:
    """The file of a listing that a traceback's path means: the longest that it ends with."""
    clean = PurePosixPath(path).as_posix()
    fitting = [file for file in files if clean == file or clean.endswith(f"/{file}")]
    return max(fitting, key=len, default=None)


def is_test(path: str) -> bool:
    """Whether a file holds tests."""
    parts = PurePosixPath(path)
    return (
        parts.name.startswith(("test_", "conftest")) or parts.name.endswith("_test.py") or "tests" in parts.parts[:-1]
    )
