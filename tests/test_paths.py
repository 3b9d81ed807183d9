"""Where orc keeps its things, and that nobody else can look into them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator_tui.errors import StoreNotWritable
from orchestrator_tui.paths import APP, find, make_private


@pytest.fixture
def umask() -> Iterator[None]:
    """Whatever umask the test sets, the next test has the one before."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_orc_home_holds_everything(tmp_path: Path) -> None:
    paths = find({"ORC_HOME": str(tmp_path / "orc")})
    root = tmp_path / "orc"
    assert (paths.config, paths.themes) == (root / "config.toml", root / "themes")
    assert (paths.database, paths.inbox) == (root / "events.db", root / "inbox")
    assert {paths.host_lock.parent, paths.host_log.parent, paths.doorbell.parent, paths.viewers.parent} == {
        root / "run"
    }
    assert not root.exists(), "nothing is created by looking"


def test_orc_home_may_be_relative_or_begin_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert find({"ORC_HOME": "here"}).state_dir == tmp_path / "here"
    assert find({"ORC_HOME": "~/orc"}).state_dir == tmp_path / "home" / "orc"


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="XDG directories")
@pytest.mark.parametrize("runtime", [True, False])
@pytest.mark.parametrize("orc_home", [None, ""])
def test_without_orc_home_the_platform_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: bool, orc_home: str | None
) -> None:
    """Locks lie with the state where there is no runtime directory: they must not move between logins."""
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("ORC_HOME", raising=False)
    if orc_home is not None:
        monkeypatch.setenv("ORC_HOME", orc_home)
    if runtime:
        (tmp_path / "runtime").mkdir(0o700)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    paths = find()
    assert (paths.config_dir, paths.state_dir) == (tmp_path / "config" / APP, tmp_path / "state" / APP)
    assert paths.run_dir == (tmp_path / "runtime" / APP if runtime else paths.state_dir / "run")


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o027, 0o077])
def test_directories_are_private_whatever_the_umask(tmp_path: Path, umask: None, mask: int) -> None:
    paths = find({"ORC_HOME": str(tmp_path / "orc")})
    os.umask(mask)
    paths.make()
    paths.make()
    made = [paths.config_dir, paths.state_dir, paths.run_dir, paths.inbox]
    assert [mode(directory) for directory in made] == [0o700] * 4


@pytest.mark.parametrize("before", [0o755, 0o777, 0o750, 0o701, 0o700])
def test_a_directory_that_was_there_is_tightened(tmp_path: Path, before: int) -> None:
    directory = tmp_path / "d"
    directory.mkdir()
    directory.chmod(before)
    make_private(directory)
    assert mode(directory) == 0o700


def test_a_file_in_the_way_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreNotWritable, match="ORC_HOME") as refused:
            make_private(directory)
        assert str(directory) in str(refused.value)
