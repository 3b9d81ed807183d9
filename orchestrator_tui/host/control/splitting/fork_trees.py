"""A git worktree and branch for each part of a session's work: made, filled, removed again while nobody used it.

Git is run as in `host/git.py`: no hook, no filter, no network. The checkout that is split is only read. A worktree is
removed only while it is byte for byte as it was made; else it is kept, and `known` lists it.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from orchestrator_tui.errors import OrcError
from orchestrator_tui.host.changes import head_of
from orchestrator_tui.host.control.splitting import carrying
from orchestrator_tui.host.git import Checkout, Git, GitTrouble
from orchestrator_tui.paths import make_private

MAKING = 120.0
"""Seconds that git may take to write a checkout."""
LISTING = 30.0
"""Seconds that git may take to list what is not committed."""
LISTED = 8 << 20
"""Bytes of such a list."""
TRIES = 500
_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class Unfit(OrcError):
    """Why there can be no worktrees; nothing has been touched."""


class Ground(Struct, frozen=True):
    """A checkout that can be split."""

    place: Checkout
    head: str
    within: str
    """The session's directory below the checkout's top; "" for the top."""
    dirty: tuple[bytes, ...] = ()
    """Paths below the top that differ from HEAD or are not known to git (nor ignored)."""
    unmerged: bool = False
    lacks: str = ""
    """What a worktree of it does not have, in words."""


class Tree(Struct, frozen=True):
    """One worktree that was made here."""

    path: str
    branch: str
    base: str
    """The commit that it was made from."""
    root: str
    """The top of the checkout that it was made from."""
    cwd: str
    """Where within it to work."""
    mark: str = ""
    """What it held when it had been made; "" while it is being made."""
    carried: int = 0
    """Files that were copied into it."""
    command: str = ""
    """The split that it was made for."""


def look(git: Git | None, cwd: str, apart: Path) -> Ground:
    """The checkout around a directory; what lies below `apart` is not the person's. Blocks. Raises Unfit."""
    if git is None:
        raise Unfit("there is no git on this machine")
    try:
        place = git.checkout(cwd)
        if place is None:
            raise Unfit(_why_none(cwd))
        head = head_of(git, place)
        if head is None:
            raise Unfit(f"{place.root} has no commit yet that a worktree could begin from")
        dirty, unmerged = _listed(git, place, place.root, apart)
        lacks = _lacks(git, place, head)
    except GitTrouble as error:
        raise Unfit(f"{cwd}: {error}") from error
    within = os.path.relpath(Path(cwd).resolve(), place.root)
    return Ground(place, head, "" if within == "." else within, tuple(dirty), unmerged, lacks)


def make(git: Git, ground: Ground, directory: Path, project: str, session: str, command: str = "") -> Tree:
    """A worktree at `directory/<project>-<session>-<n>` on the branch `orc/<session>-<n>`. Blocks.

    Raises GitTrouble; nothing of it is left then.
    """
    make_private(directory)
    top, root = directory.resolve(), ground.place.root
    name, who = _safe(project, 40) or "project", _safe(session, 16) or "session"
    slash = "-" if _is_branch(git, root, "orc") else "/"
    for number in range(1, TRIES):
        path, branch = top / f"{name}-{who}-{number}", f"orc{slash}{who}-{number}"
        if os.path.lexists(path) or _is_branch(git, root, branch):
            continue
        tree = Tree(str(path), branch, ground.head, root, str(path), command=command)
        if not _record(tree, fresh=True):
            continue
        try:
            answer = git.run(
                root, *ground.place.off, "worktree", "add", "--quiet", "--no-track", "-b", branch, "--",
                str(path), ground.head, seconds=MAKING,
            )  # fmt: skip
            if answer.code:
                raise GitTrouble(f"git could not make the worktree {path} (exit {answer.code})")
            return sealed(git, replace(tree, cwd=_inside(path, ground.within)))
        except BaseException:
            discard(git, tree)
            raise
    raise GitTrouble(f"{top} has {TRIES} worktrees of this session; remove some")


