"""What a session changed on disk, as far as it is known: its edits, and what the host saw in its checkout.

Edits are the tool calls that were accepted, the files that a client tells of, and what a command of the session changed
in the checkout within half a minute. Bounded: the latest 32 paths.
"""

from __future__ import annotations

import re
from posixpath import join, normpath
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field

from orchestrator_tui import events as ev
from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.commands import command_of
from orchestrator_tui.fleet.equality import subject
from orchestrator_tui.fleet.tools import tool_of

if TYPE_CHECKING:
    from orchestrator_tui.fleet.progress import Work
    from orchestrator_tui.fleet.session import OpenCall

MAX_PATHS = 32
MAX_PATH = 512
"""Characters of a path; a longer one is not remembered."""
WINDOW = 30 * MINUTE
"""Edits of one path by two sessions within this time are a conflict."""
SHORTLY = 30 * SECOND
"""What changed in the checkout so soon after a command that changes files was its doing."""
MAX_LABEL = 60
_PATH = re.compile(
    r'"(?:file_path|filePath|path|absolute_path|file|filename|target_file|relative_path|notebook_path|uri)":'
    r'("(?:[^"\\]|\\.){1,1024}")'
)
_PATCHED = re.compile(r"\*\*\* (?:Update File|Add File|Delete File|Move to): ([^\n\\]{1,1024})")
_LOOKS = re.compile(r'"command":"(?:view|undo_edit)"')
_JOINS = re.compile(r"\d?>&\d")


class Written(Struct, array_like=True, frozen=True):
    """One path's edits, without half an hour's pause between them."""

    first: int
    last: int


class Worktree(Struct):
    """One session's."""

    seen: ev.WorktreeSeen | None = None
    """What the host saw last; None where there is no checkout, or nobody looked."""
    seen_at: int = 0
    place: str = ""
    """The directory that was looked at, as the session names it: it may have links in it."""
    edits: dict[str, Written] = field(default_factory=dict)
    """Absolute path -> when; the latest last."""
    edited_at: int = 0
    """When it last edited anything; 0 for never."""
    shell_at: int = 0
    """When a command that changes files last ended well."""
    check: str = ""
    """What its last test run or check was, not cleaned."""

    def answered(self, at: int, call: OpenCall | None, ok: bool, work: Work, cwd: str | None) -> None:
        """A call has its result; `work` has counted it already."""
        if call is None:
            return
        if work.tested_at == at:
            self.checked(label_of(call.tool, call.arguments))
        if not ok:
            return
        kind = tool_of(call.tool).kind
        if kind == "edit" and not _LOOKS.search(call.arguments):
            self.edited_at = at
            for path in paths_in(call.arguments):
                self.edited(at, path, cwd)
        elif kind == "shell" and work.by_edit:
            self.shell_at = at

    def edited(self, at: int, path: str, cwd: str | None) -> None:
        """A path has new content by this session."""
        self.edited_at = max(at, self.edited_at)
        path = absolute(path, cwd)
        if not path or len(path) > MAX_PATH:
            return
        before = self.edits.pop(path, None)
        again = before is not None and at - before.last <= WINDOW
        self.edits[path] = Written(before.first, max(at, before.last)) if again and before else Written(at, at)
        if len(self.edits) > MAX_PATHS:
            del self.edits[next(iter(self.edits))]

    def checked(self, label: str) -> None:
        """Tests, or a named check, were run."""
        self.check = label[:MAX_LABEL]

    def looked(self, at: int, seen: ev.WorktreeSeen, cwd: str | None) -> None:
        """The host saw what the checkout differs by."""
        before = self.seen
        if before is not None and before.root == seen.root and self.seen_at < self.shell_at >= at - SHORTLY:
            known = set(before.files)
            for changed in seen.files:
                if changed not in known:
                    self.edited(self.shell_at, changed[0], seen.root)
        self.seen, self.seen_at, self.place = seen, at, cwd or ""


def paths_in(arguments: str) -> list[str]:
    """The files that an edit's arguments (JSON, maybe cut off) name."""
    # A name within a string has its quotes escaped: only the arguments' own are found.
    found = [_text(match) for match in _PATH.findall(arguments)]
    return [path for path in found if path] or [path.strip() for path in _PATCHED.findall(arguments)]


def _text(quoted: str) -> str:
    try:
        return _string.decode(quoted)
    except msgspec.MsgspecError:
        return ""


def absolute(path: str, cwd: str | None) -> str:
    """The path from the root of the file system; "" where that cannot be told. Links are not followed."""
    path = path.removeprefix("file://")
    if not path.startswith("/"):
        if not cwd or not cwd.startswith("/") or path.startswith("~"):
            return ""
        path = join(cwd, path)
    return normpath(path) if path and "\0" not in path else ""


def within(path: str, directory: str | None) -> bool:
    """Whether a path is below a directory."""
    return bool(directory) and path.startswith(str(directory).rstrip("/") + "/")


def label_of(tool: str, arguments: str) -> str:
    """A test run as a person names it: `pytest tests/a`."""
    return command_of(_JOINS.sub(" ", subject(arguments))).scope or tool


def changes_words(seen: ev.WorktreeSeen) -> str:
    """`14 files +212 -40, 3 new, not committed`."""
    parts: list[str] = []
    if seen.changed:
        least = "at least " if seen.partial else ""
        files = "file" if seen.changed == 1 else "files"
        parts.append(f"{least}{seen.changed} {files} +{seen.added} -{seen.removed}")
    if seen.untracked:
        parts.append(f"{seen.untracked} new")
    if not parts:
        return "nothing differs from when it began"
    if seen.dirty or seen.untracked:
        parts.append("in part committed" if seen.commits_since else "not committed")
    elif seen.commits_since:
        parts.append("committed")
    return ", ".join(parts)


_string = msgspec.json.Decoder(str)
