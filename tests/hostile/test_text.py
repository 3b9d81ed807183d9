"""Random hostile text through the choke point (T1 to T7); the same for longer: `python -m tests.bench.fuzz_text`."""

from __future__ import annotations

import os

import pytest

from tests.bench import fuzz_text

COUNT = 100_000 if os.environ.get("ORC_LONG") else 2500


def test_no_text_gets_through_that_a_terminal_obeys() -> None:
    assert fuzz_text.fuzz(COUNT, seed=1) == []


def test_the_fuzzer_finds_what_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_text, "clean", lambda text: text)
    assert {why.split(" ")[0] for _, why in fuzz_text.fuzz(200, seed=1)} >= {"U+001B"}
