"""What the blocks of a Claude Code record say: text, titles, changed files, interruptions (2.1.197)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from orchestrator_tui.clients.values import first_line, project_of, text_of
from orchestrator_tui.events import FileChanged

INTERRUPT = "[Request interrupted by user"
_LOCAL = (
    "<local-command-",
    "<command-name>",
    "<command-message>",
    "<bash-input>",
    "<bash-stdout>",
    "<bash-stderr>",
)
_TITLES = {
    "ai-title": (1, "aiTitle"),
    "summary": (1, "summary"),
    "agent-name": (2, "agentName"),
    "custom-title": (3, "customTitle"),
}
_WORKTREES = "/.claude/worktrees/"


def is_local(text: str) -> bool:
    """Whether the line is one of the client's own commands: no model call follows."""
    return text.startswith(_LOCAL)


def flat_text(content: object) -> str:
    """The text of a content value: a string, or the text blocks of a list."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [text_of(block.get("text")) or f"[{block.get('type')}]" for block in content if isinstance(block, dict)]
        return "\n".join(parts)
    return ""


def title_of(value: dict[str, Any]) -> tuple[int, str | None]:
    """(rank, title) that the record gives its session (`events.SessionUpdated.title_rank`)."""
    kind = value.get("type")
    if kind in _TITLES:
        rank, name = _TITLES[kind]
        return rank, first_line(text_of(value.get(name)))
    if kind != "user" or value.get("isMeta") is True or value.get("isCompactSummary") is True:
        return 0, None
    message = value.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        texts = [b.get("text") for b in content if isinstance(b, dict) and b.get("type") == "text"]
        content = next((text for text in texts if isinstance(text, str)), None)
    if not isinstance(content, str) or is_local(content) or content.startswith(INTERRUPT):
        return 0, None
    return 0, first_line(content)


def project_in(cwd: str) -> str:
    """The project's name; for one of the client's own worktrees, its repository's."""
    return project_of(cwd.partition(_WORKTREES)[0])


def changed_file(result: object) -> FileChanged | None:
    """The new content of a file, from the structured result of Write, Edit and MultiEdit."""
    if not isinstance(result, dict):
        return None
    path, content = text_of(result.get("filePath")), text_of(result.get("content"))
    before, old, new = (text_of(result.get(name)) for name in ("originalFile", "oldString", "newString"))
    if path is None:
        return None
    if content is None and before is not None and old is not None and new is not None:
        content = before.replace(old, new, -1 if result.get("replaceAll") is True else 1)
    if content is None:
        return None
    code = blake2b(content.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return FileChanged(path=path[:1024], hash=code)
