"""Keys as people write them, and as Textual names them: `Ctrl+K`, `^k`, `.`, `PgUp`, `full_stop`."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from unicodedata import lookup

from rich.cells import cell_len

NAMES = {
    "full_stop": ".", "comma": ",", "slash": "/", "colon": ":", "question_mark": "?", "plus": "+", "minus": "-",
    "enter": "Enter", "escape": "Esc", "tab": "Tab", "left": "←", "right": "→", "up": "↑", "down": "↓",
    "equals_sign": "=", "pageup": "PgUp", "pagedown": "PgDn", "space": "Space", "home": "Home", "end": "End",
    "insert": "Ins", "delete": "Del", "backspace": "Backspace", "exclamation_mark": "!", "less_than_sign": "<",
    "greater_than_sign": ">", "left_square_bracket": "[", "right_square_bracket": "]", "semicolon": ";",
    "apostrophe": "'", "quotation_mark": '"', "number_sign": "#", "dollar_sign": "$", "percent_sign": "%",
    "ampersand": "&", "left_parenthesis": "(", "right_parenthesis": ")", "asterisk": "*", "underscore": "_",
    "at": "@", "backslash": "\\", "circumflex_accent": "^", "grave_accent": "`", "left_curly_bracket": "{",
    "vertical_line": "|", "right_curly_bracket": "}", "tilde": "~",
}  # fmt: skip
"""Textual's names of keys -> what a person calls them."""
MODIFIERS = {
    "ctrl": "ctrl", "control": "ctrl", "c": "ctrl", "alt": "alt", "option": "alt", "opt": "alt", "a": "alt",
    "shift": "shift", "s": "shift", "super": "super", "cmd": "super", "command": "super", "win": "super",
    "meta": "meta", "hyper": "hyper",
}  # fmt: skip
ORDER = ("alt", "ctrl", "hyper", "meta", "shift", "super")
"""The order in which Textual names them."""
WORDS = {
    "esc": "escape", "return": "enter", "ret": "enter", "cr": "enter", "spacebar": "space", "del": "delete",
    "ins": "insert", "pgup": "pageup", "pgdn": "pagedown", "pgdown": "pagedown", "page-up": "pageup",
    "page-down": "pagedown", "page_up": "pageup", "page_down": "pagedown", "bs": "backspace", "dot": "full_stop",
    "period": "full_stop", "equals": "equals_sign", "←": "left", "→": "right", "↑": "up", "↓": "down", " ": "space",
    "arrow-left": "left", "arrow-right": "right", "arrow-up": "up", "arrow-down": "down",
    "plus_sign": "plus", "hyphen": "minus", "dash": "minus", "backtick": "grave_accent",
}  # fmt: skip
SAME = {
    "ctrl+i": "tab", "ctrl+m": "enter", "ctrl+left_square_bracket": "escape", "ctrl+space": "ctrl+at",
    "shift+escape": "escape", "shift+enter": "enter", "shift+space": "space",
}  # fmt: skip
"""What a terminal sends for them is the other key."""
LONG = 80


@cache
def _known() -> frozenset[str]:
    """Keys that are more than a character, without modifiers."""
    from textual.keys import Keys

    names = {key.value for key in Keys if "+" not in key.value and key.value[0] != "<"}
    return frozenset(names - {"return", "ctrl-at"})


def _character(text: str) -> str:
    """Textual's name of a character, or "" where it is none that can be typed."""
    from textual.keys import _character_to_key

    if not text.isprintable() or text.isspace() or cell_len(text) != 1:
        return ""
    name = _character_to_key(text)
    # Some names leave out what the character's own has: they cannot be shown, nor written again.
    return name if len(name) == 1 or text.isascii() or _called(name) == text else ""


def _called(name: str) -> str:
    """The character of that name in Unicode, or ""."""
    try:
        return lookup(name.replace("_", " ").upper())
    except KeyError:
        return ""


@cache
def _names() -> dict[str, str]:
    """Textual's own name of a character in ASCII -> that name."""
    return {name: name for code in range(33, 127) if (name := _character(chr(code)))}


def parsed(text: str) -> str:
    """Textual's name of a key. Raises ValueError with what is wrong, one line."""
    whole = text if text == " " else text.strip()
    if not whole or len(whole) > LONG:
        raise ValueError("is no key")
    *words, last = _parts(whole)
    modifiers: set[str] = set()
    for word in words:
        found = MODIFIERS.get(word.strip().casefold())
        if found is None:
            raise ValueError(f"is no key: {word.strip()!r} is not Ctrl, Alt or Shift")
        modifiers.add(found)
    name = _last(last)
    if not name:
        raise ValueError("is no key")
    if len(name) == 1 and name.isalpha():
        if modifiers == {"shift"}:
            # What a terminal tells is the capital.
            return name.upper()
        if modifiers:
            name = name.lower()
    elif modifiers == {"shift"} and name not in _known():
        raise ValueError("is no key of its own: write the character that it types")
    key = "+".join([*(word for word in ORDER if word in modifiers), name])
    return SAME.get(key, key)


def _parts(text: str) -> list[str]:
    """`Ctrl-K` -> [`Ctrl`, `K`]; a `+` or `-` at the end is the key itself."""
    if len(text) > 1 and text[0] == "^":
        return ["ctrl", text[1:]]
    if text in WORDS or text.casefold() in WORDS or len(text) == 1:
        return [text]
    parts: list[str] = []
    rest = text
    while len(rest) > 1:
        places = [place for sign in "+-" if (place := rest.find(sign, 1)) > 0 and place < len(rest) - 1]
        if not places:
            break
        parts.append(rest[: min(places)])
        rest = rest[min(places) + 1 :]
    return [*parts, rest]


def _last(text: str) -> str:
    """The key itself, without its modifiers; "" where there is none."""
    if len(text) == 1 and text not in WORDS:
        return _character(text)
    name = text.strip().casefold()
    name = WORDS.get(text) or WORDS.get(name) or name
    if name in _known() or (name in _names() and len(name) > 1) or name in WORDS.values():
        return name
    character = _called(name) if len(name) > 1 else ""
    return name if character and _character(character) == name else ""


def written_key(key: str) -> str:
    """A key as a person writes it: `ctrl+k` is `Ctrl+K`, `full_stop` is `.`."""
    *modifiers, last = key.split("+")
    name = NAMES.get(last) or (last.upper() if modifiers or (len(last) > 1 and last[1:].isdigit()) else last)
    if len(name) > 1 and last not in NAMES:
        with suppress(KeyError):
            name = lookup(name.replace("_", " ").upper())
    return "+".join([*(word.capitalize() for word in modifiers), name])


def shown_keys(keys: tuple[str, ...], numbered: bool = False) -> str:
    """The first key, of numbered ones the range, of none ""."""
    if numbered and len(keys) > 1:
        return f"{written_key(keys[0])}-{written_key(keys[-1])}"
    return written_key(keys[0]) if keys else ""


def written_keys(keys: tuple[str, ...], numbered: bool = False) -> str:
    """All keys; of numbered ones the range."""
    return shown_keys(keys, True) if numbered else " ".join(map(written_key, keys))
