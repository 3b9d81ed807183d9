"""Gemini CLI's control channel: the Agent Client Protocol, one JSON-RPC message a line.

Two things that the client lacks are made up for here. It acknowledges nothing but the end of a turn: so whatever it is
to acknowledge is followed by a request that it does not know, to which it says so at once. And a second prompt would
break off the turn: so a message is first given to it as such a request, whose name it repeats in its answer, and goes
in as a prompt when no turn runs. Thus all that counts is in its output, and whoever hears that again knows as much.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from orchestrator_tui.clients.driving import Heard, Sent, Task, Unsupported
from orchestrator_tui.clients.gemini.asked import read_asked
from orchestrator_tui.clients.values import decode_object
from orchestrator_tui.events import PermissionAnswered
from orchestrator_tui.text import line, utf8

PROTOCOL = 1
WORDS = 200
"""Characters of what the client says about an error."""
_UNKNOWN = -32601
"""JSON-RPC: there is no such method."""
_SAY, _NOTE = "_orc/say ", "_orc/note"
_COMMAND = ("/", "$")
"""The client runs a prompt that begins so as a command of its own; one of them installs extensions."""
_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+\-]{0,127}")


def checked_session(session: str) -> str:
    """The id, when it is one of Gemini CLI's. Raises Unsupported."""
    if _ID.fullmatch(session) is None:
        raise Unsupported(f"{line(session, 60)!r} is no session id of Gemini CLI")
    return session


def checked_model(model: str) -> str:
    """The name, when it can be a model's and no option. Raises Unsupported."""
    if _MODEL.fullmatch(model) is None:
        raise Unsupported(f"{line(model, 60)!r} is no model's name")
    return model


class _Ask(Struct, frozen=True):
    """A permission that the client waits for."""

    number: int | str
    """Of its own request."""
    allow: str | None
    """The option that allows it this once; None when there is none."""
    deny: str | None


