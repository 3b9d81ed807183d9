"""What a failed request means: whether it is tried again, when, and how it is told."""

from __future__ import annotations

import random
import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

from msgspec import Struct

from orchestrator_tui.loops.agent.reply import TooLong
from orchestrator_tui.text import line, utf8

LONGEST = 60.0
"""Seconds of the longest wait of our own choice."""
PATIENCE = 3600.0
"""Seconds that a server may ask to be left alone; what asks for more is final."""
WORDS = 400
_DELAY = re.compile(r'"retryDelay":\s*"(\d{1,6}(?:\.\d{1,9})?)s"')
_CONTEXT = re.compile(
    r"context.{0,20}(?:window|length)|maximum context|(?:prompt|input) is too long|too many (?:input )?tokens", re.I
)
_LABEL = re.compile(r"^(?:litellm\.)?[A-Za-z]+(?:(?:Error|Exception|Timeout): |Exception - )")
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    529: "overloaded_error",
}


class Trouble(Struct, frozen=True):
    """One failed request."""

    text: str
    kind: str
    status: int | None = None
    again: bool = False
    """Trying again may help."""
    wait: float | None = None
    """Seconds that the server asks to be left alone."""
    too_long: bool = False
    """The conversation is more than the model's window."""


def trouble_of(error: BaseException, key: str | None = None) -> Trouble:
    """What an exception of litellm, or of what it stands on, means. `key` is taken out of its words."""
    name = type(error).__name__
    text = _words(error, key)
    if isinstance(error, TooLong):
        return Trouble(text, "response_too_long")
    status = getattr(error, "status_code", None)
    status = status if isinstance(status, int) and 100 <= status < 600 else None
    wait = _wait(error)
    if "Timeout" in name or isinstance(error, TimeoutError):
        return Trouble(text, "timeout", None, True, wait)
    if name == "ContextWindowExceededError" or (status in (400, 413) and _CONTEXT.search(str(error)[:4000])):
        return Trouble(text, "context_window_exceeded", status, False, None, True)
    if "Connection" in name or isinstance(error, OSError) or (status == 500 and "Connection error" in text):
        # litellm gives such an error a status that no server sent.
        return Trouble(text, "connection_error", None, True, wait)
    if name == "MidStreamFallbackError":
        return Trouble(text, "connection_error", None, True, wait)
    if status is None:
        return Trouble(f"{name}: {text}", "client_error")
    again = status == 429 or status >= 500 or status in (408, 409, 425)
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return Trouble(text, kind, status, again and (wait is None or wait <= PATIENCE), wait)


def wait_for(trouble: Trouble, attempt: int, chance: random.Random) -> float:
    """Seconds until the next try: what the server says, else 1, 2, 4 ... 60, a little apart for each session."""
    if trouble.wait is not None:
        return trouble.wait
    return round(min(LONGEST, 2.0 ** min(attempt - 1, 10)) * chance.uniform(0.8, 1.2), 2)


def _words(error: BaseException, key: str | None) -> str:
    # litellm puts a traceback behind some, and the names of its own classes before all.
    text = utf8(str(error)[:8000]).partition("Traceback (most recent call last)")[0].strip() or type(error).__name__
    while found := _LABEL.match(text):
        text = text[found.end() :]
    if key and len(key) > 3:
        text = text.replace(key, "[key]")
    return line(text, WORDS)


def _wait(error: BaseException) -> float | None:
    for headers in (
        getattr(error, "litellm_response_headers", None),
        getattr(getattr(error, "response", None), "headers", None),
        getattr(error, "headers", None),
    ):
        found = _header(headers)
        if found is not None:
            return found
    delay = _DELAY.search(str(error)[:8000])
    return float(delay[1]) if delay else None


def _header(headers: Any) -> float | None:
    """`Retry-After` in seconds, as a number or a date, and `retry-after-ms`; None where there is none."""
    get = getattr(headers, "get", None)
    if get is None:
        return None
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0), ("Retry-After", 1.0)):
        value = get(name)
        if not isinstance(value, str):
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            try:
                seconds = parsedate_to_datetime(value).timestamp() - time.time()
            except (ValueError, TypeError, OverflowError):
                continue
        if seconds == seconds and seconds < 1e7:
            return max(0.0, round(seconds, 3))
    return None
