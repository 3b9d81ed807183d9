"""The text of what a session changed, to be read: lines of a diff, files that git does not know yet at its end.

Nothing here is cleaned; that is done on the way to the screen.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Literal

from msgspec import Struct, field

from orchestrator_tui.events import WorktreeSeen
from orchestrator_tui.host.changes import base_of, head_of, tree_of
from orchestrator_tui.host.git import DIFF, Checkout, Git, GitTrouble

SECONDS = 5.0
"""That git may take for the text."""
BYTES = 4 << 20
MAX_LINES = 20_000
MAX_LINE = 2_000
"""Characters kept of a line."""
NEW_FILES = 50
NEW_BYTES = 256 << 10
"""Of one file that git does not know."""
Kind = Literal["file", "hunk", "added", "removed", "same", "note"]
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_ESCAPED = re.compile(r'\\([abtnvfr"\\]|[0-7]{3})')
_LETTERS = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}


class Part(Struct):
    """One file."""

    path: str
    at: int
    """Its first line among those of the diff."""
    added: int = 0
    removed: int = 0
    new: bool = False
    """Git does not know it yet."""


class Diff(Struct):
    """All files, and the lines that show them."""

    root: str
    base: str | None
    lines: list[tuple[Kind, str]] = field(default_factory=list)
    """Each with its sign, without its end; a file's first one is its path."""
    files: list[Part] = field(default_factory=list)
    cut: str = ""
    """Why there is more than is shown; "" where there is not."""

    def put(self, kind: Kind, text: str) -> bool:
        """One more line; False when there is no more room."""
        if len(self.lines) >= MAX_LINES:
            self.cut = self.cut or f"more than {MAX_LINES} lines: the rest is not shown"
            return False
        self.lines.append((kind, text if len(text) <= MAX_LINE else text[: MAX_LINE - 1] + "…"))
        if kind == "added":
            self.files[-1].added += 1
        elif kind == "removed":
            self.files[-1].removed += 1
        return True

    def begin(self, path: str, new: bool = False) -> bool:
        """The next file."""
        self.files.append(Part(path, len(self.lines), new=new))
        if self.put("file", path):
            return True
        self.files.pop()
        return False

    def drop_empty(self) -> None:
        """Of a file that was only touched git tells the name and nothing more."""
        if self.files and not self.files[-1].new and self.files[-1].at == len(self.lines) - 1:
            self.files.pop()
            self.lines.pop()


def diff_of(git: Git, cwd: str, started_at: int, known: WorktreeSeen | None) -> Diff | None:
    """What differs around `cwd` since a session began; None where there is no checkout of this user's. Blocks.

    Raises GitTrouble.
    """
    place = git.checkout(cwd)
    if place is None:
        return None
    base = base_of(git, place, head_of(git, place), started_at, known)
    tree = tree_of(git, place, base)
    diff = Diff(place.root, base)
    if tree is None:
        raise GitTrouble("git does not answer for this checkout")
    answer = git.run(
        place.root, *place.off, *DIFF, "-p", "-U3", "--src-prefix=a/", "--dst-prefix=b/", tree, "--",
        seconds=SECONDS, most=BYTES,
    )  # fmt: skip
    if answer.code and not answer.cut:
        raise GitTrouble(f"git could not tell the difference (exit {answer.code})")
    if answer.cut:
        diff.cut = f"more than {BYTES >> 20} MiB: the rest is not shown"
    if _parse(diff, answer.out) and not answer.cut:
        _new_files(git, place, diff)
    return diff


def _parse(diff: Diff, out: bytes) -> bool:
    """Take up git's lines; how many belong to a hunk is told at its head, whatever they look like."""
    old = new = 0
    for raw in out.split(b"\n")[:-1]:
        if old > 0 or new > 0:
            sign = raw[:1]
            old -= sign != b"+"
            new -= sign != b"-"
            kind: Kind = "added" if sign == b"+" else "removed" if sign == b"-" else "same"
            if not diff.put(kind, _text(raw)):
                return False
        elif raw.startswith(b"diff --git "):
            diff.drop_empty()
            if not diff.begin(_name(raw[len(b"diff --git ") :])):
                return False
        elif not diff.files:
            continue
        elif (found := _HUNK.match(raw)) is not None:
            old, new = (int(count) if count is not None else 1 for count in found.groups())
            if not diff.put("hunk", _text(raw)):
                return False
        elif not raw.startswith((b"index ", b"--- ", b"+++ ")) and raw and not diff.put("note", _text(raw)):
            return False
    diff.drop_empty()
    return True


def _name(pair: bytes) -> str:
    """The path of `a/PATH b/PATH`: both halves say the same."""
    text = pair[: (len(pair) - 1) // 2].decode("utf-8", "backslashreplace")
    if text.startswith('"') and text.endswith('"'):
        raw = _ESCAPED.sub(_unescaped, text[1:-1])
        text = raw.encode("latin-1", "ignore").decode("utf-8", "backslashreplace") if raw.isascii() else raw
    return text.removeprefix("a/")


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    return chr(_LETTERS[code] if code in _LETTERS else int(code, 8) & 0xFF)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


# --- files that git does not know ----------------------------------------------------------------------------


def _new_files(git: Git, place: Checkout, diff: Diff) -> None:
    answer = git.run(place.root, "ls-files", "-z", "--others", "--exclude-standard", "--")
    names = answer.out.split(b"\0")[:-1]
    for name in names[:NEW_FILES]:
        if not diff.begin(name.decode("utf-8", "backslashreplace"), new=True):
            return
        content = _content(os.path.join(os.fsencode(place.root), name))  # noqa: PTH118 - bytes
        if isinstance(content, str):
            diff.put("note", content)
            continue
        lines = content.split(b"\n")
        for raw in lines if lines[-1] else lines[:-1]:
            if not diff.put("added", "+" + _text(raw)):
                return
        if len(content) == NEW_BYTES:
            diff.put("note", f"only the first {NEW_BYTES >> 10} KiB of this file are shown")
    if len(names) > NEW_FILES or answer.cut:
        least = "at least " if answer.cut else ""
        diff.cut = diff.cut or f"{least}{len(names) - NEW_FILES} more new files are not shown"


def _content(path: bytes) -> bytes | str:
    """The first 256 KiB of a file's text, or words that say what it is instead."""
    try:
        # Neither through a link nor waiting for whoever writes into a pipe.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return "cannot be read, or is a link"
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return "is no file"
        data = os.read(fd, NEW_BYTES)
    except OSError:
        return "cannot be read"
    finally:
        os.close(fd)
    return "is not text" if b"\0" in data else data
