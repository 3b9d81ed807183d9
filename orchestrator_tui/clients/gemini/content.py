"""What Gemini's values say: texts, directories, errors, tool outputs, changed files, to-do lists (CLI 0.61.0)."""

from __future__ import annotations

import re
from hashlib import blake2b, sha256
from typing import Any

import msgspec

from orchestrator_tui.clients.values import decode_object, short, text_of, whole
from orchestrator_tui.events import FileChanged, KnownBody, TaskUpdated
from orchestrator_tui.excerpt import ARGUMENTS, MESSAGE, digest

CONTEXT = "<session_context>"
"""Begins the preamble that every chat opens with."""
MACHINE = (
    CONTEXT,
    "<hook_context>",
    "Here is the user's editor context as a JSON object.",
    "Here is a summary of changes in the user's editor context,",
    "- **Workspace Directories:**",
    "User has manually exited Plan Mode.",
)
"""What the client puts into the conversation itself: nobody said it, and no model call follows."""
LOOPING = "System: Potential loop detected."
NUDGES = ("Please continue.", "[System: ", LOOPING, "Background execution update:")
"""Prompts that the client sends in a person's stead."""
SHELL = "I ran the following shell command:\n"
"""A command that the person ran in the client's shell mode: no model call follows."""
STEERING = "User steering update:\n"
"""What the person said while tools ran; it goes to the model with their results."""
CANCELLED = ("Request cancelled.", "User cancelled the request.")
HALTED = (
    "Agent execution stopped:",
    "The session has reached the maximum number of turns",
    "A potential loop was detected.",
    "Sending this message (",
)
"""Notices after which the client waits for the person's next word."""
SUMMARISED = "Got it. Thanks for the additional context!"
"""What the client lets the model answer to the summary that a compression leaves."""
API_ERROR = "[API Error: "

MAX_PLAN = 200
_DIRECTORY = re.compile(r"^ {2}- (\S[^\n]{0,1023})$", re.MULTILINE)
_WRAPPING = ("<untrusted_context>\n", "\n</untrusted_context>")
_SHELL_END = re.compile(r"(Error|Exit Code|Signal|Background PIDs|Process Group PGID): .*")
MAX_SHELL_END = 5
"""Lines that may follow a command's output, one of each kind."""
_BACKGROUND = re.compile(r"\ACommand moved to background \(PID: \d+\)")
_STATUS = re.compile(r"\b(?:status|code)\b\W{1,5}([45]\d\d)\b", re.IGNORECASE)
_QUOTA = re.compile(r"quota|rate.?limit|exhausted your (?:capacity|daily)", re.IGNORECASE)
_HTTP = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""Google's words for HTTP's statuses."""


def parts_of(content: object) -> list[dict[str, Any]]:
    """The parts of a content value: a string, a part, or a list of both."""
    items = content if isinstance(content, list) else [content]
    found = [{"text": item} if isinstance(item, str) else item for item in items]
    return [part for part in found if isinstance(part, dict)]


def flat_text(content: object) -> str:
    """The text of a content value; other parts (`inlineData`, `functionCall`) as their name."""
    texts = []
    for part in parts_of(content):
        text = text_of(part.get("text"))
        name = next((str(key)[:64] for key in part), "") if text is None else ""
        texts.append(f"[{name}]" if text is None else text)
    return "\n".join(texts)


def proved(directories: object, project_hash: str) -> str | None:
    """The one of some directories that the chat's project is, by the hash in its header."""
    for path in directories if isinstance(directories, list) else ():
        if isinstance(path, str) and sha256(path.encode("utf-8", "replace")).hexdigest() == project_hash:
            return path
    return None


def directories_in(context: str) -> list[str]:
    """The workspace's directories, as the preamble lists them (`- **Workspace Directories:**`, one to a line)."""
    listed = context.partition("- **Workspace Directories:**")[2].partition("\n- **")[0]
    return _DIRECTORY.findall(listed)[:64]


def steering_in(parts: list[dict[str, Any]]) -> str | None:
    """What a person said while tools ran, from a message that carries their results."""
    for part in parts:
        text = text_of(part.get("text")) or ""
        if text.startswith(STEERING):
            said = text.partition("<user_input>")[2].rpartition("</user_input>")[0].strip()
            return said or text.removeprefix(STEERING)
    return None


