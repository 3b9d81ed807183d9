"""One setting written into the person's `config.toml`: that value changes, every other byte stays as it is."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

from orchestrator_tui.config.toml import toml
from orchestrator_tui.text import line

MAX_BYTES = 1 << 20
"""A file of settings is small; anything larger is left alone."""
_HEADER = re.compile(r"\s*\[\s*(?P<name>[^\[\]]+?)\s*\]\s*(#.*)?")
_STRING = r"\"(?:[^\"\\]|\\.)*\"|'[^']*'"


def keep(path: Path, section: str, name: str, value: str) -> str:
    """Set `name` of `[section]`; "" when it is written, else one line on why not and what to do.

    A link is followed, the file's mode is kept, and a reader sees the old file or the new one, never half of it.
    """
    by_hand = f"write {name} = {toml(value)} under [{section}] yourself"
    path = Path(os.path.realpath(path))
    try:
        text, seen = _read(path)
        wanted = deepcopy(before := tomllib.loads(text))
    except (OSError, UnicodeDecodeError) as error:
        return line(f"cannot read {path}: {error}; {by_hand}", 300)
    except (ValueError, RecursionError) as error:
        return line(f"{path} is not TOML: {error}; fix that line first", 300)
    table = wanted.setdefault(section, {})
    if not isinstance(table, dict):
        return line(f"{path}: {section} is no table; {by_hand}", 300)
    table[name] = value
    if wanted == before:
        return ""
    changed = next((new for new in _candidates(text, section, name, value) if _says(new, wanted)), None)
    if changed is None:
        return line(f"{path} is written in a way that is not changed by a program; {by_hand}", 300)
    try:
        return "" if _replace(path, changed, seen) else line(f"{path} was changed just now; choose once more", 300)
    except OSError as error:
        return line(f"cannot write {path}: {error}; {by_hand}", 300)


def _read(path: Path) -> tuple[str, os.stat_result | None]:
    """The text, and what the file was like then; of a file that is not there nothing."""
    try:
        seen = path.stat()
    except FileNotFoundError:
        return "", None
    if not stat.S_ISREG(seen.st_mode) or seen.st_size > MAX_BYTES:
        raise OSError("no file of a reasonable size")
    # Bytes, so that its line ends stay what they are.
    return path.read_bytes().decode("utf-8"), seen


def _says(text: str, wanted: dict[str, object]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except (ValueError, RecursionError):
        return False


def _candidates(text: str, section: str, name: str, value: str) -> Iterator[str]:
    """Ways to write it, the least change first; which of them means it is for the parser to say."""
    lines = text.splitlines(keepends=True)
    end = "\r\n" if "\r\n" in text else "\n"
    written = toml(value)
    one = re.compile(rf"(\s*(?:{re.escape(section)}\s*\.\s*)?{re.escape(name)}\s*=\s*)(?:{_STRING})")
    inline = re.compile(rf"(\s*{re.escape(section)}\s*=\s*\{{.*?\b{re.escape(name)}\s*=\s*)(?:{_STRING})")
    for at, row in enumerate(lines):
        found = one.match(row) or inline.match(row)
        if found:
            yield "".join([*lines[:at], found[1] + written + row[found.end() :], *lines[at + 1 :]])
    for at, row in enumerate(lines):
        header = _HEADER.fullmatch(row.rstrip("\r\n"))
        if header and header["name"].strip("\"'") == section:
            row = row if row.endswith("\n") else row + end
            yield "".join([*lines[:at], row, f"{name} = {written}{end}", *lines[at + 1 :]])
    gap = "" if not text else end if text.endswith("\n") else end * 2
    yield f"{text}{gap}[{section}]{end}{name} = {written}{end}"


def _replace(path: Path, text: str, seen: os.stat_result | None) -> bool:
    """Put it in the file's place; False when somebody else wrote in between."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        beside.unlink()
    mode = stat.S_IMODE(seen.st_mode) if seen is not None else 0o600
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if _mark(path) != (None if seen is None else (seen.st_ino, seen.st_size, seen.st_mtime_ns)):
            return False
        beside.replace(path)
        return True
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        now = path.stat()
    except FileNotFoundError:
        return None
    return now.st_ino, now.st_size, now.st_mtime_ns
