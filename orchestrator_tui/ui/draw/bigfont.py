"""Large letters and figures, drawn from half blocks, or from `#` where only ASCII may be written.

The letters are the five by seven of classic displays, with one row below the line; a dot of theirs is one column wide
and half a row high.
"""

from __future__ import annotations

from functools import lru_cache

HEIGHT = 8
"""Dots of a letter, top to bottom; the last row holds what hangs below the line."""
GAP = 1
"""Dots between two letters."""
SPACE = 3
"""Dots of a space."""
DIGITS = "0123456789"
_FIRST = 0x21
_COLUMNS = bytes.fromhex(
    "00005f0000 0007000700 147f147f14 242a7f2a12 2313086462 3649562050 0008070300 001c224100 0041221c00"
    "2a1c7f1c2a 08083e0808 0080703000 0808080808 0000606000 2010080402 3e4141413e 00427f4000 6251494946"
    "2141494d33 1814127f10 2745454539 3c4a494930 4121110907 3649494936 064949291e 0000140000 0040340000"
    "0008142241 1414141414 0041221408 0201590906 3e415d594e 7c1211127c 7f49494936 3e41414122 7f4141413e"
    "7f49494941 7f09090901 3e41415173 7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f021c027f"
    "7f0408107f 1c2241221c 7f09090906 3e4151215e 7f09192946 2649494932 03017f0103 3f4040403f 1f2040201f"
    "3f4038403f 6314081463 0304780403 6159494d43 007f414141 0204081020 004141417f 0402010204 4040404040"
    "0003070800 2054545478 7f28444438 3844444428 384444287f 3854545418 00087e0902 18a4a49c78 7f08040478"
    "00447d4000 2040403d00 7f10284400 00417f4000 7c04780478 7c08040478 3844444438 fc18242418 18242418fc"
    "7c08040408 4854545424 04043f4424 3c4040207c 1c2040201c 3c4030403c 4428102844 4c9090907c 4464544c44"
    "0008364100 0000770000 0041360800 0201020402"
)
"""Five columns of each sign from `!` to `~`, the lowest bit on top."""
_LIKE = {"…": "...", "≥": ">", "≈": "~", "×": "x", "–": "-", "—": "-", "’": "'", "“": '"', "”": '"', "→": ">"}
"""Signs that evidence is written with, and what stands for them."""
Dots = tuple[int, ...]
"""The columns of one letter, left to right; bit 0 is the topmost dot."""


def plain(text: str) -> str | None:
    """The text in signs that can be drawn, or None where one of it cannot be."""
    out = "".join(_LIKE.get(sign, sign) for sign in text)
    return out if all(" " <= sign <= "~" for sign in out) else None


@lru_cache(512)
def _dots(sign: str) -> Dots:
    if not "!" <= sign <= "~":
        return (0,) * SPACE
    at = (ord(sign) - _FIRST) * 5
    columns = list(_COLUMNS[at : at + 5])
    if sign in DIGITS:
        # Figures are all of one width: what counts does not jump.
        return tuple(columns)
    while columns and not columns[-1]:
        columns.pop()
    while columns and not columns[0]:
        columns.pop(0)
    return tuple(columns)


def columns_of(text: str, scale: int = 1) -> int:
    """Cells that a text takes."""
    return max(0, sum(len(_dots(sign)) + GAP for sign in text) - GAP) * scale


def rows_of(scale: int = 1, ascii_only: bool = False) -> int:
    """Rows that a text takes."""
    return HEIGHT * scale // (1 if ascii_only and scale == 1 else 2)


@lru_cache(512)
def big(text: str, scale: int = 1, ascii_only: bool = False) -> tuple[str, ...]:
    """A text as rows of blocks, all of one width; signs that cannot be drawn leave a space.

    `scale`: columns of one dot. In ASCII a dot is a `#`, at scale 1 a whole row high, so the letters are twice as high.
    """
    columns: list[int] = []
    for sign in text:
        columns += [*([0] * GAP if columns else []), *_dots(sign)]
    wide = [dots for dots in columns for _ in range(scale)]
    high = HEIGHT * scale
    if ascii_only:
        step = 1 if scale == 1 else 2
        return tuple("".join("#" if dots >> row // scale & 1 else " " for dots in wide) for row in range(0, high, step))
    return tuple(
        "".join(_HALVES[dots >> row // scale & 1, dots >> (row + 1) // scale & 1] for dots in wide)
        for row in range(0, high, 2)
    )


_HALVES = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}


@lru_cache(256)
def broken(text: str, columns: int, lines: int, scale: int = 1) -> tuple[str, ...] | None:
    """A text in at most so many lines of so many cells, broken between words; None where it does not fit whole."""
    out: list[str] = []
    if lines < 1:
        return None
    for word in text.split():
        longer = f"{out[-1]} {word}" if out else word
        if out and columns_of(longer, scale) <= columns:
            out[-1] = longer
        elif columns_of(word, scale) > columns or len(out) == lines:
            return None
        else:
            out.append(word)
    return tuple(out) or None


@lru_cache(256)
def begun(text: str, columns: int, lines: int) -> tuple[str, ...]:
    """As much of a text as so many lines hold, and dots after it."""
    low, high = 0, len(text)
    best: tuple[str, ...] = ()
    while low <= high:
        middle = (low + high) // 2
        parts = broken(text[:middle].rstrip() + "...", columns, lines)
        if parts is None:
            high = middle - 1
        else:
            best, low = parts, middle + 1
    return best