def carry(git: Git, ground: Ground, tree: Tree) -> Tree:
    """Copy what is not committed in the checkout into a worktree as it was made. Blocks. Raises GitTrouble."""
    return sealed(git, replace(tree, carried=carrying.copy(ground.place.root, tree.path, ground.dirty)))


def sealed(git: Git, tree: Tree) -> Tree:
    """The worktree, with what it holds now put down. Raises GitTrouble."""
    tree = replace(tree, mark=_mark(git, tree))
    _record(tree)
    return tree


def changed(git: Git, tree: Tree) -> str:
    """What was done in a worktree since it was made, in a few words; "" for nothing. Blocks; never fails."""
    try:
        if not os.path.lexists(tree.path):
            # Somebody has removed it: what is left are its commits.
            tip = _tip(git, tree)
            return "" if tip in (None, tree.base) else f"something was committed to {tree.branch}"
        place = git.checkout(tree.path)
        if place is None or place.root != tree.path:
            return "it is no worktree of this user's any more"
        head = head_of(git, place)
        if head != tree.base:
            return "something was committed, or another commit was checked out"
        if git.ask(tree.path, "symbolic-ref", "-q", "HEAD") != f"refs/heads/{tree.branch}":
            return "another branch was checked out"
        return "" if tree.mark and _mark(git, tree) == tree.mark else "files were changed"
    except (GitTrouble, OSError) as error:
        return f"it cannot be told whether something was changed ({error})"


def remove(git: Git, tree: Tree) -> str:
    """Remove a worktree and its branch; returns "" or why it is kept. Blocks; never fails."""
    why = changed(git, tree)
    if why:
        return why
    try:
        answer = git.run(tree.root, "worktree", "remove", "--force", "--", tree.path, seconds=MAKING)
        if answer.code and os.path.lexists(tree.path):
            return "git would not remove it"
        kept = "" if _drop_branch(git, tree) else f"the branch {tree.branch} is kept: git would not remove it"
    except GitTrouble as error:
        return str(error)
    with suppress(OSError):
        _file(tree).unlink()
    return kept


def discard(git: Git, tree: Tree) -> None:
    """Remove one that nobody was let into: it was not there before, so nothing in it is the person's. Never fails."""
    shutil.rmtree(tree.path, ignore_errors=True)
    with suppress(GitTrouble):
        # Twice: git locks a worktree while it makes it.
        git.run(tree.root, "worktree", "remove", "--force", "--force", "--", tree.path)
        _drop_branch(git, tree)
    with suppress(OSError):
        _file(tree).unlink()


def known(directory: Path) -> list[Tree]:
    """The worktrees that were made and not removed, by name."""
    found: list[Tree] = []
    for path in sorted(directory.glob("*.json")) if directory.is_dir() else ():
        with suppress(OSError, msgspec.MsgspecError):
            found.append(msgspec.json.decode(path.read_bytes(), type=Tree))
    return found


# --- details ------------------------------------------------------------------------------------------------------


def _why_none(cwd: str) -> str:
    """Why a directory has no checkout that may be used."""
    if "\n" in cwd or "\udc80" <= max(cwd, default="") <= "\udcff":
        return "git cannot be asked about a directory with a line break or unreadable bytes in its name"
    here = Path(cwd)
    if not here.is_absolute() or not here.is_dir():
        return f"{cwd or 'its directory'} is no directory"
    for one in (here.resolve(), *here.resolve().parents):
        if (one / "objects").is_dir() and (one / "refs").is_dir() and (one / "HEAD").is_file():
            return f"{one} is a bare repository or lies within one: it has no files to work on"
        if (one / ".git").is_file() or os.path.lexists(one / ".git" / "HEAD"):
            owners = {path.lstat().st_uid for path in (one, one / ".git")}
            if owners != {os.geteuid()}:
                return f"the git repository {one} belongs to another user"
            return f"git does not take {one} for a checkout; `git status` there says why"
    return f"{cwd} is not in a git repository"


