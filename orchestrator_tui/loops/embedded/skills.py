"""Who can do what: the only place where the small and the large model differ."""

from __future__ import annotations

from msgspec import Struct

Size = str
"""`small` or `large`."""
_EASY = ("spelling", "return", "comparison", "operator", "twin", "default")


class Skill(Struct, frozen=True):
    """What a model knows and how it works."""

    rules: tuple[str, ...]
    """Mutation rules it thinks of, the likeliest first."""
    follows_imports: bool
    """It looks for a fault in the files that a function's own file imports."""
    tries_aside: bool
    """It tries its ideas in scratch copies and edits once; otherwise it edits and runs the tests for each."""
    looks_back: bool
    """It takes back what earlier attempts left in a file before it begins."""
    writes: frozenset[str]
    """Functions that it can write, as `snippets` has them."""
    tries: int
    """Ideas it has for one fault before it has none left."""


SKILLS: dict[Size, Skill] = {
    "small": Skill(_EASY, False, False, False, frozenset({"clamp", "mean", "initials", "chunks"}), 6),
    "large": Skill(
        (*_EASY, "boundary", "off-by-one", "negation", "boolean", "arguments"), True, True, True,
        frozenset({"clamp", "mean", "initials", "chunks", "median", "run_lengths", "merge_ranges", "roman"}), 40,
    ),
}  # fmt: skip


def size_of(model: str) -> Size:
    """`embedded/large` -> large; whatever is not known is small."""
    size = model.rpartition("/")[2]
    return size if size in SKILLS else "small"
