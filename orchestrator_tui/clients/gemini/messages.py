"""What the messages of a Gemini chat say (CLI 0.61.0): the person's, the model's, the client's own notices."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from orchestrator_tui.clients.gemini import content as said
from orchestrator_tui.clients.gemini.state import ChatState
from orchestrator_tui.clients.values import text_of
from orchestrator_tui.events import ApiError, AssistantMessage, AssistantThinking, KnownBody, TurnEnded, UserMessage
from orchestrator_tui.excerpt import ARGUMENTS, excerpt

MAX_THOUGHTS = 64
"""Thoughts of one message that are told of."""
FAILED = "the request failed, and the prompt was taken back"


def prompt(state: ChatState, mark: str, parts: list[dict[str, Any]], shown: object, replayed: bool) -> UserMessage:
    """What was asked: the words that were typed, where the client sent the model others (`displayContent`)."""
    text = said.flat_text(parts)
    local = text.startswith(said.SHELL)
    nudge = text.startswith(said.NUDGES)
    if not local and not replayed:
        state.waiting, state.open, state.interrupted = mark, True, False
        state.asked, state.looping = state.asked if nudge else mark, text.startswith(said.LOOPING)
    state.prompted = state.prompted or not local
    return UserMessage(
        text=excerpt(said.flat_text(shown) if shown else text),
        synthetic=state.subagent or nudge,
        local=local,
        replayed=replayed,
    )


def steering(parts: list[dict[str, Any]], replayed: bool) -> list[KnownBody]:
    """What a person said while tools ran; the tools' results, which it goes with, are told with their calls."""
    text = said.steering_in(parts)
    return [] if text is None else [UserMessage(text=excerpt(text), replayed=replayed)]


def spoken(state: ChatState, message: str, value: dict[str, Any], called: bool, replayed: bool) -> list[KnownBody]:
    """The model's thoughts and text.

    A message without calls ends the turn, as far as can be known: while a tool runs, its call is not written yet. One
    without text asked for a tool; only an answer that was empty is written as a list.
    """
    bodies: list[KnownBody] = []
    thoughts = value.get("thoughts")
    for thought in thoughts[:MAX_THOUGHTS] if isinstance(thoughts, list) else ():
        if isinstance(thought, dict):
            words = ": ".join(filter(None, (text_of(thought.get(name)) for name in ("subject", "description"))))
            bodies.append(AssistantThinking(text=excerpt(words, ARGUMENTS), message_id=message, replayed=replayed))
    content = value.get("content")
    text = said.flat_text(content)
    ends = not called and (text != "" or isinstance(content, list))
    if text:
        stop = "stop" if ends else None
        bodies.append(AssistantMessage(text=excerpt(text), message_id=message, stop_reason=stop, replayed=replayed))
    elif ends and not replayed:
        bodies.append(TurnEnded())
    if not replayed:
        state.open = not ends
    return bodies


def cancelled(state: ChatState) -> UserMessage:
    """The person stopped the turn: whatever comes of its tools opens it no more."""
    state.waiting, state.open, state.interrupted = "", False, True
    return UserMessage(text=excerpt("[request cancelled]"), interrupt=True)


def notice(state: ChatState, kind: str, text: str) -> list[KnownBody]:
    """A line that the client shows a person: `info`, `warning` or `error`. Without a terminal it writes none."""
    if kind == "info" and text in said.CANCELLED:
        return [] if state.interrupted else [cancelled(state)]
    if kind == "info" and text.startswith(said.HALTED) and state.open:
        state.waiting, state.open = "", False
        return [TurnEnded()]
    if kind == "error" and (state.open or text.startswith(said.API_ERROR)):
        state.waiting, state.open = "", False
        status, word, message = said.error_of(text)
        return [ApiError(status=status, kind=word, text=message[:ARGUMENTS], final=True)]
    return []


def taken_back(state: ChatState, there: Collection[str]) -> list[KnownBody]:
    """What it means that the history lacks a prompt of the open turn; `there` are the messages it has, as digests.

    Without the last prompt: its request failed; why, the client says after this, and only in a terminal. If that was to
    get the model out of a loop, or the turn's first prompt went with what was answered: the client stopped the turn.
    """
    begun, last = state.asked, state.waiting
    failed = last != "" and last not in there
    halted = (failed and state.looping) or (begun not in ("", last) and begun not in there)
    if not failed and not halted:
        return []
    state.asked, state.waiting, state.open = "", "", False
    return [TurnEnded()] if halted else [ApiError(text=FAILED, final=True)]
