"""What a message of the model says: a chant, a question at its end, a claim that tests pass."""

from __future__ import annotations

import re
from zlib import crc32

from orchestrator_tui.excerpt import Excerpt

MIN_SENTENCE = 12
"""Characters of a sentence that can be chanted; shorter ones ("Yes.", "Done.") are how people write."""
PROBE, PROBES = 24, 7
MAX_GAP = 250
"""Mean characters from one repeat to the next; further apart it is a refrain."""
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_MARKED = re.compile(r"^(?:\s*(?:[-*+•>|#]|\d{1,4}[.)]|[\u2500-\u257f])| {4}|\t)")
_ENDS = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_TRIM = " \t\r\n*_`\"'”’)]}»🙂😊"
_OFFER = re.compile(
    r"\b(?:anything else|does (?:that|this) (?:help|make sense|answer)|any(?:thing)? (?:other|more|further)"
    r"|something else|how (?:can|may) i (?:help|assist)"
    r"|what would you like"
    r"|what(?:'s| is) next|what (?:should|shall|do you want me to|can) i (?:do|work on|help)|what do you (?:want"
    r"|need)"
    r"|(?:would you like|do you want|want|shall i|should i|may i|can i).{0,120}\b(?:also|as well|too|another|more)\b"
    r"|(?:would you like|want) (?:me )?to (?:see|hear|know|add|extend|explain|elaborate|write tests))\b",
    re.I | re.S,
)
_ASKS = re.compile(
    r"\b(?:please (?:confirm|choose|decide|advise|clarify|answer|approve|pick|select|tell me|specify|reply)"
    r"|(?:waiting|awaiting|wait) (?:for )?your (?:answer|reply|response|approval|confirmation|decision|input"
    r"|go-ahead|ok|choice)"
    r"|let me know (?:which|whether|how you(?:'d| would)? (?:like|want)|what you(?:'d| would)? (?:like|prefer|want))"
    r"|need(?:s)? your (?:approval|confirmation|decision|input|answer|go-ahead|permission))\b|[\[(]y(?:es)?/no?[\])]",
    re.I,
)
_ASKING = ("lease", "your", "know", "[y", "(y", "[Y", "(Y")
_GREEN = re.compile(
    r"\b(?:all|every|the|both|\d+)\b[^.!?\n]{0,40}\btests?\b[^.!?\n]{0,40}\b(?:pass|passes|passed|passing|green"
    r"|succeed|succeeded)\b"
    r"|\btests? (?:suite )?(?:are |is |now |all |have |has )*(?:pass|passes|passed|passing|green)\b"
    r"|\b(?:test suite|suite|build|ci) (?:is|are)(?: now| all)* (?:passing|green)\b",
    re.I,
)
_OBJECTS = ("test", "Test", "suite", "build", "Build", "CI", "ci")
_VERDICTS = ("pass", "green", "succeed")
_UNSURE = re.compile(
    r"\b(?:should|would|will|may|might|could|once|if|when|until|unless|expect|assum\w+|not|n't|cannot|can't"
    r"|before|make sure"
    r"|ensure|verify|let me|need to|want|to see|whether|haven't|hope)\b|n't\b|\?",
    re.I,
)


