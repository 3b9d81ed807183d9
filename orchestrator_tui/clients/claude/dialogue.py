"""Claude Code's control channel: one JSON object a line, both ways (measured on 2.1.197).

It reads its input in order and answers a control request at once, also during a turn. A line that it cannot read ends
it. Messages of one `uuid` it takes once, however often, also in a later process: so none is ever used again.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID, uuid4

from msgspec import Struct, field

from orchestrator_tui.clients.claude.asked import Asked, allowed, denied, read_asked
from orchestrator_tui.clients.driving import OPEN, Heard, Sent, Task, Unsupported
from orchestrator_tui.clients.values import decode_object, short, text_of
from orchestrator_tui.events import PermissionAnswered
from orchestrator_tui.text import line, utf8

EFFORTS = ("low", "medium", "high", "xhigh", "max")
"""The client takes any other word, says so and ignores it."""
MAX_ASKED = 256
MAX_QUEUED = 256
WORDS = 200
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+\-]{0,127}(?:\[[A-Za-z0-9]{1,8}\])?")
Decision = Literal["allowed", "denied", "gone"]
_DECISIONS: dict[str, Decision] = {"allow": "allowed", "deny": "denied"}
_REQUEST = re.compile(r"[!-~]{1,128}")


class _Wait(Struct):
    """A request of ours that takes one or more answers."""

    name: str
    left: set[str]
    words: str = ""
    always: bool = False
    """Any answer will do: that there is one proves that what went before it was read."""


class _Given(Struct):
    """An answer of ours that the client has not repeated yet."""

    asked: Asked
    allow: bool
    line: bytes = field(default=b"")


class ClaudeDialogue:
    """One session's channel."""

    def __init__(self, task: Task) -> None:
        self._prompt = task.prompt
        # Another host's requests must not be taken for ours.
        self._salt, self._count = secrets.token_hex(4), 0
        self._asked: dict[str, Asked] = {}
        self._given: dict[str, _Given] = {}
        self._waits: dict[str, _Wait] = {OPEN: _Wait(OPEN, {OPEN})}
        self._queued: dict[str, str] = {}
        """Messages that it has not taken up: their uuid -> the request that waits for them."""

    def opening(self) -> Sequence[bytes]:
        """Have it say that it is there (it says nothing before it is spoken to), and then the prompt."""
        lines = [_control(OPEN, {"subtype": "initialize"})]
        if self._prompt.strip("\0 \t\r\n"):
            lines.append(_message(self._prompt, str(uuid4())))
        return lines

    def say(self, text: str) -> Sent:
        """A message; during a turn it is queued, and taken up between two steps. Raises Unsupported.

        It is answered when the client has read it; what it does of it shows in the transcript.
        """
        if not text.strip("\0 \t\r\n"):
            raise Unsupported("an empty message says nothing; write something")
        name, message = self._name(), str(uuid4())
        self._waits[name] = _Wait(name, {name}, always=True)
        self._queued[message] = name
        while len(self._queued) > MAX_QUEUED:
            del self._queued[next(iter(self._queued))]
        return Sent((_message(text, message), _control(name, {"subtype": "get_session_cost"})), name)

    def interrupt(self) -> Sent:
        """Stop the turn: what is asked is withdrawn, what is queued comes next."""
        name = self._name()
        self._waits[name] = _Wait(name, {name})
        return Sent((_control(name, {"subtype": "interrupt"}),), name)

    def answer(self, request: str, allow: bool, words: str) -> Sent:
        """Allow or deny; a question is allowed with its answer as `words`. The client repeats the answer.

        Raises Unsupported for what is not asked, and when it was already answered otherwise.
        """
        given = self._given.get(request)
        if given is not None:
            if given.allow != allow:
                raise Unsupported(f"it has just been {'allowed' if given.allow else 'denied'}; that stands")
            return Sent((given.line,), request)
        asked = self._asked.get(request)
        if asked is None:
            raise Unsupported("that is not asked any more")
        answer = allowed(asked, words) if allow else denied(words)
        name = json.dumps(request)
        said = (
            f'{{"type":"control_response","response":{{"subtype":"success","request_id":{name},"response":{answer}}}}}'
        )
        given = self._given[request] = _Given(asked, allow, said.encode() + b"\n")
        return Sent((given.line,), request)

    def use(self, model: str | None, effort: str | None) -> Sent:
        """From its next request on, also within a turn. It takes any name: which model runs, the next response says.

        Raises Unsupported.
        """
        asks: list[dict[str, Any]] = []
        if model is not None:
            asks.append({"subtype": "set_model", "model": checked_model(model)})
        if effort is not None:
            settings = {"effortLevel": checked_effort(effort)}
            asks.append({"subtype": "apply_flag_settings", "settings": settings})
        if not asks:
            raise Unsupported("neither a model nor an effort is named")
        names = [self._name() for _ in asks]
        wait = _Wait(names[-1], set(names))
        self._waits.update(dict.fromkeys(names, wait))
        return Sent(tuple(_control(name, ask) for name, ask in zip(names, asks, strict=True)), wait.name)

    def end(self) -> Sent:
        """Interrupt what runs and end; what is queued is withdrawn, because it would go on with that."""
        names = [self._name() for _ in self._queued]
        withdrawn = [
            _control(name, {"subtype": "cancel_async_message", "message_uuid": message})
            for name, message in zip(names, self._queued, strict=True)
        ]
        name = self._name()
        self._waits[name] = _Wait(name, {name})
        return Sent((*withdrawn, _control(name, {"subtype": "end_session"})), name)

    # --- hearing ------------------------------------------------------------------------------------------

    def heard(self, line: bytes) -> Heard:
        """One line of its output; never raises."""
        heard = Heard()
        message = decode_object(line)
        if message is None:
            return heard
        kind = message.get("type")
        if kind == "control_request":
            self._hear_request(message, line, heard)
        elif kind == "control_response":
            self._hear_response(message.get("response"), heard)
        elif kind == "control_cancel_request":
            self._settle(_id(message.get("request_id")), "gone", heard)
        elif kind == "system" and message.get("subtype") == "init":
            heard.session, heard.model = _uuid(message.get("session_id")), short(message.get("model"))
            heard.ready = True
        elif kind == "user" and message.get("isReplay") is True:
            self._hear_taken(text_of(message.get("uuid")) or "", heard)
        elif kind == "result":
            self._hear_result(message, heard)
        return heard

    def _hear_request(self, message: dict[str, Any], data: bytes, heard: Heard) -> None:
        name, request = _id(message.get("request_id")), message.get("request")
        if name is None or name in self._asked:
            return
        asked = None
        if isinstance(request, dict) and request.get("subtype") == "can_use_tool" and len(self._asked) < MAX_ASKED:
            asked = read_asked(name, request, data)
        if asked is None:
            words = "orc does not answer this"
            heard.replies.append(_line({"type": "control_response", "response": _refusal(name, words)}))
            return
        self._asked[name] = asked
        heard.events.append(asked.event)

    def _hear_response(self, response: object, heard: Heard) -> None:
        if not isinstance(response, dict) or (name := _id(response.get("request_id"))) is None:
            return
        failed = response.get("subtype") != "success"
        words = line(text_of(response.get("error")) or "it says no", WORDS) if failed else ""
        if name in self._waits:
            heard.ready = heard.ready or (name == OPEN and not failed)
            self._finish(name, words, heard)
        elif name in self._asked:
            # It repeats an answer that it was given, by this host or one before.
            answer = response.get("response")
            behavior = answer.get("behavior") if isinstance(answer, dict) else None
            self._settle(name, _DECISIONS.get(str(behavior), "gone"), heard)

    def _hear_taken(self, message: str, heard: Heard) -> None:
        name = self._queued.pop(message, None)
        if name is not None:
            self._finish(name, "", heard)

    def _hear_result(self, message: dict[str, Any], heard: Heard) -> None:
        heard.idle = True
        errors = message.get("errors")
        if OPEN in self._waits and message.get("is_error") is True:
            said = [error for error in errors if isinstance(error, str)] if isinstance(errors, list) else []
            self._finish(OPEN, line("; ".join(said) or "its session could not be begun", WORDS), heard)

    def _settle(self, name: str | None, decision: Decision, heard: Heard) -> None:
        """Something is not asked any more."""
        if name is None or self._asked.pop(name, None) is None:
            return
        given = self._given.pop(name, None)
        heard.events.append(PermissionAnswered(request_id=name, decision=decision))
        if given is not None:
            heard.answered[name] = "it was withdrawn before the answer came" if decision == "gone" else ""

    def _finish(self, name: str, words: str, heard: Heard) -> None:
        """One answer of those that a request waits for."""
        wait = self._waits.pop(name, None)
        if wait is None:
            return
        wait.left.discard(name)
        wait.words = wait.words or ("" if wait.always else words)
        if not wait.left:
            heard.answered[wait.name] = wait.words

    def _name(self) -> str:
        self._count += 1
        return f"orc-{self._salt}-{self._count}"


