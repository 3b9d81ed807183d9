"""A loop's own working tree and branch: made, committed to after each iteration, shown, merged, removed.

Nothing is ever lost: work is committed where it can be, only what is merged and clean is removed, by git's own check
once more, and what is kept is said with its reason.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from orchestrator_tui.errors import OrcError
from orchestrator_tui.loops.git import DIFF, Answer, GitFailed, ask, git, must
from orchestrator_tui.loops.spec import Tree, slug
from orchestrator_tui.paths import make_private
from orchestrator_tui.text import line

MAKING = 300.0
"""Seconds that git may take to write or remove a checkout."""
LOCKED = 15.0
"""Seconds until a commit is given up on because another git holds the index."""
TRAILER = "Orc-Loop"
CACHES = frozenset(
    {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox", ".cache", ".eggs"}
    | {"node_modules", "target", ".gradle", ".next", ".turbo", ".parcel-cache", ".coverage", "htmlcov", ".DS_Store"}
)
"""Ignored files that can be made again: they do not keep a working tree."""


def make(directory: Path, loop: str, cwd: str) -> tuple[Tree, str]:
    """A working tree for a loop at `directory/<project>-<loop>` on the branch `orc/<loop>`, made from HEAD.

    Returns it with what is not in it, in words. Raises OrcError; nothing of it is left then.
    """
    root = ask(cwd, "rev-parse", "--show-toplevel")
    if root is None:
        raise GitFailed(f"{line(cwd, 120)} is in no git checkout: --worktree needs one")
    head = ask(root, "rev-parse", "-q", "--verify", "HEAD^{commit}")
    if head is None:
        raise GitFailed(f"{root} has no commit yet that a working tree could begin from")
    make_private(directory)
    path = directory.resolve() / "-".join(part for part in (slug(Path(root).name), loop) if part)
    slash = "-" if ask(root, "rev-parse", "-q", "--verify", "refs/heads/orc") else "/"
    branch = f"orc{slash}{loop}"
    if os.path.lexists(path) or ask(root, "rev-parse", "-q", "--verify", f"refs/heads/{branch}"):
        raise GitFailed(f"there is a working tree or a branch of the name {branch} already")
    try:
        must(root, "worktree", "add", "--quiet", "--no-track", "-b", branch, "--", str(path), head, seconds=MAKING)
        git_dir = ask(str(path), "rev-parse", "--absolute-git-dir")
        if git_dir is None:
            raise GitFailed(f"git made {path}, but does not know it")
        tree = Tree(str(path), branch, head, root, git_dir, _inside(path, os.path.relpath(Path(cwd).resolve(), root)))
    except BaseException:
        git(root, "worktree", "remove", "--force", "--force", "--", str(path))
        git(root, "update-ref", "-d", f"refs/heads/{branch}", head)
        raise
    return tree, _lacks(root)


def commit(tree: Tree, loop: str, n: int, words: str, before: str) -> tuple[str | None, str]:
    """Commit what an iteration left: (the commit, or None; why there is none). Never fails, and never twice.

    `before` is what was committed before it: the agent may have committed by itself.
    """
    try:
        if git(tree.path, "symbolic-ref", "-q", "HEAD", git_dir=tree.git_dir).out.decode() != (
            f"refs/heads/{tree.branch}\n"
        ):
            return None, f"the agent left the branch {tree.branch}; its work is in {tree.path}"
        mark = f"{TRAILER}: {loop}/{n}"
        last = git(tree.path, "log", "-1", "--format=%H%n%B", "HEAD", git_dir=tree.git_dir).out.decode(
            "utf-8", "replace"
        )
        if mark in last.splitlines():
            return last.partition("\n")[0], ""
        answer = _patiently(tree, "add", "--all", "--", ".")
        if answer.code == 0 and git(tree.path, "diff", "--cached", "--quiet", git_dir=tree.git_dir).code == 0:
            head = last.partition("\n")[0]
            return (None, "nothing was changed") if head in ("", before) else (head, "")
        if answer.code == 0:
            said = f"iteration {n}: {line(words, 200)}\n\n{mark}\n".encode("utf-8", "replace")
            answer = _patiently(tree, *_author(tree), "commit", "--quiet", "--no-verify", "-F", "-", given=said)
        if answer.code:
            return None, f"git could not commit: {answer.words or f'exit status {answer.code}'}"
        return ask(tree.path, "rev-parse", "HEAD", git_dir=tree.git_dir), ""
    except OrcError as error:
        return None, line(str(error), 300)


def tried(tree: Tree, most: int = 20) -> str:
    """What the loop's commits say, newest first, with the files of each; "" where nothing is known."""
    try:
        words = ("log", f"-{most}", "--no-color", "--format=%h %s", "--stat=80", "--no-renames", f"{tree.base}..HEAD")
        return git(tree.path, *words, git_dir=tree.git_dir).out[: 64 << 10].decode("utf-8", "replace")
    except GitFailed:
        return ""


