"""The listing that every client reads its directories with: never what was, and nothing outside (T16)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator_tui.clients import BY_NAME
from orchestrator_tui.clients.listing import Listing
from tests.clients.feeding import LATER


def names(listing: Listing, root: Path, depth: int = 0) -> list[str]:
    return sorted(entry.name for entry in listing.walk(root, depth, LATER))


def test_a_listing_sees_what_came_and_what_went(tmp_path: Path) -> None:
    listing = Listing()
    seen = []
    for name in ("a", "b", None):
        if name is None:
            (tmp_path / "a").unlink()
        else:
            (tmp_path / name).write_text("")
        seen.append(sorted(entry.name for entry in listing.walk(tmp_path, 0, tmp_path.stat().st_mtime_ns)))
    assert seen == [["a"], ["a", "b"], ["b"]]


def test_a_rewritten_document_is_read_again(tmp_path: Path) -> None:
    listing, path = Listing(), tmp_path / "d.json"
    for turn, content in enumerate((b"{}", b"[]", b"[1]")):
        path.write_bytes(content)
        os.utime(path, ns=(turn, turn))
        assert listing.document(str(path), lambda data, at: (data, at)) == (content, turn)
    path.unlink()
    assert listing.document(str(path), lambda data, at: (data, at)) is None


def test_a_walk_ends_at_its_depth_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "one/two/three").mkdir(parents=True)
    for place in ("0", "one/1", "one/two/2", "one/two/three/3"):
        (tmp_path / place).write_text("")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "etc").symlink_to("/etc")
    for depth in range(4):
        found = sorted(entry.name for entry in Listing().walk(tmp_path, depth, LATER))
        assert found == [str(n) for n in range(depth + 1)]


# --- a link where the walk begins ---------------------------------------------------------------------------------


def test_a_link_to_a_directory_beside_it_is_followed_and_never_stale(tmp_path: Path) -> None:
    for place in ("real", "other/deep"):
        (tmp_path / place).mkdir(parents=True)
    link, listing = tmp_path / "projects", Listing()
    link.symlink_to("real")
    assert names(listing, link) == []
    (tmp_path / "real/new.jsonl").write_text("")
    assert names(listing, link) == ["new.jsonl"]
    link.unlink()
    link.symlink_to(tmp_path / "other/deep")
    assert names(listing, link) == []
    (tmp_path / "other/deep/newer.jsonl").write_text("")
    assert names(listing, link) == ["newer.jsonl"]
    link.unlink()
    link.mkdir()
    assert names(listing, link) == []


@pytest.mark.parametrize("target", ["../outside", ".", "..", "/etc", "nothing", "projects", "file", "way-out"])
def test_a_link_that_leads_out_or_nowhere_is_not_walked(tmp_path: Path, target: str) -> None:
    root = tmp_path / "root"
    for directory in (root, tmp_path / "outside"):
        directory.mkdir()
        (directory / "file").write_text("")
    (root / "way-out").symlink_to(tmp_path / "outside")
    (root / "projects").symlink_to(target)
    assert names(Listing(), root / "projects", 3) == []


def test_a_directory_that_becomes_a_link_is_forgotten(tmp_path: Path) -> None:
    root, listing = tmp_path / "root", Listing()
    (root / "projects/-p").mkdir(parents=True)
    (root / "projects/-p/a.jsonl").write_text("")
    assert names(listing, root / "projects", 1) == ["a.jsonl"]
    (root / "projects").rename(tmp_path / "away")
    (root / "projects").symlink_to(tmp_path / "away")
    assert names(listing, root / "projects", 1) == []


def test_a_linked_directory_s_files_are_found_and_can_be_opened(tmp_path: Path) -> None:
    root = tmp_path / ".claude"
    (root / "kept/-p").mkdir(parents=True)
    (root / "kept/-p/a.jsonl").write_text("")
    (root / "projects").symlink_to("kept")
    (ref,) = BY_NAME["claude"].discover(root, Listing(), LATER)
    os.close(os.open(ref.path, os.O_RDONLY | os.O_NOFOLLOW))
    assert Path(ref.path).resolve() == (root / "kept/-p/a.jsonl").resolve()
