"""Where orc keeps its things, and that nobody else can look into them."""

from __future__ import annotations

import os
import pwd
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator_tui.errors import StoreNotWritable
from orchestrator_tui.paths import APP, Paths, find, make_private

linux = pytest.mark.skipif(sys.platform != "linux", reason="XDG directories")


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
    home = str(tmp_path / "home")
    assert find({"ORC_HOME": "here"}).state_dir == tmp_path / "here"
    assert find({"ORC_HOME": "~/orc", "HOME": home}).state_dir == tmp_path / "home" / "orc"
    assert find({"ORC_HOME": "~", "HOME": home}).state_dir == tmp_path / "home"


@linux
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


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's own environment says other things than the one that is given."""
    for name in ("ORC_HOME", "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, "/elsewhere")


@linux
def test_only_the_environment_that_is_given_is_believed(tmp_path: Path, elsewhere: None) -> None:
    """The process's own environment may be another's: a test's, or that of the host's starter."""
    home = {"HOME": str(tmp_path)}
    assert find(home) == Paths(
        tmp_path / ".config" / APP, tmp_path / ".local/state" / APP, tmp_path / ".local/state" / APP / "run"
    )
    assert find(home | {"XDG_STATE_HOME": "/s"}).state_dir == Path("/s") / APP
    assert find(home | {"XDG_CONFIG_HOME": "/c"}).config_dir == Path("/c") / APP
    assert find({}).config_dir == Path(pwd.getpwuid(os.getuid()).pw_dir) / ".config" / APP


@linux
@pytest.mark.parametrize("said", ["", "relative", "./x", "~/x"])
def test_a_variable_without_an_absolute_path_says_nothing(tmp_path: Path, said: str) -> None:
    env = {"HOME": str(tmp_path)}
    assert find(env | {"XDG_CONFIG_HOME": said, "XDG_STATE_HOME": said, "XDG_RUNTIME_DIR": said}) == find(env)


def test_a_mac_has_its_own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    own = tmp_path / "Library/Application Support" / APP
    assert find({"HOME": str(tmp_path)}) == Paths(own, own, own / "run")
    assert find({"HOME": str(tmp_path), "XDG_STATE_HOME": "/s"}).state_dir == Path("/s") / APP


@linux
@pytest.mark.parametrize(
    ("before", "used"), [(0o700, True), (0o755, False), (0o701, False), (0o770, False), (0, False)]
)
def test_a_runtime_directory_that_others_may_enter_is_not_used(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], before: int, used: bool
) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    runtime.chmod(before)
    paths = find({"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(runtime)})
    assert paths.run_dir == (runtime / APP if used else paths.state_dir / "run")
    assert capfd.readouterr() == ("", "")


@linux
@pytest.mark.parametrize("name", ["none", "file", "file/below", "nul\x00"])
def test_a_runtime_directory_that_is_none_is_not_used(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "file").chmod(0o700)
    paths = find({"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / name)})
    assert paths.run_dir == paths.state_dir / "run"


@linux
@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_another_user_s_runtime_directory_is_not_used(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir(0o700)
    os.chown(runtime, 12345, 12345)
    paths = find({"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(runtime)})
    assert paths.run_dir == paths.state_dir / "run"


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o027, 0o077, 0o177, 0o377, 0o777])
def test_directories_are_private_whatever_the_umask(tmp_path: Path, umask: None, mask: int) -> None:
    paths = find({"ORC_HOME": str(tmp_path / "orc")})
    os.umask(mask)
    paths.make()
    paths.make()
    made = [paths.config_dir, paths.state_dir, paths.run_dir, paths.inbox]
    make_private(tmp_path / "a" / "b" / "c")
    made += [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"]
    assert [mode(directory) for directory in made] == [0o700] * 7


@pytest.mark.parametrize("before", [0o755, 0o777, 0o750, 0o701, 0o700, 0o600, 0])
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


def test_a_directory_that_users_share_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(StoreNotWritable, match="shared with other users"):
        make_private(tmp_path)
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777
