"""A repository whose own configuration names programs: none of them runs, whatever is asked of it.

Each trap is sprung with a plain git first: what would not catch anybody proves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator_tui.host.changes import Wanted, look
from orchestrator_tui.host.diffs import diff_of
from orchestrator_tui.host.git import Git, GitTrouble
from tests.host.repos import BEGAN, Repo

NOW = (BEGAN + 90) * 10**9


class Trap:
    """A program that leaves a mark when it runs, and gives back what it is fed."""

    def __init__(self, folder: Path) -> None:
        self.mark, self.program = folder / "mark", folder / "evil.sh"
        self.program.write_text(f"#!/bin/sh\ntouch {self.mark}\ncat 2>/dev/null\n")
        # Who speaks a protocol would wait for it for ever.
        Path(f"{self.program}.short").write_text(f"#!/bin/sh\ntouch {self.mark}\nexit 1\n")
        for path in (self.program, Path(f"{self.program}.short")):
            path.chmod(0o755)

    def sprung(self) -> bool:
        """Whether it ran since it was asked last."""
        was = self.mark.exists()
        self.mark.unlink(missing_ok=True)
        return was


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "repo")
    repo.commit(a_txt="one\n", b_txt="two\n")
    repo.write("a.txt", "one\nmore\n")
    return repo


def fsmonitor(repo: Repo, evil: str) -> None:
    repo.git("config", "core.fsmonitor", evil)


def hook(repo: Repo, evil: str) -> None:
    folder = repo.root / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    (folder / "post-index-change").symlink_to(evil)


def hooks_path(repo: Repo, evil: str) -> None:
    folder = repo.root.parent / "hooks"
    folder.mkdir()
    (folder / "post-index-change").symlink_to(evil)
    repo.git("config", "core.hooksPath", str(folder))


def external(repo: Repo, evil: str) -> None:
    repo.git("config", "diff.external", evil)


def driver(repo: Repo, evil: str) -> None:
    repo.write(".gitattributes", "* diff=evil\n")
    repo.git("config", "diff.evil.command", evil)


def textconv(repo: Repo, evil: str) -> None:
    (repo.root / ".git" / "info").mkdir(exist_ok=True)
    (repo.root / ".git" / "info" / "attributes").write_text("* diff=evil\n")
    repo.git("config", "diff.evil.textconv", evil)


def clean(repo: Repo, evil: str) -> None:
    repo.write(".gitattributes", "* filter=evil\n")
    repo.git("config", "filter.evil.clean", evil)


def required(repo: Repo, evil: str) -> None:
    repo.write(".gitattributes", "* filter=evil\n")
    repo.git("config", "filter.evil.clean", f"{evil}; false")
    repo.git("config", "filter.evil.required", "true")


def process(repo: Repo, evil: str) -> None:
    (repo.root / ".git" / "info").mkdir(exist_ok=True)
    (repo.root / ".git" / "info" / "attributes").write_text("* filter=Evil.two\n")
    repo.git("config", "filter.Evil.two.process", evil)


def included(repo: Repo, evil: str) -> None:
    repo.write(".gitattributes", "* filter=evil\n")
    (repo.root / ".git" / "more").write_text(f'[filter "evil"]\n\tclean = {evil}\n[include]\n\tpath = even\n')
    (repo.root / ".git" / "even").write_text(f"[core]\n\tfsmonitor = {evil}\n")
    repo.git("config", "include.path", "more")


def per_worktree(repo: Repo, evil: str) -> None:
    repo.write(".gitattributes", "* filter=evil\n")
    repo.git("config", "extensions.worktreeConfig", "true")
    repo.git("config", "--worktree", "filter.evil.clean", evil)


def submodule(repo: Repo, evil: str) -> None:
    inner = Repo(repo.root.parent / "inner")
    inner.commit(x_txt="x\n")
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.root), "inner")
    repo.commit()
    below = repo.root / "inner"
    repo.git("config", "core.fsmonitor", evil, cwd=below)
    repo.git("config", "filter.evil.clean", evil, cwd=below)
    (below / ".gitattributes").write_text("* filter=evil\n")
    (below / "x.txt").write_text("changed\n")
    repo.git("config", "diff.submodule", "diff")
    repo.write("a.txt", "one\nyet more\n")


def submodule_diff(repo: Repo, evil: str) -> None:
    submodule(repo, evil)
    repo.git("-c", "core.fsmonitor=", "-c", "filter.evil.clean=", "commit", "-qam", "inner", cwd=repo.root / "inner")
    repo.git("config", "diff.external", evil, cwd=repo.root / "inner")
    repo.git("config", "diff.ignoreSubmodules", "none")


def lazy_fetch(repo: Repo, evil: str) -> None:
    blob = repo.git("rev-parse", "HEAD:a.txt")
    (repo.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    repo.git("config", "core.repositoryFormatVersion", "1")
    repo.git("config", "extensions.partialClone", "origin")
    repo.git("config", "remote.origin.promisor", "true")
    repo.git("config", "remote.origin.url", f"ext::{evil}.short x")
    repo.git("config", "protocol.allow", "always")
    repo.git("config", "protocol.ext.allow", "always")


def lazy_ssh(repo: Repo, evil: str) -> None:
    lazy_fetch(repo, evil)
    repo.git("config", "remote.origin.url", "ssh://nowhere.invalid/x")
    repo.git("config", "core.sshCommand", f"{evil}.short")


TRAPS: dict[str, Callable[[Repo, str], None]] = {
    trap.__name__: trap
    for trap in (
        fsmonitor, hook, hooks_path, external, driver, textconv, clean, required, process, included, per_worktree,
        submodule, submodule_diff, lazy_fetch, lazy_ssh,
    )
}  # fmt: skip


def plain(repo: Repo) -> None:
    """What a person would run."""
    for arguments in (("status",), ("diff",), ("diff", "--numstat", "HEAD~0")):
        repo.git(*arguments, check=False)


def asked(repo: Repo) -> None:
    """Everything that orc asks."""
    git = Git.find()
    assert git is not None
    touch(repo)
    look(git, str(repo.root), [Wanted("s", NOW, None), Wanted("t", 0, None)])
    touch(repo)
    for began in (NOW, 0):
        with suppress(GitTrouble):
            diff_of(git, str(repo.root), began, None)


def touch(repo: Repo) -> None:
    """The index knows nothing of the files' times: each has to be read."""
    for path in repo.root.iterdir():
        if path.is_file():
            os.utime(path)


