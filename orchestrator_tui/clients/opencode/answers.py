"""How the answers of OpenCode's own server are read.

They are read like anything that somebody else may have written: what is not as it should be says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from orchestrator_tui.clients.driving import Unsupported
from orchestrator_tui.clients.opencode.requests import REQUEST, SESSION, Model
from orchestrator_tui.events import PermissionAsked
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.text import line

HEAD, TAIL = 6144, 2048
"""Characters kept of what is asked: 8 KiB."""
LISTED = 256
"""Entries of one list that are read."""
SHOWN = 8
"""Models that are named in an error."""
_LISTENS = re.compile(rb"^opencode server listening on http://127\.0\.0\.1:(\d{1,5})\r?\n", re.MULTILINE)
"""The server's word for where it is, on its standard output."""


class Question(Struct, frozen=True):
    """Something that the server waits for an answer to."""

    event: PermissionAsked
    session: str
    """The session that asks: a sub-agent's, or the one that was started."""


def read_port(output: bytes) -> int | None:
    """Where the server listens, as it says on its standard output; None as long as it has not."""
    found = _LISTENS.search(output)
    port = int(found[1]) if found else 0
    return port if 0 < port < 65536 else None


def read_session(value: object) -> tuple[str, str] | None:
    """Its id and its directory."""
    session, directory = _text(value, "id"), _text(value, "directory")
    if SESSION.fullmatch(session) is None or not directory.startswith("/"):
        return None
    return session, directory


def read_status(value: object) -> set[str] | None:
    """The sessions at work; None when that cannot be read."""
    if not isinstance(value, dict):
        return None
    return {name for name, state in value.items() if _text(state, "type") not in ("", "idle")}


def read_permissions(value: object) -> list[Question] | None:
    """What it asks leave for; None when that cannot be read."""
    if not isinstance(value, list):
        return None
    found = []
    for item in value[:LISTED]:
        request, tool = _text(item, "id"), _text(item, "permission")
        if REQUEST.fullmatch(request) is None or not isinstance(item, dict):
            continue
        details = item.get("metadata")
        details = details if isinstance(details, dict) else {}
        patterns = item.get("patterns")
        asked = [word for word in patterns if isinstance(word, str)] if isinstance(patterns, list) else []
        command = _text(details, "command")
        what = command or "\n".join([*asked, *([_json(details)] if details else [])]) or _json(item)
        found.append(_question(request, item, tool, what, ", ".join(asked)))
    return found


def read_questions(value: object) -> list[Question] | None:
    """What its agents ask a person; None when that cannot be read."""
    if not isinstance(value, list):
        return None
    found = []
    for item in value[:LISTED]:
        request = _text(item, "id")
        if REQUEST.fullmatch(request) is None or not isinstance(item, dict):
            continue
        asked = item.get("questions")
        asked = asked if isinstance(asked, list) else []
        what = "\n".join(_asked(one) for one in asked[:LISTED])
        found.append(_question(request, item, "question", what, "; ".join(_text(one, "header") for one in asked)))
    return found


def read_models(value: object) -> dict[str, list[str]] | None:
    """`provider/model` -> its levels of effort; None when that cannot be read."""
    providers = value.get("providers") if isinstance(value, dict) else None
    if not isinstance(providers, list):
        return None
    found = {}
    for provider in providers:
        listed = provider.get("models") if isinstance(provider, dict) else None
        for name, model in listed.items() if isinstance(listed, dict) else ():
            variants = model.get("variants") if isinstance(model, dict) else None
            found[f"{_text(provider, 'id')}/{name}"] = list(variants) if isinstance(variants, dict) else []
    return found


def check_known(known: Mapping[str, list[str]], model: Model | None, effort: str | None) -> None:
    """Raises Unsupported when the server does not have that model, or the model not that level of effort."""
    if model is None:
        return
    if str(model) not in known:
        near = [name for name in known if name.startswith(f"{model.provider}/")] or list(known)
        raise Unsupported(
            f"OpenCode has no model {model}; it has {line(', '.join(sorted(near)[:SHOWN]), 300) or 'none'}"
        )
    levels = known[str(model)]
    if effort is not None and effort not in levels:
        raise Unsupported(f"{model} has no effort {effort}; it has {line(', '.join(levels), 200) or 'none to choose'}")


def read_error(value: object) -> str:
    """The server's words for what went wrong; "" when it says none."""
    if not isinstance(value, dict):
        return ""
    data = value.get("data")
    words = _text(data, "message") or _text(value, "message") or _text(value, "name") or _text(value, "_tag")
    return line(words, 200)


def _question(request: str, item: Mapping[str, Any], tool: str, what: str, words: str) -> Question:
    event = PermissionAsked(
        request_id=request,
        tool=line(tool, 64) or "tool",
        what=excerpt(what, HEAD, TAIL),
        via="channel",
        words=line(words, 500),
    )
    return Question(event, _text(item, "sessionID"))


def _asked(question: object) -> str:
    options = question.get("options") if isinstance(question, dict) else None
    labels = [_text(option, "label") for option in options[:LISTED]] if isinstance(options, list) else []
    return "\n".join([_text(question, "question"), *(f"- {label}" for label in labels if label)])


def _text(value: object, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _json(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, RecursionError, UnicodeError, TypeError):
        return ""