def diff(tree: Tree) -> bytes:
    """What the loop has changed, committed or not: the files, then the patch. Raises GitFailed."""
    if not Path(tree.path).is_dir():
        return must(tree.root, *DIFF, "--stat", "--patch", f"{tree.base}...refs/heads/{tree.branch}", seconds=MAKING)
    patch = git(tree.path, *DIFF, "--stat", "--patch", tree.base, seconds=MAKING, git_dir=tree.git_dir)
    if patch.code:
        raise GitFailed(f"git diff in {tree.path}: {patch.words}")
    words = ("ls-files", "--others", "--exclude-standard")
    others = git(tree.path, *words, git_dir=tree.git_dir).out.splitlines()
    return patch.out + b"".join(b"?? " + name + b"\n" for name in others)


def merge(tree: Tree, title: str) -> str:
    """Bring the loop's commits into the checkout that it came from; what was done, in words. Raises GitFailed."""
    branch = ask(tree.root, "symbolic-ref", "-q", "--short", "HEAD")
    tip = _tip(tree)
    if tip is None:
        raise GitFailed(f"the branch {tree.branch} is gone")
    if branch is None:
        raise GitFailed(f"{tree.root} has no branch checked out; check out the one to merge into")
    if merged(tree, tip):
        return f"{branch} has all of {tree.branch} already"
    git_dir = ask(tree.root, "rev-parse", "--absolute-git-dir") or ""
    busy = [n for n in ("MERGE_HEAD", "rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG")
            if os.path.lexists(os.path.join(git_dir, n))]  # noqa: PTH118 # fmt: skip
    if busy:
        raise GitFailed(f"{tree.root} is in the middle of something ({busy[0]}); finish that first")
    if dirty := must(tree.root, "status", "--porcelain=v1", "-z", "--untracked-files=no").split(b"\0")[:-1]:
        raise GitFailed(f"{tree.root} has {len(dirty)} changed files; commit or stash them first")
    message = f"Merge {tree.branch}: {line(title, 100)}"
    known = _author(Tree(tree.root, "", "", tree.root, git_dir, ""))
    answer = git(tree.root, *known, "merge", "--ff", "--no-verify", "-m", message, tip, seconds=MAKING)
    if answer.code:
        conflicts = git(tree.root, "diff", "--name-only", "--diff-filter=U").out.decode("utf-8", "replace").split("\n")
        undone = git(tree.root, "merge", "--abort", seconds=MAKING)
        names = ", ".join(line(name, 80) for name in conflicts[:5] if name)
        left = "" if undone.code == 0 or not names else "; `git merge --abort` takes it back"
        raise GitFailed(
            f"{tree.branch} was not merged into {branch}: {f'conflicts in {names}' if names else answer.words}{left}"
        )
    return f"{tree.branch} is merged into {branch}"


def clean(tree: Tree) -> str:
    """Remove a working tree and its branch when nothing would be lost: "", or why it is kept. Never fails."""
    try:
        tip = _tip(tree)
        if tip is not None and not merged(tree, tip):
            return f"{tree.branch} is not merged into what {tree.root} has checked out"
        if Path(tree.path).is_dir():
            if why := _holds(tree, tip):
                return why
            # Without force: git itself looks once more.
            answer = git(tree.root, "worktree", "remove", "--", tree.path, seconds=MAKING)
            if answer.code:
                return answer.words or "git does not remove it"
        else:
            git(tree.root, "worktree", "prune")
        if tip is not None:
            # Only while it is what was looked at.
            git(tree.root, "update-ref", "-d", f"refs/heads/{tree.branch}", tip)
    except (OrcError, OSError) as error:
        return line(str(error), 300)
    return ""


