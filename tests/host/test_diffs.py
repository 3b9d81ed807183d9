"""The text of what a session changed: what is in it, what is left out and says so, and that nothing is left behind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from orchestrator_tui.host import diffs
from orchestrator_tui.host.changes import Wanted, look
from orchestrator_tui.host.diffs import Diff, diff_of
from tests.host.repos import Repo, after, the_git


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "repo")
    repo.commit(a_txt="one\ntwo\n", b_txt="two\n")
    return repo


def text_of(repo: Repo, began: int = after(2)) -> Diff:
    diff = diff_of(the_git(), str(repo.root), began, None)
    assert diff is not None
    return diff


def test_the_text_of_what_changed(repo: Repo) -> None:
    repo.write("a.txt", "one\n-- two\n++ three\n")
    repo.write("new.txt", "n1\nn2")
    (repo.root / "b.txt").unlink()
    diff = text_of(repo)
    assert [(p.path, p.added, p.removed, p.new) for p in diff.files] == [
        ("a.txt", 2, 1, False), ("b.txt", 0, 1, False), ("new.txt", 2, 0, True)
    ]  # fmt: skip
    assert diff.lines == [
        ("file", "a.txt"), ("hunk", "@@ -1,2 +1,3 @@"), ("same", " one"), ("removed", "-two"), ("added", "+-- two"),
        ("added", "+++ three"),
        ("file", "b.txt"), ("note", "deleted file mode 100644"), ("hunk", "@@ -1 +0,0 @@"), ("removed", "-two"),
        ("file", "new.txt"), ("added", "+n1"), ("added", "+n2"),
    ]  # fmt: skip
    assert diff.cut == ""


def test_lines_that_look_like_a_header_are_lines(repo: Repo) -> None:
    repo.write("a.txt", "one\ndiff --git a/x b/x\n@@ -1 +1 @@\n--- a/x\n+++ b/x\n")
    repo.commit()
    repo.write("a.txt", "one\n")
    diff = text_of(repo, after(3))
    assert [(p.path, p.removed) for p in diff.files] == [("a.txt", 4)]


def test_a_large_text_is_cut_and_says_so(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("a.txt", "x\n" * 30_000)
    diff = text_of(repo)
    assert len(diff.lines) == 20_000
    assert diff.cut == "more than 20000 lines: the rest is not shown"
    monkeypatch.setattr(diffs, "BYTES", 1 << 10)
    assert "MiB" in text_of(repo).cut
    monkeypatch.undo()
    repo.write("a.txt", "y" * 100_000)
    assert max(len(text) for _, text in text_of(repo).lines) == 2000


def test_new_files_that_are_none_or_too_large(repo: Repo) -> None:
    os.mkfifo(repo.root / "pipe")
    (repo.root / "link").symlink_to("/etc/passwd")
    (repo.root / "binary").write_bytes(b"\0")
    (repo.root / "large").write_bytes(b"x\n" * 200_000)
    (repo.root / "nothing").touch()
    for number in range(60):
        repo.write(f"z{number:02d}", "1\n")
    # The large one would fill it all.
    diff = text_of(repo)
    (repo.root / "large").write_bytes(b"x" * 300_000)
    diff = text_of(repo)
    notes = {part.path: diff.lines[part.at + 1] for part in diff.files[:5] if part.at + 1 < len(diff.lines)}
    assert notes["link"] == ("note", "cannot be read, or is a link")
    assert notes["binary"] == ("note", "is not text")
    assert "pipe" not in notes or notes["pipe"] == ("note", "is no file")
    assert ("note", "only the first 256 KiB of this file are shown") in diff.lines
    assert diff.cut.endswith("more new files are not shown")
    assert not any("root:" in text for _, text in diff.lines)


def test_modes_and_empty_files_are_told(repo: Repo) -> None:
    (repo.root / "a.txt").chmod(0o755)
    os.utime(repo.root / "b.txt", (1, 1))
    repo.write("empty", "")
    repo.git("add", "empty")
    diff = text_of(repo)
    assert [part.path for part in diff.files] == ["a.txt", "empty"]
    assert ("note", "old mode 100644") in diff.lines
    assert ("note", "new file mode 100644") in diff.lines


def test_an_unchanged_checkout_has_no_text(repo: Repo) -> None:
    assert text_of(repo).files == []
    assert diff_of(the_git(), "/nonexistent", 0, None) is None


def test_nothing_is_locked_or_left_behind(repo: Repo) -> None:
    """A commit of the agent's at the same moment never finds the index locked."""
    os.utime(repo.root / "a.txt", (1, 1))
    index = (repo.root / ".git" / "index").read_bytes()
    lock = repo.root / ".git" / "index.lock"
    lock.touch()
    assert look(the_git(), str(repo.root), [Wanted("s", after(2), None)]).facts
    lock.unlink()
    text_of(repo)
    assert (repo.root / ".git" / "index").read_bytes() == index
    assert subprocess.run(["git", "status", "--porcelain"], cwd=repo.root, capture_output=True).stdout == b""