def _lacks(git: Git, place: Checkout, head: str) -> str:
    parts: list[str] = []
    if git.run(place.root, "cat-file", "-e", f"{head}:.gitmodules").code == 0:
        parts.append("submodules are empty there until `git submodule update --init`")
    if place.off and b"filter=" in git.run(place.root, "cat-file", "blob", f"{head}:.gitattributes").out:
        parts.append("files behind a filter (as of git-lfs) are there as git keeps them")
    return "; ".join(parts)


def _listed(git: Git, place: Checkout, root: str, apart: Path | None) -> tuple[list[bytes], bool]:
    """(paths that are not as in HEAD, whether a merge is unfinished)."""
    own = os.path.relpath(apart.resolve(), root) if apart is not None else ".."
    skip = None if own == ".." or own.startswith("../") else os.fsencode(own) + b"/"
    entries = _status(git, place, root)
    paths = [entry[3:] for entry in entries]
    wanted = [path for path in paths if skip is None or not path.startswith(skip)]
    return list(dict.fromkeys(wanted)), any(b"U" in entry[:2] or entry[:2] in (b"AA", b"DD") for entry in entries)


def _status(git: Git, place: Checkout, root: str, *more: str) -> list[bytes]:
    answer = git.run(
        root, *place.off, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all",
        "--ignore-submodules=dirty", *more, seconds=LISTING, most=LISTED,
    )  # fmt: skip
    if answer.code or answer.cut:
        raise GitTrouble(f"git could not list what is not committed in {root}")
    return answer.out.split(b"\0")[:-1]


def _mark(git: Git, tree: Tree) -> str:
    """A digest over everything in a worktree that would be lost with it. Raises GitTrouble."""
    place = git.checkout(tree.path)
    if place is None:
        raise GitTrouble(f"{tree.path} is no checkout")
    # What was once checked out here is only in this worktree's own log.
    log = git.run(tree.path, "log", "-g", "--format=%H", "HEAD", "--")
    code = blake2b(log.out, digest_size=16)
    for entry in _status(git, place, tree.path, "--ignored=traditional"):
        code.update(entry + b"\0")
        code.update(carrying.digest(tree.path, entry[3:]))
    return code.hexdigest()


def _is_branch(git: Git, root: str, branch: str) -> bool:
    return git.run(root, "show-ref", "--verify", "--quiet", f"refs/heads/{branch}").code == 0


def _tip(git: Git, tree: Tree) -> str | None:
    return git.ask(tree.root, "rev-parse", "-q", "--verify", f"refs/heads/{tree.branch}")


def _drop_branch(git: Git, tree: Tree) -> bool:
    """Only while it names the commit that it began with: nothing that was committed is lost."""
    tip = _tip(git, tree)
    if tip != tree.base:
        return tip is None
    return git.run(tree.root, "branch", "-D", "--quiet", "--", tree.branch).code == 0


def _file(tree: Tree) -> Path:
    return Path(f"{tree.path}.json")


def _record(tree: Tree, fresh: bool = False) -> bool:
    """Put down what is made, before it is; False where a fresh one is there already."""
    try:
        fd = os.open(_file(tree), os.O_WRONLY | os.O_CREAT | (os.O_EXCL if fresh else os.O_TRUNC), 0o600)
    except FileExistsError:
        return False
    with os.fdopen(fd, "wb") as file:
        file.write(msgspec.json.encode(tree))
    return True


def _inside(path: Path, within: str) -> str:
    """The same directory in the worktree as in the checkout; its top where that is not there, or leads out of it."""
    inner = path / within
    try:
        real = inner.resolve(strict=True)
    except (OSError, RuntimeError):
        return str(path)
    return str(real) if stat.S_ISDIR(real.stat().st_mode) and real.is_relative_to(path) else str(path)


def _safe(text: str, most: int) -> str:
    return _NAME.sub("-", text)[:most].strip(".-").replace("..", "-")
