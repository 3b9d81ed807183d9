"""Working trees of loops on real repositories: nothing is lost, whatever the agent did there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator_tui.loops import trees
from orchestrator_tui.loops.git import GitFailed
from orchestrator_tui.loops.spec import Tree
from tests.loops.workshop import Workshop


def made(shop: Workshop, name: str = "one", cwd: Path | None = None) -> Tree:
    return trees.make(shop.state / "worktrees", name, str(cwd or shop.repo))[0]


def work(tree: Tree, name: str = "new.txt", text: str = "new\n") -> None:
    (Path(tree.path) / name).write_text(text)


def commit(tree: Tree, n: int = 1) -> tuple[str | None, str]:
    return trees.commit(tree, "one", n, "well", tree.base)


def test_a_tree_has_its_branch_and_begins_at_head(shop: Workshop) -> None:
    (shop.repo / "work.txt").write_text("not committed")
    (shop.repo / "sub").mkdir()
    (shop.repo / "sub" / "x").write_text("x")
    tree, lacks = trees.make(shop.state / "worktrees", "one", str(shop.repo / "sub"))
    assert tree.branch == "orc/one" and tree.base == shop.git("rev-parse", "HEAD").strip()
    assert (Path(tree.path) / "work.txt").read_text() == "" and "2 files that are not committed" in lacks
    assert tree.cwd == tree.path
    assert Path(tree.path).stat().st_mode & 0o777 == 0o755 or Path(tree.path).parent.stat().st_mode & 0o777 == 0o700
    assert (shop.repo / "work.txt").read_text() == "not committed"


def test_it_works_in_the_same_directory_as_the_person(shop: Workshop) -> None:
    (shop.repo / "sub").mkdir()
    (shop.repo / "sub" / "x").write_text("x")
    shop.commit("sub")
    tree = made(shop, cwd=shop.repo / "sub")
    assert tree.cwd == f"{tree.path}/sub"


def test_where_there_can_be_none_it_says_why_and_leaves_nothing(shop: Workshop, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    with pytest.raises(GitFailed, match="no git checkout"):
        made(shop, cwd=plain)
    shop.git("init", "-q", cwd=plain)
    with pytest.raises(GitFailed, match="no commit"):
        made(shop, cwd=plain)
    made(shop)
    with pytest.raises(GitFailed, match="already"):
        made(shop)
    assert shop.git("worktree", "list").count("\n") == 2


def test_a_branch_called_orc_does_not_hinder(shop: Workshop) -> None:
    shop.git("branch", "orc")
    assert made(shop).branch == "orc-one"


def test_an_iteration_is_committed_once(shop: Workshop) -> None:
    tree = made(shop)
    work(tree)
    sha, why = commit(tree)
    assert sha and why == ""
    work(tree, "more.txt")
    assert commit(tree) == (sha, "")
    second, _ = trees.commit(tree, "one", 2, "\x1b[31mred\nlines", sha)
    assert second not in (None, sha)
    assert shop.git("log", "-1", "--format=%B", tree.branch).splitlines()[:3] == [
        "iteration 2: red ⏎ lines", "", "Orc-Loop: one/2",
    ]  # fmt: skip
    assert trees.commit(tree, "one", 3, "x", second or "") == (None, "nothing was changed")


def test_what_the_agent_committed_itself_counts(shop: Workshop) -> None:
    tree = made(shop)
    work(tree)
    shop.git("add", "-A", cwd=Path(tree.path))
    shop.git("commit", "-q", "-m", "mine", cwd=Path(tree.path))
    assert commit(tree)[0] == shop.git("rev-parse", tree.branch).strip()


def test_hooks_and_signing_do_not_run(shop: Workshop, tmp_path: Path) -> None:
    for name in ("pre-commit", "commit-msg", "post-checkout", "post-commit", "pre-merge-commit", "post-merge"):
        hook = shop.repo / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran-{name}\nexit 1\n")
        hook.chmod(0o755)
    for key, value in (("commit.gpgSign", "true"), ("gpg.program", str(hook)), ("core.fsmonitor", str(hook)),
                       ("core.hooksPath", str(hook.parent)), ("diff.external", str(hook)), ("core.editor", str(hook))):  # fmt: skip
        shop.git("config", key, value)
    tree = made(shop)
    work(tree)
    assert commit(tree)[0]
    assert b"new" in trees.diff(tree)
    (shop.repo / "other").write_text("x")
    shop.git("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=", "-c", "commit.gpgSign=false", "add", "other")
    shop.git(
        "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=", "-c", "commit.gpgSign=false", "commit", "-qm", "o"
    )
    assert "merged" in trees.merge(tree, "title")
    assert trees.clean(tree) == ""
    assert not [name for name in os.listdir(tmp_path) if name.startswith("ran-")]


def test_an_agent_that_leaves_the_branch_loses_nothing(shop: Workshop) -> None:
    tree = made(shop)
    shop.git("checkout", "-q", "--detach", cwd=Path(tree.path))
    work(tree)
    sha, why = commit(tree)
    assert sha is None and "left the branch" in why and (Path(tree.path) / "new.txt").exists()
    assert "files are not committed" in trees.clean(tree)


def test_a_git_file_that_points_elsewhere_is_not_followed(shop: Workshop, tmp_path: Path) -> None:
    tree, other = made(shop), tmp_path / "other"
    other.mkdir()
    shop.git("init", "-q", cwd=other)
    (Path(tree.path) / ".git").write_text(f"gitdir: {other}/.git\n")
    work(tree)
    sha, _ = commit(tree)
    assert sha == shop.git("rev-parse", tree.branch).strip()
    assert not (other / ".git" / "index").exists()


def test_a_tree_that_is_gone_is_said(shop: Workshop) -> None:
    tree = made(shop)
    work(tree)
    commit(tree)
    os.rename(tree.path, tree.path + "-moved")
    sha, why = commit(tree, 2)
    assert sha is None and "git cannot be run" in why
    assert b"new.txt" in trees.diff(tree)


def test_a_commit_waits_for_another_git_and_then_says_so(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "LOCKED", 0.5)
    tree = made(shop)
    work(tree)
    (Path(tree.git_dir) / "index.lock").touch()
    sha, why = commit(tree)
    assert sha is None and "could not commit" in why
    (Path(tree.git_dir) / "index.lock").unlink()
    assert commit(tree)[0]


def test_a_diff_shows_what_is_committed_and_what_is_not(shop: Workshop) -> None:
    tree = made(shop)
    work(tree)
    commit(tree)
    work(tree, "work.txt", "changed\n")
    work(tree, "loose.txt")
    shown = trees.diff(tree).decode()
    assert "new.txt" in shown and "+changed" in shown and "?? loose.txt" in shown and "2 files changed" in shown


def test_merging_is_a_fast_forward_or_a_commit(shop: Workshop) -> None:
    tree = made(shop)
    work(tree)
    tip, _ = commit(tree)
    assert trees.merge(tree, "t") == "orc/one is merged into main"
    assert shop.git("rev-parse", "HEAD").strip() == tip
    assert "already" in trees.merge(tree, "t")
    (shop.repo / "mine.txt").write_text("mine")
    shop.commit("mine")
    work(tree, "second.txt")
    commit(tree, 2)
    trees.merge(tree, "t")
    assert shop.git("log", "-1", "--format=%P").count(" ") == 1 and (shop.repo / "second.txt").exists()


def test_a_conflict_is_taken_back_and_said(shop: Workshop) -> None:
    tree = made(shop)
    work(tree, "work.txt", "theirs\n")
    commit(tree)
    (shop.repo / "work.txt").write_text("mine\n")
    shop.commit("mine")
    (shop.repo / "loose.txt").write_text("loose")
    head = shop.git("rev-parse", "HEAD")
    with pytest.raises(GitFailed, match=r"conflicts in work\.txt"):
        trees.merge(tree, "t")
    assert shop.git("rev-parse", "HEAD") == head and (shop.repo / "work.txt").read_text() == "mine\n"
    assert shop.git("status", "--porcelain") == "?? loose.txt\n"


def test_a_checkout_that_is_busy_is_not_merged_into(shop: Workshop) -> None:
    tree = made(shop)
    work(tree)
    commit(tree)
    (shop.repo / "work.txt").write_text("mine\n")
    with pytest.raises(GitFailed, match="1 changed files"):
        trees.merge(tree, "t")
    shop.git("checkout", "-q", "work.txt")
    (shop.repo / "new.txt").write_text("a file of the person's that is in the way\n")
    with pytest.raises(GitFailed, match="not merged"):
        trees.merge(tree, "t")
    assert "in the way" in (shop.repo / "new.txt").read_text()
    (shop.repo / "new.txt").unlink()
    (shop.repo / ".git" / "MERGE_HEAD").write_text(tree.base)
    with pytest.raises(GitFailed, match="in the middle"):
        trees.merge(tree, "t")
    (shop.repo / ".git" / "MERGE_HEAD").unlink()
    shop.git("checkout", "-q", "--detach")
    with pytest.raises(GitFailed, match="no branch"):
        trees.merge(tree, "t")


def test_only_what_is_merged_and_clean_is_removed(shop: Workshop) -> None:
    tree = made(shop)
    work(tree)
    assert "not committed" in trees.clean(tree)
    commit(tree)
    assert "not merged" in trees.clean(tree)
    trees.merge(tree, "t")
    work(tree, "late.txt")
    assert "1 files are not committed" in trees.clean(tree)
    os.unlink(f"{tree.path}/late.txt")
    work(tree, "precious.log")
    assert "precious.log" in trees.clean(tree)
    os.unlink(f"{tree.path}/precious.log")
    os.mkdir(f"{tree.path}/__pycache__")
    work(tree, "__pycache__/x.pyc")
    assert trees.clean(tree) == "" and trees.is_gone(tree)
    assert "orc/one" not in shop.git("branch", "-a") and shop.git("worktree", "list").count("\n") == 1
    assert trees.clean(tree) == ""


def test_a_repository_within_the_tree_keeps_it(shop: Workshop) -> None:
    tree = made(shop)
    inner = Path(tree.path) / "inner"
    inner.mkdir()
    shop.git("init", "-q", cwd=inner)
    (inner / "x").write_text("x")
    shop.git("add", "-A", cwd=inner)
    shop.git("commit", "-q", "-m", "x", cwd=inner)
    commit(tree)
    trees.merge(tree, "t")
    assert "another repository" in trees.clean(tree) and (inner / "x").exists()


def test_a_branch_whose_tree_was_removed_by_hand_goes_too(shop: Workshop) -> None:
    tree = made(shop)
    shop.git("worktree", "remove", tree.path)
    assert trees.clean(tree) == "" and trees.is_gone(tree)


def test_one_that_was_just_made_is_taken_back(shop: Workshop) -> None:
    tree = made(shop)
    trees.discard(tree)
    assert trees.is_gone(tree)
