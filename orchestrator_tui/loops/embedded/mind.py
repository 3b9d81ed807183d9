"""One response: which program runs, and where it stands in this conversation. No state, no clock, no I/O."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct

from orchestrator_tui.loops.embedded.directives import ENDED_BY_A_WORD, Directive, directives
from orchestrator_tui.loops.embedded.misbehaviour import PROGRAMS
from orchestrator_tui.loops.embedded.skills import SKILLS, Size
from orchestrator_tui.loops.embedded.steps import Answer, Move, Past, Program, Talk, talk
from orchestrator_tui.loops.embedded.toolbox import Toolbox
from orchestrator_tui.loops.embedded.work import work


class Response(Struct, frozen=True):
    """What the model answers: words, and calls as the agent knows them."""

    text: str
    calls: tuple[tuple[str, dict[str, Any]], ...]
    number: int
    """Responses before this one in the conversation."""
    directives: tuple[Directive, ...]


def respond(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None, size: Size, seed: int
) -> Response:
    """The response to a conversation in OpenAI's format; the same for the same one and the same seed."""
    heard, box = talk(messages), Toolbox(tools)
    asked = directives(heard.said, size)
    for start in range(len(heard.past) + 1):
        program = _program(heard, start, size, seed)
        move = _replayed(program, heard.past[start:], box)
        if move is not None:
            text = _noted(heard.past[-1].answer.said if heard.past else "") + move.text
            return Response(text, _put(move, box), len(heard.past), tuple(asked))
    return Response("There is nothing left to do.", (), len(heard.past), tuple(asked))


def _noted(said: str) -> str:
    return f"Noted: {' '.join(said.split())[:80]}. " if said.strip() else ""


def _replayed(program: Program, past: list[Past], box: Toolbox) -> Move | None:
    """What the program does next, or None when it would have said other things so far, or has ended."""
    with suppress(StopIteration):
        move = next(program)
        for one in past:
            if list(_put(move, box)) != one.calls:
                return None
            move = program.send(one.answer)
        return move
    return None


def _put(move: Move, box: Toolbox) -> tuple[tuple[str, dict[str, Any]], ...]:
    return tuple(put for call in move.calls if (put := box.put(call)) is not None)


def _program(heard: Talk, start: int, size: Size, seed: int) -> Program:
    """The work, with misbehaviour in its places; a word that was said before it began has ended some of that."""
    # A program that is replayed must meet the task as it stood then: later words are answers, not the task.
    words = [past.answer.said for past in heard.past[:start] if past.answer.said]
    text = "\n".join([heard.task, *words])
    asked = directives(text, size)
    wrong = [one for one in asked if one.name in PROGRAMS and not (words and one.name in ENDED_BY_A_WORD)]
    return _with(wrong, work(text, SKILLS[size], _rng(seed, heard.task, size)), text, _rng(seed, text, size))


def _rng(seed: int, task: str, size: Size) -> random.Random:
    return random.Random(f"{seed} {size} {task}")  # noqa: S311


def _with(wrong: list[Directive], real: Program, task: str, rng: random.Random) -> Program:
    answer: Answer | None = None
    done = 0
    while True:
        for directive in [one for one in wrong if one.after <= done]:
            wrong.remove(directive)
            yield from PROGRAMS[directive.name](directive, task, rng)
        try:
            move = real.send(answer) if answer is not None else next(real)
        except StopIteration:
            return
        answer = yield move
        done += 1