def checked_model(model: str) -> str:
    """The name, when it can be a model's and no option. Raises Unsupported."""
    if _MODEL.fullmatch(model) is None:
        raise Unsupported(f"{line(model, 60)!r} is no model's name")
    return model


def checked_effort(effort: str) -> str:
    """The level, when Claude Code has it. Raises Unsupported."""
    if effort not in EFFORTS:
        raise Unsupported(f"Claude Code has no effort {line(effort, 60)!r}; it has {', '.join(EFFORTS)}")
    return effort


def _line(value: dict[str, Any]) -> bytes:
    """In ASCII: some readers take a line separator within a text for the end of the line."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _message(text: str, uuid: str) -> bytes:
    content = utf8(text).replace("\0", "�")
    return _line({"type": "user", "message": {"role": "user", "content": content}, "uuid": uuid})


def _control(name: str, request: dict[str, Any]) -> bytes:
    return _line({"type": "control_request", "request_id": name, "request": request})


def _refusal(name: str, words: str) -> dict[str, str]:
    return {"subtype": "error", "request_id": name, "error": words}


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and _REQUEST.fullmatch(value) else None


def _uuid(value: object) -> str | None:
    try:
        return str(UUID(value)) if isinstance(value, str) and len(value) == 36 else None
    except ValueError:
        return None
