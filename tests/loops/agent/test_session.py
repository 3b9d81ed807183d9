"""Turns of the built-in agent, with a model that says what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui.events import Tokens
from orchestrator_tui.loops.agent.channel import Speaker
from orchestrator_tui.loops.agent.journal import Journal
from orchestrator_tui.loops.agent.money import Money
from orchestrator_tui.loops.agent.reply import Call, Counted, Reply
from orchestrator_tui.loops.agent.session import Said, Session
from tests.loops.agent.serving import lines, of, task


class Scripted:
    """Answers with the next of its replies; an exception is raised, a number of seconds waited."""

    def __init__(self, *replies: Any) -> None:
        self.name, self.effort, self.key = "openai/m", None, None
        self.replies, self.seen = list(replies), []  # type: ignore[var-annotated]

    async def ask(self, messages: list[Any], tools: list[Any], turn: int, arriving: Callable[[int], None]) -> Reply:
        self.seen.append([dict(message) for message in messages])
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, int):
            await asyncio.sleep(reply)
        assert isinstance(reply, Reply)
        return reply


def says(
    text: str = "", *calls: tuple[str, dict[str, Any]], prompt: int = 1000, output: int = 10, name: str = ""
) -> Reply:
    made = [Call(f"id{n}", tool, args, "") for n, (tool, args) in enumerate(calls)]
    return Reply(name, text, made, "stop", Counted(Tokens(input=prompt, output=output), prompt))


def done() -> Reply:
    return says("", ("done", {"summary": "finished"}))


def session(tmp_path: Path, model: Scripted, prices: str | None = None, **fields: Any) -> Session:
    whole = task(tmp_path, **fields)
    journal = Journal(whole.log or "")
    made = Session(whole, journal, Speaker(None), model, Money(prices), {"PATH": "/usr/bin:/bin"})  # type: ignore[arg-type]
    made.queue.append(Said("do it"))
    return made


async def test_without_done_it_is_told_once_to_go_on(tmp_path: Path) -> None:
    model = Scripted(says("I looked."), says("", ("bash", {"command": "true"})), says("Finished."), says("Finished."))
    made = session(tmp_path, model)
    assert await made.turn() == "stopped"
    log = lines(made.task.log)
    assert len([line for line in of(log, "user") if line.get("synthetic")]) == 2
    assert [m["role"] for m in model.seen[-1]] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]


async def test_it_ends_after_so_many_responses(tmp_path: Path) -> None:
    made = session(tmp_path, Scripted(*[says("", ("bash", {"command": "true"}))] * 5), max_turns=3)
    assert await made.turn() == "max_turns"
    assert len(of(lines(made.task.log), "usage")) == 3


async def test_it_ends_before_the_request_that_its_money_does_not_cover(tmp_path: Path) -> None:
    prices = tmp_path / "p.json"
    prices.write_text('{"openai/m": {"input_cost_per_token": 1e-5, "output_cost_per_token": 1e-5}}')
    made = session(tmp_path, Scripted(*[says("", ("bash", {"command": "true"}))] * 9), str(prices), max_usd=0.03)
    assert await made.turn() == "max_usd"
    # 1010 tokens at 10 microdollars: three responses are 3.03 cents, never four.
    assert len(of(lines(made.task.log), "usage")) == 3


async def test_a_budget_without_a_price_is_said_once_and_not_enforced(tmp_path: Path) -> None:
    made = session(tmp_path, Scripted(*[says("", ("bash", {"command": "true"}))] * 3, done()), max_usd=0.0001)
    made.model.name = "openai/nobody-knows-this"
    assert await made.turn() == "done"
    (note,) = of(lines(made.task.log), "note")
    assert "not enforced" in note["text"]


async def test_old_outputs_are_left_out_before_the_window_is_full(tmp_path: Path) -> None:
    noisy = [says("", ("bash", {"command": "yes | head -c 9000"}), prompt=1000 + 2600 * n) for n in range(12)]
    model = Scripted(*noisy, done())
    made = session(tmp_path, model, context_window=20_000)
    assert await made.turn() == "done"
    log = lines(made.task.log)
    pairs = [(line["pre_tokens"], line["post_tokens"]) for line in of(log, "compact")]
    assert pairs and len(of(log, "compact_start")) == len(pairs)
    assert all(before > after and before > 15_000 for before, after in pairs)
    assert all(request[1]["content"].startswith("do it") for request in model.seen)
    assert model.seen[-1][-1]["content"].startswith("y\n")


class TooMuch(Exception):
    status_code = 400


async def test_a_prompt_that_is_too_long_is_shortened_and_asked_once_more(tmp_path: Path) -> None:
    calls = [says("", ("bash", {"command": "yes | head -c 9000"})) for _ in range(8)]
    error = TooMuch("This model's maximum context length is 8192 tokens")
    made = session(tmp_path, Scripted(*calls, error, done()))
    assert await made.turn() == "done"
    (told,) = of(lines(made.task.log), "api_error")
    assert (told["type"], told["final"], told["retry_in"]) == ("context_window_exceeded", False, 0.0)
    again = session(tmp_path, Scripted(error, error), log=str(tmp_path / "b.jsonl"))
    assert await again.turn() == "error"
    assert [line["final"] for line in of(lines(again.task.log), "api_error")] == [False, True]


async def test_tries_are_counted_and_the_last_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator_tui.loops.agent import session as module

    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    made = session(tmp_path, Scripted(*[ConnectionResetError("x")] * 9), max_attempts=4)
    assert await made.turn() == "error"
    errors = of(lines(made.task.log), "api_error")
    assert [line["final"] for line in errors] == [False, False, False, True]
    assert [line.get("retry_in") for line in errors] == [*waited, None] and len(waited) == 3


async def test_a_response_id_that_comes_twice_counts_twice(tmp_path: Path) -> None:
    step = ("bash", {"command": "true"})
    made = session(tmp_path, Scripted(says("", step, name="r"), says("", step, name="r"), says("", step), done()))
    assert await made.turn() == "done"
    assert len({line["id"] for line in of(lines(made.task.log), "usage")}) == 4


async def test_done_comes_last_and_not_before_what_a_person_just_said(tmp_path: Path) -> None:
    model = Scripted(says("", ("done", {"summary": "early"}), ("bash", {"command": "echo > made"})), done())
    made = session(tmp_path, model)
    first = made._take_up

    def take_up() -> None:
        first()
        if len(model.seen) == 0:
            made.queue.append(Said("one more thing"))

    made._take_up = take_up  # type: ignore[method-assign]
    assert await made.turn() == "done"
    assert (Path(made.task.cwd) / "made").exists()
    assert model.seen[-1][-1]["content"] == "one more thing" and made.last_words == "finished"


async def test_an_interrupted_turn_leaves_a_conversation_that_goes_on(tmp_path: Path) -> None:
    slow = says("", ("bash", {"command": "touch here; sleep 300"}), ("bash", {"command": "true"}))
    model = Scripted(slow, done())
    made = session(tmp_path, model)
    turn = asyncio.ensure_future(made.turn())
    while not (Path(made.task.cwd) / "here").exists():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    made.queue.append(Said("go on"))
    assert await made.turn() == "done"
    assert [m["role"] for m in model.seen[-1]] == ["system", "user", "assistant", "tool", "tool", "user"]
    results = of(lines(made.task.log), "tool_result")
    assert results[0] == {**results[0], "id": "c1", "ok": False, "text": "[interrupted by the person]"}


async def test_a_question_waits_for_the_person(tmp_path: Path) -> None:
    ask = ("ask_user", {"question": "Which database?"})
    model = Scripted(says("", ask), says("", ask), done())
    made = session(tmp_path, model)
    made.owned = True
    turn = asyncio.ensure_future(made.turn())
    for name, answer in (("c1", (True, "sqlite")), ("c2", (False, ""))):
        while name not in made.asks:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert of(lines(made.task.log), "hook")[-1]["type"] == "elicitation_dialog"
        made.asks[name].set_result(answer)
    assert await turn == "done"
    assert [m["content"] for m in model.seen[-1] if m["role"] == "tool"] == ["sqlite", "No. Go on without it."]