def chant(text: Excerpt) -> tuple[int, str]:
    """(how many times, the sentence) of the sentence that a message repeats most; (0, "") for none worth telling.

    Code, lists, tables, quotes and headings repeat by nature and are left out. Of a message that is cut off while it
    repeats, the rest is taken to go on as it did.
    """
    words = text.text
    if len(words) < 10 * MIN_SENTENCE or not _repeats(words):
        return 0, ""
    counts: dict[str, int] = {}
    best, most = "", 0
    prose = _prose(words)
    pieces = [piece for piece in (part.strip() for part in _ENDS.split(prose)) if piece]
    for piece in pieces:
        if len(piece) >= MIN_SENTENCE:
            counts[piece] = counts.get(piece, 0) + 1
            if counts[piece] > most:
                best, most = piece, counts[piece]
    if most < 5:
        best, most = _unpunctuated(prose)
    if most < 5:
        return 0, ""
    first, last = prose.find(best), prose.rfind(best)
    if (last - first) > MAX_GAP * (most - 1) + len(best) * most:
        return 0, ""
    if text.length > len(words) and len(prose) - last < 2 * (len(best) + MAX_GAP // 2):
        most = most * text.length // len(words)
    return most, best


def _repeats(words: str) -> bool:
    """Whether some short piece comes five times: a quick look before a close one."""
    step = len(words) // PROBES
    pieces = (words[at : at + PROBE] for at in range(step // 2, len(words) - PROBE, step))
    return any(words.count(piece) >= 5 for piece in pieces)


def _prose(words: str) -> str:
    if "\n" not in words:
        return "" if _MARKED.match(words) else words
    kept, fenced = [], False
    for line in words.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and not _MARKED.match(line):
            kept.append(line)
    return "\n".join(kept)


def _unpunctuated(prose: str) -> tuple[str, int]:
    """The piece that a text without sentences repeats up to its end."""
    end = prose.rstrip()
    for length in (24, 48, 96):
        piece = end[-length:]
        if len(piece) < length or len(set(piece)) < 5:
            continue
        before = end.rfind(piece, 0, len(end) - 1)
        if before < 0:
            continue
        period = len(end) - length - before
        if period < MIN_SENTENCE or period > MAX_GAP:
            continue
        unit = end[-period:]
        count, at = 0, len(end)
        while at >= period and end[at - period : at] == unit:
            count, at = count + 1, at - period
        if count >= 5:
            return unit.strip(), count
    return "", 0


def ends_with_question(text: Excerpt) -> tuple[bool, str]:
    """(whether a person must answer before it goes on, the question); ("", False) where nothing is asked.

    An offer ("Shall I also add tests?") is a question nobody has to answer.
    """
    words = (text.tail or text.text) if text.length > len(text.text) else text.text
    if text.length > len(text.text) and not text.tail:
        # Its end was not kept.
        return False, ""
    words = words.rstrip()
    last = words[words.rfind("\n") + 1 :].strip()[-400:]
    if not last:
        return False, ""
    sentence = _ENDS.split(last)[-1].rstrip(_TRIM)
    if sentence.endswith(("?", "？")):
        return _OFFER.search(sentence) is None, sentence
    if any(word in last for word in _ASKING) and _ASKS.search(last):
        asked = next((line for line in reversed(words.splitlines()) if "?" in line), last)
        return True, asked.strip()
    return False, ""


def claims_green(text: Excerpt) -> str:
    """The sentence that says that tests pass; "" where none does without reserve."""
    words = text.text
    if not any(word in words for word in _OBJECTS) or not any(word in words for word in _VERDICTS):
        return ""
    found = _GREEN.search(text.text)
    if found is None:
        return ""
    start = max(text.text.rfind(mark, 0, found.start()) for mark in (". ", "\n", "! ", "? ")) + 1
    ends = [at for at in (text.text.find(mark, found.end()) for mark in (".", "\n", "!", "?")) if at >= 0]
    sentence = text.text[start : min(ends) + 1 if ends else None].strip()
    return "" if _UNSURE.search(sentence) else sentence[:160]


def sketch(words: str) -> tuple[int, ...]:
    """A text's 16 smallest word hashes: two sketches that share most say much the same."""
    return tuple(sorted({crc32(word.encode("utf-8", "replace")) for word in words[:600].casefold().split()})[:16])


def alike(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """Estimated share of common words (Jaccard) of two texts, from their sketches."""
    if not a or not b:
        return 0.0
    union = sorted({*a, *b})[:16]
    both = set(a) & set(b)
    return sum(item in both for item in union) / len(union)
