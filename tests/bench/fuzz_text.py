"""Random hostile text through the one choke point: nothing that a terminal obeys gets through, and widths are right.

`python -m tests.bench.fuzz_text --count 1000000 --seed 1`.
"""

from __future__ import annotations

import argparse
import random
import time
import unicodedata

from orchestrator_tui.text import MAX_MARKS, clean, line
from orchestrator_tui.ui.draw.ink import fit, width

PIECES = (
    "\x1b", "\x1b[", "\x1b]", "\x1b]52;c;", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1b\\", "\x07", "\x9b", "\x9d", "\x90", "\x9c",
    "\x98", "\x9e", "\x9f", "\x85", "31m", "2J", "0;", "8;;http://e", ";", "?25l", "m", "c", "6n", "!p", "\r", "\n", "\r\n",
    "\t", "\b", "\0", "\x7f", "\u202e", "\u2066", "\u2069", "\u200b", "\u200d", "\ufeff", "\u2028", "\u2029", "\ufe0f", "\ufe00",
    "\U000e0041", "\U000e0100", "\ud83d", "\udc00", "\U0001f600", "\U0001f468\u200d\U0001f469", "\u115f", "\u3164", "\u034f",
    "\u0301", "\u0301" * 9, "\u20dd", "\u0e33", "\u0e49\u0e49\u0e49", "\u1100\u1161", "\u4e2d", "\uff21", "\u00ad", "\u2800",
    "a", "word ", "[/]", "[@click=x]", "\\", "\u061c", "\ufffd", "\u2400", "\u241b", "x" * 300, "\u0600", "\U0001d173",
)  # fmt: skip
OBEYED = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def made(rng: random.Random) -> str:
    """A text of some pieces and some characters of anywhere."""
    parts = [rng.choice(PIECES) for _ in range(rng.randrange(1, 14))]
    for _ in range(rng.randrange(3)):
        parts.insert(rng.randrange(len(parts) + 1), chr(rng.choice((rng.randrange(0x300), rng.randrange(0x110000)))))
    return "".join(parts)


def wrong(text: str, columns: int) -> str:
    """What is wrong with what becomes of a text; "" when nothing is."""
    shown = clean(text)
    for char in shown:
        kind = unicodedata.category(char)
        if (kind in ("Cc", "Cf", "Cs", "Zl", "Zp") and char != "\n") or char in OBEYED:
            return f"U+{ord(char):04X} ({kind}) gets through"
    run = 0
    for char in shown:
        run = run + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if run > MAX_MARKS:
            return "marks are piled up"
    if clean(shown) != shown:
        return "cleaning twice is another thing"
    one = line(text)
    if "\n" in one or clean(one) != one:
        return "a line is no line"
    short = line(text, columns)
    if len(short) > columns or clean(short) != short:
        return "a cut line is too long, or another thing when cleaned"
    if width(fit(one, columns)) != columns:
        return f"a cell of {columns} columns is {width(fit(one, columns))} wide"
    return ""


def fuzz(count: int, seed: int) -> list[tuple[str, str]]:
    """(text, what is wrong with it) of so many."""
    rng = random.Random(f"text{seed}")
    found = []
    for _ in range(count):
        text = made(rng)
        why = wrong(text, rng.randrange(1, 60))
        if why:
            found.append((text, why))
            if len(found) >= 20:
                break
    return found


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    begun = time.perf_counter()
    found = fuzz(args.count, args.seed)
    print(f"{args.count:,} texts in {time.perf_counter() - begun:.1f} s, {len(found)} faults")
    for text, why in found:
        print(f"{why}: {text!r}")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