def discard(tree: Tree) -> None:
    """Take back one that was just made, of a loop that could not be started. Raises GitFailed."""
    git(tree.root, "worktree", "remove", "--", tree.path, seconds=MAKING)
    git(tree.root, "update-ref", "-d", f"refs/heads/{tree.branch}", tree.base)


def merged(tree: Tree, tip: str) -> bool:
    """Whether what the checkout has checked out contains a commit. Raises GitFailed."""
    return git(tree.root, "merge-base", "--is-ancestor", tip, "HEAD").code == 0


def is_gone(tree: Tree) -> bool:
    """Whether there is neither the working tree nor its branch any more. Raises GitFailed."""
    return not os.path.lexists(tree.path) and _tip(tree) is None


# --- details ------------------------------------------------------------------------------------------------------


def _holds(tree: Tree, tip: str | None) -> str:
    """What a working tree holds that would be lost with it; "" for nothing."""
    head = ask(tree.path, "rev-parse", "HEAD", git_dir=tree.git_dir)
    if head is None or (head != tip and not merged(tree, head)):
        return f"something else than {tree.branch} is checked out in {tree.path}"
    words = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignored=traditional")
    answer = git(tree.path, *words, git_dir=tree.git_dir, seconds=MAKING)
    if answer.code:
        return answer.words or "git could not list what is in it"
    entries = answer.out.split(b"\0")[:-1]
    dirty = [entry for entry in entries if not entry.startswith(b"!!")]
    if dirty:
        return f"{len(dirty)} files are not committed in {tree.path}"
    ignored = [os.fsdecode(entry[3:]) for entry in entries]
    rare = [name for name in ignored if not CACHES & set(Path(name).parts) and not name.endswith((".pyc", ".o"))]
    if rare:
        return f"{tree.path} has ignored files that may be worth something: {line(', '.join(rare[:3]), 120)}"
    links = git(tree.path, "ls-files", "-s", "-z", git_dir=tree.git_dir).out.split(b"\0")
    for entry in links:
        if (
            entry.startswith(b"160000 ")
            and (Path(tree.path) / os.fsdecode(entry.partition(b"\t")[2]) / ".git").exists()
        ):
            return f"{tree.path} has another repository within it"
    return ""


def _patiently(tree: Tree, *arguments: str, given: bytes | None = None) -> Answer:
    """A command that writes the index; it is tried again while another git has it."""
    end = time.monotonic() + LOCKED
    while True:
        answer = git(tree.path, *arguments, seconds=MAKING, given=given, git_dir=tree.git_dir)
        if answer.code == 0 or not (Path(tree.git_dir) / "index.lock").exists() or time.monotonic() > end:
            return answer
        time.sleep(0.2)


def _author(tree: Tree) -> tuple[str, ...]:
    """Settings that name the one who commits, where the person's own name none."""
    given = (("user.name", "orc loop"), ("user.email", "orc@localhost"))
    lacking = [(name, value) for name, value in given if not ask(tree.path, "config", name, git_dir=tree.git_dir)]
    return tuple(word for name, value in lacking for word in ("-c", f"{name}={value}"))


def _tip(tree: Tree) -> str | None:
    return ask(tree.root, "rev-parse", "-q", "--verify", f"refs/heads/{tree.branch}")


def _lacks(root: str) -> str:
    changed = must(root, "status", "--porcelain=v1", "-z", "--no-renames").split(b"\0")[:-1]
    parts = [f"{len(changed)} files that are not committed are not in it"] if changed else []
    if (Path(root) / ".gitmodules").exists():
        parts.append("submodules are empty there until `git submodule update --init`")
    return "; ".join(parts)


def _inside(path: Path, within: str) -> str:
    """The same directory as in the checkout; the top where that is not there, or leads out of the tree."""
    try:
        real = (path / within).resolve(strict=True)
    except (OSError, RuntimeError):
        return str(path)
    return str(real) if real.is_dir() and real.is_relative_to(path) else str(path)
