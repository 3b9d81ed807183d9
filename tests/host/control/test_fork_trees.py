"""Worktrees for the parts of a session: made from any checkout, filled from a dirty one, never lost with work in them."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from orchestrator_tui.host.control.splitting import carrying, fork_trees
from orchestrator_tui.host.control.splitting.fork_trees import Ground, Tree, Unfit
from orchestrator_tui.host.git import Git, GitTrouble
from tests.host.repos import Repo, the_git


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))


@pytest.fixture
def git() -> Git:
    return the_git()


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "web")
    made.commit(a_txt="one\n", b_txt="two\n")
    return made


def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def look(git: Git, tmp_path: Path, cwd: Path | str) -> Ground:
    return fork_trees.look(git, str(cwd), state(tmp_path))


def made(git: Git, tmp_path: Path, cwd: Path | str, session: str = "abcd1234") -> Tree:
    return fork_trees.make(git, look(git, tmp_path, cwd), state(tmp_path) / "worktrees", "web", session)


def as_it_was(repo: Repo) -> tuple[str, ...]:
    """What must not change in the checkout that is split."""
    index = (repo.root / repo.git("rev-parse", "--git-dir") / "index").read_bytes().hex()
    files = sorted(
        (str(p.relative_to(repo.root)), p.read_bytes().hex())
        for p in repo.root.rglob("*")
        if p.is_file() and not p.is_symlink() and ".git" not in p.parts
    )
    return (repo.git("rev-parse", "HEAD"), index, str(files), repo.git("stash", "list"))


def test_each_part_has_a_directory_and_a_branch_and_the_checkout_stays_as_it_is(
    git: Git, repo: Repo, tmp_path: Path
) -> None:
    before = as_it_was(repo)
    first, second = made(git, tmp_path, repo.root), made(git, tmp_path, repo.root)
    assert [Path(t.path).name for t in (first, second)] == ["web-abcd1234-1", "web-abcd1234-2"]
    assert [t.branch for t in (first, second)] == ["orc/abcd1234-1", "orc/abcd1234-2"]
    assert (Path(first.path) / "a.txt").read_text() == "one\n"
    assert repo.git("rev-parse", "HEAD", cwd=Path(first.path)) == first.base == repo.git("rev-parse", "HEAD")
    assert repo.git("symbolic-ref", "HEAD", cwd=Path(first.path)) == "refs/heads/orc/abcd1234-1"
    assert as_it_was(repo) == before
    assert fork_trees.known(state(tmp_path) / "worktrees") == [first, second]
    assert stat.S_IMODE((state(tmp_path) / "worktrees").stat().st_mode) == 0o700
    assert [fork_trees.remove(git, t) for t in (first, second)] == ["", ""]
    assert list((state(tmp_path) / "worktrees").iterdir()) == []
    assert repo.git("branch", "--format=%(refname:short)") == "main"
    assert len(repo.git("worktree", "list").splitlines()) == 1
    assert as_it_was(repo) == before


@pytest.mark.parametrize("name", ["with space", "-rf", "--upload-pack=x", "$(touch x)", "`id`;x", "é\u202e"])
def test_a_directory_of_any_name(git: Git, tmp_path: Path, name: str) -> None:
    repo = Repo(tmp_path / name)
    repo.commit(a_txt="one\n")
    tree = fork_trees.make(git, look(git, tmp_path, repo.root), state(tmp_path) / "worktrees", name, name)
    assert (Path(tree.path) / "a.txt").exists()
    assert Path(tree.path).parent == (state(tmp_path) / "worktrees").resolve()
    assert not Path(tree.path).name.startswith("-")
    assert fork_trees.remove(git, tree) == ""
    assert not list(tmp_path.rglob("x"))


@pytest.mark.parametrize(
    "session", ["../../etc", "a/../../b", "", "x\n", "-" * 40, "..", ".lock", "a.lock", "@{0}", "\x00"]
)
def test_a_hostile_session_id_names_nothing_outside(git: Git, repo: Repo, tmp_path: Path, session: str) -> None:
    tree = made(git, tmp_path, repo.root, session)
    assert Path(tree.path).parent == (state(tmp_path) / "worktrees").resolve()
    assert tree.branch.count("/") == 1
    assert fork_trees.remove(git, tree) == ""


def test_a_line_break_in_a_directory_is_said(git: Git, tmp_path: Path) -> None:
    repo = Repo(tmp_path / "a\nb")
    repo.commit(a_txt="one\n")
    with pytest.raises(Unfit, match="line break"):
        look(git, tmp_path, repo.root)


def test_where_no_worktree_can_be_it_says_why(git: Git, repo: Repo, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    with pytest.raises(Unfit, match="not in a git repository"):
        look(git, tmp_path, plain)
    with pytest.raises(Unfit, match="no directory"):
        look(git, tmp_path, tmp_path / "gone")
    with pytest.raises(Unfit, match="no git on this machine"):
        fork_trees.look(None, str(repo.root), state(tmp_path))
    bare = Repo(tmp_path / "x.git", "--bare")
    with pytest.raises(Unfit, match="bare repository"):
        look(git, tmp_path, bare.root)
    unborn = Repo(tmp_path / "unborn")
    with pytest.raises(Unfit, match="no commit yet"):
        look(git, tmp_path, unborn.root)
    assert not state(tmp_path).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_another_users_repository_is_left_alone(git: Git, repo: Repo, tmp_path: Path) -> None:
    for path in (repo.root, *repo.root.rglob("*")):
        os.lchown(path, 12345, 12345)
    with pytest.raises(Unfit, match="belongs to another user"):
        look(git, tmp_path, repo.root)


def test_a_detached_head_a_worktree_and_a_bare_repository_with_worktrees(git: Git, repo: Repo, tmp_path: Path) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.commit(a_txt="later\n")
    repo.git("checkout", "-q", first)
    detached = made(git, tmp_path, repo.root)
    assert (detached.base, (Path(detached.path) / "a.txt").read_text()) == (first, "one\n")
    inner = made(git, tmp_path, detached.path, "inner")
    assert inner.root == detached.path
    bare = tmp_path / "bare.git"
    repo.git("clone", "-q", "--bare", str(repo.root), str(bare))
    repo.git("worktree", "add", "-q", "-b", "own", str(tmp_path / "of-bare"), cwd=bare)
    third = made(git, tmp_path, tmp_path / "of-bare", "third")
    assert [fork_trees.remove(git, t) for t in (inner, detached, third)] == ["", "", ""]


def test_a_session_in_a_subdirectory_works_in_the_same_one(git: Git, repo: Repo, tmp_path: Path) -> None:
    repo.write("pkg/x.py", "x\n")
    repo.commit()
    (repo.root / "empty").mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    assert made(git, tmp_path, repo.root / "pkg").cwd.endswith("-1/pkg")
    assert made(git, tmp_path, repo.root / "empty").cwd.endswith("-2")
    # What is a directory here and a link out of the checkout in its HEAD.
    (repo.root / "way").symlink_to(outside)
    repo.commit()
    (repo.root / "way").unlink()
    (repo.root / "way").mkdir()
    (repo.root / "way" / "f").write_text("f")
    tree = made(git, tmp_path, repo.root / "way")
    assert tree.cwd == tree.path


def test_submodules_and_filters_are_said(git: Git, repo: Repo, tmp_path: Path) -> None:
    sub = Repo(tmp_path / "sub")
    sub.commit(s_txt="s\n")
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(sub.root), "lib")
    repo.git("config", "filter.lfs.smudge", f"touch {tmp_path}/smudged; cat")
    repo.git("config", "filter.lfs.clean", "cat")
    repo.write(".gitattributes", "*.bin filter=lfs\n")
    repo.write("x.bin", "pointer\n")
    repo.commit()
    hook = repo.root / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
    hook.chmod(0o755)
    ground = look(git, tmp_path, repo.root)
    assert "submodules are empty" in ground.lacks
    assert "filter" in ground.lacks
    tree = made(git, tmp_path, repo.root)
    assert (Path(tree.path) / "x.bin").read_text() == "pointer\n"
    assert list((Path(tree.path) / "lib").iterdir()) == []
    assert not (tmp_path / "smudged").exists()
    assert not (tmp_path / "hooked").exists()
    assert fork_trees.remove(git, tree) == ""
    # Its own checkout is one, too.
    inner = made(git, tmp_path, repo.root / "lib", "insub")
    assert (Path(inner.path) / "s.txt").exists()
    assert fork_trees.remove(git, inner) == ""


def test_names_that_are_taken_are_left_alone(git: Git, repo: Repo, tmp_path: Path) -> None:
    repo.git("branch", "orc/abcd1234-1")
    trees = state(tmp_path) / "worktrees"
    (trees / "web-abcd1234-2").mkdir(parents=True)
    (trees / "web-abcd1234-2" / "mine").write_text("mine")
    tree = made(git, tmp_path, repo.root)
    assert tree.branch == "orc/abcd1234-3"
    assert fork_trees.remove(git, tree) == ""
    assert (trees / "web-abcd1234-2" / "mine").exists()
    repo.git("branch", "-D", "orc/abcd1234-1")
    repo.git("branch", "orc")
    assert made(git, tmp_path, repo.root).branch == "orc-abcd1234-1"


# --- a dirty checkout ----------------------------------------------------------------------------------------------


def dirty(repo: Repo, tmp_path: Path) -> None:
    repo.write("gone.txt", "g\n")
    repo.write("dir/inner.txt", "i\n")
    repo.write("deep/er/x.txt", "x\n")
    repo.write(".gitignore", "*.log\n")
    (repo.root / "link").symlink_to("a.txt")
    (repo.root / "out").symlink_to("/etc")
    repo.commit()
    repo.write("a.txt", "changed\n")
    repo.write("b.txt", "staged\n")
    repo.git("add", "b.txt")
    (repo.root / "gone.txt").unlink()
    (repo.root / "link").unlink()
    (repo.root / "link").symlink_to("b.txt")
    # A directory where a link out of the checkout was, and the other way round.
    (repo.root / "out").unlink()
    repo.write("out/passwd.mine", "mine\n")
    (repo.root / "dir" / "inner.txt").unlink()
    (repo.root / "dir").rmdir()
    (repo.root / "dir").symlink_to("/etc")
    shutil.rmtree(repo.root / "deep")
    repo.write("deep", "a file now\n")
    repo.write("new/one two\n.txt", "new\n")
    repo.write(b"bad\xff.txt", "bytes\n")
    repo.write("-f", "dash\n")
    repo.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    repo.write("debug.log", "ignored\n")
    os.mkfifo(repo.root / "pipe")
    Repo(repo.root / "nested").commit(n_txt="n\n")


def test_what_is_not_committed_is_carried_over_and_the_checkout_is_only_read(
    git: Git, repo: Repo, tmp_path: Path
) -> None:
    dirty(repo, tmp_path)
    before = as_it_was(repo)
    etc = sorted(os.listdir("/etc"))
    ground = look(git, tmp_path, repo.root)
    tree = fork_trees.carry(git, ground, fork_trees.make(git, ground, state(tmp_path) / "t", "web", "s"))
    root = Path(tree.path)
    assert [(root / n).read_text() for n in ("a.txt", "b.txt", "deep", "-f", "new/one two\n.txt", "out/passwd.mine")] == [
        "changed\n", "staged\n", "a file now\n", "dash\n", "new\n", "mine\n",
    ]  # fmt: skip
    assert Path(os.fsdecode(os.fsencode(root) + b"/bad\xff.txt")).read_text() == "bytes\n"
    assert (os.readlink(root / "link"), os.readlink(root / "dir")) == ("b.txt", "/etc")
    assert os.access(root / "run.sh", os.X_OK)
    assert not any((root / n).exists() for n in ("gone.txt", "debug.log", "nested", "pipe"))
    names = [
        {line.split(maxsplit=1)[1] for line in repo.git("status", "--porcelain", "-uall", cwd=at).splitlines()}
        for at in (repo.root, root)
    ]
    assert names[0] - names[1] == {"nested/"}
    assert names[1] <= names[0]
    assert as_it_was(repo) == before
    assert sorted(os.listdir("/etc")) == etc
    assert fork_trees.changed(git, tree) == ""
    assert fork_trees.remove(git, tree) == ""
    assert as_it_was(repo) == before


def test_carried_files_that_were_changed_keep_the_worktree(git: Git, repo: Repo, tmp_path: Path) -> None:
    repo.write("a.txt", "changed\n")
    ground = look(git, tmp_path, repo.root)
    tree = fork_trees.carry(git, ground, fork_trees.make(git, ground, state(tmp_path) / "t", "web", "s"))
    assert tree.carried == 1
    (Path(tree.path) / "a.txt").write_text("changed more\n")
    assert fork_trees.remove(git, tree) == "files were changed"
    assert (Path(tree.path) / "a.txt").read_text() == "changed more\n"


def test_too_much_is_refused_before_anything_is_made(
    git: Git, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.write("big", "x" * 5000)
    ground = look(git, tmp_path, repo.root)
    assert carrying.measure(str(repo.root), ground.dirty) == (5000, "")
    monkeypatch.setattr(carrying, "MAX_BYTES", 4000)
    assert "not committed" in carrying.measure(str(repo.root), ground.dirty)[1]
    tree = fork_trees.make(git, ground, state(tmp_path) / "t", "web", "s")
    with pytest.raises(GitTrouble, match="not committed"):
        fork_trees.carry(git, ground, tree)
    fork_trees.discard(git, tree)
    assert list((state(tmp_path) / "t").iterdir()) == []


def test_a_link_that_is_put_in_the_way_leads_nowhere(tmp_path: Path) -> None:
    source, target, outside = tmp_path / "s", tmp_path / "t", tmp_path / "outside"
    for directory in (source / "d", target, outside):
        directory.mkdir(parents=True)
    (source / "d" / "f").write_text("secret")
    (outside / "f").write_text("theirs")
    (target / "d").symlink_to(outside)
    with pytest.raises(GitTrouble, match="no directory"):
        # No entry says that the link goes, so it is no directory to write into.
        carrying.copy(str(source), str(target), [b"d/f"])
    assert (outside / "f").read_text() == "theirs"
    (source / "way").symlink_to(outside)
    assert carrying.copy(str(source), str(target), [b"way/f", b"../s/d/f", b"/etc/passwd", b".git/config", b""]) == 0
    assert sorted(os.listdir(target)) == ["d"]
    assert sorted(os.listdir(outside)) == ["f"]


# --- removing ------------------------------------------------------------------------------------------------------


def test_a_worktree_with_anything_of_value_is_kept(git: Git, repo: Repo, tmp_path: Path) -> None:
    repo.write(".gitignore", "*.log\n")
    repo.commit()

    def new_file(tree: Path) -> None:
        (tree / "new").write_text("x")

    def ignored_file(tree: Path) -> None:
        (tree / "debug.log").write_text("x")

    def deleted(tree: Path) -> None:
        (tree / "a.txt").unlink()

    def staged_back(tree: Path) -> None:
        (tree / "a.txt").write_text("x")
        repo.git("add", "-A", cwd=tree)
        (tree / "a.txt").write_text("one\n")

    def committed(tree: Path) -> None:
        repo.git("commit", "-q", "--allow-empty", "-m", "work", cwd=tree)

    def committed_and_reset(tree: Path) -> None:
        repo.git("commit", "-q", "--allow-empty", "-m", "work", cwd=tree)
        repo.git("reset", "-q", "--hard", "HEAD~", cwd=tree)

    def branched(tree: Path) -> None:
        repo.git("checkout", "-q", "-b", "mine", cwd=tree)

    def cut_off(tree: Path) -> None:
        (tree / ".git").unlink()

    def own_repository(tree: Path) -> None:
        Repo(tree / "inner").commit(x="x")

    for number, work in enumerate(
        (
            new_file,
            ignored_file,
            deleted,
            staged_back,
            committed,
            committed_and_reset,
            branched,
            cut_off,
            own_repository,
        )
    ):
        tree = made(git, tmp_path, repo.root, f"k{number}")
        work(Path(tree.path))
        assert fork_trees.remove(git, tree) != "", work.__name__
        assert Path(tree.path).is_dir()
        assert repo.git("branch", "--list", tree.branch)
        assert tree in fork_trees.known(state(tmp_path) / "worktrees")


def test_of_a_worktree_that_somebody_removed_the_commits_are_kept(git: Git, repo: Repo, tmp_path: Path) -> None:
    first, second, third = (made(git, tmp_path, repo.root) for _ in range(3))
    repo.git("commit", "-q", "--allow-empty", "-m", "work", cwd=Path(first.path))
    repo.git("worktree", "remove", first.path)
    repo.git("worktree", "remove", second.path)
    repo.git("branch", "-D", second.branch)
    shutil.rmtree(third.path)
    assert fork_trees.remove(git, first) == "something was committed to orc/abcd1234-1"
    assert repo.git("branch", "--list", first.branch)
    assert [fork_trees.remove(git, tree) for tree in (second, third)] == ["", ""]
    assert len(repo.git("worktree", "list").splitlines()) == 1
    assert fork_trees.known(state(tmp_path) / "worktrees") == [first]


def test_a_worktree_that_could_not_be_made_leaves_nothing(
    git: Git, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        repo.write(f"many/{number}", "x" * 20_000)
    repo.commit()
    before = as_it_was(repo)
    ground = look(git, tmp_path, repo.root)
    for seconds in (0.002, 0.01, 0.02, 0.04):
        monkeypatch.setattr(fork_trees, "MAKING", seconds)
        try:
            tree = fork_trees.make(git, ground, state(tmp_path) / "t", "web", "s")
        except GitTrouble:
            assert list((state(tmp_path) / "t").iterdir()) == []
        else:
            monkeypatch.setattr(fork_trees, "MAKING", 60.0)
            assert fork_trees.remove(git, tree) == ""
        assert repo.git("branch", "--format=%(refname:short)") == "main"
        assert len(repo.git("worktree", "list").splitlines()) == 1
    assert as_it_was(repo) == before


def test_orcs_own_directory_within_the_checkout_is_not_carried(git: Git, repo: Repo, tmp_path: Path) -> None:
    own = repo.root / ".orc"
    own.mkdir()
    (own / "events.db").write_text("own")
    repo.write("mine.txt", "mine")
    assert fork_trees.look(git, str(repo.root), own).dirty == (b"mine.txt",)


def test_a_damaged_record_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").mkdir()
    assert fork_trees.known(tmp_path) == []
    assert fork_trees.known(tmp_path / "none") == []
