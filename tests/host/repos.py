"""Real git repositories in scratch directories, the same on every machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from orchestrator_tui.host.git import Git

BEGAN = 1_795_000_000
"""Seconds since the epoch of the first commit; each later one is a minute after the one before."""


class Repo:
    """One repository, with its checkout unless it is bare."""

    def __init__(self, root: Path, *options: str) -> None:
        self.root, self.commits = root, 0
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *options)

    def git(self, *arguments: str, cwd: Path | None = None, check: bool = True, **more: str) -> str:
        """A plain git, as a person runs it; returns what it wrote."""
        when = f"{BEGAN + 60 * self.commits} +0000"
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        env |= {
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@b",
        }
        env |= {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "GIT_CONFIG_GLOBAL": "/dev/null", **more}
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd or self.root,
            env=env,
            capture_output=True,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode:
            raise AssertionError(f"git {arguments} ended with {done.returncode}: {done.stderr.decode()}")
        return done.stdout.decode("utf-8", "replace").strip()

    def write(self, name: str | bytes, text: str) -> Path:
        """A file of the checkout."""
        path = Path(os.fsdecode(os.path.join(os.fsencode(self.root), os.fsencode(name))))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self, **files: str) -> str:
        """All there is, with these files (`_` in a name stands for a dot); returns the commit."""
        for name, text in files.items():
            self.write(name.replace("_", "."), text)
        self.commits += 1
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "--no-verify", "-m", "c")
        return self.git("rev-parse", "HEAD")


def after(commits: int) -> int:
    """A time between two commits, in nanoseconds."""
    return (BEGAN + 60 * commits - 30) * 10**9


def the_git() -> Git:
    """The machine's."""
    git = Git.find()
    assert git is not None
    return git
