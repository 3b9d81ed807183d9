"""What a checkout is said to differ by: real repositories of every kind, slow ones and none."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from orchestrator_tui.events import WorktreeSeen
from orchestrator_tui.host import changes
from orchestrator_tui.host import git as git_module
from orchestrator_tui.host.changes import Wanted, look
from orchestrator_tui.host.diffs import diff_of
from orchestrator_tui.host.git import Git, GitTrouble
from tests.host.repos import BEGAN, Repo, after, the_git


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "repo")
    repo.commit(a_txt="one\ntwo\n", b_txt="two\n")
    return repo


def seen(cwd: Path, began: int = after(2), known: WorktreeSeen | None = None) -> WorktreeSeen | None:
    return look(the_git(), str(cwd), [Wanted("s", began, known)]).facts.get("s")


def sure(cwd: Path, began: int = after(2), known: WorktreeSeen | None = None) -> WorktreeSeen:
    found = seen(cwd, began, known)
    assert found is not None
    return found


def test_nothing_changed(repo: Repo) -> None:
    head = repo.git("rev-parse", "HEAD")
    assert sure(repo.root) == WorktreeSeen(root=str(repo.root), branch="main", base=head, head=head, untracked=0)


def test_lines_committed_and_not_and_new_files(repo: Repo) -> None:
    base = repo.git("rev-parse", "HEAD")
    repo.commit(a_txt="one\n2\n", c_txt="x\ny\n")
    repo.write("b.txt", "two\nthree\n")
    repo.write("new/one.txt", "n")
    repo.write("two.txt", "n")
    now = sure(repo.root)
    assert (now.base, now.commits_since, now.dirty, now.untracked) == (base, 1, True, 2)
    assert now.files == (("a.txt", 1, 1), ("b.txt", 1, 0), ("c.txt", 2, 0))
    assert (now.changed, now.added, now.removed, now.partial) == (3, 4, 1, False)
    repo.commit()
    now = sure(repo.root)
    assert (now.commits_since, now.dirty, now.untracked, now.changed) == (2, False, 0, 5)


def test_ignored_files_are_nobodys_changes(repo: Repo) -> None:
    repo.write(".git/info/exclude", "*.log\n")
    repo.write("x.log", "")
    assert sure(repo.root).untracked == 0


def test_the_base_is_the_last_commit_before_the_session_also_when_the_host_comes_late(repo: Repo) -> None:
    first = repo.git("rev-parse", "HEAD")
    second = repo.commit(a_txt="1\n")
    third = repo.commit(a_txt="2\n")
    assert [sure(repo.root, after(n)).base for n in (2, 3, 4)] == [first, second, third]
    assert [sure(repo.root, after(n)).commits_since for n in (2, 3, 4)] == [2, 1, 0]


def test_the_base_stays_whatever_is_done_to_the_branch(repo: Repo) -> None:
    before = sure(repo.root)
    repo.write("a.txt", "mine\n")
    repo.git("commit", "-qam", "again", "--amend", GIT_COMMITTER_DATE=f"{BEGAN - 9999} +0000")
    assert sure(repo.root).base != before.base
    now = sure(repo.root, known=before)
    assert (now.base, now.changed) == (before.base, 1)


@pytest.mark.parametrize("base", ["0" * 40, "--output=/tmp/x", "HEAD", "-O/etc/passwd", "x" * 40])
def test_a_base_that_is_no_commit_here_is_found_anew(repo: Repo, base: str) -> None:
    before = sure(repo.root)
    other = WorktreeSeen(root=before.root, base=base)
    assert sure(repo.root, known=other).base == before.base
    assert sure(repo.root, known=WorktreeSeen(root="/elsewhere", base=None)).base == before.base


def test_a_repository_without_commits(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    assert sure(repo.root) == WorktreeSeen(root=str(repo.root), branch="main", untracked=0)
    repo.write("a.txt", "one\n")
    assert sure(repo.root).untracked == 1
    repo.git("add", "a.txt")
    now = sure(repo.root)
    assert (now.files, now.untracked, now.dirty) == ((("a.txt", 1, 0),), 0, True)
    repo.commit()
    now = sure(repo.root, after(0), now)
    assert (now.base, now.files, now.commits_since, now.dirty) == (None, (("a.txt", 1, 0),), 1, False)


def test_a_session_that_began_before_the_first_commit(repo: Repo) -> None:
    now = sure(repo.root, after(0))
    assert (now.base, now.commits_since, now.changed) == (None, 1, 2)


def test_detached(repo: Repo) -> None:
    repo.git("checkout", "-q", "--detach")
    now = sure(repo.root)
    assert now.branch is None
    assert now.head == now.base


def test_a_linked_worktree_is_one_of_its_own(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side" / "a.txt").write_text("x\n")
    assert sure(repo.root).changed == 0
    now = sure(tmp_path / "side")
    assert (now.root, now.branch, now.changed) == (str(tmp_path / "side"), "side", 1)


def test_a_bare_repository_is_no_checkout(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "bare.git", "--bare")
    assert seen(repo.root) is None
    assert seen(repo.root / "objects") is None


@pytest.mark.parametrize("place", ["", "/nonexistent", "relative", "/etc/passwd", "\0", "/proc/1/cwd/../../.."])
def test_where_there_is_no_checkout_nothing_is_said(place: str) -> None:
    assert look(the_git(), place, [Wanted("s", 0, None)]).facts == {}


def test_a_directory_below_and_a_link_lead_to_the_same_checkout(repo: Repo, tmp_path: Path) -> None:
    repo.write("deep/er/x.txt", "")
    (tmp_path / "link").symlink_to(repo.root / "deep")
    assert sure(repo.root / "deep" / "er").root == sure(tmp_path / "link").root == str(repo.root)


def test_within_dot_git_there_is_nothing(repo: Repo) -> None:
    assert seen(repo.root / ".git") is None


def test_a_submodules_commit_counts_and_its_files_do_not(repo: Repo, tmp_path: Path) -> None:
    inner = Repo(tmp_path / "inner")
    inner.commit(x_txt="x\n")
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.root), "sub")
    repo.commit()
    below = repo.root / "sub"
    (below / "x.txt").write_text("y\n")
    assert sure(repo.root, after(3)).changed == 0
    assert sure(below, after(3)).changed == 1
    repo.git("commit", "-qam", "x", cwd=below)
    assert sure(repo.root, after(3)).files == (("sub", 1, 1),)


def test_names_that_are_no_text_or_hostile(repo: Repo) -> None:
    names: list[bytes] = [b"\xff\xfe.txt", b"new\nline", b'quo"te', b"back\\slash", b"-rf", "ü.txt".encode(), b"\x1b[31mred",
                          b"a/ b/ c", b":(top)x", b"n" * 250]  # fmt: skip
    for name in names:
        repo.write(name, "1\n")
    repo.commit()
    now = sure(repo.root)
    paths = {path for path, _, _ in now.files}
    assert {"\\xff\\xfe.txt", "new\nline", 'quo"te', "back\\slash", "-rf", "ü.txt", "\x1b[31mred"} <= paths
    assert len(paths) == len(names)
    diff = diff_of(the_git(), str(repo.root), after(2), None)
    assert diff is not None
    assert {part.path for part in diff.files} == paths
    for name in names:
        repo.write(name, "1\n2\n")
    repo.git("rm", "-q", "--cached", "-r", ".")
    diff = diff_of(the_git(), str(repo.root), after(3), None)
    assert diff is not None
    assert paths <= {part.path for part in diff.files if part.new}


def test_binary_touched_and_moved_files(repo: Repo) -> None:
    (repo.root / "image").write_bytes(b"\0\1\2")
    repo.commit()
    (repo.root / "image").write_bytes(b"\0\1\2\3")
    os.utime(repo.root / "a.txt", (1, 1))
    (repo.root / "b.txt").rename(repo.root / "moved.txt")
    now = sure(repo.root, after(3))
    assert now.files == (("b.txt", 0, 1), ("image", None, None))
    assert now.untracked == 1


def test_many_files_are_counted_and_some_named(repo: Repo) -> None:
    for number in range(70):
        repo.write(f"f{number:03d}", "1\n")
    repo.commit()
    now = sure(repo.root)
    assert (len(now.files), now.changed, now.added, now.partial) == (50, 70, 70, False)


def test_more_than_is_taken_is_said_to_be(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(70):
        repo.write(f"f{number:03d}", "1\n")
    repo.commit()
    monkeypatch.setattr(git_module.Git.run, "__kwdefaults__", {"seconds": 2.0, "most": 200})
    now = sure(repo.root)
    assert now.partial
    assert 0 < now.changed < 70


def test_several_sessions_share_a_look_each_with_its_own_base(repo: Repo) -> None:
    for number in range(12):
        repo.commit(a_txt=f"{number}\n")
    wanted = [Wanted(f"s{n:02d}", after(n), None) for n in range(2, 14)]
    done = look(the_git(), str(repo.root), [*wanted, Wanted("same", after(2), None)])
    assert len(done.facts) == changes.MAX_BASES + 1
    assert set(done.late) == {one.session for one in wanted} - set(done.facts)
    assert [done.facts[f"s{n:02d}"].commits_since for n in (2, 3, 9)] == [12, 11, 5]
    assert done.facts["same"] == done.facts["s02"]


# --- git that is slow, loud, or not there --------------------------------------------------------------------


def fake(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Git:
    folder.mkdir(exist_ok=True)
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return the_git()


def test_a_slow_git_is_stopped_with_all_that_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = fake(tmp_path / "bin", f"sleep 300 & echo $! > {tmp_path}/child; wait", monkeypatch)
    began = time.monotonic()
    with pytest.raises(GitTrouble, match=r"longer than 0\.3 s"):
        git.run(str(tmp_path), "diff", seconds=0.3)
    assert time.monotonic() - began < 2
    child = int((tmp_path / "child").read_text())
    time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]


def test_a_git_that_closes_its_output_and_stays_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = fake(tmp_path / "bin", "exec >&-; exec sleep 300", monkeypatch)
    with pytest.raises(GitTrouble, match="longer"):
        git.run(str(tmp_path), "diff", seconds=0.3)


def test_a_loud_git_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = fake(tmp_path / "bin", "exec yes", monkeypatch)
    answer = git.run(str(tmp_path), "diff", most=100_000)
    assert (len(answer.out), answer.cut) == (100_000, True)


def test_a_slow_look_says_nothing_yet_and_comes_again(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_module, "SECONDS", 0.2)
    monkeypatch.setattr(git_module.Git.run, "__kwdefaults__", {"seconds": 0.2, "most": 1 << 20})
    done = look(fake(tmp_path / "bin", "sleep 300", monkeypatch), str(repo.root), [Wanted("s", 0, None)])
    assert (done.facts, done.late) == ({}, ("s",))
    assert "longer" in done.trouble


def test_an_end_stops_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = fake(tmp_path / "bin", "sleep 300", monkeypatch)
    threading.Timer(0.1, git.close).start()
    with pytest.raises(GitTrouble, match="not asked any more"):
        git.run(str(tmp_path), "diff", seconds=30)


def test_without_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Git.find() is None


def test_git_that_goes_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(GitTrouble, match="could not be run"):
        Git(str(tmp_path / "git")).run(str(tmp_path), "diff")
