"""The built-in agent against the scripted model server, by `api_base`: streaming, tools, usage, back-off, a hang."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.loops.agent.serving import lines, of, start, task

SLOW = 120


def run(
    tmp_path: Path, server: str, prompt: str, **fields: Any
) -> tuple[int, list[dict[str, Any]], list[dict[str, Any]]]:
    """(exit status, log, what the server was asked)."""
    whole = task(tmp_path, prompt=prompt, **({"model": "openai/mock-small", "api_base": f"{server}/v1"} | fields))
    process = start(tmp_path, whole)
    out, _ = process.communicate(timeout=SLOW)
    assert out == b""
    asked = [json.loads(line) for line in (tmp_path / "requests.jsonl").read_text().splitlines()]
    return process.returncode, lines(whole.log), [line for line in asked if line["kind"] in ("chat", "anthropic")]


def test_streaming_tools_and_usage(tmp_path: Path, model: str) -> None:
    status, log, asked = run(tmp_path, model, "think about it")
    # It never says done: it is told once to go on, and then it is over.
    assert status == 1 and log[-1]["subtype"] == "stopped_without_done"
    assert [line["text"] for line in of(log, "tool_result")] == ["one\n", "two\n"]
    assert of(log, "tool_call")[0]["msg"] == of(log, "tool_call")[1]["msg"]
    found = [(u["input"], u["cache_read"], u["cache_write"], u["output"], u["reasoning"]) for u in of(log, "usage")]
    # As the server makes them up of the number of messages: fresh and written input, cache, output, thoughts.
    sizes = [len(line["body"]["messages"]) for line in asked]
    assert found == [(4 + n + 1200 + 150 * n, 14000 + 1350 * n, 0, 80 + 5 * n, 20) for n in sizes]
    assert all(line["body"]["stream_options"] == {"include_usage": True} for line in asked)


def test_anthropic_s_usage_is_as_disjoint(tmp_path: Path, model: str) -> None:
    _, log, asked = run(tmp_path, model, "list the files", model="anthropic/claude-mock", api_base=model)
    found = [(u["input"], u["cache_read"], u["cache_write"], u["output"]) for u in of(log, "usage")]
    sizes = [len(line["body"]["messages"]) for line in asked]
    assert found == [(4 + n, 14000 + 1350 * n, 1200 + 150 * n, 60 + 5 * n) for n in sizes]


def test_waits_for_a_limit_are_told_before_they_begin(tmp_path: Path, model: str) -> None:
    _, log, asked = run(tmp_path, model, "rate limited", max_turns=1)
    errors = of(log, "api_error")
    assert [(e["status"], e["retry_in"], e["attempt"], e["final"]) for e in errors] == [
        (429, 1.0, 1, False),
        (429, 1.0, 2, False),
    ]
    assert len(asked) == 3 and len(of(log, "usage")) == 1


@pytest.mark.parametrize("words", ["hang before", "hang midway"])
def test_a_hang_is_silence_until_the_time_is_over(tmp_path: Path, model: str, words: str) -> None:
    status, log, asked = run(tmp_path, model, words, request_timeout=2.0, max_attempts=1)
    assert status == 1 and len(asked) == 1
    kinds = [line["kind"] for line in log if not line.get("stream")]
    assert kinds == ["session", "user", "api_error", "result"]
    assert of(log, "api_error")[0]["final"] is True


def test_tokens_that_arrive_are_told_now_and_then(tmp_path: Path, model: str) -> None:
    _, log, _ = run(tmp_path, model, "stream slowly", max_turns=1)
    counts = [line["out"] for line in log if line.get("stream")]
    assert 10 < len(counts) <= 62 and counts == sorted(counts)


@pytest.mark.parametrize(
    ("words", "kind"), [("bad key", "authentication_error"), ("too long prompt", "context_window_exceeded")]
)
def test_what_no_second_try_helps_is_final(tmp_path: Path, model: str, words: str, kind: str) -> None:
    status, log, _ = run(tmp_path, model, words)
    last = of(log, "api_error")[-1]
    assert (status, last["type"], last["final"]) == (1, kind, True)
    assert log[-1]["is_error"] is True
