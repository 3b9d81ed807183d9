"""What is said to OpenCode's own server (1.18): paths and bodies, no network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from msgspec import Struct

from orchestrator_tui.clients.driving import Unsupported
from orchestrator_tui.text import line, utf8

USER = "opencode"
"""The name that goes with the server's password."""
SESSION = re.compile(r"ses_[0-9A-Za-z]{8,64}")
REQUEST = re.compile(r"(?:per|que)_[0-9A-Za-z]{8,64}")
_PROVIDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")
_MODEL = re.compile(r"[A-Za-z0-9@][A-Za-z0-9._:/@+\-]{0,127}")
_EFFORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,31}")


class Model(Struct, frozen=True):
    """A model by its two names."""

    provider: str
    name: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.name}"


class Call(Struct, frozen=True):
    """One request."""

    method: str
    path: str
    """With the query."""
    body: bytes | None = None


def checked_session(session: str) -> str:
    """The id, when it is one of OpenCode's. Raises Unsupported."""
    if SESSION.fullmatch(session) is None:
        raise Unsupported(f"{line(session, 60)!r} is no session id of OpenCode")
    return session


def checked_model(model: str) -> Model:
    """`provider/model` in its two parts. Raises Unsupported."""
    provider, _, name = model.partition("/")
    if _PROVIDER.fullmatch(provider) is None or _MODEL.fullmatch(name) is None:
        raise Unsupported(f"{line(model, 60)!r} is no model's name; OpenCode's are `provider/model`")
    return Model(provider, name)


def checked_effort(effort: str) -> str:
    """The name, when it can be a level of effort. Raises Unsupported."""
    if _EFFORT.fullmatch(effort) is None:
        raise Unsupported(f"{line(effort, 60)!r} is no level of effort")
    return effort


def checked_text(text: str) -> str:
    """A message as it can be sent. Raises Unsupported for an empty one."""
    text = utf8(text).replace("\0", "")
    if not text.strip():
        raise Unsupported("there is nothing to say")
    return text


def health() -> Call:
    """Whether it is there, and takes the password."""
    return Call("GET", "/global/health")


def begin(directory: str, title: str | None) -> Call:
    """A new session."""
    return _post("/session", directory, {} if title is None else {"title": line(title, 200)})


def look_up(session: str) -> Call:
    """What it knows of a session."""
    return Call("GET", f"/session/{session}")


def fork(session: str, directory: str) -> Call:
    """A copy of a session, in the directory of the first."""
    return _post(f"/session/{session}/fork", directory, {})


def move(session: str, to: str) -> Call:
    """Have a session work in another directory; none of its changed files go with it."""
    return _post(
        "/experimental/control-plane/move-session", None, {"sessionID": session, "destination": {"directory": to}}
    )


def forget(session: str, directory: str) -> Call:
    """Delete a session."""
    return Call("DELETE", _at(f"/session/{session}", directory))


def rename(session: str, directory: str, title: str) -> Call:
    """Give a session a title."""
    body = msgspec.json.encode({"title": line(title, 200)})
    return Call("PATCH", _at(f"/session/{session}", directory), body)


def say(session: str, directory: str, text: str, model: Model | None, effort: str | None) -> Call:
    """A message; while a turn runs it is queued. Raises Unsupported for an empty one."""
    body: dict[str, object] = {"parts": [{"type": "text", "text": checked_text(text)}]}
    if model is not None:
        body["model"] = {"providerID": model.provider, "modelID": model.name}
    if effort is not None:
        body["variant"] = effort
    return _post(f"/session/{session}/prompt_async", directory, body)


def abort(session: str, directory: str) -> Call:
    """Stop the turn."""
    return _post(f"/session/{session}/abort", directory, {})


def status(directory: str) -> Call:
    """Which sessions are at work."""
    return Call("GET", _at("/session/status", directory))


def permissions(directory: str) -> Call:
    """What it asks leave for."""
    return Call("GET", _at("/permission", directory))


def questions(directory: str) -> Call:
    """What its agents ask a person."""
    return Call("GET", _at("/question", directory))


def models(directory: str) -> Call:
    """The models that it can use."""
    return Call("GET", _at("/config/providers", directory))


def reply(request: str, directory: str, allow: bool, words: str) -> Call:
    """Answer a permission, this once, or a question with `words`. Raises Unsupported."""
    if REQUEST.fullmatch(request) is None:
        raise Unsupported("that is not asked any more")
    words = utf8(words).replace("\0", "").strip()
    if request.startswith("per_"):
        body: dict[str, object] = {"reply": "once" if allow else "reject"}
        # The model is told the reason.
        if words and not allow:
            body["message"] = words
        return _post(f"/permission/{request}/reply", directory, body)
    if not allow:
        return _post(f"/question/{request}/reject", directory, {})
    if not words:
        raise Unsupported("it asks a question; answer it in words")
    return _post(f"/question/{request}/reply", directory, {"answers": [[words]]})


def _post(path: str, directory: str | None, body: Mapping[str, object]) -> Call:
    return Call("POST", path if directory is None else _at(path, directory), msgspec.json.encode(body))


def _at(path: str, directory: str) -> str:
    return f"{path}?directory={quote(utf8(directory), safe='')}"
