"""What the model is told each time: the task, what was said and done since, and no more than its window holds."""

from __future__ import annotations

import json
from typing import Any

from orchestrator_tui.loops.agent.cutting import cut

WINDOW = 64_000
"""Tokens that are counted on where nothing is known of the model."""
FULL = 0.75
"""The part of the window from which on old things are left out: an answer needs room, too."""
AIM = 0.5
"""Down to that part, so that it is not done again at once."""
KEPT = 8
"""Messages at the end that stay as they are."""
SHORT = 1000
"""Characters that stay of an old output, and of an old call's arguments."""
PER_TOKEN = 3.5
"""Characters in a token, at a guess, where no response has told better."""
DROPPED = "[output left out to save room; run it again if it is needed]"
GONE = "[{} earlier steps were left out to save room. What they changed is still in the files.]"
Message = dict[str, Any]


class Conversation:
    """The messages of one session, in the form in which chat models take them."""

    def __init__(self, system: str, window: int | None = None) -> None:
        self.window = window or WINDOW
        self.messages: list[Message] = [{"role": "system", "content": system}]
        self._known = 0
        """Tokens of the messages up to `_counted`, as the last response told."""
        self._counted = 0
        self._pinned = 2
        """Messages at the start that are never left out: the instructions and the task."""
        self._task: str | None = None
        """The task's own words, once something was added to them."""
        self._gone = 0
        self._said: list[str] = []
        """What a person said in steps that were left out."""

    def user(self, text: str) -> None:
        """A person's words, or a machine's."""
        last = self.messages[-1]
        if last["role"] == "user" and len(self.messages) > self._pinned:
            # Some servers refuse two in a row.
            last["content"] = f"{last['content']}\n\n{text}"
            self._counted = min(self._counted, len(self.messages) - 1)
        else:
            self.messages.append({"role": "user", "content": text})

    def answered(self, message: Message, prompt: int | None, output: int | None) -> None:
        """What the model said, and how many tokens the server counted; None where it did not say."""
        self.messages.append(message)
        if prompt is not None:
            self._known, self._counted = prompt + (output or 0), len(self.messages)

    def result(self, call: str, text: str) -> None:
        """What came of a tool call."""
        self.messages.append({"role": "tool", "tool_call_id": call, "content": text})

    def settle(self, text: str) -> None:
        """Answer every call that has no result: a conversation with an open call is refused by servers."""
        answered = {message.get("tool_call_id") for message in self.messages if message["role"] == "tool"}
        for message in reversed(self.messages):
            if message["role"] == "assistant":
                for call in message.get("tool_calls") or ():
                    if call["id"] not in answered:
                        self.result(call["id"], text)
                return

    def tokens(self) -> int:
        """About how many tokens the next request has."""
        return self._known + sum(_tokens(message) for message in self.messages[self._counted :])

    def is_full(self) -> bool:
        """Whether old things are to be left out before the next request."""
        return self.tokens() > self.window * FULL

    def trim(self, aim: int | None = None) -> tuple[int, int]:
        """Leave old things out until about `aim` tokens are left (half the window); (tokens before, after).

        Old outputs are cut to their ends, then dropped, then whole old steps. The instructions, the task and the last
        turns stay: where these alone are too much, nothing more can be done.
        """
        before = left = self.tokens()
        goal = int(self.window * AIM) if aim is None else aim
        for shorten in (_shorter, _dropped):
            for message in self._old():
                if left <= goal:
                    break
                left -= shorten(message)
        left -= self._drop_steps(left - goal)
        self._known, self._counted = max(0, left), len(self.messages)
        return before, max(0, left)

    def _old(self) -> list[Message]:
        return self.messages[self._pinned : max(self._pinned, len(self.messages) - KEPT)]

    def _drop_steps(self, excess: int) -> int:
        """Leave whole steps out, oldest first; a step is an answer of the model with the results that belong to it."""
        end, last, saved, steps = self._pinned, len(self.messages) - KEPT, 0, 0
        while end < last and saved < excess:
            stop = end + 1
            while stop < len(self.messages) and self.messages[stop]["role"] == "tool":
                stop += 1
            if stop > last:
                break
            saved += sum(_tokens(message) for message in self.messages[end:stop])
            steps, end = steps + 1, stop
        if not steps:
            return 0
        self._gone += steps
        self._said += [cut(str(m["content"]), SHORT) for m in self.messages[self._pinned : end] if m["role"] == "user"]
        task = self.messages[self._pinned - 1]
        self._task = task["content"] if self._task is None else self._task
        note = "\n\n".join([GONE.format(self._gone), *self._said[-4:]])
        del self.messages[self._pinned : end]
        # In the task's own message: two of one role in a row are refused by some servers.
        task["content"] = f"{self._task}\n\n{note}"
        return max(0, saved - int(len(note) / PER_TOKEN))


def _tokens(message: Message) -> int:
    size = len(message.get("content") or "")
    for call in message.get("tool_calls") or ():
        size += len(call["function"]["arguments"]) + len(call["function"]["name"])
    return int(size / PER_TOKEN) + 4


def _shorter(message: Message) -> int:
    before = _tokens(message)
    if message["role"] == "tool":
        message["content"] = cut(message["content"], SHORT)
    for call in message.get("tool_calls") or ():
        function = call["function"]
        if len(function["arguments"]) > 2 * SHORT:
            # It must stay an object: some servers parse it.
            function["arguments"] = json.dumps({"left_out": cut(function["arguments"], SHORT)})
    return before - _tokens(message)


def _dropped(message: Message) -> int:
    before = _tokens(message)
    if message["role"] == "tool" and len(message["content"]) > len(DROPPED):
        message["content"] = DROPPED
    return before - _tokens(message)
