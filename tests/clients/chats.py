"""Gemini's chats for the tests: the recordings of 0.61.0, and lines made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestrator_tui import events as ev
from orchestrator_tui.clients.base import Draft
from tests.clients.feeding import as_line, feed, of, parser_for, read_home
from tests.conftest import DATA

GEMINI = DATA / "clients" / "gemini-0.61.0"
SCENARIOS = sorted(path.parent.name for path in GEMINI.glob("*/truth.json"))
CHATS = sorted(str(path.relative_to(GEMINI)) for path in GEMINI.glob("*/home/.gemini/tmp/**/*.jsonl"))
SESSION = "daa8a532-9e19-449b-b028-2d7199c36665"
AGENT = "e548aa5c-c383-45d8-a433-94353a554d52"
FILE = f"/g/tmp/web/chats/session-2026-11-20T22-57-{SESSION[:8]}.jsonl"
CHILD = f"/g/tmp/web/chats/{SESSION}/{AGENT}.jsonl"
TOKENS = {"input": 100, "output": 20, "cached": 60, "thoughts": 5, "tool": 0, "total": 125}
CONTEXT = "<session_context>\nThis is the Gemini CLI.\n- **Workspace Directories:**\n  - /w/a\n  - /w/web\n- **Directory Structure:**\n  - /w/no\n</session_context>"
HASH = "e608e105be4597e993fc858c74127bda1073cfaa264ae6618b3104b9aadbe407"


def message_id(n: int) -> str:
    """An id as the client makes them."""
    return f"{n:08x}-0000-4000-8000-000000000000"


def at(second: float) -> str:
    """A time within the chat."""
    return f"2026-11-20T10:{int(second) // 60:02d}:{second % 60:06.3f}Z"


def header(**more: Any) -> dict[str, Any]:
    """A chat's first line."""
    return {"sessionId": SESSION, "projectHash": HASH, "startTime": at(0), "lastUpdated": at(0), "kind": "main", **more}


def user(n: int, *texts: str, **more: Any) -> dict[str, Any]:
    """What a person says."""
    content = [{"text": text} for text in texts]
    return {"id": message_id(n), "timestamp": at(n), "type": "user", "content": content, **more}


def gemini(n: int, text: str = "Done.", **more: Any) -> dict[str, Any]:
    """What the model says."""
    said = {"content": text, "thoughts": [], "tokens": TOKENS, "model": "gemini-2.5-pro"}
    return {"id": message_id(n), "timestamp": at(n), "type": "gemini", **said, **more}


def call(
    name: str = "run_shell_command", output: object = "fine", status: str = "success", **more: Any
) -> dict[str, Any]:
    """A call that is over."""
    answer = {"functionResponse": {"id": "c1", "name": name, "response": {"output": output}}}
    return {"id": "c1", "name": name, "args": {"command": "ls"}, "result": [answer], "status": status, **more}


def answered(n: int, *texts: str) -> dict[str, Any]:
    """The line that takes a tool's answer to the model."""
    parts = [{"functionResponse": {"id": "c1", "name": "x", "response": {"output": "fine"}}}]
    return {**user(n), "content": [*({"text": text} for text in texts), *parts]}


def notice(n: int, kind: str, text: object) -> dict[str, Any]:
    """A line that the client shows."""
    return {"id": message_id(n), "timestamp": at(n), "type": kind, "content": text}


def history(n: int, *messages: dict[str, Any]) -> dict[str, Any]:
    """A patch that puts another history in the place of what was said."""
    return {"$set": {"messages": messages, "lastUpdated": at(n)}}


def read(*lines: object, path: str = FILE) -> list[Draft]:
    """The drafts of a chat of these lines."""
    return feed(parser_for("gemini", path), map(as_line, lines))


def scenario(name: str) -> dict[str, list[Draft]]:
    """File's name -> drafts of a recording."""
    return {Path(path).name: drafts for path, drafts in read_home("gemini", GEMINI / name / "home/.gemini").items()}


def said(drafts: list[Draft], field: str) -> list[object]:
    """What was said of the sessions, in order."""
    return [getattr(body, field) for body in of(drafts, ev.SessionUpdated) if getattr(body, field) is not None]


def story(drafts: list[Draft]) -> list[str]:
    """The conversation in short."""
    words = []
    for draft in drafts:
        body = draft.body
        if isinstance(body, ev.UserMessage):
            flags = [name for name in ("synthetic", "local", "interrupt", "replayed") if getattr(body, name)]
            words.append(" ".join(["user", *flags]))
        elif isinstance(body, ev.AssistantMessage):
            words.append(f"text {body.stop_reason or '...'}" + " replayed" * body.replayed)
        elif isinstance(body, ev.ToolResult):
            words.append(f"result {body.ok}" + " replayed" * body.replayed)
        elif not isinstance(body, ev.SessionUpdated | ev.Usage):
            words.append(ev.type_of(body))
    return words
