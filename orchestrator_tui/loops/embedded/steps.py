"""What the model says and does in one response, and what it has said and done so far.

A program is a generator: it yields a Move and is given the Answer to it. The model keeps no state between two requests:
for each it runs the program again over the conversation, and what the program does next is the response.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from orchestrator_tui.text import utf8


class Call(Struct, frozen=True):
    """One tool call, in the model's own words; `toolbox` puts it into the agent's."""

    tool: str
    """bash, read, edit, write, ask or done."""
    args: dict[str, Any]


class Move(Struct, frozen=True):
    """One response: some words and the calls that go with them."""

    text: str
    calls: tuple[Call, ...] = ()


class Answer(Struct, frozen=True):
    """What came back: one text per call (empty when there was none), and what a person wrote since."""

    results: tuple[str, ...] = ()
    said: str = ""

    @property
    def first(self) -> str:
        """The first call's result."""
        return self.results[0] if self.results else ""

    @property
    def last(self) -> str:
        """The last call's result."""
        return self.results[-1] if self.results else ""


Program = Generator[Move, Answer, None]


class Past(Struct):
    """One response of the conversation so far, as the agent tells it."""

    calls: list[tuple[str, dict[str, Any]]]
    answer: Answer


class Talk(Struct):
    """A conversation: the task, and each response with its answer."""

    task: str
    """Everything a person wrote before the first response."""
    past: list[Past]

    @property
    def said(self) -> str:
        """The task and everything that was written later."""
        return "\n".join([self.task, *(past.answer.said for past in self.past if past.answer.said)])


def text_of(content: object) -> str:
    """A message's text: a string, or the text parts of a list."""
    if isinstance(content, str):
        return utf8(content)
    if isinstance(content, Sequence):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return utf8("\n".join(part for part in parts if isinstance(part, str)))
    return ""


def talk(messages: Sequence[Mapping[str, Any]]) -> Talk:
    """Read a conversation in OpenAI's format. Whatever does not fit is left out."""
    task: list[str] = []
    past: list[Past] = []
    results: list[dict[str, str]] = []
    ids: list[list[str]] = []
    said: list[list[str]] = []
    for message in messages:
        role = message.get("role")
        if role == "assistant":
            calls = [_called(call) for call in message.get("tool_calls") or ()]
            ids.append([identity for identity, _, _ in calls])
            said.append([])
            # By response: some agents count their calls anew in each.
            results.append({})
            past.append(Past([(name, args) for _, name, args in calls], Answer()))
        elif role == "tool" and results:
            results[-1][str(message.get("tool_call_id"))] = text_of(message.get("content"))
        elif role == "user":
            (said[-1] if said else task).append(text_of(message.get("content")))
    for one, names, came, words in zip(past, ids, results, said, strict=True):
        one.answer = Answer(tuple(came.get(name, "") for name in names), "\n".join(words))
    return Talk("\n".join(task), past)


def _called(call: Any) -> tuple[str, str, dict[str, Any]]:
    function = call.get("function") or {}
    try:
        args = msgspec.json.decode(function.get("arguments") or "{}")
    except msgspec.DecodeError:
        args = {}
    return str(call.get("id")), str(function.get("name")), args if isinstance(args, dict) else {}


_NUMBERED = re.compile(r"^\s*\d+(?:\t|→|│|\||: )(.*)$")


def source_of(result: str) -> str:
    """A file's text out of what a tool for reading gave: line numbers are taken off."""
    lines = result.split("\n")
    matches = [_NUMBERED.match(line) for line in lines]
    numbered = [match[1] for match in matches if match]
    if numbered and len(numbered) * 10 >= 8 * sum(1 for line in lines if line.strip()):
        return "\n".join(numbered) + "\n"
    return result if result.endswith("\n") else result + "\n"
