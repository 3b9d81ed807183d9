"""What a host, a session under a shim, a loop and exports leave behind with an umask of 000, who listens, and where
seeded secrets are found (T14, T15, T18)."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.conftest import Orc, wait_for
from tests.host.owned.conftest import end_all
from tests.hostile.world import scratch
from tests.ui.terminal import Terminal

ENVIRON = "sk-ant-api03-SEEDED-environ-0123456789abcdef"
SETTING = "ghp_SEEDEDsetting0123456789abcdefghij"
PROMPT = "AKIASEEDEDPROMPT0123"
AGENT = "import sys, time; sys.stdin.read(); open('touched.txt', 'a').write('x'); time.sleep(600)"


class World:
    """A host in the background, a dashboard, a session and a loop at work, and every kind of file they write."""

    def __init__(self, orc: Orc, root: Path) -> None:
        self.orc, self.root = orc, root
        self.exports = root / "exports"
        self.dashboard = 0

    def git(self, directory: Path) -> None:
        """A repository with one commit."""
        directory.mkdir()
        (directory / "a.txt").write_text("a\n")
        env = {**self.orc.env, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        for words in (
            ("init", "-q"),
            ("add", "-A"),
            ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"),
        ):
            subprocess.run(["git", *words], cwd=directory, env=env, check=True, timeout=60)

    def begin(self) -> None:
        """Start everything and wait until it is at work."""
        repo = self.root / "repo"
        self.git(repo)
        prompt = f"deploy with {PROMPT}"
        self.orc.run("host")
        agent = f'{sys.executable} -c "{AGENT}"'
        self.orc.run("run", prompt, "--agent", "command", "--command", agent, "--dir", str(repo), "--until", "false",
                     "--max", "2", "--worktree", "--name", f"loop {PROMPT}", "--yes")  # fmt: skip
        self.orc.run("run", prompt, "--agent", "builtin", "--model", "embedded/small", "--dir", str(repo), "--yes")
        (self.orc.paths.inbox / "x.jsonl").write_text('{"kind":"session","session":"x","t":0}\n')
        (self.orc.paths.inbox / "x.jsonl").chmod(0o600)
        wait_for(lambda: list(self.orc.state.glob("worktrees/**/touched.txt")), 60)
        wait_for(lambda: "log:x" in self.orc.sessions(), 30)

    def export(self) -> None:
        """Everything that a person may have written out."""
        self.exports.mkdir(mode=0o700)
        for form in ("jsonl", "html"):
            self.orc.run("export", "log:x", "--format", form, "-o", str(self.exports / f"x.{form}"))
        self.orc.run("export", "fleet", "--format", "jsonl", "-o", str(self.exports / "fleet"))
        self.orc.run("store", "backup", str(self.exports / "copy.db"))
        self.orc.run("report", "--html", str(self.exports / "report.html"))
        self.orc.run("hooks", "install", "claude", "--yes")

    def processes(self) -> list[psutil.Process]:
        """Everything of ours that runs: found by its environment, and shims as the parents of what they hold."""
        mark, found = f"ORC_HOME={self.orc.state}".encode(), []
        for process in psutil.process_iter():
            with suppress(OSError, psutil.Error):
                if mark in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0"):
                    found += [process, *(above for above in process.parents() if "shim" in " ".join(above.cmdline()))]
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("private")
    orc = scratch(root)
    orc.env |= {"ANTHROPIC_API_KEY": ENVIRON, "SECRET_TOKEN": ENVIRON}
    before = os.umask(0)
    made = World(orc, root)
    try:
        orc.paths.make()
        orc.paths.config.write_text(f'[notify]\ncommand = ["true", "--token={SETTING}"]\n')
        orc.paths.config.chmod(0o600)
        made.begin()
        with Terminal(orc) as dashboard:
            dashboard.wait("x")
            made.dashboard = dashboard.process.pid
            made.export()
            yield made
            dashboard.leave()
    finally:
        os.umask(before)
        orc.run("host", "stop", check=False)
        end_all(orc.state)
        for process in made.processes():
            with suppress(psutil.Error):
                process.kill()


def test_everything_is_ours_alone_whatever_the_umask(world: World) -> None:
    told = []
    for top in (world.orc.state, world.exports):
        for path in (top, *top.rglob("*")):
            where = path.relative_to(top).parts
            if (where[:1] == ("worktrees",) and len(where) > 3) or path.is_symlink():
                # A checkout is the person's and the agent's; nobody else gets into the directory that it is in.
                continue
            with suppress(FileNotFoundError):
                status = path.lstat()
                mode, wanted = stat.S_IMODE(status.st_mode), 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
                if mode & 0o077 or (mode != wanted and not mode & 0o100):
                    told.append(f"{mode:o} {path}")
    assert told == []
    kinds = {path.name for path in world.orc.state.rglob("*")}
    assert {"events.db", "events.db-wal", "events.db-shm", "host.lock", "doorbell", "viewers", "host.log", "inbox", "owned",
            "loops", "spool", "loop.jsonl"} <= kinds  # fmt: skip
    assert {path.name for path in world.exports.iterdir()} >= {
        "x.html",
        "x.jsonl",
        "fleet",
        "copy.db",
        "report.html",
    }


def test_nobody_listens(world: World) -> None:
    """T14, T15: there is no listener and no address to be called at; all that is shared is files of this user."""
    names = {" ".join(process.cmdline()) for process in world.processes()}
    for part in (" host", "loops.runner", "shim", "loops.agent", "-c import sys, time"):
        assert any(part in name for name in names), "\n".join(names)
    assert any(process.pid == world.dashboard for process in world.processes())
    inodes = {}
    for process in world.processes():
        with suppress(OSError):
            for fd in Path(f"/proc/{process.pid}/fd").iterdir():
                with suppress(OSError):
                    target = os.readlink(fd)
                    if target.startswith("socket:["):
                        inodes[target[8:-1]] = process
    used = []
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        with suppress(FileNotFoundError):
            rows = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
            used += [(table, row) for row in rows if row.split()[9] in inodes]
    assert used == []
    # Of Unix sockets, too, none has a name that somebody else could find.
    named = [row.split() for row in Path("/proc/net/unix").read_text().splitlines()[1:]]
    assert [row for row in named if len(row) > 7 and row[6] in inodes] == []


def test_a_listener_and_a_webhook_cannot_be_set(world: World, tmp_path: Path) -> None:
    for text in ("[http]\nport = 80", "[host]\nlisten = '0.0.0.0:80'"):
        orc = Orc(tmp_path / "state", world.orc.home)
        orc.paths.make()
        orc.paths.config.write_text(text + "\n")
        done = orc.run("config", "check", check=False)
        assert done.returncode == 2 or (done.returncode == 1 and "unknown field" in done.stderr), done


def found(root: Path, secret: str) -> list[Path]:
    """The files that hold it."""
    holding = []
    for path in root.rglob("*"):
        with suppress(OSError):
            if stat.S_ISREG(path.lstat().st_mode) and secret.encode() in path.read_bytes():
                holding.append(path)
    return holding


def test_secrets_are_in_no_log(world: World) -> None:
    state = world.orc.state
    assert found(state, ENVIRON) == [] and found(world.exports, ENVIRON) == []
    assert [path for path in found(state, SETTING) if path.name != "config.toml"] == [] == found(world.exports, SETTING)
    # What a person says is data, and kept as data: in the store, in the loop's own directory, in the session's pipe.
    places = {path.relative_to(state).parts[0] for path in found(state, PROMPT)}
    assert places <= {"events.db", "events.db-wal", "loops", "owned", "worktrees"}, places
    assert not [path for path in found(state, PROMPT) if path.suffix in (".log", ".err") or path.name == "host.log"]
    for words in (("doctor",), ("host", "status")):
        done = world.orc.run(*words, check=False)
        for secret in (ENVIRON, SETTING, PROMPT):
            assert secret not in done.stdout + done.stderr, words