class GeminiDialogue:
    """One session on the channel; all that it knows, but for what it was made with, it has from the client's output."""

    def __init__(self, task: Task) -> None:
        self._cwd = task.cwd
        self._session: str | None = None
        self._failed = ""
        """Why there is no session and will be none."""
        self._turn: str | None = None
        self._waiting = [("first", task.prompt)] if task.prompt.strip("\0 \t\r\n") else []
        """Messages for the next turn, and the keys they came under."""
        self._said: dict[str, str] = {}
        """Messages that the client has not repeated yet."""
        self._asks: dict[str, _Ask] = {}

    def opening(self) -> Sequence[bytes]:
        """The handshake; the rest follows its answer."""
        return [_request("orc.hello", "initialize", {"protocolVersion": PROTOCOL, "clientCapabilities": {}})]

    # --- what a person wants ------------------------------------------------------------------------------

    def say(self, text: str) -> Sent:
        """A message; during a turn it waits for the turn's end. Raises Unsupported for an empty one."""
        if self._failed:
            raise Unsupported(self._failed)
        if not text.strip("\0 \t\r\n"):
            raise Unsupported("there is nothing to say")
        name = f"orc.say.{secrets.token_hex(6)}"
        self._said[name] = text
        return Sent((_request(name, _SAY + _plain(text), {}),), name)

    def interrupt(self) -> Sent:
        """Stop the turn; what is asked is withdrawn first, or the client would wait for that. Raises Unsupported."""
        session = self._begun()
        lines = [_answer(ask.number, {"outcome": {"outcome": "cancelled"}}) for ask in self._asks.values()]
        lines.append(_encode({"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": session}}))
        return _noted(lines, "")

    def answer(self, request: str, allow: bool, words: str) -> Sent:
        """Allow this once, or deny; words to a denial follow as a message. Raises Unsupported."""
        ask = self._asks.get(request)
        if ask is None:
            raise Unsupported("that is not asked any more")
        option = ask.allow if allow else ask.deny
        if allow and option is None:
            raise Unsupported("the client does not offer to allow this once; answer it in its own terminal, or deny it")
        outcome = {"outcome": "cancelled"} if option is None else {"outcome": "selected", "optionId": option}
        lines = [_answer(ask.number, {"outcome": outcome})]
        if not allow and words.strip("\0 \t\r\n"):
            lines.extend(self.say(words).lines)
        return _noted(lines, f".{'y' if allow else 'n'}.{request}")

    def use(self, model: str | None, effort: str | None) -> Sent:
        """Another model from the next request on, be it in the middle of a turn. Raises Unsupported."""
        if effort is not None:
            raise Unsupported("Gemini CLI has no effort levels; choose another model")
        if model is None:
            raise Unsupported("no model is named")
        name = f"orc.model.{secrets.token_hex(6)}"
        where = {"sessionId": self._begun(), "modelId": checked_model(model)}
        return Sent((_request(name, "session/set_model", where),), name)

    def end(self) -> Sent:
        """Raises Unsupported: the protocol has no word for it."""
        raise Unsupported("Gemini CLI cannot be asked to end; interrupt it, then end its process")

    def _begun(self) -> str:
        if self._session is None:
            raise Unsupported(self._failed or "its session has not begun yet; try again in a moment")
        return self._session

    # --- what the client says -----------------------------------------------------------------------------

    def heard(self, line: bytes) -> Heard:
        """One line of its output; what is no message of the protocol means nothing."""
        heard = Heard()
        message = decode_object(line)
        if message is None:
            return heard
        number = message.get("id")
        if "method" in message:
            if isinstance(number, int | str) and not isinstance(number, bool):
                self._hear_request(heard, number, message)
        elif isinstance(number, str) and number.startswith("orc."):
            self._hear_answer(heard, number, message)
        return heard

    def _hear_request(self, heard: Heard, number: int | str, message: Mapping[str, Any]) -> None:
        params = message.get("params")
        if message.get("method") != "session/request_permission" or not isinstance(params, dict):
            error = {"code": _UNKNOWN, "message": "not offered by this client"}
            heard.replies.append(_encode({"jsonrpc": "2.0", "id": number, "error": error}))
            return
        call = params.get("toolCall")
        call = call if isinstance(call, dict) else {}
        event = read_asked(call, number)
        options = params.get("options")
        offered: dict[object, str] = {}
        for option in options if isinstance(options, list) else []:
            if (
                isinstance(option, dict)
                and isinstance(option.get("optionId"), str)
                and isinstance(option.get("kind"), str)
            ):
                offered.setdefault(option.get("kind"), option["optionId"])
        self._asks[event.request_id] = _Ask(number, offered.get("allow_once"), offered.get("reject_once"))
        heard.events.append(event)

    def _hear_answer(self, heard: Heard, name: str, message: Mapping[str, Any]) -> None:
        kind, _, key = name.removeprefix("orc.").partition(".")
        result = message.get("result")
        words = "" if "error" not in message else _words(message["error"])
        if kind == "hello":
            self._failed = words
            if not words:
                heard.replies.append(_request("orc.new", "session/new", {"cwd": self._cwd, "mcpServers": []}))
        elif kind == "new":
            self._hear_session(heard, result, words)
        elif kind == "say":
            text = _echo(message)
            ours = self._said.pop(name, None)
            heard.answered[name] = ""
            if text is not None or ours is not None:
                self._waiting.append((key, text if text is not None else ours or ""))
                self._next(heard)
        elif kind == "turn" and key == self._turn:
            self._turn = None
            heard.events += [PermissionAnswered(request_id=request, decision="gone") for request in self._asks]
            self._asks.clear()
            self._next(heard)
            heard.idle = self._turn is None
        elif kind == "note":
            heard.answered[name] = ""
            _, _, rest = key.partition(".")
            decision, _, request = rest.partition(".")
            if self._asks.pop(request, None) is not None:
                answer = PermissionAnswered(request_id=request, decision="allowed" if decision == "y" else "denied")
                heard.events.append(answer)
        elif kind == "model":
            heard.answered[name] = words

    def _hear_session(self, heard: Heard, result: object, words: str) -> None:
        session = result.get("sessionId") if isinstance(result, dict) else None
        if not isinstance(session, str) or _ID.fullmatch(session) is None:
            self._failed = words or "Gemini CLI began no session"
            return
        self._session, heard.session, heard.ready = session, session, True
        models = result.get("models") if isinstance(result, dict) else None
        model = models.get("currentModelId") if isinstance(models, dict) else None
        heard.model = line(model, 128) if isinstance(model, str) else None
        self._next(heard)
        heard.idle = self._turn is None

    def _next(self, heard: Heard) -> None:
        """Begin a turn with all that waits, when none runs."""
        if self._session is None or self._turn is not None or not self._waiting:
            return
        self._turn = self._waiting[0][0]
        text = "\n\n".join(_plain(text) for _, text in self._waiting)
        self._waiting.clear()
        if text.lstrip("\ufeff \t\r\n\v\f").startswith(_COMMAND):
            text = f"Message: {text}"
        prompt = {"sessionId": self._session, "prompt": [{"type": "text", "text": text}]}
        heard.replies.append(_request(f"orc.turn.{self._turn}", "session/prompt", prompt))


def _echo(message: Mapping[str, Any]) -> str | None:
    """The message that the client repeats in its answer to a request that it does not know."""
    error = message.get("error")
    data = error.get("data") if isinstance(error, dict) else None
    method = data.get("method") if isinstance(data, dict) else None
    return method.removeprefix(_SAY) if isinstance(method, str) and method.startswith(_SAY) else None


def _words(error: object) -> str:
    """What the client says went wrong; never empty."""
    error = error if isinstance(error, dict) else {}
    data = error.get("data")
    details = data.get("details") if isinstance(data, dict) else None
    words = details if isinstance(details, str) and details else error.get("message")
    return line(words, WORDS) if isinstance(words, str) and words.strip() else "Gemini CLI refused it"


def _noted(lines: Sequence[bytes], about: str) -> Sent:
    name = f"orc.note.{secrets.token_hex(6)}{about}"
    return Sent((*lines, _request(name, _NOTE, {})), name)


def _request(name: str, method: str, params: Mapping[str, Any]) -> bytes:
    return _encode({"jsonrpc": "2.0", "id": name, "method": method, "params": params})


def _answer(number: int | str, result: Mapping[str, Any]) -> bytes:
    return _encode({"jsonrpc": "2.0", "id": number, "result": result})


def _encode(message: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def _plain(text: str) -> str:
    return utf8(text).replace("\0", "")
