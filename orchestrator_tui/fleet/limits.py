"""What the model's service said when it refused: who can do something about it, and when it goes on.

A quota and a throttle share the status 429; only the words tell them apart.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from orchestrator_tui.events import MAX_WAIT, ApiError
from orchestrator_tui.fleet import SECOND

Trouble = Literal["login", "credits", "quota", "throttle", "overload", "refused", "transport"]
"""Who acts: a person logs in, pays; time passes (quota: hours; throttle, overload: minutes); nobody (refused)."""
EPOCH_FROM = 1_600_000_000
_NOT_QUOTA = re.compile(r"\bnot (?:your|a|due to|related to)\b.{0,30}\b(?:usage|limit|quota|plan)", re.I)
_QUOTA = re.compile(
    r"\b(?:usage|session|weekly|daily|monthly|5-?hour|five-hour|plan|opus|sonnet|message|request|token) limit\b"
    r"|\bquota\b"
    r"|\b(?:hit|reached|exceeded) (?:your|the) .{0,30}limit\b|(?<!rate )\blimit (?:has been )?(?:reached|will"
    r" reset|resets)\b"
    r"|\bresets? (?:at|in|on)\b|\bout of (?:extra )?usage\b|usage_limit",
    re.I,
)
_CREDITS = re.compile(
    r"credit balance|insufficient (?:funds|credits?|balance|quota)|insufficient_quota|billing|payment required"
    r"|out of credits"
    r"|purchase (?:more )?credits|spend(?:ing)? limit|hard limit",
    re.I,
)
_LOGIN = re.compile(
    r"\b(?:log ?in|login|re-?authenticat\w*|sign in|oauth|unauthori[sz]ed|invalid (?:api|x-api)[- ]?key|api key"
    r"|authentication|credentials|token (?:has )?expired|expired token|forbidden|permission_error)\b",
    re.I,
)
_TOO_LONG = re.compile(
    r"(?:prompt|input|context|request|message)s? (?:is|are|was) too (?:long|large)|context.{0,20}(?:length"
    r"|window).{0,20}exceed"
    r"|exceeds? (?:the |your )?(?:maximum |model'?s? )?context|maximum context length|too many (?:input |prompt"
    r" )?tokens"
    r"|ran out of room in the model",
    re.I,
)
_THROTTLE = re.compile(
    r"rate.?limit|too many requests|throttl|temporarily limiting|\b429\b|slow down|tokens per min", re.I
)
_OVERLOAD = re.compile(
    r"overload|at capacity|high demand|\b529\b|\b503\b|service unavailable|server is busy|try again later", re.I
)
_EPOCH = re.compile(r"(?:\||reset\w*[\" :=]{1,4}|at )(1\d{9})(?:\d{3})?\b")
_IN = re.compile(
    r"\b(?:in|after|for|within|wait)[ :]{1,2}((?:\d{1,7}(?:\.\d{1,3})? ?(?:d(?:ays?)?|h(?:ours?|rs?)?"
    r"|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)\b[, ]{0,2}(?:and )?){1,4})",
    re.I,
)
_PART = re.compile(r"(\d{1,7}(?:\.\d{1,3})?) ?([dhms])", re.I)
_ISO = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d))?(?:\.\d{1,9})?(Z| ?UTC| ?GMT|[+-]\d\d:?\d\d)")
_CLOCK = re.compile(
    r"\b(?:resets?|try again|available(?: again)?|until|at|retry)\b.{0,24}?\b((?:(?:jan|feb|mar|apr|may|jun|jul"
    r"|aug|sep|oct|nov|dec)\w{0,6} \d{1,2}(?:st|nd|rd|th)?,?(?: \d{4},?)?(?: at)? ?)?"
    r"(?:\d{1,2}:\d\d ?(?:am|pm)?|\d{1,2} ?(?:am|pm))(?: ?\([\w/+ -]{1,40}\)| utc| gmt)?)",
    re.I,
)
_UTC = re.compile(r"\b(?:utc|gmt)\b", re.I)
_TIME = re.compile(r"(\d{1,2})(?::(\d\d))? ?(am|pm)?", re.I)
_UNIT = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_DAY = 86_400


class Refusal(Struct, frozen=True, gc=False):
    """What an error of the model's service comes to."""

    kind: Trouble
    until: int | None = None
    """When it ends, nanoseconds since the epoch; None when it cannot be told."""
    when: str = ""
    """The words that say when, where they name a clock time of an unknown place."""


def refusal(error: ApiError, at: int) -> Refusal:
    """What an error that came `at` that time means."""
    words = f"{error.kind or ''} {error.text}"
    until, when = ends_at(error.text, at)
    kind = _kind(error, words)
    if kind == "throttle" and (when or (until is not None and until - at > 15 * 60 * SECOND)):
        kind = "quota"
    return Refusal(kind, until, when)


def _kind(error: ApiError, words: str) -> Trouble:
    status = error.status
    if status == 402 or (_CREDITS.search(words) and "usage limit" not in words):
        return "credits"
    if _QUOTA.search(words) and not _NOT_QUOTA.search(words) and status not in (400, 401, 403, 404, 413):
        return "quota"
    if status in (401, 403):
        return "login"
    if _TOO_LONG.search(words):
        return "refused"
    if status == 429 or (status is None and _THROTTLE.search(words)):
        return "throttle"
    if status in (503, 529) or (status is None and _OVERLOAD.search(words)):
        return "overload"
    if status is None and _LOGIN.search(words):
        return "login"
    if status is not None and 400 <= status < 500 and status not in (408, 409, 425):
        return "refused"
    return "transport"


def ends_at(text: str, at: int) -> tuple[int | None, str]:
    """(when a limit ends, the words that say so) in a message that came `at` that time.

    A clock time without a zone is the person's own, and this fold does not know where they are: only the words.
    """
    if found := _EPOCH.search(text):
        seconds = int(found[1])
        if seconds >= EPOCH_FROM:
            return seconds * SECOND, ""
    if found := _ISO.search(text):
        moment = _moment(found)
        if moment is not None:
            return moment, ""
    if found := _IN.search(text):
        wait = 0.0
        for number, unit in _PART.findall(found[1]):
            wait += float(number) * _UNIT[unit.lower()]
        if 0 < wait <= MAX_WAIT:
            return at + int(wait * SECOND), ""
    if found := _CLOCK.search(text):
        words = found[1].strip()
        if _UTC.search(text[found.start() : found.end() + 8]) and not words[0].isalpha():
            return _today(words, at), words
        return None, words
    return None, ""


def _today(words: str, at: int) -> int | None:
    """The next time that a clock in UTC shows `words`, after `at`."""
    found = _TIME.match(words)
    if found is None:
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59:
        return None
    now = at // SECOND
    day = now - now % _DAY
    then = day + hour * 3600 + minute * 60
    return (then if then > now else then + _DAY) * SECOND


def _moment(found: re.Match[str]) -> int | None:
    year, month, day, hour, minute = (int(found[n]) for n in range(1, 6))
    if not (1970 <= year < 2200 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60):
        return None
    zone = found[7].strip()
    offset = 0
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        offset = (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (1 if zone[0] == "+" else -1)
    # Days since the epoch in the proleptic Gregorian calendar.
    y, m = (year, month) if month > 2 else (year - 1, month + 12)
    days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * (m - 3) + 2) // 5 + day - 719_469
    return (days * _DAY + hour * 3600 + minute * 60 + int(found[6] or 0) - offset) * SECOND
