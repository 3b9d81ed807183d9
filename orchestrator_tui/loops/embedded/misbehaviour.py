"""The programs of what the model does wrong on purpose; `directives` says which there are."""

from __future__ import annotations

import random
from collections.abc import Callable

from orchestrator_tui.loops.embedded.directives import ENDED_BY_A_WORD, Directive
from orchestrator_tui.loops.embedded.repair import bash
from orchestrator_tui.loops.embedded.steps import Answer, Call, Move, Program
from orchestrator_tui.loops.embedded.tokens import PER_TOKEN
from orchestrator_tui.loops.embedded.work import COMMAND, command_in

_SUBJECTS = (
    "the boundary", "the first caller", "an empty list", "the default", "the order of the lines", "a second reader",
    "the rounding", "the name", "the test above it", "the oldest commit", "what the README promises", "the sum",
)  # fmt: skip
_VERBS = ("depends on", "hides", "explains", "contradicts", "follows from", "is older than", "should not know", "needs")
_THOUGHTS = (
    "I believe that {} {} {}.", "If {} {} {}, the rest is clear.", "It may be that {} {} {} after all.",
    "I should check whether {} {} {}.", "Then again, {} {} {}.",
)  # fmt: skip
_AGAIN = (
    "I will look at the tests now.", "Now I will look at the tests.", "Let me look at the tests now.",
    "I will now look at the tests.", "Let me now look at the tests, then.", "So now I look at the tests.",
)  # fmt: skip


def musings(rng: random.Random, characters: int) -> str:
    """So many characters of thoughts, no two sentences beside each other alike."""
    parts: list[str] = []
    size = 0
    while size < characters:
        one, two = rng.sample(_SUBJECTS, 2)
        sentence = rng.choice(_THOUGHTS).format(one, rng.choice(_VERBS), f"{two} ({size // 7 + rng.randrange(7)})")
        parts.append(sentence)
        size += len(sentence) + 1
    return " ".join(parts)[:characters]


def _times(directive: Directive, move: Callable[[int], Move], times: int) -> Program:
    """A move again and again; the person's word ends what `directives` says it ends."""
    for number in range(times):
        answer: Answer = yield move(number)
        if answer.said and directive.name in ENDED_BY_A_WORD:
            return


def _loop(directive: Directive, task: str, rng: random.Random) -> Program:
    command = command_in(task) or COMMAND
    yield from _times(directive, lambda _: Move("I run the tests.", (bash(command),)), directive.count("times"))


def _paraphrase(directive: Directive, task: str, rng: random.Random) -> Program:
    command = command_in(task) or COMMAND
    tails = ("", " 2>&1", "  2>&1", " 2>&1 | cat", " 2>&1 | tail -n 50", " 2>&1 | head -n 500", "; true", " || true")

    def worded(number: int) -> Move:
        return Move("Perhaps like this.", (bash(command + tails[number % 8] + f"  # {number // 8}" * (number > 7)),))

    yield from _times(directive, worded, directive.count("times"))


def _chatter(directive: Directive, task: str, rng: random.Random) -> Program:
    yield from _times(directive, lambda number: Move(_AGAIN[number % len(_AGAIN)]), directive.count("times", 6))


def _spin(directive: Directive, task: str, rng: random.Random) -> Program:
    """Each edit is new, none is of use; the last one is taken back when a person ends it."""
    command = command_in(task) or COMMAND
    answer = yield Move("Which file is it?", (bash("git ls-files '*.py' | grep -v test | head -n 1"),))
    path = answer.first.split("\n")[0].strip() or "notes.txt"
    mark = "# attempt"
    last = ""

    def attempt(number: int) -> Move:
        nonlocal last
        line = f"{mark} {number + 1}: {musings(random.Random(number), 40)}"  # noqa: S311
        step = f"sed -i.bak '/^{mark} /d' '{path}' && rm -f '{path}.bak' && " if last else ""
        last = line
        write = f"printf '%s\\n' '{line}' >> '{path}'"
        return Move(f"Attempt {number + 1}: perhaps this helps.", (bash(step + write), bash(command)))

    yield from _times(directive, attempt, directive.count("times"))
    if last:
        yield Move("I take my attempts back.", (bash(f"sed -i.bak '/^{mark} /d' '{path}' && rm -f '{path}.bak'"),))


def _ask(directive: Directive, task: str, rng: random.Random) -> Program:
    question = rng.choice(
        (
            "Two fixes are possible: change the default, or handle the empty case. Which do you want?",
            "May I change the public signature, or must callers stay as they are?",
            "The README and the tests contradict each other. Which one is right?",
        )
    )
    answer = yield Move("I need an answer before I go on.", (Call("ask", {"question": question}),))
    del answer


def _overspend(directive: Directive, task: str, rng: random.Random) -> Program:
    size = directive.count("tokens", 6000) * PER_TOKEN

    def study(number: int) -> Move:
        first = number * 3 + 1
        look = bash(f"git ls-files | xargs cat | sed -n '{first},{first + 2}p'  # lines {first} to {first + 2}")
        return Move(musings(rng, size), (look,))

    yield from _times(directive, study, directive.count("times", 40))


def _fill(directive: Directive, task: str, rng: random.Random) -> Program:
    size = directive.count("characters", 20_000)
    start = rng.randrange(1_000_000)

    def show(number: int) -> Move:
        first = start + number * (size // 8)
        return Move("I need to see more of it.", (bash(f"seq {first} {first + size // 8}"),))

    yield from _times(directive, show, directive.count("times", 40))


def _sleep(directive: Directive, task: str, rng: random.Random) -> Program:
    seconds = directive.number("seconds", 600)
    yield Move("The whole build takes a while.", (bash(f"echo building; sleep {seconds:g}; echo built"),))


def _claim(directive: Directive, task: str, rng: random.Random) -> Program:
    summary = "All tests pass now; the work is complete."
    yield Move(summary, (Call("done", {"summary": summary}),))


PROGRAMS: dict[str, Callable[[Directive, str, random.Random], Program]] = {
    "loop": _loop, "spin": _spin, "paraphrase": _paraphrase, "chatter": _chatter, "ask": _ask,
    "overspend": _overspend, "fill": _fill, "sleep": _sleep, "claim": _claim,
}  # fmt: skip
