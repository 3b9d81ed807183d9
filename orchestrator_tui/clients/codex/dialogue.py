"""Codex's control channel: `codex app-server`, JSON-RPC, one object a line both ways (measured on 0.169.0).

`turn/start` begins a turn, and during one it steers it: there is no race between the two. An interrupt without a turn's
id stops whichever runs. A model that is set goes for the turns after this one.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from orchestrator_tui.clients.codex.asked import Asked, answer_of, read_asked
from orchestrator_tui.clients.driving import OPEN, Heard, Sent, Task, Unsupported
from orchestrator_tui.clients.values import decode_object, short, text_of
from orchestrator_tui.events import PermissionAnswered
from orchestrator_tui.text import line, utf8

INITIALIZE, LOADED = "orc-initialize", "orc-loaded"
"""The requests that open the channel, with `OPEN`."""
MAX_ASKED = 256
MAX_CHANGES = 64
WORDS = 200
_UNKNOWN = -32601
"""JSON-RPC: method not found."""
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+\-]{0,127}")
_EFFORT = re.compile(r"[a-z]{1,16}")
_UNWANTED = [
    "account/rateLimits/updated", "command/exec/outputDelta", "item/agentMessage/delta",
    "item/commandExecution/outputDelta", "item/fileChange/outputDelta", "item/plan/delta",
    "item/reasoning/summaryTextDelta", "item/reasoning/textDelta", "thread/tokenUsage/updated", "turn/diff/updated",
]  # fmt: skip
"""Notifications by the word that nobody needs: they would make up most of its output."""


class _Wait(Struct):
    """A request of ours."""

    kind: Literal["say", "interrupt", "use", "other"] = "other"
    settings: dict[str, str] = {}


class CodexDialogue:
    """One thread's channel; `attached`: the thread is somebody else's, in a daemon that has it loaded."""

    def __init__(self, task: Task, attached: bool = False) -> None:
        self._task, self._attached = task, attached
        self._salt, self._count = secrets.token_hex(4), 0
        self._thread: str | None = None
        self._turn: str | None = None
        self._next: dict[str, str] = {}
        """What the next turn is started with."""
        self._waits: dict[str, _Wait] = {}
        self._asked: dict[str, Asked] = {}
        self._given: dict[str, bool] = {}
        self._changes: dict[str, object] = {}

    def opening(self) -> Sequence[bytes]:
        """Say hello and begin, resume or copy the thread; the prompt follows once its id is known.

        Raises Unsupported for a thread, a model or an effort that can be none.
        """
        if self._task.resume is not None:
            checked_thread(self._task.resume)
        self._next = _settings(self._task.model, self._task.effort)
        about = {"name": "orc", "title": "orc", "version": "1"}
        hello = {"clientInfo": about, "capabilities": {"experimentalApi": True, "optOutNotificationMethods": _UNWANTED}}
        first = _request(LOADED, "thread/loaded/list", {}) if self._attached else self._begin()
        return [_request(INITIALIZE, "initialize", hello), _line({"method": "initialized"}), first]

    def say(self, text: str) -> Sent:
        """A message: a new turn, or within the one that runs. Raises Unsupported."""
        if not text.strip("\0 \t\r\n"):
            raise Unsupported("an empty message says nothing; write something")
        thread = self._there()
        name = self._name("say", dict(self._next) if self._turn is None else {})
        return Sent((self._start(name, thread, text, self._waits[name].settings),), name)

    def interrupt(self) -> Sent:
        """Stop the turn; where none runs that is done. Raises Unsupported."""
        thread = self._there()
        name = self._name("interrupt")
        return Sent((_request(name, "turn/interrupt", {"threadId": thread, "turnId": self._turn or ""}),), name)

    def answer(self, request: str, allow: bool, words: str) -> Sent:
        """Allow this once, or deny; the turn goes on, and `words` of a denial are told to it as a message.

        Raises Unsupported for what is not asked, and when it was already answered otherwise.
        """
        asked = self._asked.get(request)
        if asked is None:
            raise Unsupported("that is not asked any more")
        if self._given.get(request, allow) != allow:
            raise Unsupported(f"it has just been {'denied' if allow else 'allowed'}; that stands")
        lines = [_line({"id": asked.id, "result": answer_of(asked, allow, words)})]
        if not allow and words.strip("\0 \t\r\n") and self._thread is not None and self._turn is not None:
            lines.append(self._start(self._name("say"), self._thread, words, {}))
        self._given[request] = allow
        return Sent(tuple(lines), request)

    def use(self, model: str | None, effort: str | None) -> Sent:
        """From the next turn on; one that runs ends on what it began with. It takes any name.

        Raises Unsupported.
        """
        settings = _settings(model, effort)
        if not settings:
            raise Unsupported("neither a model nor an effort is named")
        thread = self._there()
        name = self._name("use", settings)
        return Sent((_request(name, "thread/settings/update", {"threadId": thread, **settings}),), name)

    def end(self) -> Sent:
        """Raises Unsupported: it ends with its input, which stays open, and by a signal."""
        raise Unsupported("Codex's app-server has no word for its end; stop its process (SIGTERM closes the turn)")

    # --- hearing ------------------------------------------------------------------------------------------

    def heard(self, line: bytes) -> Heard:
        """One line of its output; never raises."""
        heard = Heard()
        message = decode_object(line)
        if message is None:
            return heard
        method, params, number = message.get("method"), message.get("params"), message.get("id")
        if isinstance(method, str):
            params = params if isinstance(params, dict) else {}
            if "id" not in message:
                self._hear_news(method, params, heard)
            elif isinstance(number, int | str) and not isinstance(number, bool):
                self._hear_request(method, number, params, heard)
        elif isinstance(number, str):
            self._hear_response(number, message, heard)
        return heard

    def _hear_request(self, method: str, number: int | str, params: dict[str, Any], heard: Heard) -> None:
        item = params.get("itemId")
        changes = self._changes.get(item) if isinstance(item, str) else None
        asked = read_asked(method, number, params, changes) if len(self._asked) < MAX_ASKED else None
        if asked is None:
            # In a daemon another client may know the answer.
            if not self._attached:
                error = {"code": _UNKNOWN, "message": f"orc does not answer {line(method, 60)}"}
                heard.replies.append(_line({"id": number, "error": error}))
        elif asked.event.request_id not in self._asked:
            self._asked[asked.event.request_id] = asked
            heard.events.append(asked.event)

    def _hear_news(self, method: str, params: dict[str, Any], heard: Heard) -> None:
        if method in ("item/started", "item/fileChange/patchUpdated"):
            self._hear_change(params)
        elif method == "serverRequest/resolved":
            self._settle(params.get("requestId"), heard)
        elif self._thread is not None and params.get("threadId") == self._thread:
            turn = params.get("turn")
            if method == "turn/started" and isinstance(turn, dict):
                self._turn = short(turn.get("id"))
            elif method == "turn/completed":
                self._turn, heard.idle = None, True
            elif method == "thread/settings/updated" and isinstance(settings := params.get("threadSettings"), dict):
                heard.model = short(settings.get("model"))
            elif method == "model/rerouted":
                heard.model = short(params.get("toModel"))

    def _hear_change(self, params: dict[str, Any]) -> None:
        """What a file change is, which the request for leave does not repeat."""
        item = params.get("item")
        if isinstance(item, dict):
            name, changes = item.get("id"), item.get("changes") if item.get("type") == "fileChange" else None
        else:
            name, changes = params.get("itemId"), params.get("changes")
        if isinstance(name, str) and isinstance(changes, list):
            self._changes[name] = changes
            while len(self._changes) > MAX_CHANGES:
                del self._changes[next(iter(self._changes))]

    def _hear_response(self, name: str, message: dict[str, Any], heard: Heard) -> None:
        error, result = message.get("error"), message.get("result")
        result = result if isinstance(result, dict) else {}
        words = ""
        if error is not None:
            said = error.get("message") if isinstance(error, dict) else None
            words = line(text_of(said) or "it says no", WORDS)
        if name == LOADED and self._attached and self._thread is None:
            loaded = result.get("data")
            if not words and isinstance(loaded, list) and self._task.resume in loaded:
                heard.replies.append(self._begin())
            else:
                heard.answered[OPEN] = words or "the daemon does not have that thread open"
        elif name == OPEN or (name == INITIALIZE and words):
            self._hear_opened(result, words, heard)
        elif (wait := self._waits.pop(name, None)) is not None:
            heard.answered[name] = self._result(wait, error, words)

    def _hear_opened(self, result: dict[str, Any], words: str, heard: Heard) -> None:
        if self._thread is not None:
            return
        thread = result.get("thread")
        name = thread.get("id") if isinstance(thread, dict) else None
        if words or not isinstance(name, str) or not _ID.fullmatch(name):
            heard.answered[OPEN] = words or "it named no thread"
            return
        self._thread = heard.session = name
        heard.ready, heard.model, heard.answered[OPEN] = True, short(result.get("model")), ""
        if title := line(self._task.title or "", 100).strip():
            heard.replies.append(_request("orc-title", "thread/name/set", {"threadId": name, "name": title}))
        if self._task.prompt.strip("\0 \t\r\n"):
            heard.replies.append(self._start("orc-prompt", name, self._task.prompt, self._next))
            self._waits["orc-prompt"] = _Wait("say", self._next)

    def _result(self, wait: _Wait, error: object, words: str) -> str:
        """What an answer means: "" for done."""
        if wait.kind == "say" and not words and self._next == wait.settings:
            self._next = {}
        if wait.kind == "interrupt" and words.startswith("no active turn"):
            return ""
        if wait.kind == "use":
            code = error.get("code") if isinstance(error, dict) else None
            if words and code != _UNKNOWN and "unknown variant" not in words:
                return words
            # A turn is started with what could not be set before, and no longer with what is set now.
            left = {key: value for key, value in self._next.items() if key not in wait.settings}
            self._next = {**left, **wait.settings} if words else left
            return ""
        return words

    def _settle(self, number: object, heard: Heard) -> None:
        """Something is not asked any more: answered by us, by another client, or withdrawn."""
        name = next((k for k, v in self._asked.items() if v.id == number and type(v.id) is type(number)), None)
        if name is None:
            return
        del self._asked[name]
        given = self._given.pop(name, None)
        if given is None:
            heard.events.append(PermissionAnswered(request_id=name, decision="gone"))
        else:
            heard.events.append(PermissionAnswered(request_id=name, decision="allowed" if given else "denied"))
            heard.answered[name] = ""

    # --- speaking -----------------------------------------------------------------------------------------

    def _begin(self) -> bytes:
        """The request that gives it its thread."""
        where = {"cwd": self._task.cwd} if self._task.cwd else {}
        model = {"model": self._next["model"]} if "model" in self._next else {}
        if self._task.resume is None:
            return _request(OPEN, "thread/start", {**where, **model})
        method = "thread/fork" if self._task.fork else "thread/resume"
        source = {"threadId": self._task.resume, "excludeTurns": True}
        return _request(OPEN, method, {**source, **where, **model})

    def _start(self, name: str, thread: str, text: str, settings: dict[str, str]) -> bytes:
        content = [{"type": "text", "text": utf8(text).replace("\0", "�")}]
        return _request(
            name, "turn/start", {"threadId": thread, "input": content, "clientUserMessageId": name, **settings}
        )

    def _there(self) -> str:
        if self._thread is None:
            raise Unsupported("its session has not begun; wait until it has")
        return self._thread

    def _name(self, kind: Literal["say", "interrupt", "use"], settings: dict[str, str] | None = None) -> str:
        self._count += 1
        name = f"orc-{self._salt}-{self._count}"
        self._waits[name] = _Wait(kind, settings or {})
        return name


def checked_thread(thread: str) -> str:
    """The id, when it is one of Codex's. Raises Unsupported."""
    if _ID.fullmatch(thread) is None:
        raise Unsupported(f"{line(thread, 60)!r} is no thread id of Codex")
    return thread


def _settings(model: str | None, effort: str | None) -> dict[str, str]:
    """Raises Unsupported for what can be no name."""
    if model is not None and _MODEL.fullmatch(model) is None:
        raise Unsupported(f"{line(model, 60)!r} is no model's name")
    if effort is not None and _EFFORT.fullmatch(effort) is None:
        raise Unsupported(f"{line(effort, 60)!r} is no effort; Codex has low, medium, high and others")
    return {key: value for key, value in (("model", model), ("effort", effort)) if value is not None}


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _request(name: str, method: str, params: dict[str, Any]) -> bytes:
    return _line({"id": name, "method": method, "params": params})