@pytest.mark.parametrize("name", TRAPS)
def test_nothing_of_a_repository_is_run(repo: Repo, trap: Trap, name: str) -> None:
    TRAPS[name](repo, str(trap.program))
    trap.sprung()
    touch(repo)
    plain(repo)
    assert trap.sprung(), "this trap catches nobody"
    before = snapshot(repo.root)
    asked(repo)
    assert not trap.sprung()
    assert snapshot(repo.root) == before


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("key", ["core.pager", "pager.diff", "alias.diff", "alias.rev-parse", "core.editor", "gpg.program",
                                 "credential.helper", "core.askPass", "core.gitProxy", "uploadpack.packObjectsHook",
                                 "core.alternateRefsCommand", "trace2.eventTarget", "sequence.editor"])  # fmt: skip
def test_other_names_of_programs_are_never_called(repo: Repo, trap: Trap, key: str) -> None:
    value = f"!{trap.program}" if key.startswith("alias") else str(trap.program)
    repo.git("config", key, str(trap.mark) if "trace2" in key else value)
    repo.git("config", "log.showSignature", "true")
    asked(repo)
    assert not trap.sprung()


def test_a_filter_that_cannot_be_switched_off_ends_the_look(repo: Repo, trap: Trap) -> None:
    repo.write(".gitattributes", "* filter=evil\n")
    repo.git("config", "filter.evil.clean", str(trap.program))
    with (repo.root / ".git" / "config").open("a") as file:
        file.write(f'[filter "a=b"]\n\tclean = {trap.program}\n')
    git = Git.find()
    assert git is not None
    with pytest.raises(GitTrouble, match="filters"):
        git.checkout(str(repo.root))
    seen = look(git, str(repo.root), [Wanted("s", NOW, None)])
    assert (seen.facts, seen.late) == ({}, ("s",))
    assert "filters" in seen.trouble
    assert not trap.sprung()


def test_many_filters_end_the_look(repo: Repo) -> None:
    with (repo.root / ".git" / "config").open("a") as file:
        file.writelines(f'[filter "f{n}"]\n\tclean = cat\n' for n in range(40))
    git = Git.find()
    assert git is not None
    with pytest.raises(GitTrouble, match="filters"):
        git.checkout(str(repo.root))


def test_another_directory_named_by_the_configuration_is_not_looked_at(repo: Repo, tmp_path: Path) -> None:
    git = Git.find()
    assert git is not None
    other = tmp_path / "private"
    other.mkdir()
    for place in (other, tmp_path, Path("/")):
        repo.git("config", "core.worktree", str(place))
        assert git.checkout(str(repo.root)) is None


def test_a_bare_repository_within_a_checkout_is_not_taken_for_one(repo: Repo, trap: Trap) -> None:
    bare = repo.root / "docs"
    Repo(bare, "--bare")
    with (bare / "config").open("a") as file:
        file.write(f"[core]\n\tfsmonitor = {trap.program}\n\tbare = false\n\tworktree = ..\n")
    git = Git.find()
    assert git is not None
    assert git.checkout(str(bare)) is None
    look(git, str(bare), [Wanted("s", NOW, None)])
    assert not trap.sprung()


def test_a_git_within_the_checkout_is_not_the_git(repo: Repo, trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo.root / "git").symlink_to(trap.program)
    (repo.root / "git-diff").symlink_to(trap.program)
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}")
    monkeypatch.chdir(repo.root)
    git = Git.find()
    assert git is None or look(git, str(repo.root), [Wanted("s", NOW, None)])
    assert not trap.sprung()


def test_the_environment_says_nothing_to_git(repo: Repo, trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_SSH_COMMAND", "GIT_ASKPASS", "PAGER"):
        monkeypatch.setenv(name, str(trap.program))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_TRACE", str(trap.mark))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(trap.program))
    git = Git.find()
    assert git is not None
    assert look(git, str(repo.root), [Wanted("s", NOW, None)]).facts["s"].changed == 1
    assert not trap.sprung()


def test_a_checkout_of_another_user_is_left_alone(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    git = Git.find()
    assert git is not None
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    assert git.checkout(str(repo.root)) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("what", [".git", "."])
def test_what_another_user_put_there_is_left_alone(repo: Repo, what: str) -> None:
    git = Git.find()
    assert git is not None
    os.chown(repo.root / what, 12345, 12345)
    assert git.checkout(str(repo.root)) is None
