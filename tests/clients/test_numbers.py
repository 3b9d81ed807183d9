"""Numbers as a client must not write them: none breaks a checkpoint, the worker, the store or the fold (T8)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clients.base import Draft
from orchestrator_tui.clients.values import number, pid_of, wait_of, whole
from tests.clients.feeding import as_line, feed, of, parser_for

TIME = "2026-11-20T10:00:00.000Z"
HEAD = {"kind": "session", "session": "a", "t": 0}
NO_COUNTS = [2**70, -(2**70), 10**400, True, 1e300, 1.5, "7", [7], {}]
Make = Callable[[object], dict[str, Any]]


def read(client: str, *lines: object) -> list[Draft]:
    """The drafts of a file of these lines, each storable."""
    return feed(parser_for(client, "/p/projects/-p/f.jsonl"), [as_line(line) for line in lines])


def system(**fields: object) -> dict[str, Any]:
    return {"type": "system", "timestamp": TIME, **fields}


def synthetic(value: object) -> dict[str, Any]:
    message = {"model": "<synthetic>", "content": "x"}
    return {
        "type": "assistant",
        "timestamp": TIME,
        "isApiErrorMessage": True,
        "apiErrorStatus": value,
        "message": message,
    }


@pytest.mark.parametrize(
    ("value", "meant"),
    [(0, 0), (-7, -7), (2**40 - 1, 2**40 - 1), (2**40, None), (-(2**40), None), (True, None), (7.0, None), ("7", None),
     (None, None), (10**400, None)],
)  # fmt: skip
def test_a_whole_number(value: object, meant: int | None) -> None:
    assert whole(value) == meant


@pytest.mark.parametrize(
    ("value", "meant"),
    [(7, 7.0), (-0.5, -0.5), (math.inf, None), (math.nan, None), (10**400, None), (False, None), ("7", None)],
)
def test_a_finite_number(value: object, meant: float | None) -> None:
    assert number(value) == meant


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(0, 0.0), (2.5, 2.5), (10**7, 1e7), (10**7 + 1, None), (-1, None), (1e300, None), (math.nan, None), (True, None)],
)
def test_a_wait_is_a_bounded_time(value: float, seconds: float | None) -> None:
    assert wait_of(value) == seconds
    assert wait_of(value * 1000 if value is not True else value, 1000) == seconds


@pytest.mark.parametrize(
    ("value", "meant"), [(2, 2), (2**31 - 1, 2**31 - 1), (1, None), (0, None), (-1, None), (2**31, None), (True, None)]
)
def test_a_process_id_names_one_process_that_is_not_init(value: object, meant: int | None) -> None:
    assert pid_of(value) == meant


TRANSCRIPT: dict[str, Make] = {
    "status": lambda v: system(subtype="api_error", error={"status": v}),
    "attempt": lambda v: system(subtype="api_error", retryAttempt=v),
    "max_attempts": lambda v: system(subtype="api_error", maxRetries=v),
    "duration_ms": lambda v: system(subtype="turn_duration", durationMs=v),
    "pre_tokens": lambda v: system(subtype="compact_boundary", compactMetadata={"preTokens": v}),
    "post_tokens": lambda v: system(subtype="compact_boundary", compactMetadata={"postTokens": v}),
    "status ": synthetic,
}
LOG: dict[str, Make] = {
    "pid": lambda v: HEAD | {"pid": v},
    "context_window": lambda v: HEAD | {"context_window": v},
    "ppid": lambda v: {"kind": "proc", "ppid": v},
    "net_bytes": lambda v: {"kind": "proc", "net_bytes": v},
    "status": lambda v: {"kind": "api_error", "status": v},
    "attempt": lambda v: {"kind": "api_error", "attempt": v},
    "max_attempts": lambda v: {"kind": "api_error", "max_attempts": v},
    "pre_tokens": lambda v: {"kind": "compact", "pre_tokens": v},
}
MAKES = [("claude", name.strip(), make) for name, make in TRANSCRIPT.items()]
MAKES += [("log", name, make) for name, make in LOG.items()]


@pytest.mark.parametrize("value", NO_COUNTS, ids=lambda value: str(value)[:8])
@pytest.mark.parametrize(("client", "field", "make"), MAKES)
def test_what_is_no_whole_number_was_not_said(client: str, field: str, make: Make, value: object) -> None:
    assert getattr(read(client, make(value))[-1].body, field) is None
    assert getattr(read(client, make(77))[-1].body, field) == 77


@pytest.mark.parametrize("value", NO_COUNTS, ids=lambda value: str(value)[:8])
def test_progress_that_is_no_count_is_none(value: object) -> None:
    (progress,) = of(read("log", HEAD, {"kind": "usage", "stream": True, "out": value}), ev.StreamProgress)
    assert progress.output == 0


@pytest.mark.parametrize(
    "wait", [b"1e300", b"1e400", b"-1e400", b"-1", b"NaN", b"Infinity", b"true", b"1" + b"0" * 400]
)
def test_a_wait_that_is_none_was_not_said(wait: bytes) -> None:
    claude = b'{"type":"system","subtype":"api_error","timestamp":"2026-11-20T10:00:00Z","retryInMs":' + wait + b"}"
    log = b'{"kind":"api_error","status":429,"retry_in":' + wait + b"}"
    for client, line in (("claude", claude), ("log", log)):
        assert [error.retry_in for error in of(read(client, line), ev.ApiError)] == [None]


@pytest.mark.parametrize("wrong", [b"NaN", b"Infinity", b"-Infinity"])
@pytest.mark.parametrize(
    ("client", "line"),
    [
        ("claude", b'{"type":"assistant","timestamp":"2026-11-20T10:00:00Z",'
                   b'"message":{"id":"m","content":[],"usage":{"input_tokens":?}}}'),
        ("log", b'{"kind":"usage","inp":?}'),
        ("log", b'{"kind":"usage","inp":5,"cost":?}'),
    ],
)  # fmt: skip
def test_nan_and_infinity_are_wrong_not_absent(client: str, line: bytes, wrong: bytes) -> None:
    drafts = read(client, line.replace(b"?", wrong))
    assert not of(drafts, ev.Usage) and len(of(drafts, ev.Unparsed)) == 1
