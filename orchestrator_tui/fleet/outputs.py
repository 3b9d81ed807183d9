"""What a tool's answer says: nothing, a plain "done", test figures, an error's signature.

Only the kept parts of an answer are looked at (1 KiB of each end). All patterns are linear.
"""

from __future__ import annotations

import re
from hashlib import blake2b

import msgspec
from msgspec import Struct

from orchestrator_tui.excerpt import Excerpt

SHORT = 240
"""A longer answer says something."""
END = 1000
"""Characters at the end of an answer in which figures and errors are looked for."""
LINES = 8
"""Lines at the end in which an error is looked for."""
_EMPTY = re.compile(
    r"[(\[<]{0,2}(?:no|zero|0)\b(?: \w+){0,3} ?(?:match(?:es|ed)?|results?|files?|output|contents?|data|items?"
    r"|entries|lines?"
    r"|references?|records?|rows?|hits?|occurrences?|symbols?|found|messages?|updates?|changes|new)\b.{0,80}"
    r"|[(\[<]?(?:nothing|none|null|nil|undefined|empty|false|true|n/a|not found|0|1)[)\]>]?[.!]?"
    r"|(?:nothing (?:found|new|to)|not found|could ?n[o']t find any|did not match any|found 0) ?.{0,80}"
    r"|[\[{(]\s*[\])}]|\"\"|''|-+"
    r"|(?:error: )?(?:command |process )?(?:failed|exited|completed|finished)? ?(?:with )?(?:exit )?(?:code"
    r"|status):? ?-?\d+"
    r"|exit code -?\d+|.{0,40}\bno output\b.{0,40}",
    re.I | re.S,
)
_PICTURE = re.compile(
    r"\s*(?:\[(?:image|document|audio|video|resource|file|inline|blob|media|screenshot)[^\]]{0,60}\]\s*)+", re.I
)
_PERSON = re.compile(
    r"\buser (?:doesn't|does not|didn't|did not) want|\b(?:rejected|declined|denied|cancell?ed|stopped) by"
    r" (?:the )?user\b"
    r"|\buser (?:has )?(?:rejected|declined|denied|cancell?ed|chose not|refused)\b",
    re.I,
)
_GENERIC = re.compile(
    r"exit(?:ed)? (?:with )?(?:code|status)|command failed|elifecycle|npm err!|could not compile|aborting due to"
    r"|complete log of"
    r"|\*\*\*.{0,80}error \d|for more information|returned non-zero|previous errors?|to rerun|build failed"
    r"|lifecycle script"
    r"|script .{0,40}(?:exited|failed)|task .{0,80}failed|failed to execute goal|some tests failed|stopping"
    r" after|full traceback",
    re.I,
)
"""Last words of runners, whatever went wrong."""
_NOTHING = re.compile(r"\b(?:[nN]o|[nN]ot|[nN]othing|[nN]one|0|zero|code|status|find)\b|n't")
_DONE = re.compile(
    r"(?:ok|okay|done|success|successful|successfully|completed?|accepted|applied|saved|sent|sure|yes|pong)\b.{0,120}"
    r"|.{0,160}\b(?:successfully|(?:was|were|been|has|have|is|are|been) (?:\w+ )?(?:updated|created|written"
    r"|saved|modified|deleted|moved|added|removed"
    r"|applied|sent|submitted|inserted|replaced|started|stopped|scheduled|edited|overwritten|renamed|set|posted"
    r"|clicked))\b.{0,120}"
    r"|(?:updated|created|written|wrote|saved|modified|deleted|moved|added|removed|applied|sent|clicked|typed|pressed"
    r"|submitted|inserted|replaced|edited|renamed|scrolled|navigated|posted|filled|selected|queued)\b.{0,120}"
    r"|[\w #'/.:-]{1,60} (?:updated|created|saved|deleted|moved|added|removed|sent|submitted|inserted|closed|merged"
    r"|posted|scheduled|uploaded|clicked|typed)[.!]?",
    re.I | re.S,
)
_COUNTED = re.compile(
    r"[0-9]{1,7} (?:\w{1,12} )?"
    r"(?:failed|failing|failures?|errors?|problems?|broken|passed|passing|succeeded|pass|fail)\b"
    r"|(?:failures|errors|failed|passed|passes|failing|passing)\s{0,4}[=:]\s{0,4}[0-9]{1,7}"
)
"""In lower case: `3 failed`, `12 tests passed`, `failures=2`."""
_STEMS = ("fail", "error", "pass", "problem", "succe", "broken")
_NUMBER = re.compile(r"[0-9]+")
_BAD = (
    "error", "exception", "fail", "fatal", "panic", "abort", "cannot", "can't", "could not", "couldn't", "unable",
    "not found", "no such", "denied", "refused", "timed out", "timeout", "unknown", "undefined",
    "unexpected", "invalid", "missing", "mismatch", "expected", "assert", "unauthorized", "forbidden", "segmentation",
)  # fmt: skip
_TELLS = ("Error", "Exception", "error:", "error[", "fatal:", "FAILED", "panic", "E  ")
_STRONG = re.compile(
    r"(?:[\w.]{0,80}(?:Error|Exception)\b|E {2,}\S|error(?:\[\w+\])?:|fatal:|FAILED |panic:|thread '.{0,80}'"
    r" panicked)"
)
_DIGITS = re.compile(r"0x[0-9a-fA-F]+|\d+")
_SPACE = re.compile(r"\s+")
_HARD = re.compile(
    r"unauthori[sz]ed|forbidden|denied|not found|no such|unknown|invalid|traceback|fatal|not a |unrecognized|usage:"
    r"|command not found|unable to|could not resolve|expired|\b40[0134]\b",
    re.I,
)


