"""The built-in agent's control channel, as `loops.agent.channel` describes it: one JSON object a line, both ways."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from typing import Any, Literal

from orchestrator_tui.clients.driving import OPEN, Heard, Sent, Unsupported
from orchestrator_tui.clients.values import arguments_of, decode_object, short, text_of
from orchestrator_tui.events import PermissionAnswered, PermissionAsked
from orchestrator_tui.loops.agent.task import EFFORTS, MODEL, SESSION
from orchestrator_tui.text import line, utf8

MAX_ASKED = 256
MAX_WAITS = 1024
WORDS = 200
BLANK = "\0 \t\r\n"
Decision = Literal["allowed", "denied", "gone"]
_DECISIONS: dict[str, Decision] = {"allowed": "allowed", "denied": "denied"}
_REQUEST = re.compile(r"[!-~]{1,128}")


class BuiltinDialogue:
    """One session's channel."""

    def __init__(self, task: bytes) -> None:
        """`task`: the line that it is started with."""
        self._task = task
        # Another host's requests must not be taken for ours.
        self._salt, self._count = secrets.token_hex(4), 0
        self._waits: dict[str, str] = {}
        """Names of our lines that are not answered -> the request that they answer, or ""."""
        self._asked: set[str] = set()
        self._given: dict[str, bool] = {}
        self._open = False

    def opening(self) -> Sequence[bytes]:
        """The task."""
        return [self._task]

    def say(self, text: str) -> Sent:
        """A message; during a turn it is taken up before the next request to the model. Raises Unsupported."""
        if not text.strip(BLANK):
            raise Unsupported("an empty message says nothing; write something")
        return self._sent({"say": utf8(text).replace("\0", "�")})

    def interrupt(self) -> Sent:
        """Stop the turn and the command that runs in it; what is queued comes next."""
        return self._sent({"interrupt": True})

    def answer(self, request: str, allow: bool, words: str) -> Sent:
        """Answer its question with words, or say no to it. Raises Unsupported for what is not asked."""
        given = self._given.get(request)
        if given is not None:
            raise Unsupported(f"it has just been {'allowed' if given else 'denied'}; that stands")
        if request not in self._asked:
            raise Unsupported("that is not asked any more")
        self._given[request] = allow
        return self._sent({"answer": request, "allow": allow, "words": utf8(words)}, request)

    def use(self, model: str | None, effort: str | None) -> Sent:
        """From its next request on. Raises Unsupported."""
        if model is None and effort is None:
            raise Unsupported("neither a model nor an effort is named")
        if model is not None and MODEL.fullmatch(model) is None:
            raise Unsupported(f"{line(model, 60)!r} is no model's name; write it as litellm does: provider/name")
        if effort is not None and effort not in EFFORTS:
            raise Unsupported(f"the built-in agent has no effort {line(effort, 40)!r}; it has {', '.join(EFFORTS)}")
        wanted = {"model": model, "effort": effort}
        return self._sent({"use": {name: word for name, word in wanted.items() if word is not None}})

    def end(self) -> Sent:
        """Interrupt what runs and end the session."""
        return self._sent({"end": True})

    def _sent(self, message: dict[str, Any], about: str = "") -> Sent:
        self._count += 1
        name = f"orc-{self._salt}-{self._count}"
        self._waits[name] = about
        while len(self._waits) > MAX_WAITS:
            del self._waits[next(iter(self._waits))]
        # In ASCII: some readers take a line separator within a text for the end of the line.
        return Sent((json.dumps({**message, "id": name}, separators=(",", ":")).encode() + b"\n",), name)

    # --- hearing ------------------------------------------------------------------------------------------

    def heard(self, line: bytes) -> Heard:
        """One line of its output; never raises."""
        heard = Heard()
        message = decode_object(line)
        if message is None:
            return heard
        if "session" in message:
            self._hear_session(message["session"], heard)
        elif "failed" in message:
            self._hear_failed(message["failed"], heard)
        elif "asked" in message:
            self._hear_asked(message, heard)
        elif "settled" in message:
            self._settle(message["settled"], _DECISIONS.get(str(message.get("decision")), "gone"), heard)
        elif "answered" in message:
            self._hear_answered(message, heard)
        heard.ready = message.get("ready") is True
        heard.idle = message.get("idle") is True
        heard.model = short(message.get("model"))
        return heard

    def _hear_session(self, session: object, heard: Heard) -> None:
        if isinstance(session, str) and SESSION.fullmatch(session) and not self._open:
            self._open = True
            heard.session = session
            heard.answered[OPEN] = ""

    def _hear_failed(self, words: object, heard: Heard) -> None:
        if not self._open:
            heard.answered[OPEN] = line(text_of(words) or "its session could not be begun", WORDS)

    def _hear_asked(self, message: dict[str, Any], heard: Heard) -> None:
        request = message["asked"]
        if not isinstance(request, str) or not _REQUEST.fullmatch(request) or request in self._asked:
            return
        if len(self._asked) >= MAX_ASKED:
            return
        self._asked.add(request)
        heard.events.append(
            PermissionAsked(
                request_id=request,
                tool=short(message.get("tool")) or "ask",
                what=arguments_of(message.get("what")),
                via="channel",
                words=line(text_of(message.get("words")) or "", 1000),
            )
        )

    def _settle(self, request: object, decision: Decision, heard: Heard) -> None:
        if isinstance(request, str) and request in self._asked:
            self._asked.discard(request)
            self._given.pop(request, None)
            heard.events.append(PermissionAnswered(request_id=request, decision=decision))

    def _hear_answered(self, message: dict[str, Any], heard: Heard) -> None:
        name, words = message["answered"], text_of(message.get("words")) or ""
        about = self._waits.pop(name, None) if isinstance(name, str) else None
        if about is None or not isinstance(name, str):
            return
        if words:
            # It did not take the answer: another may be given.
            self._given.pop(about, None)
        heard.answered[name] = line(words, WORDS)
