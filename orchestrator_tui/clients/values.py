"""Reading values that anybody may have written: what is not what it should be says nothing, and changes no total."""

from __future__ import annotations

import json
import math
import re
from hashlib import blake2b
from typing import Any

import msgspec

from orchestrator_tui.clock import parse_iso
from orchestrator_tui.events import MAX_WAIT, Tokens
from orchestrator_tui.excerpt import ARGUMENTS, Excerpt, excerpt

MAX_WHOLE = 1 << 40
"""A whole number from here on is not one that a client means."""
NAME_LENGTH = 128
"""Characters kept of an identifier or of a client's own word."""
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}")
_decoder = msgspec.json.Decoder()


def decode_object(data: bytes) -> dict[str, Any] | None:
    """A JSON object, tolerantly: bad UTF-8 and lone surrogates are replaced; None when it is not an object."""
    for attempt in (_strict, _lenient):
        try:
            value = attempt(data)
        except (msgspec.MsgspecError, ValueError, RecursionError, UnicodeError):
            continue
        return value if isinstance(value, dict) else None
    return None


def _strict(data: bytes) -> object:
    return _decoder.decode(data)


def _lenient(data: bytes) -> object:
    text = data.decode("utf-8", "replace").lstrip("\ufeff")
    # NaN and Infinity stay numbers, and wrong ones: None would mean that nothing was said.
    return scrub(json.loads(text, parse_constant=float))


def scrub(value: Any) -> Any:
    """Replace lone surrogates (Node emits them when it cuts an emoji) in every string of a decoded value."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    if isinstance(value, list):
        return [scrub(item) for item in value]
    if isinstance(value, dict):
        return {scrub(key): scrub(item) for key, item in value.items()}
    return value


def record_key(client: str, identity: str | bytes) -> int:
    """63 bits for a record's own id, or for its bytes where it has none."""
    raw = identity.encode("utf-8", "replace") if isinstance(identity, str) else identity
    return int.from_bytes(blake2b(raw, digest_size=8, person=client.encode()[:16]).digest(), "big") >> 1


def response_key(client: str, *identity: str) -> bytes:
    """16 bytes for a model response."""
    return blake2b("\0".join(identity).encode("utf-8", "replace"), digest_size=16, person=client.encode()[:16]).digest()


def session_id(client: str, native: str) -> str:
    """`<client>:<id>`; an id that is no plain name (a path, control characters, too long) is replaced by its hash."""
    if not _SAFE_ID.fullmatch(native):
        native = "x" + blake2b(native.encode("utf-8", "replace"), digest_size=12).hexdigest()
    return f"{client}:{native}"


def timestamp(value: object) -> int | None:
    """An ISO time to nanoseconds; None for anything else."""
    return parse_iso(value) if isinstance(value, str) and len(value) < 64 else None


def text_of(value: object) -> str | None:
    """A string, or None."""
    return value if isinstance(value, str) else None


def short(value: object, limit: int = NAME_LENGTH) -> str | None:
    """The first `limit` characters of a string that says something, or None."""
    return value[:limit] if isinstance(value, str) and value else None


def whole(value: object) -> int | None:
    """A whole number of less than 2^40 either way, or None; `true` is no number."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_WHOLE else None


def number(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def wait_of(value: object, per_second: int = 1) -> float | None:
    """Seconds to wait, from 0 to `MAX_WAIT`, or None; `per_second` is the client's unit (1000: milliseconds)."""
    units = number(value)
    return units / per_second if units is not None and 0 <= units <= MAX_WAIT * per_second else None


def pid_of(value: object) -> int | None:
    """The id of a process that can be a session's, or None: to a kernel 0 and below are groups, and 1 is init."""
    pid = whole(value)
    return pid if pid is not None and 1 < pid < 1 << 31 else None


def count_of(value: object) -> int:
    """A token count: a whole number from 0 to 2^40.

    Raises ValueError for anything else, so that a hostile number changes no total.
    """
    if value is None:
        return 0
    count = whole(value)
    if count is None or count < 0:
        raise ValueError(f"not a token count: {str(value)[:40]}")
    return count


def tokens_of(
    *, input: object = 0, cache_read: object = 0, cache_write: object = 0, output: object = 0,
    cache_write_1h: object = 0, reasoning: object = 0,
) -> Tokens:  # fmt: skip
    """Counts from a client's record; the parts never exceed their wholes. Raises ValueError (see `count_of`)."""
    write, out = count_of(cache_write), count_of(output)
    return Tokens(
        count_of(input),
        count_of(cache_read),
        write,
        out,
        min(write, count_of(cache_write_1h)),
        min(out, count_of(reasoning)),
    )


def first_line(text: str | None) -> str | None:
    """The first line with something on it, as a title."""
    return next((part.strip() for part in (text or "")[:4096].splitlines() if part.strip()), None)


def project_of(cwd: str) -> str:
    """The project's name: the last part of the directory that the session began in."""
    return cwd.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or "/"


def remember(seen: list[str], item: str, most: int) -> bool:
    """Whether `item` is new to `seen`, which keeps the `most` that came last: a checkpoint stays small."""
    if item in seen:
        return False
    seen.append(item)
    del seen[:-most]
    return True


def arguments_of(value: object) -> Excerpt:
    """A tool call's arguments as canonical JSON; the order of keys carries no meaning."""
    try:
        raw = msgspec.json.encode(value, order="sorted").decode()
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, UnicodeError):
        raw = str(value)[:ARGUMENTS]
    return excerpt(raw, ARGUMENTS)
