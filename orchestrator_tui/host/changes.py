"""What a checkout differs by from how it was when a session began, committed or not.

The base is the last commit, along first parents, that was made before the session's first event: where the host was
there from the start that is simply HEAD, and where it came later the session's own commits still count as changes. It
is told in the event and kept from then on, so that what is pulled or rebased later does not move it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from msgspec import Struct

from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import WorktreeSeen
from orchestrator_tui.host.git import DIFF, Checkout, Git, GitTrouble

MAX_FILES = 50
MAX_PATH = 256
MAX_BASES = 8
"""Different bases in one look; sessions that began with still others wait for the next one."""
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
Facts = dict[str, WorktreeSeen]
"""Session -> what its checkout differs by."""


class Wanted(Struct, frozen=True):
    """A session whose checkout is looked at."""

    session: str
    started_at: int
    known: WorktreeSeen | None
    """What was seen before: it has the base."""


class Look(Struct, frozen=True):
    """What came of one."""

    root: str | None
    facts: Facts
    seconds: float
    """How long it took."""
    late: tuple[str, ...] = ()
    """Sessions of which nothing can be said yet: git was too slow, or they were too many."""
    trouble: str = ""


def look(git: Git, cwd: str, wanted: Sequence[Wanted]) -> Look:
    """Ask git what the checkout around `cwd` differs by, for each session from its own base on. Blocks; never fails."""
    began = time.monotonic()
    names = tuple(one.session for one in wanted)
    root: str | None = None
    facts: Facts = {}
    late, trouble = names, ""
    try:
        place = git.checkout(cwd)
        if place is not None:
            root = place.root
            facts, late = _facts(git, place, wanted)
        else:
            late = ()
    except GitTrouble as error:
        trouble = str(error)
    return Look(root, facts, time.monotonic() - began, late, trouble)


def _facts(git: Git, place: Checkout, wanted: Sequence[Wanted]) -> tuple[Facts, tuple[str, ...]]:
    head = head_of(git, place)
    branch = git.ask(place.root, "symbolic-ref", "-q", "--short", "HEAD")
    untracked = _untracked(git, place)
    now = _since(git, place, head, head)
    dirty = now is not None and now.changed > 0
    found: Facts = {}
    late: list[str] = []
    made = {head: now}
    for one in wanted:
        base = base_of(git, place, head, one.started_at, one.known)
        if base not in made:
            if len(made) > MAX_BASES:
                late.append(one.session)
                continue
            made[base] = _since(git, place, base, head)
        seen = made[base]
        if seen is not None:
            found[one.session] = WorktreeSeen(
                root=place.root, branch=branch, base=base, head=head, files=seen.files, changed=seen.changed,
                added=seen.added, removed=seen.removed, untracked=untracked, commits_since=seen.commits_since,
                dirty=dirty, partial=seen.partial,
            )  # fmt: skip
    return found, tuple(late)


def head_of(git: Git, place: Checkout) -> str | None:
    """The commit checked out; None before the first. Raises GitTrouble."""
    head = git.ask(place.root, "rev-parse", "-q", "--verify", "HEAD^{commit}")
    return head if head is not None and _COMMIT.fullmatch(head) else None


def base_of(git: Git, place: Checkout, head: str | None, started_at: int, known: WorktreeSeen | None) -> str | None:
    """The commit that a session's changes are counted from; None: before the first. Raises GitTrouble."""
    if known is not None and known.root == place.root:
        if known.base is None:
            return None
        if _COMMIT.fullmatch(known.base) and not git.run(place.root, "cat-file", "-e", known.base + "^{tree}").code:
            return known.base
    if head is None:
        return None
    base = git.ask(place.root, "rev-list", "-1", "--first-parent", f"--min-age={started_at // SECOND}", head, "--")
    return base if base is not None and _COMMIT.fullmatch(base) else None


def tree_of(git: Git, place: Checkout, base: str | None) -> str | None:
    """What a diff begins from: the commit, or the tree without files. Raises GitTrouble."""
    return base if base is not None else git.ask(place.root, "hash-object", "-t", "tree", "--stdin")


def _since(git: Git, place: Checkout, base: str | None, head: str | None) -> WorktreeSeen | None:
    tree = tree_of(git, place, base)
    if tree is None:
        return None
    answer = git.run(place.root, *place.off, *DIFF, "--numstat", "-z", tree, "--")
    if answer.code and not answer.cut:
        return None
    listed = [entry.split(b"\t", 2) for entry in answer.out.split(b"\0")[:-1]]
    files = [(_path(parts[2]), _count(parts[0]), _count(parts[1])) for parts in listed if len(parts) == 3]
    commits = (
        None if head is None else git.ask(place.root, "rev-list", "--count", head, *([f"^{base}"] if base else []))
    )
    return WorktreeSeen(
        root=place.root,
        files=tuple(files[:MAX_FILES]),
        changed=len(files),
        added=sum(added or 0 for _, added, _ in files),
        removed=sum(removed or 0 for _, _, removed in files),
        commits_since=int(commits) if commits is not None and commits.isdecimal() else 0,
        partial=answer.cut,
    )


def _untracked(git: Git, place: Checkout) -> int | None:
    try:
        answer = git.run(place.root, "ls-files", "-z", "--others", "--exclude-standard", "--directory",
                         "--no-empty-directory", "--")  # fmt: skip
    except GitTrouble:
        return None
    return None if answer.code and not answer.cut else answer.out.count(b"\0")


def _path(raw: bytes) -> str:
    text = raw.decode("utf-8", "backslashreplace")
    return text if len(text) <= MAX_PATH else text[: MAX_PATH - 1] + "…"


def _count(raw: bytes) -> int | None:
    return int(raw) if raw.isdigit() else None