class Figures(Struct, frozen=True, array_like=True, gc=False):
    """What a test run or a checker counted."""

    failing: int
    passing: int | None = None


def digest_of(text: Excerpt) -> int:
    """64 bits that identify a text's normalised whole."""
    if text.digest:
        try:
            return int(text.digest, 16)
        except ValueError:
            pass
    return key_of(text.text)


def key_of(*parts: str) -> int:
    """64 bits for a tuple of strings, the same in every process."""
    code = blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8)
    return int.from_bytes(code.digest(), "big")


def says_nothing(text: Excerpt) -> bool:
    """Whether the answer is empty, or only says that nothing was found: weak evidence of anything."""
    if text.length > SHORT:
        return False
    words = text.text.strip()
    if not words:
        # Without stored text the length is all that is known.
        return text.length < 3
    # Cheap tells first: an answer that says nothing has one of these in it, or is very short.
    if (len(words) < 12 or _NOTHING.search(words)) and _EMPTY.fullmatch(words):
        return True
    return words[0] in "{[" and _all_empty(words)


def _all_empty(words: str) -> bool:
    try:
        value = _json.decode(words)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return _hollow(value, 4)


def _hollow(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(_hollow(item, depth - 1) for item in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_hollow(item, depth - 1) for item in value)
    return not value or value is True or value in ("ok", "success")


def is_picture(text: Excerpt) -> bool:
    """Whether the answer is no text at all: nobody can say whether two such are equal."""
    return text.length <= SHORT and text.text.lstrip()[:1] == "[" and _PICTURE.fullmatch(text.text) is not None


def is_refusal(text: Excerpt) -> bool:
    """Whether a person said no to a call: that is a person's word."""
    words = text.text[:400]
    return "ser" in words and _PERSON.search(words) is not None


def says_done(text: Excerpt) -> bool:
    """Whether the answer only confirms a deed: equal for every deed, so it says nothing of repetition."""
    return text.length <= SHORT and _DONE.fullmatch(text.text.strip()) is not None


def is_hard(text: Excerpt) -> bool:
    """Whether an error will not go away by asking again."""
    return _HARD.search(text.text) is not None


def figures(text: Excerpt) -> Figures | None:
    """Failing and passing tests (or a checker's errors), from the last line that counts them; None without one."""
    passing = None
    for line in _counting_lines(_end_of(text).lower()):
        bad = good = None
        for match in _COUNTED.finditer(line):
            words = match[0]
            number = _NUMBER.search(words)
            count = int(number[0]) if number is not None else 0
            if "pass" in words or "succe" in words:
                good = count if good is None else max(good, count)
            else:
                bad = count if bad is None else bad + count
        if bad is not None:
            return Figures(bad, good)
        passing = good if passing is None else passing
    return Figures(0, passing) if passing is not None else None


def _counting_lines(words: str) -> list[str]:
    """The lines that may count something, the last first: of each word that figures stand with the last two."""
    starts = set()
    for stem in _STEMS:
        at = len(words)
        for _ in range(2):
            at = words.rfind(stem, 0, at)
            if at < 0:
                break
            # A figure stands close before its word or close after it.
            if _NUMBER.search(words, max(0, at - 16), at + 20) is not None:
                starts.add(words.rfind("\n", 0, at) + 1)
    lines = []
    for start in sorted(starts, reverse=True):
        end = words.find("\n", start)
        lines.append(words[start : end if end >= 0 else len(words)])
    return lines


def error_signature(text: Excerpt, ok: bool) -> str:
    """The last line that tells an error, digits masked; "" where there is none.

    Lines that only count failures, and a runner's last words, are no signature. Of an answer that the tool calls good,
    only unmistakable ones.
    """
    words = _end_of(text)
    if ok:
        return _unmistakable(words)
    lines = [line.strip()[:400] for line in words.split("\n")[-LINES:]]
    lines.reverse()
    for line in lines:
        lower = line.lower()
        if (line.startswith("E  ") or any(word in lower for word in _BAD)) and _is_own(line):
            return _mask(line)
    return next((_mask(line) for line in lines if line and _is_own(line)), "")


def _unmistakable(words: str) -> str:
    starts = set()
    for tell in _TELLS:
        at = words.rfind(tell)
        if at >= 0:
            starts.add(words.rfind("\n", 0, at) + 1)
    for start in sorted(starts, reverse=True):
        end = words.find("\n", start)
        line = words[start : end if end >= 0 else len(words)].strip()[:400]
        if _STRONG.match(line) and _is_own(line):
            return _mask(line)
    return ""


def _is_own(line: str) -> bool:
    return _COUNTED.search(line.lower()) is None and _GENERIC.search(line) is None


def _end_of(text: Excerpt) -> str:
    """The end of an answer: where a summary or an error stands."""
    return (text.tail or text.text)[-END:]


def _mask(line: str) -> str:
    return _SPACE.sub(" ", _DIGITS.sub("#", line)).strip()[:200]


_json = msgspec.json.Decoder()
