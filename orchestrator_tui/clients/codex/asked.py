"""What Codex's app-server asks leave for, and the answers that it understands (measured on 0.169.0)."""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec import Struct

from orchestrator_tui.clients.driving import Unsupported
from orchestrator_tui.clients.values import short, text_of
from orchestrator_tui.events import PermissionAsked
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.text import line, utf8

COMMAND = "item/commandExecution/requestApproval"
CHANGE = "item/fileChange/requestApproval"
PERMISSIONS = "item/permissions/requestApproval"
QUESTION = "item/tool/requestUserInput"
FORM = "mcpServer/elicitation/request"
TOOLS = {
    COMMAND: "command",
    CHANGE: "file change",
    PERMISSIONS: "permissions",
    QUESTION: "question",
    FORM: "form",
}
"""Requests of the server that a person can answer -> what they are called here."""
SHOWN_HEAD, SHOWN_TAIL = 6144, 2048
"""Characters kept of what is asked: its end, too, because that is where something can be hidden."""
_BOOKKEEPING = frozenset(
    {
        "approvalId", "availableDecisions", "commandActions", "environmentId", "isBlocking", "itemId", "kind",
        "proposedExecpolicyAmendment", "proposedNetworkPolicyAmendments", "startedAtMs", "threadId", "turnId", "_meta",
    }
)  # fmt: skip
_PLACE = re.compile(r"[!-~]{1,64}")


class Asked(Struct, frozen=True):
    """A permission that is asked for."""

    event: PermissionAsked
    method: str
    id: int | str
    """The server's own."""
    params: dict[str, Any]


def read_asked(method: str, server_id: int | str, params: dict[str, Any], changes: object) -> Asked | None:
    """A request of the server; `changes`: of a file change, what the item said before. None: no person can answer it.

    The server counts its requests from 0 in each process: the turn makes them unique within the session.
    """
    tool = TOOLS.get(method)
    if tool is None:
        return None
    what = {key: value for key, value in params.items() if key not in _BOOKKEEPING and value is not None}
    words = short(what.pop("reason", None), 500) or ""
    if method == CHANGE:
        what["changes"] = changes
        words = words or ("" if changes else "it did not say which files")
    try:
        shown = json.dumps(what, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    turn = params.get("turnId")
    place = turn if isinstance(turn, str) and _PLACE.fullmatch(turn) else "-"
    event = PermissionAsked(
        request_id=f"{place}/{server_id}",
        tool=tool,
        what=excerpt(utf8(shown), SHOWN_HEAD, SHOWN_TAIL),
        via="channel",
        words=words,
    )
    kept = params if method in (PERMISSIONS, QUESTION, FORM) else {}
    return Asked(event, method, server_id, kept)


def answer_of(asked: Asked, allow: bool, words: str) -> dict[str, Any]:
    """The result that allows or denies it, this once. Raises Unsupported."""
    if asked.method in (COMMAND, CHANGE):
        return {"decision": "accept" if allow else "decline"}
    if asked.method == PERMISSIONS:
        return {"permissions": (asked.params.get("permissions") or {}) if allow else {}, "scope": "turn"}
    if asked.method == QUESTION:
        return {"answers": _answers(asked.params.get("questions"), allow, words)}
    if not allow:
        return {"action": "decline"}
    schema = asked.params.get("requestedSchema")
    if isinstance(schema, dict) and not schema.get("properties"):
        return {"action": "accept", "content": {}}
    raise Unsupported("it wants a form filled in, which orc cannot do; deny it, or fill it in in Codex")


def _answers(asks: object, allow: bool, words: str) -> dict[str, Any]:
    """One line of `words` each, or all of them for a single question; a denied question stays without an answer."""
    questions = [item for item in asks if isinstance(item, dict)] if isinstance(asks, list) else []
    names = [text_of(item.get("id")) or "" for item in questions]
    said = [part.strip() for part in utf8(words).replace("\0", "�").splitlines() if part.strip()]
    if not allow:
        return {name: {"answers": said[:1]} for name in names}
    if len(names) == 1 and said:
        said = [" ".join(said)]
    if not names or len(said) != len(names):
        texts = "; ".join(line(text_of(item.get("question")) or "?", 200) for item in questions[:4])
        raise Unsupported(f"it asks a question; answer it in words, one line each: {texts}")
    return {name: {"answers": [text]} for name, text in zip(names, said, strict=True)}
