"""20,000 changed lines of every client's recordings: nothing breaks, nothing takes long, no total changes (T8).

The same for longer: `python -m tests.bench.fuzz_lines --count 1000000`, `python -m tests.bench.fuzz_rows`.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clients.claude.transcript import Transcript
from orchestrator_tui.clients.codex import usage as codex_usage
from tests.bench import fuzz_lines, fuzz_rows
from tests.bench.fuzz_mutate import Mutator

LONG = 10 if os.environ.get("ORC_LONG") else 1
SEED = random.randrange(1 << 30) if LONG > 1 else 1
GROWN = 64 << 20
"""Bytes by which reading may make the process grow once it is warm: none is needed, and the allocator keeps some."""


@pytest.mark.parametrize("client", fuzz_lines.CLIENTS)
def test_changed_lines(client: str) -> None:
    found = fuzz_lines.fuzz(client, 3600 * LONG, seed=SEED)
    assert found.faults == []
    assert found.unparsed > found.lines // 20 and found.drafts > found.lines // 4, (
        "the lines are not what they should be"
    )
    assert found.grown < GROWN


def test_changed_rows() -> None:
    found = fuzz_rows.fuzz(2000 * LONG, seed=SEED)
    assert found.faults == []
    assert found.unparsed and found.unknown and found.grown < GROWN


def test_the_same_seed_makes_the_same_lines() -> None:
    lines = [line for file in fuzz_lines.corpus("claude") for line in file.lines]
    made = [[Mutator(random.Random(7)).change(line, lines) for line in lines[:50]] for _ in range(2)]
    assert made[0] == made[1] and all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in made[0])


def test_the_fuzzer_finds_a_parser_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(self: Transcript, record: Any, value: dict[str, Any]) -> Any:
        if not isinstance(value.get("uuid"), str):
            raise ZeroDivisionError("oops")
        yield from original(self, record, value)

    original = Transcript.read
    monkeypatch.setattr(Transcript, "read", read)
    assert any("ZeroDivisionError" in fault for fault in fuzz_lines.fuzz("claude", 3000, 1, most=1).faults)


def test_the_fuzzer_finds_a_line_that_did_not_parse_and_changed_a_total(monkeypatch: pytest.MonkeyPatch) -> None:
    def count(state: Any, usage: object, key: bytes, total: str | None, response: str | None) -> list[ev.KnownBody]:
        if total is not None:
            codex_usage._remember(state, total)
        return original(state, usage, key, total, response)

    original = codex_usage._count
    monkeypatch.setattr(codex_usage, "_count", count)
    assert any("totals" in fault for fault in fuzz_lines.fuzz("codex", 6000, 1, most=1).faults)
