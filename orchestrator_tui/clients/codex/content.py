"""What Codex's values say: texts, tool outputs, changed files, errors, quota (Codex CLI 0.169.0)."""

from __future__ import annotations

import math
import re
from hashlib import blake2b
from typing import Any

from orchestrator_tui.clients.values import decode_object, text_of
from orchestrator_tui.clock import MAX_TIME, SECOND
from orchestrator_tui.events import FileChanged, Limit, QuotaUpdated
from orchestrator_tui.excerpt import ARGUMENTS

MAX_FILES = 64
"""Files of one patch that are told of."""
_VOLATILE = re.compile(r"(?:Chunk ID|Wall time|Original token count|Total output lines): [^\n]*\n?")
_EXIT = re.compile(r"(?:Process exited with code|Exit code:) (-?\d{1,10})(?:\n|$)")
_RUNNING = re.compile(r"Process running with session ID \d+\n")
_REFUSED = (
    "unsupported call",
    "unsupported custom tool call",
    "write_stdin failed",
    "aborted by user",
    "exec_command failed",
    "execution error",
    "failed to parse function arguments",
    "apply_patch verification failed",
)
_STATUS = {
    "server_overloaded": 529,
    "usage_limit_exceeded": 429,
    "usage_limit_reached": 429,
    "rate_limit_exceeded": 429,
    "internal_server_error": 500,
    "unauthorized": 401,
    "bad_request": 400,
    "context_window_exceeded": 400,
}
_STATUS_IN_TEXT = re.compile(r"\bstatus:? ([45]\d\d)\b")


def flat_text(content: object) -> str:
    """The text of a content value: a string, or the text parts of a list (`{type, text}`; others as `[type]`)."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part for part in content if isinstance(part, dict)]
    texts = (text_of(part.get("text")) or text_of(part.get("refusal")) for part in parts)
    return "\n".join(text or f"[{str(part.get('type'))[:64]}]" for text, part in zip(texts, parts, strict=True))


def arguments_in(value: object) -> object:
    """The arguments of a call: an object written as a JSON string; any other string as it is."""
    if isinstance(value, str):
        decoded = decode_object(value.encode("utf-8", "replace"))
        return value if decoded is None else decoded
    return value


def tool_output(value: object) -> tuple[str, bool | None]:
    """(text, whether the tool succeeded; None when it does not say) of a call's `output`.

    The lines in front of a command's output hold a random chunk id, a duration, a session's number: two equal answers
    would differ, so those lines are left out.
    """
    if isinstance(value, dict):
        said = value.get("success")
        text, ok = tool_output(value.get("content", value.get("output")))
        return text, said if isinstance(said, bool) else ok
    text = flat_text(value)
    if text.startswith('{"output"') and (old := decode_object(text.encode("utf-8", "replace"))) is not None:
        # Older versions wrote {"output", "metadata": {"exit_code", "duration_seconds"}} as a string.
        meta = old.get("metadata")
        code = meta.get("exit_code") if isinstance(meta, dict) else None
        return flat_text(old.get("output")), code == 0 if isinstance(code, int) else None
    at, ok, kept = 0, None, ""
    while True:
        if found := _RUNNING.match(text, at):
            kept = "Process running\n"
        elif found := _EXIT.match(text, at):
            ok = int(found[1]) == 0
        elif at and text.startswith("Output:\n", at):
            # apply_patch as a shell command has its own header inside the shell's.
            at += len("Output:\n")
            if _EXIT.match(text, at):
                continue
            break
        elif not (found := _VOLATILE.match(text, at)):
            break
        at = found.end()
    text = kept + text[at:]
    return text, False if ok is None and text.startswith(_REFUSED) else ok


def changed_files(changes: object) -> list[FileChanged]:
    """The files of a patch: `{path: {type: add|update|delete, content | unified_diff}}`, older `{path: {add: {..}}}`.

    A new file is known by its content; of an update only the difference is known, and that stands for the content.
    """
    found: list[FileChanged] = []
    for path, change in list(changes.items())[:MAX_FILES] if isinstance(changes, dict) else ():
        if not isinstance(change, dict):
            continue
        kind = text_of(change.get("type"))
        if kind is None and len(change) == 1:
            kind, inner = next(iter(change.items()))
            change = inner if isinstance(inner, dict) else {}
        what = text_of(change.get("content")) or text_of(change.get("unified_diff")) or str(kind)[:16]
        code = blake2b(what.encode("utf-8", "replace"), digest_size=8).hexdigest()
        target = text_of(change.get("move_path")) or path
        found.append(FileChanged(path=target[:ARGUMENTS], hash=code))
    return found


def error_kind(info: object, text: str) -> tuple[str | None, int | None]:
    """(kind, HTTP status) of `codex_error_info`: a word, or `{word: {http_status_code}}`."""
    kind, status = text_of(info), None
    if isinstance(info, dict) and len(info) == 1:
        kind, detail = next(iter(info.items()))
        code = detail.get("http_status_code") if isinstance(detail, dict) else None
        status = code if isinstance(code, int) and 100 <= code <= 599 else None
    if status is None:
        status = _STATUS.get(kind or "")
    if status is None and (found := _STATUS_IN_TEXT.search(text[:ARGUMENTS])):
        status = int(found[1])
    return kind[:64] if kind else None, status


def quota_of(limits: object) -> QuotaUpdated | None:
    """`rate_limits`: `{limit_id, plan_type, primary, secondary: {used_percent, window_minutes, resets_at}}`."""
    if not isinstance(limits, dict):
        return None
    found = [limit for name in ("primary", "secondary") if (limit := _limit(limits.get(name))) is not None]
    if not found:
        return None
    found.sort(key=lambda limit: limit.window_minutes or 0)
    label, plan = text_of(limits.get("limit_id")), text_of(limits.get("plan_type"))
    return QuotaUpdated(limits=tuple(found), name=label[:64] if label else "", plan=plan[:64] if plan else None)


def reset_time(quota: QuotaUpdated | None) -> int | None:
    """When the window that is used up ends, nanoseconds since the epoch."""
    for limit in quota.limits if quota is not None else ():
        if limit.used_percent >= 100 and limit.resets_at is not None:
            return limit.resets_at
    return None


def _limit(value: object) -> Limit | None:
    """`resets_at` is in seconds since the epoch."""
    if not isinstance(value, dict):
        return None
    used = value.get("used_percent")
    if isinstance(used, bool) or not isinstance(used, int | float) or not math.isfinite(used) or not 0 <= used <= 1e6:
        return None
    resets_at = _whole(value, "resets_at")
    ends = resets_at * SECOND if resets_at is not None and resets_at < MAX_TIME // SECOND else None
    return Limit(used_percent=float(used), window_minutes=_whole(value, "window_minutes"), resets_at=ends)


def _whole(value: dict[str, Any], name: str) -> int | None:
    item = value.get(name)
    return item if isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 1 << 40 else None