def tool_output(call: dict[str, Any]) -> tuple[str, bool]:
    """(text, whether it succeeded) of a finished call: `{name, status, result: [{functionResponse: {response}}]}`.

    A shell command's output ends in lines with its exit code and its random process ids: two equal answers would
    differ by those, so they are left out. A command that failed is a tool that succeeded to the client, not to us.
    """
    ok = call.get("status") == "success"
    texts = []
    for part in parts_of(call.get("result")):
        answer = part.get("functionResponse")
        response = answer.get("response") if isinstance(answer, dict) else None
        if isinstance(response, dict):
            said = response.get("output", response.get("error", response))
            ok = ok and "error" not in response
            texts.append(said if isinstance(said, str) else _json(said))
        elif text_of(part.get("text")):
            texts.append(part["text"])
    text = "\n".join(texts)
    if text.startswith(_WRAPPING[0]) and text.endswith(_WRAPPING[1]):
        text = text[len(_WRAPPING[0]) : -len(_WRAPPING[1])]
    if call.get("name") != "run_shell_command":
        return text, ok
    if _BACKGROUND.match(text):
        return "Command moved to background", ok
    kept: list[str] = []
    for _ in range(MAX_SHELL_END):
        rest, _, last = text.rpartition("\n")
        found = _SHELL_END.fullmatch(last)
        if found is None:
            break
        text = rest
        if found[1] in ("Error", "Exit Code", "Signal"):
            ok = False
            kept.insert(0, last)
    return "\n".join([text.removeprefix("Output: "), *kept]), ok


def changed_file(call: dict[str, Any]) -> FileChanged | None:
    """The new content of a file, from what `write_file` and `replace` show: `{filePath, newContent, fileDiff}`."""
    shown = call.get("resultDisplay")
    if not isinstance(shown, dict) or call.get("status") != "success":
        return None
    path = text_of(shown.get("filePath")) or text_of(shown.get("fileName"))
    content = text_of(shown.get("newContent"))
    if not path or content is None:
        return None
    code = blake2b(content.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return FileChanged(path=path[:ARGUMENTS], hash=code)


def todo_changes(plan: list[str], arguments: object) -> tuple[list[str], list[KnownBody]]:
    """(the list as it stands, what changed of it): `write_todos` writes it whole; an item is known by its place."""
    todos = arguments.get("todos") if isinstance(arguments, dict) else None
    if not isinstance(todos, list):
        return plan, []
    marks: list[str] = []
    bodies: list[KnownBody] = []
    for item in [item for item in todos if isinstance(item, dict)][:MAX_PLAN]:
        subject, status = text_of(item.get("description")) or "", (short(item.get("status")) or "pending")[:64]
        marks.append(digest(f"{status}\0{subject}"))
        if len(marks) > len(plan) or plan[len(marks) - 1] != marks[-1]:
            bodies.append(TaskUpdated(task_id=str(len(marks)), subject=subject[:ARGUMENTS], status=status))
    gone = range(len(marks), len(plan))
    bodies += [TaskUpdated(task_id=str(index + 1), subject="", status="deleted") for index in gone]
    return marks, bodies


def error_of(text: str) -> tuple[int | None, str | None, str]:
    """(HTTP status, the service's word, message) of `[API Error: ...]`, which may hold the service's JSON."""
    text = text[: 4 * MESSAGE]
    inner = decode_object(text[text.find("{") : text.rfind("}") + 1].encode("utf-8", "replace")) or {}
    error = inner.get("error")
    error = error if isinstance(error, dict) else {}
    word = short(error.get("status")) or next((name for name in _HTTP if name in text), None)
    status = whole(error.get("code"))
    if status is None or not 400 <= status <= 599:
        found = _STATUS.search(text)
        status = int(found[1]) if found else _HTTP.get(word or "")
    if status is None and _QUOTA.search(text):
        status = 429
    return status, word, text_of(error.get("message")) or text.removeprefix(API_ERROR)


def _json(value: object) -> str:
    try:
        return msgspec.json.encode(value, order="sorted").decode()
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, UnicodeError):
        return str(value)[:MESSAGE]
