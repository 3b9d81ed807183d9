"""The one choke point between what machines write and what a terminal reads.

Agent output is hostile: escape sequences, controls, bidirectional overrides, invisible characters and
lone surrogates never pass (cases T1 to T7 of the security notes in docs/). What carried no meaning for
a reader (colour codes) is dropped; what hid or moved text is shown as a visible placeholder.
"""

from __future__ import annotations

import re
import unicodedata

TAB = "    "
MAX_MARKS = 2
"""Combining marks kept on one base character; more would climb over the neighbouring rows."""

_CSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]{0,256}+[ -/]{0,16}+[@-~]")
# A string sequence (OSC, DCS, SOS, PM, APC) is swallowed only when it ends on its own line within 4 KiB:
# an unterminated one would otherwise hide everything that follows it. As for a terminal, another one ends it too.
_STRING = re.compile(
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f\r\n]{0,4096}+(?:\x07|\x1b\\|\x9c)"
)
_ESCAPE = re.compile(r"\x1b(?:[ -/]{0,4}+[0-Z\\^-~])?")
# Controls, every format character (Cf), separators, surrogates, and what Unicode lets a font leave out.
_SUSPECT = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f"
    "\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
# Where marks may be: neither letters nor digits, nor blocks of signs without marks. `unicodedata` says what is one.
_MARKS = re.compile(
    "[^\\w\x00-\u02ff\u2000-\u20cf\u2100-\u2cee\u2e00-\u3029\u3030-\u3098\uff00-\uffff\U0001f000-\U0001faff]{3,}"
)
_BREAKS = re.compile(r"[\r\n]+")


def clean(text: str) -> str:
    """Text that may reach a terminal; keeps line feeds, turns tabs into spaces, never fails.

    Cost is linear in the length; plain ASCII passes by one check.
    """
    if text.isascii() and text.isprintable():
        return text
    if _has_escapes(text):
        text = _STRING.sub("␛", text)
        text = _CSI.sub("", text)
        text = _ESCAPE.sub("␛", text)
    text = text.replace("\r\n", "\n")
    text = _SUSPECT.sub(_visible, text)
    return _MARKS.sub(_few_marks, text)


def line(text: str, limit: int = 0) -> str:
    """One cleaned line: breaks become ` ⏎ `; with `limit`, cut to that many characters with an ellipsis.

    Of a long text only the start is looked at: further only where that leaves too little, or a sequence may go on.
    """
    near = text[: 4 * limit + 64] if limit else text
    shown = _joined(near)
    if len(near) < len(text) and (len(shown) <= limit or _has_escapes(near)):
        shown = _joined(text[: 16 * limit + 4096])
    if limit and len(shown) > limit:
        return shown[: max(0, limit - 1)].rstrip() + "…"
    return shown


def _joined(text: str) -> str:
    return _BREAKS.sub(" ⏎ ", clean(text).strip("\n")) if "\n" in text or "\r" in text else clean(text)


def utf8(text: str) -> str:
    """The same text with lone surrogates replaced, so that it can be encoded and stored."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def age(nanoseconds: int) -> str:
    """A duration as a person reads it, in steps as coarse as it is long: `41s`, `3m10s`, `12m`, `1h12m`, `3d`.

    Steps are 1 s under a minute, 10 s under ten, then minutes and days, so that a screen of ages holds still.
    """
    seconds = max(0, nanoseconds) // 1_000_000_000
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 600:
        minutes, rest = divmod(seconds // 10 * 10, 60)
        return f"{minutes}m{rest:02d}s" if rest else f"{minutes}m"
    if seconds < 3600:
        return f"{seconds // 60}m"
    if seconds < 86_400:
        hours, rest = divmod(seconds // 60, 60)
        return f"{hours}h{rest:02d}m" if rest else f"{hours}h"
    return f"{seconds // 86_400}d"


def _has_escapes(text: str) -> bool:
    return any(code in text for code in "\x1b\x9b\x90\x98\x9d\x9e\x9f")


def _visible(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    if char == "\t":
        return TAB
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    # A variation selector changes only a glyph's shape; dropping it keeps the width what wcwidth says.
    return "" if 0xFE00 <= code <= 0xFE0F else "�"


def _few_marks(match: re.Match[str]) -> str:
    """The match with at most `MAX_MARKS` combining marks (Mn, Me) in a row."""
    kept, run = [], 0
    for char in match[0]:
        run = run + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if run <= MAX_MARKS:
            kept.append(char)
    return "".join(kept)
