"""What the model is told, and what is left out of it before its window is full."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_tui.loops.agent.conversation import DROPPED, KEPT, Conversation


def talk(steps: int, output: int, window: int = 10_000) -> Conversation:
    """A conversation of steps, each with a call and its output."""
    found = Conversation("instructions", window)
    found.user("the task\n\n[with brackets]")
    for n in range(steps):
        call = {
            "id": f"c{n}",
            "type": "function",
            "function": {"name": "bash", "arguments": json.dumps({"command": "x" * 50})},
        }
        found.answered({"role": "assistant", "content": None, "tool_calls": [call]}, None, None)
        found.result(f"c{n}", f"{n} " + "o" * output)
    return found


def is_sound(found: Conversation) -> None:
    """Every call has its result, right behind its message."""
    open_calls: list[str] = []
    for message in found.messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] == open_calls.pop(0)
        else:
            assert not open_calls
            open_calls = [call["id"] for call in message.get("tool_calls") or ()]
            for call in message.get("tool_calls") or ():
                assert isinstance(json.loads(call["function"]["arguments"]), dict)


@pytest.mark.parametrize(("steps", "output"), [(6, 6000), (40, 3000), (400, 100), (3, 100_000), (1, 10)])
def test_old_things_go_first_and_the_task_never(steps: int, output: int) -> None:
    found = talk(steps, output)
    tail = [dict(message) for message in found.messages[-KEPT:]]
    before, after = found.trim()
    assert before >= after == found.tokens()
    is_sound(found)
    assert found.messages[0]["content"] == "instructions"
    assert found.messages[1]["content"].startswith("the task\n\n[with brackets]")
    assert found.messages[-KEPT:] == tail or steps * 2 < KEPT
    if before > 5000:
        assert after <= 5000 or after < before or len(found.messages) <= KEPT + 2
    again = found.trim()
    assert again[1] <= again[0] and found.messages[1]["content"].count("earlier steps") <= 1


def test_outputs_are_cut_then_dropped_then_whole_steps() -> None:
    found = talk(8, 6000)
    found.trim(found.tokens() - 1000)
    assert "left out" in found.messages[3]["content"] and found.messages[3]["content"] != DROPPED
    assert found.messages[9]["content"].startswith("3 ooo")
    found.trim(found.tokens() - 4800)
    assert found.messages[3]["content"] == DROPPED
    found = talk(100, 10)
    found.user("remember the blue door")
    for n in range(20):
        found.answered({"role": "assistant", "content": f"step {n}"}, None, None)
    found.trim(1)
    assert len(found.messages) == 2 + KEPT
    assert "earlier steps were left out" in found.messages[1]["content"] and "blue door" in found.messages[1]["content"]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9000), st.booleans()), max_size=30), st.integers(0, 30_000))
def test_a_trimmed_conversation_is_one_that_servers_take(steps: list[tuple[int, int, bool]], aim: int) -> None:
    found = Conversation("i", 10_000)
    found.user("t")
    for n, (calls, size, word) in enumerate(steps):
        made = [
            {"id": f"{n}.{i}", "type": "function", "function": {"name": "b", "arguments": "{}"}} for i in range(calls)
        ]
        found.answered({"role": "assistant", "content": "a", **({"tool_calls": made} if made else {})}, None, None)
        if word and calls:
            found.settle("[interrupted]")
        else:
            for call in made:
                found.result(call["id"], "o" * size)
        if word:
            found.user("u" * size)
    found.trim(aim)
    is_sound(found)
    assert found.messages[1]["content"].startswith("t")
